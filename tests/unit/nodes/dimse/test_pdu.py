import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.userinfo import CommonExtended, PduError, Role, UserIdentity, UserInformation
from tests.support.judge_pdu import through_pynetdicom, written_by_pynetdicom

UIDS = st.lists(st.integers(1, 99999), min_size=2, max_size=9).map(
    lambda parts: "1." + ".".join(map(str, parts))
)
TITLES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)
CONTEXT_IDS = st.lists(st.integers(0, 127).map(lambda n: 2 * n + 1), unique=True, min_size=1, max_size=8)
COMMON = {
    "max_length": st.integers(0, 2**32 - 1),
    "implementation_class_uid": UIDS,
    "implementation_version": st.text("ABCabc0123._", max_size=16),
    "async_operations": st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    "roles": st.lists(
        st.builds(Role, UIDS, scu=st.booleans(), scp=st.booleans()).filter(lambda role: role.scu or role.scp),
        max_size=3,
        unique_by=lambda role: role.sop_class_uid,
    ).map(tuple),
    "extended": st.lists(st.tuples(UIDS, st.binary(min_size=1, max_size=9)), max_size=2).map(tuple),
}
ASKING = st.builds(
    UserInformation,
    **COMMON,
    common_extended=st.lists(
        st.builds(CommonExtended, UIDS, UIDS, st.lists(UIDS, max_size=3).map(tuple)), max_size=2
    ).map(tuple),
    identity=st.none()
    | st.builds(
        UserIdentity,
        st.just(2),
        st.binary(min_size=1, max_size=9),
        st.binary(min_size=1, max_size=9),
        st.booleans(),
    )
    | st.builds(UserIdentity, st.sampled_from([1, 3, 4, 5]), st.binary(min_size=1, max_size=9)),
)
ANSWERING = st.builds(
    UserInformation, **COMMON, identity_answer=st.none() | st.binary(min_size=1, max_size=9)
)


@st.composite
def requests(draw: st.DrawFn) -> pdu.AssociateRequest:
    syntaxes = st.lists(UIDS, min_size=1, max_size=4, unique=True).map(tuple)
    contexts = tuple(pdu.Proposed(number, draw(UIDS), draw(syntaxes)) for number in draw(CONTEXT_IDS))
    return pdu.AssociateRequest(draw(TITLES), draw(TITLES), contexts, draw(ASKING))


@st.composite
def accepts(draw: st.DrawFn) -> pdu.AssociateAccept:
    results = st.integers(0, 4)
    contexts = tuple(pdu.Answered(number, draw(results), draw(UIDS)) for number in draw(CONTEXT_IDS))
    return pdu.AssociateAccept(draw(TITLES), draw(TITLES), contexts, draw(ANSWERING))


def decoded(raw: bytes) -> pdu.ControlPdu:
    return pdu.decode_control(raw[0], raw[6:])


@given(requests() | accepts())
def test_association_pdus_of_ours_are_read_and_written_the_same_by_pynetdicom(
    value: pdu.AssociateRequest | pdu.AssociateAccept,
) -> None:
    raw = value.encode()

    assert int.from_bytes(raw[2:6], "big") == len(raw) - 6
    assert through_pynetdicom(raw) == raw


@given(requests() | accepts())
def test_association_pdus_of_pynetdicom_are_read_by_us(
    value: pdu.AssociateRequest | pdu.AssociateAccept,
) -> None:
    assert decoded(written_by_pynetdicom(value)) == value


@pytest.mark.parametrize(
    "value",
    [pdu.AssociateReject(1, 3, 2), pdu.Abort(2, 6), pdu.Abort(), pdu.ReleaseRequest(), pdu.ReleaseReply()],
)
def test_short_pdus_are_the_same_for_both(value: pdu.ControlPdu) -> None:
    raw = value.encode()

    assert through_pynetdicom(raw) == raw
    assert decoded(raw) == value


@given(st.sampled_from([1, 2, 3, 5, 6, 7]), st.binary(max_size=300))
def test_nonsense_is_a_pdu_error_or_a_pdu(kind: int, body: bytes) -> None:
    try:
        pdu.decode_control(kind, body)
    except PduError:
        return


@given(requests(), st.integers(0, 3000))
def test_pdu_that_is_cut_off_is_a_pdu_error_or_says_less(value: pdu.AssociateRequest, length: int) -> None:
    body = value.encode()[6:]
    try:
        less = pdu.decode_control(1, body[:length])
    except PduError:
        return
    assert length >= len(body) or less != value


def test_padding_that_peers_add_to_uids_is_taken_off() -> None:
    request = pdu.AssociateRequest(
        "A", "B", (pdu.Proposed(1, "1.2.3\0", ("1.2.840.10008.1.2\0",)),), UserInformation()
    )

    found = decoded(request.encode())

    assert isinstance(found, pdu.AssociateRequest)
    assert found.contexts == (pdu.Proposed(1, "1.2.3", ("1.2.840.10008.1.2",)),)


def test_ae_title_that_would_control_a_terminal_is_shown_without_that() -> None:
    raw = pdu.AssociateRequest("A", "BBBBB", (), UserInformation()).encode()

    found = decoded(raw.replace(b"BBBBB", b"B\x1b\n\x85B"))

    assert isinstance(found, pdu.AssociateRequest)
    assert found.calling == "B???B"


def test_protocol_version_that_is_not_ours_is_told() -> None:
    body = pdu.AssociateRequest("A", "B", (), UserInformation()).encode()[6:]

    with pytest.raises(PduError, match="version 2"):
        pdu.decode_control(1, b"\0\2" + body[2:])

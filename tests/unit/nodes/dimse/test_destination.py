from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adit_cli.dicom.files import part10_header
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.node import Limits
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.messages import SUCCESS, Message
from adit_cli.nodes.retry import Tries
from tests.support.archive import CT, EXPLICIT, ct_instance
from tests.support.scripted import Script, ScriptedPeer, Talk, scripted_peer

MR, JPEG = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.4.70"
Status = Callable[[Talk, Message], int | None]
UIDS = [f"1.2.3.1.{number}" for number in range(1, 6)]


@contextmanager
def destination(peer: ScriptedPeer, tries: Tries = Tries(first_pause=0)) -> Generator[DimseDestination]:  # noqa: B008 - frozen
    node = DimseDestination("pacs", peer.as_node(), "US", Limits(associations=1), tries)
    with closing(node):
        yield node


def ready(folder: Path, uid: str, sop_class: str = CT, syntax: str = EXPLICIT, *, size: int = 100) -> Ready:
    path = folder / f"{uid}.dcm"
    path.write_bytes(part10_header(sop_class, uid, syntax) + ct_instance(uid, size))
    return Ready(path, uid, sop_class, syntax, path.stat().st_size)


def always(status: int | None) -> Status:
    def answer(_talk: Talk, _message: Message) -> int | None:
        return status

    return answer


AS_IT_SHOULD = always(SUCCESS)


def storing(received: dict[str, bytes], status: Status = AS_IT_SHOULD, max_length: int = 16384) -> Script:
    """Take what comes and answer it; None ends the association without an answer."""

    def script(talk: Talk) -> None:
        talk.accept(max_length=max_length)
        while True:
            message = talk.read()
            received[message.command.sop_instance_uid or ""] = message.dataset
            answer = status(talk, message)
            if answer is None:
                return
            talk.answer(message, answer)

    return script


@pytest.mark.parametrize("max_length", [0, 16, 100, 16384, 1 << 17, 1 << 22])
def test_data_sets_leave_as_they_are_in_pieces_the_peer_can_take(tmp_path: Path, max_length: int) -> None:
    received: dict[str, bytes] = {}
    files = [ready(tmp_path, uid, size=number * 977) for number, uid in enumerate(UIDS, start=1)]
    with scripted_peer(storing(received, max_length=max_length)) as peer, destination(peer) as node:
        told = node.begin("key").add(files)

    assert told == [Delivered(uid, accepted=True) for uid in UIDS]
    for number, uid in enumerate(UIDS, start=1):
        whole = ct_instance(uid, number * 977)
        assert received[uid] == whole + b"\0" * (len(whole) % 2)


def test_object_of_several_blocks_leaves_whole(tmp_path: Path) -> None:
    received: dict[str, bytes] = {}
    with scripted_peer(storing(received, max_length=16384)) as peer, destination(peer) as node:
        node.begin("key").add([ready(tmp_path, UIDS[0], size=5_000_002), ready(tmp_path, UIDS[1])])

    assert received == {UIDS[0]: ct_instance(UIDS[0], 5_000_002), UIDS[1]: ct_instance(UIDS[1])}


def test_no_fragment_is_longer_than_the_peer_said(tmp_path: Path) -> None:
    lengths: list[int] = []

    def script(talk: Talk) -> None:
        talk.accept(max_length=1000)
        request = talk.read()
        talk.answer(request, SUCCESS)
        while True:
            kind, length = talk.channel.wire.pdu_head()
            if kind != pdu.P_DATA:
                break
            lengths.append(length)
            last = talk.channel.wire.exactly(length)[5] == 2
            if last:
                talk.answer(request, SUCCESS)
        talk.send_pdu(pdu.ReleaseReply())

    with scripted_peer(script) as peer, destination(peer) as node:
        node.begin("key").add([ready(tmp_path, uid, size=3000) for uid in UIDS[:2]])

    assert max(lengths) == 1000


@pytest.mark.parametrize("status", [0xB000, 0x0111])
def test_warnings_that_harm_none_are_accepted_and_noted_once(tmp_path: Path, status: int) -> None:
    with scripted_peer(storing({}, always(status))) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = delivery.add([ready(tmp_path, uid) for uid in UIDS])
        delivery.finish()

    assert [(one.accepted, one.reason) for one in told] == [(True, None)] * 5
    (note,) = delivery.notes()
    assert f"took 5 instances with status 0x{status:04X}, " in note


@pytest.mark.parametrize("status", [0xB006, 0xB007])
def test_warnings_of_what_an_image_has_lost_are_accepted_for_a_person_to_look_at(
    tmp_path: Path, status: int
) -> None:
    with scripted_peer(storing({}, always(status))) as peer, destination(peer) as node:
        delivery = node.begin("key")
        (told,) = delivery.add([ready(tmp_path, UIDS[0])])

    assert (told.accepted, told.reason, delivery.notes()) == (True, Reason.REJECTED, [])
    assert f"0x{status:04X}" in told.message


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (0xA701, Reason.REFUSED, "out of resources"),
        (0xA7FF, Reason.REFUSED, "out of resources"),
        (0xA900, Reason.REJECTED, "does not match"),
        (0xC000, Reason.REJECTED, "unable to process"),
        (0xCABC, Reason.REJECTED, "unable to process"),
        (0x0110, Reason.REJECTED, "processing failure"),
        (0x0122, Reason.NO_CONTEXT, "SOP class is not supported"),
        (0x0124, Reason.REFUSED, "not authorised"),
        (0x1234, Reason.REJECTED, "unknown status"),
    ],
)
def test_failures_are_told_in_words_and_do_not_stop_the_rest(
    tmp_path: Path, status: int, reason: Reason, words: str
) -> None:
    def answer(_: Talk, message: Message) -> int:
        return status if message.command.sop_instance_uid == UIDS[0] else SUCCESS

    with scripted_peer(storing({}, answer)) as peer, destination(peer) as node:
        failed, stored = node.begin("key").add([ready(tmp_path, uid) for uid in UIDS[:2]])

    assert (failed.accepted, failed.reason, stored.accepted) == (False, reason, True)
    assert words in failed.message


def test_only_the_pairs_that_are_there_are_proposed(tmp_path: Path) -> None:
    files = [ready(tmp_path, UIDS[0]), ready(tmp_path, UIDS[1], MR), ready(tmp_path, UIDS[2], CT, JPEG)]
    with scripted_peer(storing({})) as peer, destination(peer) as node:
        node.begin("key").add(files)

    proposed = {(one.abstract_syntax, one.transfer_syntaxes) for one in peer.talks[0].contexts.values()}
    assert proposed == {(CT, (EXPLICIT,)), (MR, (EXPLICIT,)), (CT, (JPEG,))}


def test_what_the_peer_does_not_take_is_named(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        talk.accept(refuse=lambda one: one.transfer_syntaxes == (JPEG,))
        talk.answer(talk.read(), SUCCESS)
        talk.until_released()

    with scripted_peer(script) as peer, destination(peer) as node:
        told = node.begin("key").add([ready(tmp_path, UIDS[0]), ready(tmp_path, UIDS[1], CT, JPEG)])

    assert [(one.accepted, one.reason) for one in told] == [(True, None), (False, Reason.NO_CONTEXT)]
    assert "does not accept CT Image Storage in JPEG Lossless" in told[1].message


@pytest.mark.parametrize(
    ("syntax", "sent_as"),
    [
        (EXPLICIT, "in Implicit VR Little Endian"),
        (JPEG, "uncompressed"),
        ("1.2.840.10008.1.2.2", "uncompressed"),
    ],
)
def test_what_a_node_could_be_allowed_to_change_is_told(tmp_path: Path, syntax: str, sent_as: str) -> None:
    def script(talk: Talk) -> None:
        talk.accept(refuse=lambda _: True)
        talk.until_released()

    with scripted_peer(script) as peer, destination(peer) as node:
        (told,) = node.begin("key").add([ready(tmp_path, UIDS[0], CT, syntax)])

    assert f"With `transcode: allow` on the node it is sent {sent_as}" in told.message


def test_file_without_an_answer_is_sent_again_over_a_new_association(tmp_path: Path) -> None:
    received: dict[str, bytes] = {}
    broken = [UIDS[2]]

    def answer(_: Talk, message: Message) -> int | None:
        return SUCCESS if broken != [message.command.sop_instance_uid] else broken.clear()

    with scripted_peer(storing(received, answer)) as peer, destination(peer) as node:
        told = node.begin("key").add([ready(tmp_path, uid) for uid in UIDS])

    assert [(one.uid, one.accepted) for one in told] == [(uid, True) for uid in UIDS]
    assert len(peer.talks) == 2


def test_peer_that_never_answers_one_file_is_an_error_and_not_a_delivery(tmp_path: Path) -> None:
    with (
        scripted_peer(storing({}, always(None))) as peer,
        destination(peer, Tries(attempts=2, first_pause=0)) as node,
    ):
        delivery = node.begin("key")
        told = delivery.add([ready(tmp_path, UIDS[0])])
        with pytest.raises(TransientNodeError):
            delivery.finish()

    assert told == []


@pytest.mark.parametrize("bad", [UIDS[:1], UIDS[2:3], UIDS[-1:], UIDS[1:3], UIDS[::2]])
def test_instances_at_which_the_peer_breaks_off_do_not_keep_the_others_away(
    tmp_path: Path, bad: list[str]
) -> None:
    """One bad instance kills a whole study."""
    received: dict[str, bytes] = {}

    def answer(_: Talk, message: Message) -> int | None:
        uid = message.command.sop_instance_uid or ""
        if uid not in bad:
            return SUCCESS
        del received[uid]
        return None

    with scripted_peer(storing(received, answer)) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = {one.uid: one for file in UIDS for one in delivery.add([ready(tmp_path, file)])}
        told |= {one.uid: one for one in delivery.finish()}

    assert {uid: one.accepted for uid, one in told.items()} == {uid: uid not in bad for uid in UIDS}
    assert received.keys() == set(UIDS) - set(bad)
    assert all("whenever this instance was sent" in told[uid].message for uid in bad)


def test_peer_that_answers_for_nothing_any_more_is_to_blame_and_no_instance(tmp_path: Path) -> None:
    well = UIDS[:-1]

    def answer(_: Talk, message: Message) -> int | None:
        if message.command.sop_instance_uid not in well:
            return None
        well.remove(message.command.sop_instance_uid)
        return SUCCESS

    with scripted_peer(storing({}, answer)) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = delivery.add([ready(tmp_path, uid) for uid in UIDS])
        with pytest.raises(TransientNodeError):
            delivery.finish()

    assert [one.uid for one in told] == UIDS[:-1]


def test_instance_at_which_the_peer_broke_off_for_a_while_is_taken_in_the_end(tmp_path: Path) -> None:
    ill = [UIDS[1]] * 3

    def answer(_: Talk, message: Message) -> int | None:
        if message.command.sop_instance_uid not in ill:
            return SUCCESS
        ill.pop()
        return None

    with scripted_peer(storing({}, answer)) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = [*delivery.add([ready(tmp_path, uid) for uid in UIDS]), *delivery.finish()]

    assert {one.uid: one.accepted for one in told} == dict.fromkeys(UIDS, True)


def test_what_a_peer_took_before_it_broke_off_for_good_is_told(tmp_path: Path) -> None:
    received: dict[str, bytes] = {}

    def answer(_: Talk, message: Message) -> int | None:
        uid = message.command.sop_instance_uid
        return SUCCESS if uid in UIDS[:2] else None

    with scripted_peer(storing(received, answer)) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = delivery.add([ready(tmp_path, uid) for uid in UIDS])
        with pytest.raises(TransientNodeError):
            delivery.finish()

    assert [(one.uid, one.accepted) for one in told] == [(uid, True) for uid in UIDS[:2]]


def test_peer_that_is_gone_is_an_error_of_its_own_and_of_no_instance(tmp_path: Path) -> None:
    def once(talk: Talk) -> None:
        talk.accept()
        talk.answer(talk.read(), SUCCESS)

    def never(talk: Talk) -> None:
        talk.channel.control()
        talk.send_pdu(pdu.AssociateReject(1, 1, 3))

    with scripted_peer(once, never) as peer, destination(peer) as node:
        delivery = node.begin("key")
        told = delivery.add([ready(tmp_path, uid) for uid in UIDS])
        with pytest.raises(NodeError, match="does not know our AE title"):
            delivery.add([ready(tmp_path, "1.2.3.9")])

    assert [one.uid for one in told] == UIDS[:1]
    assert len(peer.talks) == 3


def test_abort_in_the_middle_of_a_large_object_is_told(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        talk.accept()
        kind, _ = talk.channel.wire.pdu_head()
        if kind == pdu.P_DATA:
            talk.send_pdu(pdu.Abort(2, 6))
            while talk.sock.recv(1 << 20):
                pass

    with (
        scripted_peer(script) as peer,
        destination(peer, Tries(attempts=1)) as node,
    ):
        delivery = node.begin("key")
        delivery.add([ready(tmp_path, UIDS[0], size=3_000_000)])
        with pytest.raises(TransientNodeError, match="aborted the association"):
            delivery.finish()


def test_association_is_kept_from_study_to_study(tmp_path: Path) -> None:
    with scripted_peer(storing({})) as peer, destination(peer) as node:
        for uid in UIDS:
            delivery = node.begin(uid)
            delivery.add([ready(tmp_path, uid)])
            assert delivery.finish() == []
            delivery.abandon()

    assert len(peer.talks) == 1


def test_file_that_cannot_be_read_is_told_and_the_rest_sent(tmp_path: Path) -> None:
    files = [ready(tmp_path, uid) for uid in UIDS[:3]]
    files[0].path.unlink()
    files[1].path.write_bytes(part10_header(CT, UIDS[1], EXPLICIT))
    with scripted_peer(storing({})) as peer, destination(peer) as node:
        told = node.begin("key").add(files)

    assert [(one.uid, one.accepted, one.reason) for one in told] == [
        (UIDS[0], False, Reason.REJECTED),
        (UIDS[1], False, Reason.REJECTED),
        (UIDS[2], True, None),
    ]


def test_more_kinds_than_an_association_can_hold_are_sent_over_several(tmp_path: Path) -> None:
    kinds = [(f"1.2.840.10008.5.1.4.1.1.{n}", syntax) for n in range(1, 101) for syntax in (EXPLICIT, JPEG)]
    files = [ready(tmp_path, f"1.2.3.{n}", *kind) for n, kind in enumerate(kinds, start=1)]
    received: dict[str, bytes] = {}

    with scripted_peer(storing(received)) as peer, destination(peer) as node:
        node.pace.note(1, 1, 0, 1.0)
        told = node.begin("key").add(files)

    assert [one.accepted for one in told] == [True] * 200
    assert len(received) == 200
    assert [len(talk.contexts) for talk in peer.talks] == [128, 128]


def test_a_compressed_context_is_no_place_for_an_uncompressed_copy(tmp_path: Path) -> None:
    other = "1.2.840.10008.1.2.4.90"

    def script(talk: Talk) -> None:
        talk.accept(refuse=lambda one: one.transfer_syntaxes != (JPEG,))
        talk.answer(talk.read(), SUCCESS)
        talk.until_released()

    files = [ready(tmp_path, UIDS[0], CT, JPEG), ready(tmp_path, UIDS[1], CT, other)]
    with scripted_peer(script) as peer:
        limits = Limits(associations=1)
        node = DimseDestination("pacs", peer.as_node(), "US", limits, Tries(first_pause=0), transcode=True)
        with closing(node):
            told = node.begin("key").add(files)

    assert [one.accepted for one in told] == [True, False]
    assert told[1].reason is Reason.NO_CONTEXT

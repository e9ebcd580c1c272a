import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.nodes.dimse.messages import Command, decode_command, encode_command
from adit_cli.nodes.dimse.userinfo import PduError
from tests.support.judge_pdu import command_elements

NUMBERS = st.none() | st.integers(0, 0xFFFF)
UIDS = st.none() | st.lists(st.integers(1, 99999), min_size=1, max_size=9).map(
    lambda n: ".".join(map(str, n))
)
TITLES = st.none() | st.text("ABCDEF_", min_size=1, max_size=16)
COMMANDS = st.builds(
    Command,
    field=st.integers(1, 0xFFFF),
    dataset_type=st.sampled_from([0x0101, 1, 0]),
    move_destination=TITLES,
    move_originator=TITLES,
    error_comment=TITLES,
    **dict.fromkeys(("sop_class_uid", "sop_instance_uid"), UIDS),
    **dict.fromkeys(("message_id", "responded_to", "status", "priority", "move_originator_id"), NUMBERS),
    **dict.fromkeys(("remaining", "completed", "failed", "warning"), NUMBERS),
)
KEYWORDS = {
    "field": "CommandField",
    "message_id": "MessageID",
    "responded_to": "MessageIDBeingRespondedTo",
    "sop_class_uid": "AffectedSOPClassUID",
    "sop_instance_uid": "AffectedSOPInstanceUID",
    "dataset_type": "CommandDataSetType",
    "priority": "Priority",
    "status": "Status",
    "error_comment": "ErrorComment",
    "remaining": "NumberOfRemainingSuboperations",
    "completed": "NumberOfCompletedSuboperations",
    "failed": "NumberOfFailedSuboperations",
    "warning": "NumberOfWarningSuboperations",
    "move_destination": "MoveDestination",
    "move_originator": "MoveOriginatorApplicationEntityTitle",
    "move_originator_id": "MoveOriginatorMessageID",
}


@given(COMMANDS)
def test_command_is_decoded_to_itself(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(COMMANDS)
def test_pynetdicom_reads_the_same_command(command: Command) -> None:
    raw = encode_command(command)

    found = command_elements(raw)

    assert found.pop("CommandGroupLength") == len(raw) - 12
    expected = {keyword: getattr(command, name) for name, keyword in KEYWORDS.items()}
    assert found == {keyword: value for keyword, value in expected.items() if value is not None}


def test_response_answers_its_request() -> None:
    request = Command(0x0001, 7, sop_class_uid="1.2", sop_instance_uid="1.2.3", dataset_type=1, priority=0)

    assert request.response(0xA700) == Command(
        0x8001, responded_to=7, sop_class_uid="1.2", sop_instance_uid="1.2.3", status=0xA700
    )


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0\0\1\2\0\0\0", b"\x08\0\0\0\2\0\0\0ab", b"\0\0\0\1\4\0\0\0\1\0\0\0"]
)
def test_bytes_that_are_no_command_set_are_a_pdu_error(raw: bytes) -> None:
    with pytest.raises(PduError):
        decode_command(raw)


def test_elements_of_other_groups_that_orthanc_adds_are_passed_over() -> None:
    failed_list = b"\x08\0\x58\0\x04\0\0\x001.2\0"
    response = Command(0x8010, responded_to=3, status=0xC000, failed=1)

    assert decode_command(encode_command(response) + failed_list) == response


@given(st.binary(max_size=100))
def test_nonsense_is_a_pdu_error_or_a_command(raw: bytes) -> None:
    try:
        decode_command(raw)
    except PduError:
        return

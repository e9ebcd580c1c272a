import socket
from collections.abc import Callable

import pytest

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.node import DimsePeer, Timeouts
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import UNCOMPRESSED, VERIFICATION, numbered
from adit_cli.nodes.dimse.messages import C_ECHO_RQ, Command, Message, encode_command
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.scu import c_echo
from adit_cli.nodes.dimse.userinfo import UserInformation
from tests.support.process import LOOPBACK, free_port
from tests.support.scripted import QUICK, Script, ScriptedPeer, Talk, scripted_peer

HASTY = Timeouts(connect=5, acse=0.2, dimse=0.2)


def party(peer: ScriptedPeer, timeouts: Timeouts = QUICK) -> Party:
    return Party.of("pacs", peer.as_node(timeouts), "US")


def opened(peer: ScriptedPeer, timeouts: Timeouts = QUICK) -> Association:
    return Association.open(party(peer, timeouts), numbered([(VERIFICATION, UNCOMPRESSED)]))


def answers_with(raw: bytes) -> Script:
    def script(talk: Talk) -> None:
        talk.channel.control()
        talk.sock.sendall(raw)
        talk.sock.recv(1)

    return script


def echo_answered_by(reply: Callable[[Talk, Message], None]) -> Script:
    def script(talk: Talk) -> None:
        talk.accept()
        reply(talk, talk.read())
        talk.until_released()

    return script


@pytest.mark.parametrize(
    ("reject", "kind", "said", "hint"),
    [
        (pdu.AssociateReject(1, 1, 3), NodeError, "does not know our AE title", "Register AE title US there"),
        (pdu.AssociateReject(1, 1, 7), NodeError, "does not answer to that AE title", "SCRIPTED"),
        (pdu.AssociateReject(2, 3, 2), TransientNodeError, "too many associations", "limits.associations"),
        (pdu.AssociateReject(2, 3, 1), TransientNodeError, "busy", "later"),
        (pdu.AssociateReject(1, 2, 2), NodeError, "protocol version", ""),
        (pdu.AssociateReject(1, 1, 9), NodeError, "source 1, reason 9", ""),
    ],
)
def test_rejection_is_told_in_words_with_what_to_register_where(
    reject: pdu.AssociateReject, kind: type[NodeError], said: str, hint: str
) -> None:
    with scripted_peer(answers_with(reject.encode())) as peer, pytest.raises(NodeError) as caught:
        opened(peer)

    assert type(caught.value) is kind
    assert said in caught.value.message
    assert f"pacs (SCRIPTED@{LOOPBACK}:{peer.port})" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\x15\x03\x01\0\2\2\x0a", "speaks TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n", "web or mail server"),
        (b"\xff\xfe\0\0", "FFH"),
        (b"\2\0\xff\xff\xff\xff" + bytes(9), "claims a length of 4294967295"),
        (b"\2\0\0\0\0\4\0\1\0\0", "too short"),
        (b"\4\0\0\0\0\4\0\1\0\0", "04H"),
    ],
)
def test_peer_that_speaks_something_else_is_told_in_words(raw: bytes, said: str) -> None:
    with scripted_peer(answers_with(raw)) as peer, pytest.raises(NodeError, match=said) as caught:
        opened(peer)

    assert not caught.value.transient


def test_peer_that_closes_at_once_may_be_asked_again() -> None:
    with scripted_peer(lambda _: None) as peer, pytest.raises(TransientNodeError, match="broke off"):
        opened(peer)


def test_peer_that_does_not_answer_the_request_times_out() -> None:
    with scripted_peer(answers_with(b"")) as peer, pytest.raises(TransientNodeError) as caught:
        opened(peer, HASTY)

    assert caught.value.reason is Reason.TIMEOUT


def test_nothing_that_listens_is_told_with_the_address() -> None:
    nobody = DimsePeer(ae_title="X", host=LOOPBACK, port=free_port())

    with pytest.raises(TransientNodeError, match=f"X@{LOOPBACK}:{nobody.port} cannot be reached") as caught:
        Association.open(Party.of("", nobody, "US"), ())

    assert "whether the server runs" in caught.value.hint


def test_unknown_host_is_told() -> None:
    nobody = DimsePeer(ae_title="X", host="no-such-host.invalid", port=104)

    with pytest.raises(TransientNodeError, match="host name is unknown"):
        Association.open(Party.of("", nobody, "US"), ())


@pytest.mark.parametrize("host", ["no..host.invalid", f"{'x' * 64}.invalid"])
def test_what_cannot_be_a_host_name_is_told(host: str) -> None:
    nobody = DimsePeer(ae_title="X", host=host, port=104)

    with pytest.raises(NodeError, match="no host name"):
        Association.open(Party.of("", nobody, "US"), ())


def test_pdu_lengths_that_leave_no_room_for_data_are_refused() -> None:
    def script(talk: Talk) -> None:
        talk.accept(max_length=8)
        talk.sock.recv(1)

    with scripted_peer(script) as peer, pytest.raises(NodeError, match="PDUs of 8 bytes"):
        opened(peer)


@pytest.mark.parametrize(
    ("abort", "said"), [(pdu.Abort(0), "its user"), (pdu.Abort(2, 2), "did not expect a PDU")]
)
def test_abort_by_the_peer_is_told_and_may_be_tried_again(abort: pdu.Abort, said: str) -> None:
    with (
        scripted_peer(echo_answered_by(lambda talk, _: talk.send_pdu(abort))) as peer,
        pytest.raises(TransientNodeError, match=said),
        opened(peer) as assoc,
    ):
        c_echo(assoc)

    assert not assoc.is_open


def test_we_abort_towards_a_peer_that_is_silent_for_too_long() -> None:
    ended: list[pdu.ControlPdu] = []

    def script(talk: Talk) -> None:
        talk.accept()
        talk.read()
        ended.append(talk.channel.control())

    with (
        scripted_peer(script) as peer,
        pytest.raises(TransientNodeError) as caught,
        opened(peer, HASTY) as assoc,
    ):
        c_echo(assoc)

    assert caught.value.reason is Reason.TIMEOUT
    assert ended == [pdu.Abort()]


def test_command_in_many_fragments_is_put_together() -> None:
    def reply(talk: Talk, message: Message) -> None:
        raw = _data_pdus(message, size=7)
        talk.sock.sendall(raw)

    with scripted_peer(echo_answered_by(reply)) as peer, opened(peer) as assoc:
        c_echo(assoc)


def test_one_pdu_may_hold_the_end_of_one_message_and_the_start_of_the_next() -> None:
    def reply(talk: Talk, message: Message) -> None:
        values = [_pdvs(message, size=1000), _pdvs(message, size=20)]
        joined = b"".join(b"".join(one) for one in values)
        talk.sock.sendall(b"\4\0" + len(joined).to_bytes(4, "big") + joined)

    with scripted_peer(echo_answered_by(reply)) as peer, opened(peer) as assoc:
        c_echo(assoc)
        assert assoc.receive().command.status == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"\4\0\0\0\0\6" + b"\xff\xff\xff\xff\1\3",
        b"\4\0\0\0\0\6" + b"\0\0\0\1\1\3",
        b"\4\0\0\0\0\3" + b"\0\0\0",
        b"\4\0\0\0\0\x08" + b"\0\0\0\4\1\2\0\0",
        b"\x09\0\0\0\0\0",
    ],
)
def test_pdv_that_makes_no_sense_ends_the_association(raw: bytes) -> None:
    with (
        scripted_peer(echo_answered_by(lambda talk, _: talk.sock.sendall(raw))) as peer,
        pytest.raises(NodeError, match="does not keep to the DICOM protocol"),
        opened(peer) as assoc,
    ):
        c_echo(assoc)

    assert not assoc.is_open


def test_release_requests_that_cross_are_both_answered() -> None:
    seen: list[pdu.ControlPdu] = []

    def script(talk: Talk) -> None:
        talk.accept()
        seen.append(talk.channel.control())
        talk.send_pdu(pdu.ReleaseRequest())
        seen.append(talk.channel.control())
        talk.send_pdu(pdu.ReleaseReply())

    with scripted_peer(script) as peer:
        opened(peer).release()

    assert seen == [pdu.ReleaseRequest(), pdu.ReleaseReply()]


def test_release_request_of_an_idle_peer_is_answered_and_ends_the_association() -> None:
    seen: list[pdu.ControlPdu] = []

    def script(talk: Talk) -> None:
        talk.accept()
        talk.send_pdu(pdu.ReleaseRequest())
        seen.append(talk.channel.control())

    with scripted_peer(script) as peer:
        assoc = opened(peer)
        while assoc.is_usable():
            assoc.channel.wire.first_bytes()

    assert seen == [pdu.ReleaseReply()]


def test_service_that_was_not_accepted_is_named() -> None:
    def script(talk: Talk) -> None:
        talk.accept(refuse=lambda _: True)
        talk.until_released()

    with (
        scripted_peer(script) as peer,
        pytest.raises(NodeError, match="does not offer C-ECHO") as caught,
        opened(peer) as assoc,
    ):
        c_echo(assoc)

    assert caught.value.reason is Reason.NO_CONTEXT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Command(0x8020, responded_to=1, status=0), "8020H came where 8030H"),
        (Command(0x8030, responded_to=7, status=0), "answers message 7, and was asked message 1"),
    ],
    ids=["another kind", "an earlier message"],
)
def test_answer_to_another_question_is_refused(answer: Command, said: str) -> None:
    def reply(talk: Talk, message: Message) -> None:
        talk.say(message.context_id, answer)

    with (
        scripted_peer(echo_answered_by(reply)) as peer,
        pytest.raises(NodeError, match=said),
        opened(peer) as assoc,
    ):
        c_echo(assoc)


def test_answer_that_does_not_say_to_which_message_it_belongs_is_taken() -> None:
    def reply(talk: Talk, message: Message) -> None:
        talk.say(message.context_id, Command(0x8030, status=0))

    with scripted_peer(echo_answered_by(reply)) as peer, opened(peer) as assoc:
        c_echo(assoc)


def test_sockets_send_small_packets_at_once() -> None:
    def script(talk: Talk) -> None:
        talk.accept()
        talk.until_released()

    with scripted_peer(script) as peer, opened(peer) as assoc:
        nodelay = assoc.channel.wire.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert nodelay


def test_what_we_say_of_ourselves() -> None:
    def script(talk: Talk) -> None:
        talk.accept()
        talk.until_released()

    with scripted_peer(script) as peer, opened(peer):
        pass

    said = peer.talks[0].user
    assert said == UserInformation(1 << 20, said.implementation_class_uid, "ADIT_CLI")


def _pdvs(message: Message, size: int) -> list[bytes]:
    """Return the answer to an echo as PDVs of at most this size."""
    assert message.command.field == C_ECHO_RQ
    raw = encode_command(message.command.response(0))
    parts = [raw[start : start + size] for start in range(0, len(raw), size)]
    flags = [1] * (len(parts) - 1) + [3]
    return [
        (len(part) + 2).to_bytes(4, "big") + bytes((message.context_id, flag)) + part
        for part, flag in zip(parts, flags, strict=True)
    ]


def _data_pdus(message: Message, size: int) -> bytes:
    return b"".join(b"\4\0" + len(one).to_bytes(4, "big") + one for one in _pdvs(message, size))

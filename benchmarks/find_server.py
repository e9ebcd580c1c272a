"""A peer that answers every C-FIND with so many studies, all of them encoded before anyone asks.

It does nothing else and waits for nothing, so that what is measured is the requestor:
`python -m benchmarks.find_server PORT ANSWERS`.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from functools import cache

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.nodes.dimse.channel import Ended
from adit_cli.nodes.dimse.messages import C_FIND_RQ, PENDING, SUCCESS, WITH_DATASET, Message, encode_command
from adit_cli.nodes.dimse.pdu import P_DATA, ReleaseReply, ReleaseRequest
from adit_cli.nodes.dimse.wire import PDU_HEAD, PDV_HEAD
from tests.support.process import LOOPBACK
from tests.support.scripted import Talk

COMMAND, DATASET = 3, 2
"""Control headers of a last fragment (PS3.8 §E.2)."""
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")


@cache
def answers(transfer_syntax_uid: str, number: int) -> list[bytes]:
    """Return the identifiers of all answers."""
    return [encode_attributes(study(at), transfer_syntax_uid) for at in range(number)]


def study(at: int) -> dict[str, str]:
    """Return an invented study."""
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "StudyDate": f"2024{at % 12 + 1:02}{at % 28 + 1:02}",
        "AccessionNumber": f"A{at:07}",
        "QueryRetrieveLevel": "STUDY",
        "RetrieveAETitle": "FINDSCP",
        "ModalitiesInStudy": "CT\\SR",
        "StudyDescription": "CT Thorax with contrast",
        "PatientName": f"Müller^Number {at}",
        "PatientID": f"P{at:06}",
        "StudyInstanceUID": f"1.2.826.0.1.3680043.10.1.{at + 1}",
        "NumberOfStudyRelatedSeries": "4",
        "NumberOfStudyRelatedInstances": str(100 + at % 900),
    }


def fragment(context_id: int, flags: int, value: bytes) -> bytes:
    """Return a P-DATA with one fragment."""
    return b"".join(
        (PDU_HEAD.pack(P_DATA, len(value) + 6), PDV_HEAD.pack(len(value) + 2, context_id, flags), value)
    )


def serve(sock: socket.socket, number: int) -> None:
    """Answer the requests of one association."""
    talk = Talk(sock)
    with sock, suppress(Ended, ConnectionError):
        talk.accept(max_length=0)
        answer(talk, number)


def answer(talk: Talk, number: int) -> None:
    """Answer one request after the other, and the one to release the association in the end."""
    try:
        while True:
            request = talk.read()
            if request.command.field == C_FIND_RQ:
                talk.sock.sendall(everything(talk, request, number))
    except Ended as end:
        if isinstance(end.pdu, ReleaseRequest):
            talk.send_pdu(ReleaseReply())


def everything(talk: Talk, request: Message, number: int) -> bytes:
    """Return all responses to one request as they go over the wire."""
    context_id = request.context_id
    syntax = talk.contexts[context_id].transfer_syntaxes[0]
    pending = replace(request.command.response(PENDING), dataset_type=WITH_DATASET)
    head = fragment(context_id, COMMAND, encode_command(pending))
    parts = [head + fragment(context_id, DATASET, one) for one in answers(syntax, number)]
    last = fragment(context_id, COMMAND, encode_command(request.command.response(SUCCESS)))
    return b"".join((*parts, last))


def main() -> None:
    """Serve until killed."""
    port, number = int(sys.argv[1]), int(sys.argv[2])
    for syntax in SYNTAXES:
        answers(syntax, number)
    with socket.create_server((LOOPBACK, port)) as listener:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(sock, number), daemon=True).start()


if __name__ == "__main__":
    main()

"""Scripted peers that answer C-FIND as a test says: some answers, then more when the test allows it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.messages import PENDING, SUCCESS
from tests.support.archive import EXPLICIT
from tests.support.scripted import Script, Talk

LONG = 120.0
"""Seconds after which a peer stops waiting for its test."""


def studies(number: int, **attributes: str) -> list[dict[str, str]]:
    """Return so many invented studies."""
    return [
        {
            "PatientID": f"P{at}",
            "PatientName": f"Doe^Number {at}",
            "StudyDate": "20240131",
            "ModalitiesInStudy": "CT",
            "StudyDescription": "Thorax",
            "NumberOfStudyRelatedInstances": str(1000 + at),
            "StudyInstanceUID": f"1.2.3.{at}",
            **attributes,
        }
        for at in range(1, number + 1)
    ]


def answering(
    first: Sequence[Mapping[str, str]],
    then: Sequence[Mapping[str, str]] = (),
    when: threading.Event | None = None,
) -> Script:
    """Answer every query with the first, wait for the event, and answer with the others."""

    def script(talk: Talk) -> None:
        talk.accept()
        while True:
            request = talk.read()
            for one in first:
                talk.answer(request, PENDING, encode_attributes(one, EXPLICIT))
            if when is not None:
                assert when.wait(LONG)
            for one in then:
                talk.answer(request, PENDING, encode_attributes(one, EXPLICIT))
            talk.answer(request, SUCCESS)

    return script


def refusing(talk: Talk) -> None:
    """Let nobody in: the calling AE title is not recognised (PS3.8 §9.3.4)."""
    talk.channel.control()
    talk.send_pdu(pdu.AssociateReject(1, 1, 3))

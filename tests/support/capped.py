"""An archive that answers at most so many studies to a query and says nothing of the rest."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from adit_cli.dicom.attributes import decode_attributes, encode_attributes
from adit_cli.dicom.matching import Match
from adit_cli.dicom.query import Attributes
from adit_cli.nodes.answers import key_matches
from adit_cli.nodes.dimse.channel import Ended
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.pdu import ReleaseReply
from tests.support.scripted import ScriptedPeer, Talk, scripted_peer

PENDING = 0xFF00
RANGES = ("StudyDate", "StudyTime", "PatientBirthDate", "ModalitiesInStudy", "StudyInstanceUID")
"""What this archive matches by; the rest it ignores, as many do."""


@dataclass
class CappedArchive:
    """Studies by their attributes, and how many an answer holds."""

    studies: Sequence[Attributes]
    cap: int
    peer: ScriptedPeer | None = None
    asked: list[Attributes] = field(default_factory=list[Attributes])

    @property
    def address(self) -> str:
        """The node as a user types it."""
        assert self.peer is not None
        return f"SCRIPTED@127.0.0.1:{self.peer.port}"

    def serve(self, talk: Talk) -> None:
        """Answer queries over one association until it ends."""
        talk.accept()
        with suppress(Ended):
            while True:
                request = talk.read()
                syntax = talk.contexts[request.context_id].transfer_syntaxes[0]
                keys = decode_attributes(request.dataset, syntax)
                self.asked.append(keys)
                for study in self.matching(keys)[: self.cap]:
                    told = {keyword: study[keyword] for keyword in keys if keyword in study}
                    talk.answer(request, PENDING, encode_attributes(told, syntax))
                talk.answer(request, SUCCESS)
        talk.send_pdu(ReleaseReply())

    def matching(self, keys: Attributes) -> list[Attributes]:
        """Return the studies that match, however many there are."""
        asked = {keyword: keys[keyword] for keyword in RANGES if keys.get(keyword)}
        return [
            study
            for study in self.studies
            if all(
                key_matches(keyword, key, study[keyword]) is not Match.NO for keyword, key in asked.items()
            )
        ]


@contextmanager
def capped_archive(studies: Sequence[Attributes], cap: int) -> Generator[CappedArchive]:
    """Run one."""
    archive = CappedArchive(studies, cap)
    with scripted_peer(archive.serve) as archive.peer:
        yield archive

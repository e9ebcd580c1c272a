"""Series over many studies: one search across them, or study by study where the server cannot."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import date

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from adit_cli.tasks.lookup import Lookup, look_up, parse_rule
from tests.support.http_peer import HttpPeer, Reply, Seen, http_peer, json_reply

TAGS = {
    "StudyInstanceUID": "0020000D",
    "SeriesInstanceUID": "0020000E",
    "SOPInstanceUID": "00080018",
    "PatientID": "00100020",
    "StudyDate": "00080020",
    "Modality": "00080060",
}
SERIES = [
    {
        "StudyInstanceUID": f"1.{study}",
        "SeriesInstanceUID": f"1.{study}.{number}",
        "SOPInstanceUID": f"1.{study}.{number}.1",
        "PatientID": f"P{study % 2}",
        "StudyDate": "20240131",
        "Modality": modality,
    }
    for study in (1, 2, 3)
    for number, modality in enumerate(("CT", "MR"), start=1)
]
HIDDEN = {"deaf": {"PatientID", "StudyDate"}, "silent": {"StudyDate"}}
EXPECTED = ["1.1.1", "1.1.2", "1.3.1", "1.3.2"]


class Server:
    """Holds three studies of two patients; `quirk` is what it makes of searches across studies."""

    def __init__(self, quirk: str = "") -> None:
        self.quirk = quirk

    def __call__(self, seen: Seen) -> Reply:
        """Answer a search."""
        *above, last = seen.path.removeprefix("/dicom-web").strip("/").split("/")
        across = last != "studies" and not above
        if across and self.quirk.isdecimal():
            return Reply(int(self.quirk))
        matching = {key: values[0] for key, values in seen.query.items() if key in TAGS}
        if across and self.quirk == "deaf":
            matching.pop("PatientID", None)
        found = [one for one in SERIES if matching.items() <= one.items()]
        found = [one for one in found if not above or one["StudyInstanceUID"] == above[1]]
        if across and self.quirk == "finds nothing":
            found = []
        start = int(seen.query.get("offset", ["0"])[0])
        return json_reply([self._told(one, last, across=across) for one in found][start:])

    def _told(self, one: Mapping[str, str], last: str, *, across: bool) -> dict[str, object]:
        hidden = {"Modality"} if last == "studies" else HIDDEN.get(self.quirk if across else "", set[str]())
        return {
            tag: {"vr": "LO", "Value": [one[keyword]]}
            for keyword, tag in TAGS.items()
            if keyword not in hidden
        }


def ask(server: Server, level: Level = Level.SERIES) -> tuple[list[Attributes], HttpPeer]:
    rules = {"PatientID": parse_rule("PatientID", "P1", date(2024, 6, 1))}
    lookup = Lookup(level, rules, ("PatientID", "StudyDate", "Modality"))
    with http_peer(server) as peer, closing(DicomwebSource("PACS", peer.spec(), Tries(attempts=1))) as source:
        return look_up(source, lookup), peer


def paths(peer: HttpPeer) -> set[str]:
    return {seen.path.removeprefix("/dicom-web") for seen in peer.seen}


@pytest.mark.parametrize(("level", "path"), [(Level.SERIES, "/series"), (Level.IMAGE, "/instances")])
def test_what_many_studies_hold_is_found_by_one_search(level: Level, path: str) -> None:
    found, peer = ask(Server(), level)

    assert [one["SeriesInstanceUID"] for one in found] == EXPECTED
    assert {one["StudyDate"] for one in found} == {"20240131"}
    assert paths(peer) == {path}


@pytest.mark.parametrize("quirk", ["400", "404", "501", "deaf", "silent", "finds nothing"])
def test_a_server_that_does_not_know_what_stands_above_is_asked_study_by_study(quirk: str) -> None:
    found, peer = ask(Server(quirk))

    assert [one["SeriesInstanceUID"] for one in found] == EXPECTED
    assert {one["PatientID"] for one in found} == {"P1"}
    assert {one["StudyDate"] for one in found} == {"20240131"}
    assert paths(peer) == {"/series", "/studies", "/studies/1.1/series", "/studies/1.3/series"}

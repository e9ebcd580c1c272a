"""Searches over DICOMweb by what a URL has to escape, whether a server reads escapes or not."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest

from adit_cli.dicom.patterns import wildcard_match
from adit_cli.dicom.query import Level
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.http_peer import HttpPeer, Reply, Seen, http_peer, json_reply

PEOPLE = {"1.1": "Roe^Richard", "1.2": "Roe^Rich", "1.3": "Müller^Zoë", "1.4": "Doe^Jane Mary"}


def people(seen: Seen, *, reads_escapes: bool) -> Reply:
    """Answer by patients' names; a server that doesn't read escapes takes `%5E` for what the name holds."""
    query = urlsplit(seen.target).query
    parts = (part.partition("=") for part in query.split("&"))
    raw = {keyword: value for keyword, _, value in parts}
    keys = dict(parse_qsl(query)) if reads_escapes else raw
    wanted = keys.get("PatientName", "*")
    found = {uid: name for uid, name in PEOPLE.items() if wildcard_match(wanted, name)}
    return json_reply([_study(uid, name) for uid, name in found.items()] if "offset" not in keys else [])


def _study(uid: str, name: str) -> dict[str, object]:
    return {
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]},
    }


@contextmanager
def asking(*, reads_escapes: bool) -> Generator[tuple[DicomwebSource, HttpPeer]]:
    def answer(seen: Seen) -> Reply:
        return people(seen, reads_escapes=reads_escapes)

    with (
        http_peer(answer) as peer,
        closing(DicomwebSource("PACS", peer.spec(), Tries(attempts=1))) as source,
    ):
        yield source, peer


def found(source: DicomwebSource, keys: Mapping[str, str]) -> list[str]:
    return [one["StudyInstanceUID"] for one in source.find(Level.STUDY, keys)]


@pytest.mark.parametrize("reads_escapes", [True, False])
@pytest.mark.parametrize(
    ("name", "uids"),
    [
        ("Roe^Richard", ["1.1"]),
        ("Roe^*", ["1.1", "1.2"]),
        ("Roe?Rich", ["1.2"]),
        ("Müller^*", ["1.3"]),
        ("Doe^Jane Mary", ["1.4"]),
        ("Poe^*", []),
    ],
)
def test_names_are_found_whether_a_server_reads_what_a_url_escapes_or_not(
    name: str, uids: list[str], *, reads_escapes: bool
) -> None:
    with asking(reads_escapes=reads_escapes) as (source, _):
        assert found(source, {"PatientName": name}) == uids


def test_a_server_that_reads_no_escapes_is_asked_twice_only_once() -> None:
    with asking(reads_escapes=False) as (source, peer):
        assert found(source, {"PatientName": "Roe^Richard"}) == ["1.1"]
        asked = len(peer.seen)
        assert found(source, {"PatientName": "Roe^Rich"}) == ["1.2"]
        assert found(source, {"PatientName": "Doe^J?n*"}) == ["1.4"]

    again = [seen.target for seen in peer.seen[asked:] if "offset" not in seen.target]
    assert len(again) == 2
    assert not any("%" in target for target in again)


def test_dates_and_uids_are_never_loosened() -> None:
    with asking(reads_escapes=True) as (source, peer):
        found(source, {"PatientName": "Poe^*", "StudyDate": "20240101-", "StudyInstanceUID": "1.1"})

    assert [seen.query["PatientName"] for seen in peer.seen] == [["Poe^*"], ["Poe*"]]
    assert {(*seen.query["StudyDate"], *seen.query["StudyInstanceUID"]) for seen in peer.seen} == {
        ("20240101-", "1.1")
    }


@pytest.mark.parametrize("name", ["王^小東", "Ü^*"])
def test_wildcards_alone_never_ask_for_all_there_is(name: str) -> None:
    with asking(reads_escapes=True) as (source, peer):
        assert found(source, {"PatientName": name}) == []

    assert len(peer.seen) == 1

"""A server with DIMSE and DICOMweb: where one does not offer something the other is taken, and said once."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.http_peer import HttpPeer, Reply, http_peer
from tests.support.peers import Orthanc
from tests.support.web_pacs import WebPacs, bending

pytestmark = pytest.mark.peers


@pytest.fixture
def study(pacs: Orthanc, tmp_path: Path) -> BuiltStudy:
    made = build_study(tmp_path / "images", modalities=("CT", "MR"), instances=3)
    pacs.upload(made.files)
    return made


@pytest.fixture
def adit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, capsys)


@contextmanager
def without(service: str, status: int, study: BuiltStudy) -> Generator[HttpPeer]:
    """A DICOMweb service that has the study, and does not offer one of its three services."""
    with http_peer(WebPacs([study], bending(service, Reply(status)))) as peer:
        yield peer


def both(adit: CommandLine, pacs: Orthanc, url: str, **preferences: list[str]) -> None:
    node = {"dimse": pacs.address, "dicomweb": url, **preferences}
    adit.config.write_text(json.dumps({"nodes": {"both": node}}), "utf-8")


@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_wado_rs_is_not_offered_c_get_is_taken(
    adit: CommandLine,
    pacs: Orthanc,
    study: BuiltStudy,
    status: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with without("wado", status, study) as peer:
        both(adit, pacs, peer.url)
        ended = adit.run("get", "both", study.uid, "-o", tmp_path / "out", "--progress", "none")

    assert ended.code == 0, ended.err
    assert {path.stem for path in (tmp_path / "out").rglob("*.dcm")} == set(study.instance_uids)
    assert caplog.text.count("does not offer wado-rs") == 1


def test_where_searches_are_not_offered_c_find_is_taken(
    adit: CommandLine, pacs: Orthanc, study: BuiltStudy
) -> None:
    with without("qido", 501, study) as peer:
        both(adit, pacs, peer.url)
        ended = adit.run("query", "both", "--level", "series", "--study-uid", study.uid, "--format", "uid")

    assert ended.code == 0, ended.err
    assert set(ended.out.split()) == {series.uid for series in study.series}
    assert len(peer.seen) == 1


@pytest.mark.parametrize("status", [404, 405])
def test_where_stow_rs_is_not_offered_c_store_is_taken(
    adit: CommandLine, pacs: Orthanc, study: BuiltStudy, status: int
) -> None:
    pacs.clear()

    with without("stow", status, study) as peer:
        both(adit, pacs, peer.url)
        ended = adit.run("send", "both", study.folder, "--progress", "none")

    assert ended.code == 0, ended.err
    assert set(pacs.instances()) == set(study.instance_uids)
    assert len(peer.seen) == 1


def test_the_preferred_way_is_taken_where_both_are_offered(
    adit: CommandLine, pacs: Orthanc, study: BuiltStudy, tmp_path: Path
) -> None:
    with http_peer(WebPacs([study])) as peer:
        both(adit, pacs, peer.url, find=["c-find"], retrieve=["c-get", "wado-rs"], store=["c-store"])
        got = adit.run("get", "both", study.uid, "-o", tmp_path / "out", "--progress", "none")
        sent = adit.run("send", "both", study.folder, "--progress", "none")

    assert (got.code, sent.code) == (0, 0), got.err + sent.err
    assert peer.seen == []


def test_a_server_that_refuses_us_is_not_asked_the_other_way(
    adit: CommandLine, pacs: Orthanc, study: BuiltStudy
) -> None:
    with without("qido", 403, study) as peer:
        both(adit, pacs, peer.url)
        ended = adit.run("query", "both")

    assert ended.code == 6
    assert "403 Forbidden" in ended.err

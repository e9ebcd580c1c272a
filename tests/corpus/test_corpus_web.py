"""The same real files over DICOMweb: Orthanc's files come back byte for byte, and all are sent or named."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.corpus import CORPUS, read_manifest, silently_left_out
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import PeerError
from tests.support.program import Adit


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    return read_manifest()


@pytest.fixture
def web_pacs(tmp_path: Path) -> Generator[Orthanc]:
    with orthanc(tmp_path / "orthanc", dicomweb=True) as server:
        yield server


def is_legal(uid: str) -> bool:
    return uid.replace(".", "").isdigit()


def test_every_file_of_the_pacs_comes_back_as_it_is_stored_or_is_named(
    tmp_path: Path, web_pacs: Orthanc, manifest: list[dict[str, str]]
) -> None:
    for row in manifest:
        with suppress(PeerError):
            web_pacs.upload([CORPUS / row["path"]])
    studies = [uid for uid in web_pacs.studies() if is_legal(uid)]

    ended = Adit(tmp_path / "adit")("get", web_pacs.dicomweb_url, *studies, "-o", tmp_path / "out")

    stored = web_pacs.files()
    came = {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    missing = {uid for uid in stored if uid not in came and is_legal(uid)}
    assert {uid: content for uid, content in came.items() if content != stored[uid]} == {}
    assert all(uid in ended.err for uid in missing), ended.err
    assert ended.code == (3 if missing else 0), ended.err
    assert len(came) >= 100


def test_every_file_that_is_stored_over_the_web_arrives_or_is_named(
    tmp_path: Path, web_pacs: Orthanc
) -> None:
    ended = Adit(tmp_path / "adit")("send", web_pacs.dicomweb_url, CORPUS, "--progress", "none")

    arrived = web_pacs.instances()
    assert ended.code == 3, ended.err
    assert len(arrived) >= 100, ended.err
    assert silently_left_out(arrived, ended.err) == []

"""The browser and `adit header` against Orthanc, over DIMSE and over DICOMweb."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from adit_cli.cli.browser.app import Browser
from adit_cli.cli.browser.handover import HandOver
from adit_cli.dicom.query import Level
from tests.support.browsing import browser, loaded, opened_dialog, text_of, until
from tests.support.builders import BuiltStudy, build_study
from tests.support.peers import Orthanc, orthanc
from tests.support.program import Adit

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), dicomweb=True) as running:
        yield running


@pytest.fixture
def study(server: Orthanc, tmp_path: Path) -> BuiltStudy:
    server.clear()
    made = build_study(
        tmp_path / "made",
        modalities=("CT", "MR"),
        patient_id="P1",
        PatientName="Müller^Zoë",
        SpecificCharacterSet="ISO_IR 100",
    )
    server.upload(made.files)
    return made


def where(server: Orthanc, protocol: str) -> str:
    return server.address if protocol == "dimse" else server.dicomweb_url


@pytest.mark.parametrize("protocol", ["dimse", "dicomweb"])
def test_a_study_is_found_by_browsing_and_handed_over(
    server: Orthanc, study: BuiltStudy, protocol: str
) -> None:
    async def run(app: Browser) -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await _use(pilot, app)

    async def _use(pilot: Pilot[HandOver], app: Browser) -> None:
        await loaded(pilot, app)
        for level in (Level.STUDY, Level.SERIES, Level.IMAGE):
            await pilot.press("enter")
            await loaded(pilot, app, level)
            assert app.error == ""
        await pilot.press("h")
        await until(pilot, lambda: "elements" in text_of(app, "title"))
        await pilot.press("escape")
        for level in (Level.IMAGE, Level.SERIES):
            await loaded(pilot, app, level)
            await pilot.press("backspace")
        await loaded(pilot, app, Level.STUDY)
        await pilot.press("space")
        await opened_dialog(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: app.return_value is not None)

    app = browser(where(server, protocol))
    asyncio.run(run(app))

    assert app.return_value is not None
    assert app.return_value.study_uids == [study.uid]


@pytest.mark.parametrize("protocol", ["dimse", "dicomweb"])
def test_the_header_of_an_instance_is_printed_without_its_pixel_data(
    server: Orthanc, study: BuiltStudy, tmp_path: Path, protocol: str
) -> None:
    uid = study.series[1].instance_uids[1]

    ended = Adit(tmp_path)("header", where(server, protocol), uid, "--format", "json")

    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["00080018"]["Value"] == [uid]
    assert found["00100010"]["Value"] == [{"Alphabetic": "Müller^Zoë"}]
    assert "7FE00010" not in found


def test_a_query_of_both_ways_to_a_server_finds_the_same(
    server: Orthanc, study: BuiltStudy, tmp_path: Path
) -> None:
    ended = Adit(tmp_path)("query", server.address, server.dicomweb_url, "--format", "ndjson")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert {row["node"] for row in rows} == {server.address, server.dicomweb_url}
    assert {row["StudyInstanceUID"] for row in rows} == {study.uid}
    assert {row["PatientName"] for row in rows} == {"Müller^Zoë"}

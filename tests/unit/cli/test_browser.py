"""The browser, at the keyboard, over folders and over a node that does as it is told."""

from __future__ import annotations

import asyncio
import csv
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from adit_cli.cli import browsing
from adit_cli.cli.browser.app import Browser
from adit_cli.cli.browser.handover import HandOver, Purpose, write_cohort, write_job
from adit_cli.cli.browser.listing import Listing, Mark, Marks
from adit_cli.cli.columns import SHOWN
from adit_cli.dicom.query import Level
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.load import load_job
from adit_cli.tasks.lookup import Lookup
from tests.support.browsing import browser, loaded, opened_dialog, text_of, until
from tests.support.builders import build_study
from tests.support.commandline import CommandLine
from tests.support.finding import answering, refusing, studies
from tests.support.process import LOOPBACK
from tests.support.scripted import scripted_peer

Walk = Callable[[Pilot[HandOver], Browser], Awaitable[None]]


def walk(app: Browser, steps: Walk) -> HandOver | None:
    """Run the browser without a terminal, let somebody use it, and return what was decided."""

    async def run() -> None:
        async with app.run_test(size=(100, 30)) as pilot:
            await loaded(pilot, app)
            await steps(pilot, app)

    asyncio.run(run())
    return app.return_value


def test_one_goes_down_to_a_header_and_back_again(tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT", "MR"), patient_id="P1")

    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        for level in (Level.STUDY, Level.SERIES, Level.IMAGE):
            await pilot.press("enter")
            await loaded(pilot, app, level)
        assert {one["SOPInstanceUID"] for one in app.listing.entries} <= set(study.instance_uids)
        await pilot.press("h")
        await until(pilot, lambda: "elements" in text_of(app, "title"))
        await pilot.press("escape")
        for level in (Level.IMAGE, Level.SERIES, Level.STUDY):
            await loaded(pilot, app, level)
            await pilot.press("backspace")
        await loaded(pilot, app, Level.PATIENT)

    walk(browser(f"{tmp_path}/"), steps)


def test_typing_shows_only_what_holds_the_words(tmp_path: Path) -> None:
    build_study(tmp_path, patient_id="P1", PatientName="Müller^Zoë")
    build_study(tmp_path, patient_id="P2", PatientName="Roe^Jane")

    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        await pilot.press("slash")
        await until(pilot, lambda: getattr(app.focused, "id", "") == "filter")
        await pilot.press(*"ROE jan")
        await until(pilot, lambda: text_of(app, "status").startswith("1 of 2"))
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.focused, "id", "") == "list")
        await pilot.press("a")
        await until(pilot, lambda: len(app.marks) > 0)
        await pilot.press("escape")
        await until(pilot, lambda: text_of(app, "status").startswith("2 "))
        assert [mark.attributes["PatientID"] for mark in app.marks.all()] == ["P2"]

    walk(browser(f"{tmp_path}/"), steps)


def test_the_studies_of_a_marked_patient_are_handed_over(tmp_path: Path) -> None:
    both = {build_study(tmp_path, patient_id="P1", PatientName="Roe^Jane").uid for _ in "ab"}

    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        await pilot.press("space")
        await opened_dialog(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: app.return_value is not None)

    decided = walk(browser(f"{tmp_path}/"), steps)

    assert decided is not None
    assert (decided.purpose, set(decided.study_uids)) == (Purpose.UIDS, both)


def test_a_job_is_asked_for_its_file_and_destination(tmp_path: Path) -> None:
    build_study(tmp_path / "images", modalities=("CT", "MR"))

    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        await pilot.press("enter")
        await loaded(pilot, app, Level.SERIES)
        await pilot.press("space")
        await opened_dialog(pilot, app)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: getattr(app.focused, "id", "") == "path")
        app.screen.query_one("#path", Input).value = str(tmp_path / "marked.yaml")
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.focused, "id", "") == "destination")
        await pilot.press(*"research", "enter")
        await until(pilot, lambda: app.return_value is not None)

    decided = walk(browser(f"{tmp_path}/images/", Level.STUDY), steps)

    assert decided is not None
    assert (decided.purpose, decided.path, decided.destination) == (
        Purpose.JOB,
        tmp_path / "marked.yaml",
        "research",
    )


def test_a_node_that_refuses_is_told_and_ends_nothing() -> None:
    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        assert app.error != ""
        await until(pilot, lambda: app.error in text_of(app, "status"))
        await pilot.press("r")
        await loaded(pilot, app)
        assert app.is_running

    with scripted_peer(refusing) as peer:
        walk(browser(f"PACS@{LOOPBACK}:{peer.port}"), steps)


def test_what_has_come_can_be_used_while_the_node_is_silent_and_loading_be_stopped() -> None:
    go_on = threading.Event()

    async def run(app: Browser) -> None:
        async with app.run_test() as pilot:
            await until(pilot, lambda: bool(app.listing.entries))
            assert app.is_loading
            await pilot.press("space")
            await until(pilot, lambda: len(app.marks) == 1)
            await pilot.press("escape")
            await until(pilot, lambda: not app.is_loading and "stopped" in text_of(app, "status"))
            go_on.set()
            assert app.is_running

    first, *others = studies(3)
    with scripted_peer(answering([first], others, go_on)) as peer:
        app = browser(f"PACS@{LOOPBACK}:{peer.port}", Level.STUDY)
        asyncio.run(run(app))

    assert len(app.listing.entries) == 1


def test_a_long_list_is_cut_at_the_limit_and_says_so() -> None:
    async def steps(pilot: Pilot[HandOver], app: Browser) -> None:
        await until(pilot, lambda: "only the first 5" in text_of(app, "status"))
        assert len(app.listing.entries) == 5

    with scripted_peer(answering(studies(12))) as peer:
        walk(browser(f"PACS@{LOOPBACK}:{peer.port}", Level.STUDY, limit=5), steps)


def test_marking_twice_unmarks() -> None:
    marks = Marks()
    one, two = (Mark(Level.STUDY, {"PatientID": "P1", "StudyInstanceUID": uid}) for uid in ("1.2", "1.3"))

    marks.toggle([one])
    marks.toggle([one, two])
    assert (one in marks, two in marks) == (True, True)

    marks.toggle([one, two])
    assert marks.all() == []


def test_what_a_node_sends_does_not_steer_the_terminal() -> None:
    listing = Listing(Lookup(Level.PATIENT, {}, SHOWN[Level.PATIENT]))

    cells = listing.cells({"PatientID": "P\x1b[2J1", "PatientName": "Roe^Jane\n"})

    assert all(cell.isprintable() for cell in cells)


ROWS = (
    {"PatientID": "007", "StudyInstanceUID": "1.2.3", "StudyDate": "20240131", "ModalitiesInStudy": "CT\\SR"},
    {"PatientID": "008", "StudyInstanceUID": "1.2.4", "SeriesInstanceUID": "1.2.4.1"},
)


def test_a_cohort_has_a_row_for_each_study_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"

    write_cohort(path, ROWS)

    first, second = csv.DictReader(path.read_text("utf-8").splitlines())
    assert (first["patient_id"], first["study_uid"], first["series_uid"]) == ("007", "1.2.3", "")
    assert (second["patient_id"], second["series_uid"]) == ("008", "1.2.4.1")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "destination", ["out/", "RESEARCH@127.0.0.1:104", "https://pacs.example.org/dicom-web"]
)
def test_a_job_that_is_written_is_one_that_can_be_loaded(tmp_path: Path, destination: str) -> None:
    path = tmp_path / "marked.yaml"

    write_job(path, ("clinical", '{dimse: "PACS@127.0.0.1:104"}'), destination, ROWS)

    job = load_job(path, config=Config())
    assert (job.name, len(job.destinations)) == ("marked", 1)


def test_decisions_are_carried_out_by_the_code_of_the_commands(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = build_study(adit.folder / "images")
    row = {"PatientID": study.patient_id, "StudyInstanceUID": study.uid}

    def allowed() -> None:
        return None

    def decide(purpose: Purpose, path: str, destination: str = "") -> None:
        def run(_: Browser) -> HandOver:
            return HandOver(purpose, adit.folder / path, destination, (row,))

        monkeypatch.setattr(browsing, "_check_terminal", allowed)
        monkeypatch.setattr(Browser, "run", run)

    decide(Purpose.UIDS, "")
    printed = adit.run("query", "images/", "--interactive")
    decide(Purpose.GET, "fetched")
    fetched = adit.run("query", "images/", "-i")
    decide(Purpose.TRANSFER, "marked.yaml", "delivered/")
    moved = adit.run("query", "images/", "-i")

    assert (printed.code, printed.out) == (0, f"{study.uid}\n")
    assert (fetched.code, moved.code) == (0, 0)
    assert len(list((adit.folder / "fetched").rglob("*.dcm"))) == 3
    assert len(list((adit.folder / "delivered").rglob("*.dcm"))) == 3


def test_without_textual_the_extra_is_named(adit: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(browsing, "find_spec", nothing)

    ended = adit.run("query", ".", "--interactive")

    assert ended.code == 2
    assert "adit-cli[tui]" in ended.err


def test_without_a_terminal_or_with_two_nodes_it_says_so(adit: CommandLine) -> None:
    assert "needs a terminal" in adit.run("query", ".", "--interactive").err
    assert "one node" in adit.run("query", ".", "./", "..", "--interactive").err

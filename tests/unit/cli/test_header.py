"""`adit header` of files, folders and nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from adit_cli.cli.wording import width
from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.finding import refusing
from tests.support.process import LOOPBACK
from tests.support.scripted import scripted_peer


def rows(text: str) -> dict[str, str]:
    return {line.split("\t")[2]: line.split("\t")[3] for line in text.splitlines()[1:]}


def test_a_file_is_shown_element_by_element(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("header", thorax.files[0])

    shown = rows(ended.out)
    assert (ended.code, shown["PatientID"], shown["Modality"]) == (0, "P1", "CT")
    assert "PixelData" not in shown


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_an_instance_of_a_node_is_named_by_its_uid_or_by_one_above_it(
    adit: CommandLine, thorax: BuiltStudy, level: str
) -> None:
    series = thorax.series[1]
    uid = {"study": thorax.uid, "series": series.uid, "instance": series.instance_uids[2]}[level]

    shown = rows(adit.run("header", "images/", uid).out)

    assert shown["StudyInstanceUID"] == thorax.uid
    assert level == "study" or shown["SeriesInstanceUID"] == series.uid
    assert level != "instance" or shown["SOPInstanceUID"] == uid


def test_a_table_fits_and_shows_items_and_private_elements(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code = Dataset()
    code.CodeMeaning = "Thorax"
    path = build_study(adit.folder / "images", ProcedureCodeSequence=Sequence([code])).files[0]
    ds = dcmread(path)
    block = ds.private_block(0x0009, "ACME", create=True)
    block.add_new(0x01, "LO", "a private text " * 4)
    block.add_new(0x02, "OB", bytes(40))
    ds.save_as(path)

    lines = adit.run("header", path, "-f", "table").out.splitlines()

    assert max(map(width, lines)) <= 80
    at = next(number for number, line in enumerate(lines) if "ProcedureCodeSequence" in line)
    assert [line.split()[-1] for line in lines[at : at + 3]] == ["item", "1", "Thorax"]
    assert ["LO", "[ACME]"] in [line.split()[1:3] for line in lines if line.startswith("(0009,1001)")]
    assert any("40 bytes: 00" in line for line in lines)


def test_json_is_the_dicom_json_model(adit: CommandLine, thorax: BuiltStudy) -> None:
    found = json.loads(adit.run("header", "images/", thorax.uid, "--format", "json").out)

    assert found["0020000D"] == {"vr": "UI", "Value": [thorax.uid]}
    assert "7FE00010" not in found


def test_nothing_of_a_fetched_instance_stays(
    adit: CommandLine, thorax: BuiltStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    assert adit.run("header", "images/", thorax.uid).code == 0
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["images/", "1.2.3.4"], 6, "finds no study, series or instance 1.2.3.4"),
        (["images/", "not-a-uid"], 2, "is not a DICOM UID"),
        (["images/"], 2, "which instance?"),
        (["images/notes.txt"], 2, "not a DICOM file"),
    ],
)
def test_what_is_not_there_is_named(
    adit: CommandLine, thorax: BuiltStudy, arguments: list[str], code: int, says: str
) -> None:
    (thorax.folder.parent / "notes.txt").write_text("no image")

    ended = adit.run("header", *arguments)

    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err


def test_a_node_that_lets_nobody_in_is_named(adit: CommandLine) -> None:
    with scripted_peer(refusing) as peer:
        ended = adit.run("header", f"PACS@{LOOPBACK}:{peer.port}", "1.2.3")

    assert (ended.code, ended.out) == (6, "")
    assert "PACS" in ended.err


def test_a_file_that_is_no_instance_is_a_mistake(adit: CommandLine) -> None:
    (adit.folder / "notes.txt").write_text("not an instance")

    ended = adit.run("header", "notes.txt")

    assert ended.code == 2
    assert "notes.txt is not a DICOM file" in ended.err


@pytest.mark.parametrize("name", ["gone.dcm", "images/gone", "./gone"])
def test_a_file_that_is_not_there_is_named(adit: CommandLine, name: str) -> None:
    ended = adit.run("header", name)

    assert ended.code == 2
    assert f"there is no file {name}" in ended.err

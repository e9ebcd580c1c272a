"""De-identification of real files: what leaves is valid, readable, the same each time, and names nobody."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from adit_cli.deid.files import deidentify_file
from adit_cli.errors import DataError, DeidError
from tests.support.builders import file_tree
from tests.support.corpus import CORPUS
from tests.support.deid import profile_of
from tests.support.orthanc import Orthanc
from tests.support.planter import Planted, plant
from tests.support.program import Adit, Ended
from tests.support.reading import read_dicom

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom has something to say of every odd file

ALL_OUT = """
adit: 1
name: all
source: {folder: a}
destinations: [{folder: b}]
key_file: KEY
deidentify: {modalities: {exclude: []}, burned_in: allow}
"""
UNREADABLE = {"UN_sequence.dcm", "badVR.dcm", "bad_sequence.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm"}
"""Files of which dciodvfy reads less, or whose unreadable parts do not survive."""


def dicom_files(*folders: str) -> Iterator[tuple[Path, FileDataset]]:
    for path in sorted(path for folder in folders for path in (CORPUS / folder).rglob("*")):
        if path.is_file() and "MANIFEST" not in path.name and "DICOMDIR" not in path.name:
            try:
                yield path, read_dicom(path)
            except (InvalidDicomError, OSError, ValueError, AttributeError, EOFError):
                continue


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted]:
    """The corpus with invented people in each file that pydicom can write again."""
    folder, words = tmp_path_factory.mktemp("planted"), Planted()
    for number, (_, data_set) in enumerate(dicom_files("studies", "odd", "broken")):
        try:
            mine = plant(data_set)
            data_set.preamble = b"Vogtmeyeroth".ljust(128)
            data_set.save_as(folder / f"Vogtmeyeroth-{number}.dcm", enforce_file_format=True)
        except (ValueError, AttributeError, KeyError, TypeError, NotImplementedError):
            (folder / f"Vogtmeyeroth-{number}.dcm").unlink(missing_ok=True)
            continue
        words.words |= mine.words
    return folder, words


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two keys, and a job that lets everything out."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("one", "two"):
        (folder / name).write_text(f"an invented key for tests, number {name}")
    (folder / "job.yaml").write_text(ALL_OUT.replace("KEY", str(folder / "one")))
    return folder


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> tuple[Path, Ended]:
    """The corpus, de-identified with everything let out."""
    root = tmp_path_factory.mktemp("cleaned")
    return root / "out", Adit(root / "adit")("deid", CORPUS, "-o", root / "out", "--job", keys / "job.yaml")


def named(ended: Ended) -> set[str]:
    """Return the files that a command named with a reason."""
    return {found[1] for found in re.finditer(r"^(.+?): [a-z-]+: ", ended.err, re.MULTILINE)}


@pytest.mark.parametrize("let_out", [False, True], ids=["by default", "all let out"])
def test_nothing_planted_is_found_and_each_file_that_stays_is_named(
    tmp_path: Path, planted: tuple[Path, Planted], keys: Path, *, let_out: bool
) -> None:
    folder, words = planted
    options = ["--job", keys / "job.yaml"] if let_out else ["--profile", "basic"]

    ended = Adit(tmp_path / "adit")("deid", folder, "-o", tmp_path / "out", *options)

    given = {str(path) for path in folder.iterdir()}
    left = file_tree(tmp_path / "out")
    everything = b"\n".join(name.encode() + b"\n" + data for name, data in left.items())
    summary = re.search(r"^(\d+) files .* in .*?, (\d+) files left out$", ended.err, re.MULTILINE)
    assert summary, ended.err
    assert int(summary[1]) + int(summary[2]) == len(given) > 100
    assert int(summary[2]) == len(named(ended) & given)
    assert words.found_in(everything) == []
    assert len(left) > 60


def test_orthanc_and_dcmtk_take_every_file_that_leaves(
    cleaned: tuple[Path, Ended], research_pacs: Orthanc
) -> None:
    out, ended = cleaned
    files = sorted(out.rglob("*.dcm"))

    refused: list[str] = []
    for path in files:
        if read_dicom(path).get("StudyInstanceUID"):  # no PACS can hold an image of no study
            research_pacs.upload([path])
        dumped = subprocess.run(["dcmdump", "-q", "+E", str(path)], check=False, capture_output=True)
        if dumped.returncode:
            refused.append(dumped.stderr.decode("latin_1"))

    assert len(files) > 100, ended.err
    assert refused == []


def test_dcm2niix_converts_what_it_converted_before(tmp_path: Path) -> None:
    studies = Adit(tmp_path / "adit")("deid", CORPUS / "studies", "-o", tmp_path / "out")

    before, after = (_converted(folder, tmp_path) for folder in (CORPUS / "studies", tmp_path / "out"))

    assert studies.code in {0, 3}
    assert before == after
    assert len(before) > 5


def _converted(folder: Path, scratch: Path) -> list[bytes]:
    """Return the voxels of the images that dcm2niix makes of a folder, in an order of their own.

    Without Siemens' private header it stacks slices from the other end. Overlays do not leave.
    """
    out = scratch / f"nifti-{folder.name}"
    out.mkdir()
    subprocess.run(["dcm2niix", "-b", "n", "-o", str(out), str(folder)], check=False, capture_output=True)
    return sorted(
        bytes(sorted(path.read_bytes()[352:])) for path in out.glob("*.nii") if "ROI" not in path.name
    )


def test_dciodvfy_finds_no_kind_of_error_that_it_did_not_find_before(tmp_path: Path) -> None:
    profile = profile_of(modalities={"exclude": ()}, burned_in="allow")
    new: dict[str, set[str]] = {}
    for path, _ in dicom_files("studies", "odd"):
        if path.name not in UNREADABLE:
            try:
                deidentify_file(path, tmp_path / "out.dcm", profile, "PSEUDO")
            except (DataError, DeidError):
                continue
            new[path.name] = _errors(tmp_path / "out.dcm") - _errors(path)

    assert len(new) > 90
    assert {name: errors for name, errors in new.items() if errors} == {}


def _errors(path: Path) -> set[str]:
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False)
    lines = (said.stdout + said.stderr).decode("latin_1").splitlines()
    values = re.compile(r"= <[^>]*> -|<[\d.]+>|(?<=UID )[\d.]+")
    return {values.sub("", line) for line in lines if line.startswith("Error")}


def test_the_same_key_gives_the_same_bytes_in_another_run(
    tmp_path: Path, cleaned: tuple[Path, Ended], keys: Path
) -> None:
    out, _ = cleaned

    Adit(tmp_path / "adit")("deid", CORPUS, "-o", tmp_path / "out", "--job", keys / "job.yaml")

    assert file_tree(tmp_path / "out") == file_tree(out)


def test_another_key_gives_no_identifier_in_common(tmp_path: Path, keys: Path) -> None:
    moved = ["--option", "retain-longitudinal-modified-dates"]
    made: list[dict[str, set[str]]] = []
    for name in ("one", "two"):
        out = tmp_path / name
        Adit(tmp_path / "adit")("deid", CORPUS / "studies", "-o", out, "--key-file", keys / name, *moved)
        made.append(_identifiers(out))

    one, two = made
    assert one.keys() == two.keys()
    assert {keyword: one[keyword] & two[keyword] for keyword in one if one[keyword] & two[keyword]} == {}
    assert len(one["SOPInstanceUID"]) > 50


def _identifiers(folder: Path) -> dict[str, set[str]]:
    keywords = ("PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID")
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.dcm"):
        data_set = read_dicom(path)
        for keyword in (*keywords, "SOPInstanceUID", "FrameOfReferenceUID", "StudyDate"):
            value = str(data_set.get(keyword, "") or "")
            found.setdefault(keyword, set()).update({value} - {""})
    return found

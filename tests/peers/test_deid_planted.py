"""Invented people, planted where archives have real ones: none is found in anything that leaves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydicom.uid import UID

from tests.support.builders import file_tree
from tests.support.orthanc import Orthanc
from tests.support.packing import pack
from tests.support.planter import Planted, plant
from tests.support.program import KEY, Adit, write_job
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers

LEAVE = ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "rtplan.dcm")
STAY = ("reportsi.dcm", "examples_palette.dcm", "JPEG2000.dcm")
"""A report, an ultrasound image, and one of a secondary kind."""
MORE = f'key: "{KEY}"\npseudonyms: {{from: key}}\nrun: {{workers: 2, attempts: 1}}'


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, Planted]:
    """A folder of files about invented people, who are in its names too, and what must not be found."""
    folder, words = tmp_path / "Vogtmeyeroth^Xylandrine", Planted()
    folder.mkdir()
    for number, name in enumerate((*LEAVE, *STAY)):
        data_set = read_dicom(pydicom_file(name))
        words.words |= plant(data_set).words
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID(
            f"1.2.276.999.{number}.1"
        )
        data_set.StudyInstanceUID = f"1.2.276.999.{number}.2"
        data_set.SeriesInstanceUID = f"1.2.276.999.{number}.3"
        data_set.preamble = b"Vogtmeyeroth".ljust(128)
        data_set.file_meta.SourceApplicationEntityTitle = "QXAETITLE"
        data_set.save_as(folder / f"PX88123407-{number}.dcm", enforce_file_format=True)
    words.words.add(b"QXAETITLE")
    return folder, words


def found(planted: Planted, tree: dict[str, bytes]) -> list[bytes]:
    """Return what was planted and is there, original UIDs included."""
    everything = b"\n".join(name.encode() + b"\n" + data for name, data in tree.items())
    return [*planted.found_in(everything), *([b"an original UID"] if b"1.2.276.999." in everything else [])]


def test_nothing_planted_leaves_by_transfer_and_what_stays_is_named(
    tmp_path: Path, planted: tuple[Path, Planted], pacs: Orthanc, research_pacs: Orthanc
) -> None:
    folder, words = planted
    pacs.upload(sorted(folder.iterdir()))
    uids = "{uids: [" + ", ".join(pacs.studies()) + "]}"
    places = [research_pacs.address, str(tmp_path / "out")]
    job = write_job(tmp_path / "job.yaml", pacs.address, places, uids, MORE)
    adit = Adit(tmp_path / "adit")

    ended = adit("-vv", "transfer", job, "--progress", "json")
    said = [ended.out, ended.err]
    said += [adit(*words).out for words in (("status", job), ("status", job, "--failed"), ("jobs",))]

    assert found(words, file_tree(folder)), "nothing was planted"
    assert ended.code == 3, ended.err
    assert found(words, file_tree(tmp_path / "out")) == []
    assert found(words, research_pacs.files()) == []
    assert len(research_pacs.files()) == len(file_tree(tmp_path / "out")) == len(LEAVE)
    assert words.found_in("\n".join(said).encode()) == []
    named = adit("status", job, "--failed").out.splitlines()
    for number in range(len(LEAVE), len(LEAVE) + len(STAY)):
        (line,) = [line for line in named if f"1.2.276.999.{number}.2" in line]
        assert "deid-blocked" in line


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_nothing_planted_leaves_by_deid_and_each_file_that_stays_is_named(
    tmp_path: Path, planted: tuple[Path, Planted], pacs: Orthanc, *, packed: bool
) -> None:
    folder, words = planted
    given = pack(tmp_path / "disc.zip", file_tree(folder)) if packed else folder
    adit = Adit(tmp_path / "adit")

    ended = adit("deid", given, "-o", tmp_path / "out", "--layout", "tree")
    plain = adit("deid", given, "-o", tmp_path / "plain", "--profile", "basic")

    assert (ended.code, plain.code) == (3, 3)
    for out in (tmp_path / "out", tmp_path / "plain"):
        assert found(words, file_tree(out)) == []
        assert len(file_tree(out)) == len(LEAVE)
    assert words.found_in((ended.out + plain.out).encode()) == []
    for number in range(len(LEAVE), len(LEAVE) + len(STAY)):
        name = f"{given}, file {number + 1}" if packed else f"PX88123407-{number}.dcm"
        assert f"{name}: deid-blocked: " in ended.err
    for path in sorted((tmp_path / "out").rglob("*.dcm")):
        pacs.upload([path])
        subprocess.run(["dcmdump", "-q", str(path)], check=True, capture_output=True)

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.parts import DEFLATED
from adit_cli.deid.profile import compile_profile
from adit_cli.dicom.files import read_file_meta
from tests.support.deid import KEY, ct_data_set, profile_of, saved, spec_of
from tests.support.planter import Planted, plant
from tests.support.reading import pydicom_file, read_dicom

FILES = [
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "image_dfl.dcm",
    "JPEG2000.dcm",
    "rtdose_1frame.dcm",
    "rtplan.dcm",
    "liver_1frame.dcm",
    "waveform_ecg.dcm",
    "examples_palette.dcm",
]
SETTINGS: dict[str, dict[str, object]] = {
    "basic": {},
    "unverified": {"verify": False},
    "cleaned": {
        "options": [
            "clean-descriptors",
            "clean-graphics",
            "clean-structured-content",
            "retain-safe-private",
            "retain-longitudinal-modified-dates",
        ],
        "verify": False,
    },
}
LET_OUT: dict[str, object] = {"modalities": {"exclude": ()}, "burned_in": "allow"}


def _planted_file(name: str, folder: Path) -> tuple[Path, Planted]:
    data_set = read_dicom(pydicom_file(name))
    planted = plant(data_set)
    data_set.preamble = b"Vogtmeyeroth".ljust(128)
    data_set.file_meta.SourceApplicationEntityTitle = "QXAETITLE"
    planted.words.add(b"QXAETITLE")
    return saved(data_set, folder / "in.dcm"), planted


def _everything(path: Path) -> bytes:
    meta, data = read_file_meta(path), path.read_bytes()
    if meta.transfer_syntax_uid == DEFLATED:
        return data + zlib.decompress(data[meta.dataset_offset :], -zlib.MAX_WBITS)
    return data


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("name", FILES)
def test_nothing_that_was_planted_is_found_in_what_leaves(
    name: str, settings: dict[str, object], tmp_path: Path
) -> None:
    path, planted = _planted_file(name, tmp_path)
    assert len(planted.found_in(_everything(path))) > 100

    deidentify_file(path, tmp_path / "out.dcm", profile_of(**settings, **LET_OUT), "PSEUDO")

    assert planted.found_in(_everything(tmp_path / "out.dcm")) == []


def test_the_same_key_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    path = saved(ct_data_set(), tmp_path / "in.dcm")
    program = (
        "import sys; from pathlib import Path; from adit_cli.deid.files import deidentify_file;"
        "from adit_cli.deid.profile import compile_profile; from adit_cli.deid.spec import DeidSpec;"
        f"profile = compile_profile(DeidSpec(), {KEY!r});"
        "deidentify_file(Path(sys.argv[1]), Path(sys.argv[2]), profile, 'PSEUDO')"
    )

    subprocess.run([sys.executable, "-c", program, str(path), str(tmp_path / "there.dcm")], check=True)
    deidentify_file(path, tmp_path / "here.dcm", profile_of(), "PSEUDO")

    assert (tmp_path / "here.dcm").read_bytes() == (tmp_path / "there.dcm").read_bytes()


def test_another_key_gives_no_value_in_common(tmp_path: Path) -> None:
    path = saved(ct_data_set(AccessionNumber="A1", StudyID="S1"), tmp_path / "in.dcm")
    options = ["retain-longitudinal-modified-dates"]
    values: list[set[str]] = []
    for number, key in enumerate((KEY, b"another project's secret of 32 b")):
        target = tmp_path / f"{number}.dcm"
        spec = spec_of(options=options, dates={"shift_days": "1..36500"})
        deidentify_file(path, target, compile_profile(spec, key), f"PSEUDO{number}")
        left = read_dicom(target)
        values.append(
            {str(left[tag].value) for tag in (0x00080018, 0x0020000D, 0x0020000E, 0x00080020, 0x00080050)}
        )

    assert not values[0] & values[1]

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.whole import require_whole
from adit_cli.errors import DataError

Cut = Callable[[str, int], Path]
NATIVE, IMPLICIT, FRAGMENTS = "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm"


def of_pydicom(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return Path(found)


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    def make(name: str, missing: int) -> Path:
        path = tmp_path / name
        path.write_bytes(of_pydicom(name).read_bytes()[:-missing])
        return path

    return make


@pytest.mark.parametrize("name", [NATIVE, IMPLICIT, FRAGMENTS, "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_whole_file_is_taken(name: str) -> None:
    path = of_pydicom(name)

    require_whole(path, read_file_meta(path))


@pytest.mark.parametrize("name", [NATIVE, IMPLICIT, FRAGMENTS])
@pytest.mark.parametrize("missing", [200, 1000])
def test_file_that_is_cut_in_its_pixel_data_is_told(cut: Cut, name: str, missing: int) -> None:
    path = cut(name, missing)

    with pytest.raises(DataError, match="ends inside"):
        require_whole(path, read_file_meta(path))


def test_fragments_without_their_end_are_told(cut: Cut) -> None:
    path = cut(FRAGMENTS, 8)

    with pytest.raises(DataError, match="ends inside"):
        require_whole(path, read_file_meta(path))

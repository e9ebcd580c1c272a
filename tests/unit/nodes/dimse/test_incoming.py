from pathlib import Path

import pytest

from adit_cli.errors import DiskFullError, UsageError
from adit_cli.nodes.dimse.incoming import IncomingFile, is_valid_uid
from tests.support.disk import at_most


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_parts_are_written_in_order_behind_the_header(tmp_path: Path) -> None:
    file = IncomingFile(tmp_path / ".a.part", b"head")
    for number in range(2000):
        file.take(memoryview(b"%d," % number))
    file.flush()
    file.commit(tmp_path / "a.dcm", sync=True)

    assert (tmp_path / "a.dcm").read_bytes() == b"head" + b"".join(b"%d," % number for number in range(2000))
    assert [path.name for path in tmp_path.iterdir()] == ["a.dcm"]
    assert file.size == (tmp_path / "a.dcm").stat().st_size


def test_write_that_ends_early_on_a_full_disk_is_an_error_and_never_a_short_file(tmp_path: Path) -> None:
    file = IncomingFile(tmp_path / ".a.part", b"head")
    file.take(memoryview(bytes(300_000)))

    with at_most(200_000), pytest.raises(DiskFullError):
        file.flush()

    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_files_are_closed_when_kept_and_when_discarded(tmp_path: Path) -> None:
    before = open_files()
    for number in range(5):
        IncomingFile(tmp_path / f"{number}.part", b"").commit(tmp_path / f"{number}.dcm")
        IncomingFile(tmp_path / f"{number}.part", b"").discard()

    assert open_files() == before


def test_final_place_that_is_gone_leaves_nothing_half_written_and_is_not_named(tmp_path: Path) -> None:
    """Its folders may be called as a patient is."""
    file = IncomingFile(tmp_path / ".a.part", b"head")

    with pytest.raises(UsageError) as caught:
        file.commit(tmp_path / "DOE" / "a.dcm")

    assert "DOE" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008", "0.1", "2.25." + "9" * 39])
def test_uids_may_be_file_names(uid: str) -> None:
    assert is_valid_uid(uid)


@pytest.mark.parametrize("uid", ["", ".", "..", "1.", ".1", "1..2", "1/2", "1\0", "1 ", "a", "1" * 65, "1\n"])
def test_everything_else_may_not(uid: str) -> None:
    assert not is_valid_uid(uid)

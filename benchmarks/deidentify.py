"""De-identify the files of a folder one after another and print the seconds that one took.

`python -m benchmarks.deidentify adit|dicognito FOLDER WORK`; with `adit-added` or `dicognito-added`, the
seconds of CPU that it takes beyond reading the file and writing it as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.parts import read_parts
from adit_cli.deid.profile import compile_profile
from adit_cli.deid.spec import DeidSpec
from adit_cli.deid.transplant import write_parts
from adit_cli.dicom.elements import encode
from adit_cli.dicom.files import part10_header

ROUNDS = 5


def with_adit(files: list[Path], out: Path) -> None:
    """Change files as a job does, by the Basic Profile with all its checks."""
    profile = compile_profile(DeidSpec(), b"an invented key that only benchmarks have")
    for file in files:
        deidentify_file(file, out / file.name, profile, "PSEUDONYM")


def with_dicognito(files: list[Path], out: Path) -> None:
    """Change files as dicognito's users do."""
    from dicognito.anonymizer import Anonymizer  # noqa: PLC0415  # only this contender may pay for it
    from pydicom import dcmread  # noqa: PLC0415  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial

    anonymizer = Anonymizer(seed="benchmark")
    for file in files:
        ds = dcmread(file)
        anonymizer.anonymize(ds)  # pyright: ignore[reportUnknownMemberType]  # dicognito has no types
        ds.save_as(out / file.name)


def as_adit_copies(files: list[Path], out: Path) -> None:
    """Read each header and write it as it is, the pixel data behind it."""
    for file in files:
        parts = read_parts(file)
        header = part10_header("1.2.3", "1.2.4", parts.transfer_syntax_uid)
        write_parts(file, out / file.name, (header, encode(parts.elements, parts.encoding)), parts)


def as_pydicom_copies(files: list[Path], out: Path) -> None:
    """Read each file with pydicom and write it as it is."""
    from pydicom import dcmread  # noqa: PLC0415  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial

    for file in files:
        dcmread(file).save_as(out / file.name)


Program = Callable[[list[Path], Path], None]
PROGRAMS: dict[str, tuple[Program, Program]] = {
    "adit": (with_adit, as_adit_copies),
    "dicognito": (with_dicognito, as_pydicom_copies),
}


def cpu(run: Program, files: list[Path], out: Path) -> float:
    """Return the seconds of CPU a file, the least of some rounds."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        run(files, out)
        taken.append((time.process_time() - begun) / len(files))
    return min(taken)


def main(which: str, folder: Path, work: Path) -> None:
    """Warm up with one file, then take the time of all."""
    name, _, added = which.partition("-")
    run, copy = PROGRAMS[name]
    files, out = sorted(folder.rglob("*.dcm")), work / which
    out.mkdir(parents=True, exist_ok=True)
    run(files[:1], out)
    if added:
        print(cpu(run, files, out) - cpu(copy, files, out))
        return
    begun = time.perf_counter()
    run(files, out)
    print((time.perf_counter() - begun) / len(files))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

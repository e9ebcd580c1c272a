"""De-identify the files of a folder one after another and print the seconds that one took.

`python -m benchmarks.deidentify adit|dicognito FOLDER WORK`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.profile import compile_profile
from adit_cli.deid.spec import DeidSpec


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


def main(which: str, folder: Path, work: Path) -> None:
    """Warm up with one file, then take the time of all."""
    run = {"adit": with_adit, "dicognito": with_dicognito}[which]
    files, out = sorted(folder.rglob("*.dcm")), work / which
    out.mkdir(parents=True, exist_ok=True)
    run(files[:1], out)
    begun = time.perf_counter()
    run(files, out)
    print((time.perf_counter() - begun) / len(files))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

"""The folder of real files that `ADIT_TEST_CORPUS` names, and what its manifest says of them."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection
from pathlib import Path

from adit_cli.nodes.scan import says_dicom

CORPUS = Path(os.environ.get("ADIT_TEST_CORPUS", ".")).resolve()


def read_manifest() -> list[dict[str, str]]:
    """Return a row for each file of the corpus."""
    with (CORPUS / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def silently_left_out(arrived: Collection[str], said: str) -> list[str]:
    """Return the images that neither arrived nor were named, as paths in the corpus."""
    silent = [
        row["path"]
        for row in read_manifest()
        if row["sop_uid"] not in arrived and says_dicom(CORPUS / row["path"]) and row["path"] not in said
    ]
    return [path for path in silent if not Path(path).name.startswith("DICOMDIR")]

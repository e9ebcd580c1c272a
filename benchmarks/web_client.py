"""What a user would write with dicomweb-client: fetch a study and save its instances.

`python -m benchmarks.web_client URL STUDY_UID FOLDER`
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset


def main(url: str, study_uid: str, folder: str) -> None:
    """Save each instance as it comes."""
    iter_study = cast("Callable[[str], Iterator[Dataset]]", DICOMwebClient(url).iter_study)  # pyright: ignore[reportUnknownMemberType]  # its types are partial
    for ds in iter_study(study_uid):
        ds.save_as(Path(folder) / f"{ds.SOPInstanceUID}.dcm", enforce_file_format=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

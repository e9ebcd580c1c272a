"""What a user would write today: pynetdicom C-GET, dicognito, pynetdicom C-STORE, one after another.

`python -m benchmarks.naive SOURCE_PORT SOURCE_AET STUDY_UID DEST_PORT DEST_AET`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import cast

from dicognito.anonymizer import Anonymizer
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
LOOPBACK = "127.0.0.1"


def fetch(port: int, ae_title: str, study_uid: str) -> list[Dataset]:
    """Return a study's data sets."""
    received: list[Dataset] = []

    def on_store(event: Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        received.append(ds)
        return 0x0000

    ae = AE()
    for uid in (STUDY_ROOT_GET, CTImageStorage, MRImageStorage):
        ae.add_requested_context(uid)
    roles = [build_role(uid, scp_role=True) for uid in (CTImageStorage, MRImageStorage)]
    handlers = [(evt.EVT_C_STORE, on_store)]
    associate = cast("Callable[..., Association]", ae.associate)  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
    association = associate(LOOPBACK, port, ae_title=ae_title, ext_neg=roles, evt_handlers=handlers)
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study_uid
    for _ in association.send_c_get(identifier, STUDY_ROOT_GET):
        pass
    association.release()
    return received


def store(datasets: list[Dataset], port: int, ae_title: str) -> int:
    """Send data sets and return how many were not accepted."""
    ae = AE()
    ae.requested_contexts = StoragePresentationContexts
    association = ae.associate(LOOPBACK, port, ae_title=ae_title)  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
    failed = sum(association.send_c_store(ds).Status != 0 for ds in datasets)
    association.release()
    return failed


def main(arguments: list[str]) -> int:
    """Fetch, change and send one study."""
    source_port, source_aet, study_uid, target_port, target_aet = arguments
    datasets = fetch(int(source_port), source_aet, study_uid)
    anonymizer = Anonymizer(seed="benchmark")
    for ds in datasets:
        anonymizer.anonymize(ds)  # pyright: ignore[reportUnknownMemberType]  # dicognito has no types
    failed = store(datasets, int(target_port), target_aet)
    print(f"{len(datasets)} instances, {failed} failed")
    return 1 if failed or not datasets else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

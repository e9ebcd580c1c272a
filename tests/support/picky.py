"""A peer that takes one transfer syntax only, and what is sent to it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pynetdicom import AE, evt

from adit_cli.dicom.files import read_file_meta
from adit_cli.jobfile.node import DimsePeer, Limits, ServerNode
from adit_cli.nodes import open_destination
from adit_cli.nodes.base import Delivered, Ready
from tests.support.peers import LOOPBACK, PynetdicomPeer, serving
from tests.support.reading import read_dicom


def ready(path: Path) -> Ready:
    """Return a file as one that may leave."""
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


def sent_as_the_same_image(path: Path, accepted: str) -> tuple[FileDataset, FileDataset]:
    """Send an image that has to be transcoded; return it as it was and as it came, with the same pixels."""
    told, received = send([path], accepted, transcode="allow")

    assert told[0].accepted, told[0].message
    sent = read_dicom(path)
    came = read_dicom(received[str(sent.SOPInstanceUID)])
    assert came.file_meta.TransferSyntaxUID == accepted
    assert np.array_equal(came.pixel_array, sent.pixel_array)
    return sent, came


def send(files: list[Path], accepted: str, **spec: str) -> tuple[list[Delivered], dict[str, bytes]]:
    """Send files to a peer that takes their SOP classes in one transfer syntax only."""
    ae = AE(ae_title="PEER")
    for path in files:
        ae.add_supported_context(read_file_meta(path).sop_class_uid, accepted)
    peer = PynetdicomPeer("PEER", 0)
    with serving(ae, [(evt.EVT_C_STORE, peer.keep)]) as port:
        node = ServerNode.model_validate(
            {"dimse": DimsePeer(ae_title="PEER", host=LOOPBACK, port=port), "limits": Limits(), **spec}
        )
        with closing(open_destination("pacs", node, "ADIT")) as destination:
            told = list(destination.begin("key").add([ready(path) for path in files]))
    return told, peer.received

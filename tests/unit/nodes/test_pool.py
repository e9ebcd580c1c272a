from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adit_cli.errors import NodeError
from adit_cli.jobfile.node import FolderNode, ServerNode
from adit_cli.nodes import NodePool, open_destination, open_source
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.nodes.folder import FolderDestination, FolderSource

SERVER = ServerNode.model_validate({"dimse": "PACS@localhost:104"})


def test_each_kind_of_node_opens_as_source_and_destination(tmp_path: Path) -> None:
    folder = FolderNode(folder=tmp_path)

    assert isinstance(open_source("in", folder, "ADIT"), FolderSource)
    assert isinstance(open_destination("out", folder, "ADIT"), FolderDestination)
    assert isinstance(open_source("pacs", SERVER, "ADIT"), DimseSource)
    assert isinstance(open_destination("pacs", SERVER, "ADIT"), DimseDestination)


def test_a_server_without_an_address_cannot_be_opened() -> None:
    nowhere = SERVER.model_copy(update={"dimse": None, "dicomweb": None})

    with pytest.raises(NodeError, match="no address"):
        open_source("pacs", nowhere, "ADIT")
    with pytest.raises(NodeError, match="no address"):
        open_destination("pacs", nowhere, "ADIT")


def test_nodes_are_opened_once_and_closed_together(tmp_path: Path) -> None:
    with NodePool({"in": FolderNode(folder=tmp_path), "pacs": SERVER}, "ADIT") as pool:
        first = pool.source("in"), pool.destination("pacs")
        again = pool.source("in"), pool.destination("pacs")

    assert first == again
    assert pool.source("in") is not first[0]


def test_a_job_between_folders_loads_no_network_library() -> None:
    program = (
        "import sys, adit_cli.tasks.plan, adit_cli.tasks.transfer, adit_cli.nodes.folder\n"
        "sys.exit('pynetdicom' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

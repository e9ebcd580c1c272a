"""The part of the config that commands on single nodes need: it loads in half the time of the whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from adit_cli.jobfile.addressing import CALLING_AE_TITLE
from adit_cli.jobfile.node import AnyNode
from adit_cli.jobfile.read import Values, read
from adit_cli.jobfile.receiver import ReceiverSpec
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.values import AeTitle, Name, Reading, folder_of


class NodesPart(Strict):
    """What a config says of nodes."""

    nodes: dict[Name, AnyNode] = Field(
        default={}, description="Servers and folders that every job and command knows by name."
    )
    calling_ae_title: AeTitle = Field(
        default=CALLING_AE_TITLE, description="How we call ourselves to servers.", examples=["ADIT"]
    )
    receiver: ReceiverSpec = Field(
        default=ReceiverSpec(), description="Our storage server, which C-MOVE and `adit receive` need."
    )


class NodesFile(NodesPart):
    """A config of which the defaults of jobs are not looked at."""

    defaults: object = None


def load_nodes(path: Path) -> NodesFile:
    """Return the nodes of the config in this file; JobFileError with all that is wrong with them."""
    return read(path, NodesFile, Values({}), Reading(folder_of(path))).checked()

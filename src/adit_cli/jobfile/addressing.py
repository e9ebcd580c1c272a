"""What a command line names: the config to read, and nodes by name or by address.

Apart from the config's own models, which take as long to load as all else that looking up a node needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import platformdirs
from pydantic import ValidationError

from adit_cli.errors import UsageError
from adit_cli.jobfile.dicomweb import HTTP_URL
from adit_cli.jobfile.node import SHORT_DIMSE, FolderNode, NodeSpec, ServerNode, label
from adit_cli.jobfile.problems import did_you_mean
from adit_cli.jobfile.receiver import ReceiverSpec

VARIABLE = "ADIT_CONFIG"
LOCAL = "adit.yaml"
CALLING_AE_TITLE = "ADIT"


class Known(Protocol):
    """The part of a config that commands on single nodes need."""

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """Nodes by name."""
        ...

    @property
    def calling_ae_title(self) -> str:
        """How we call ourselves."""
        ...

    @property
    def receiver(self) -> ReceiverSpec:
        """How we receive."""
        ...


class NothingKnown:
    """What is known where there is no config."""

    nodes: Mapping[str, NodeSpec] = {}
    calling_ae_title = CALLING_AE_TITLE
    receiver = ReceiverSpec()


def find_config(explicit: Path | None = None, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the config to read: the one named, `$ADIT_CONFIG`, `./adit.yaml`, then the platform's folder.

    One that is named must exist; of the others, None means that there is none.
    """
    named = explicit or (environment if environment is not None else os.environ).get(VARIABLE)
    if named:
        return Path(named).expanduser()
    usual = (Path(LOCAL), Path(platformdirs.user_config_dir("adit", appauthor=False)) / "config.yaml")
    return next((path for path in usual if path.is_file()), None)


def parse_node(text: str, config: Known) -> tuple[str, NodeSpec]:
    """Return the node that a command line names: by name, AE_TITLE@host:port, URL or folder."""
    if text in config.nodes:
        return text, config.nodes[text]
    if SHORT_DIMSE.fullmatch(text):
        return _server("dimse", text, hint="AE_TITLE@host:port, for example PACS@pacs.example.org:104")
    if HTTP_URL.match(text):
        return _server("dicomweb", text, hint="https://host/dicom-web, for example")
    if _is_path(text):
        folder = FolderNode.model_validate({"folder": text})
        return label(folder), folder
    if Path(text).exists():
        raise UsageError(
            f"no node is called {text}, but there is a file of this name",
            hint=f"to take the file for a node, give its path: .{os.sep}{text}",
        )
    close = did_you_mean(text, config.nodes)
    known = f"known are {', '.join(config.nodes)}" if config.nodes else "the config has no nodes"
    raise UsageError(
        f"no node is called {text}{close}: {known}",
        hint="give a name from the config, AE_TITLE@host:port, a URL, or a folder such as ./images",
    )


def _is_path(text: str) -> bool:
    """Return whether a folder, a DICOMDIR or an archive is meant; a mere file name may be a misspelt node."""
    there = Path(text).is_dir() or (os.sep in text and Path(text).exists())
    return there or text.endswith(("/", os.sep)) or text.startswith((".", "~", "/"))


def limited_as(name: str, spec: ServerNode, config: Known) -> ServerNode | None:
    """Return the config's node whose limits hold for a server, also for one that was typed as an address."""
    known = config.nodes.get(name)
    if isinstance(known, ServerNode):
        return known
    servers = (node for node in config.nodes.values() if isinstance(node, ServerNode))
    return next((node for node in servers if _is_same(node, spec)), None)


def _is_same(one: ServerNode, other: ServerNode) -> bool:
    if one.dimse and other.dimse:
        return label(one).casefold() == label(other).casefold()
    return bool(one.dicomweb and other.dicomweb and one.dicomweb.url == other.dicomweb.url)


def _server(key: str, text: str, *, hint: str) -> tuple[str, NodeSpec]:
    try:
        server = ServerNode.model_validate({key: text})
    except ValidationError as error:
        # The text itself isn't repeated: a password may be in a URL.
        why = "; ".join(str(one.get("ctx", {}).get("error", one["msg"])) for one in error.errors())
        what = "URL" if key == "dicomweb" else "address"
        raise UsageError(f"the {what} cannot be used: {why}", hint=hint) from None
    return label(server), server

"""The user's config: the nodes of this machine and what jobs take for granted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import Field, ValidationError

from adit_cli.deid.spec import DeidSpec
from adit_cli.errors import UsageError
from adit_cli.jobfile.dicomweb import HTTP_URL
from adit_cli.jobfile.job import Run
from adit_cli.jobfile.node import SHORT_DIMSE, AnyNode, FolderNode, NodeSpec, ServerNode, Strict, label
from adit_cli.jobfile.problems import did_you_mean
from adit_cli.jobfile.read import Values, read
from adit_cli.jobfile.values import AeTitle, Name, Reading

VARIABLE = "ADIT_CONFIG"
LOCAL = "adit.yaml"


class Defaults(Strict):
    """What holds for every job that does not say otherwise."""

    run: Run = Field(default=Run(), description="How jobs are run; a job's own keys win, one by one.")
    deidentify: DeidSpec | None = Field(
        default=None, description="The rules of every job that has no deidentify block of its own."
    )


class ConfigFile(Strict):
    """The config as it is written."""

    nodes: dict[Name, AnyNode] = Field(
        default={}, description="Servers and folders that every job and command knows by name."
    )
    calling_ae_title: AeTitle = Field(
        default="ADIT", description="How we call ourselves to servers.", examples=["ADIT"]
    )
    defaults: Defaults = Field(
        default=Defaults(), description="What holds for jobs that don't say otherwise."
    )


class Config(ConfigFile):
    """The config as it is used; a missing one is an empty one."""

    path: Path | None = None
    used: frozenset[str] = frozenset()
    """The variables that the file uses."""


def find_config(explicit: Path | None = None, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the config to read: the one named, `$ADIT_CONFIG`, `./adit.yaml`, then the platform's folder.

    One that is named must exist; of the others, None means that there is none.
    """
    named = explicit or (environment if environment is not None else os.environ).get(VARIABLE)
    if named:
        return Path(named).expanduser()
    usual = (Path(LOCAL), Path(platformdirs.user_config_dir("adit", appauthor=False)) / "config.yaml")
    return next((path for path in usual if path.is_file()), None)


def load_config(
    path: Path | None,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Return the config in this file; an empty one without a path."""
    if path is None:
        return Config()
    at = Reading(path.absolute().parent)
    written = read(path, ConfigFile, Values(variables or {}, environment), at)
    model = written.checked()
    fields = {name: getattr(model, name) for name in model.model_fields_set}
    config = Config.model_validate({**fields, "path": path, "used": written.used})
    deid = anchored(config.defaults.deidentify, at.folder)
    return config.model_copy(update={"defaults": config.defaults.model_copy(update={"deidentify": deid})})


def anchored(deid: DeidSpec | None, folder: Path) -> DeidSpec | None:
    """Return the rules with their files looked for in this folder."""
    return deid if deid is None or deid.profile == "none" else deid.relative_to(folder)


def parse_node(text: str, config: Config) -> tuple[str, NodeSpec]:
    """Return the node that a command line names: by name, AE_TITLE@host:port, URL or folder."""
    if text in config.nodes:
        return text, config.nodes[text]
    if SHORT_DIMSE.fullmatch(text):
        return _server("dimse", text, hint="AE_TITLE@host:port, for example PACS@pacs.example.org:104")
    if HTTP_URL.match(text):
        return _server("dicomweb", text, hint="https://host/dicom-web, for example")
    if Path(text).is_dir() or text.endswith(("/", os.sep)) or text.startswith((".", "~", "/")):
        folder = FolderNode.model_validate({"folder": text})
        return label(folder), folder
    close = did_you_mean(text, config.nodes)
    known = f"known are {', '.join(config.nodes)}" if config.nodes else "the config has no nodes"
    raise UsageError(
        f"no node is called {text}{close}: {known}",
        hint="give a name from the config, AE_TITLE@host:port, a URL, or a folder such as ./images",
    )


def _server(key: str, text: str, *, hint: str) -> tuple[str, NodeSpec]:
    try:
        server = ServerNode.model_validate({key: text})
    except ValidationError as error:
        # The text itself isn't repeated: a password may be in a URL.
        why = "; ".join(str(one.get("ctx", {}).get("error", one["msg"])) for one in error.errors())
        what = "URL" if key == "dicomweb" else "address"
        raise UsageError(f"the {what} cannot be used: {why}", hint=hint) from None
    return label(server), server

"""The user's config: the nodes of this machine and what jobs take for granted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from adit_cli.deid.spec import DeidSpec
from adit_cli.jobfile.job import Run
from adit_cli.jobfile.known import NodesPart
from adit_cli.jobfile.read import Values, read
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.values import Reading, folder_of


class Defaults(Strict):
    """What holds for every job that does not say otherwise."""

    run: Run = Field(default=Run(), description="How jobs are run; a job's own keys win, one by one.")
    deidentify: DeidSpec | None = Field(
        default=None, description="The rules of every job that has no deidentify block of its own."
    )


class ConfigFile(NodesPart):
    """The config as it is written."""

    defaults: Defaults = Field(
        default=Defaults(), description="What holds for jobs that don't say otherwise."
    )


class Config(ConfigFile):
    """The config as it is used; a missing one is an empty one."""

    path: Path | None = None
    used: frozenset[str] = frozenset()
    """The variables that the file uses."""


def load_config(
    path: Path | None,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Return the config in this file; an empty one without a path."""
    if path is None:
        return Config()
    at = Reading(folder_of(path))
    written = read(path, ConfigFile, Values(variables or {}, environment), at)
    model = written.checked()
    fields = {name: getattr(model, name) for name in model.model_fields_set}
    config = Config.model_validate({**fields, "path": path, "used": written.used})
    deid = anchored(config.defaults.deidentify, at.folder)
    return config.model_copy(update={"defaults": config.defaults.model_copy(update={"deidentify": deid})})


def anchored(deid: DeidSpec | None, folder: Path) -> DeidSpec | None:
    """Return the rules with their files looked for in this folder."""
    return deid if deid is None or deid.profile == "none" else deid.relative_to(folder)

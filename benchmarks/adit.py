"""Our own program as a contender: whole processes, each with a state folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Sample
from benchmarks.processes import ADIT, emptied, timed

KEY = "an invented key that only benchmarks have"


def adit(folder: Path, *arguments: str | Path) -> Sample:
    """Run `adit` with fresh state."""
    state = emptied(folder / "state")
    return timed([ADIT, *arguments], folder / "adit.log", env={"ADIT_STATE_DIR": str(state), "ADIT_KEY": KEY})


def python(folder: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Sample:
    """Run Python with our environment."""
    return timed([sys.executable, *arguments], folder / "python.log", env=env)


def write_config(folder: Path, nodes: Mapping[str, tuple[str, int]]) -> Path:
    """Write a config of DIMSE nodes: name → (address, associations)."""
    path = folder / "adit.yaml"
    path.write_text("nodes:\n" + "".join(_node(name, *node) for name, node in nodes.items()))
    return path


def write_job(
    folder: Path,
    nodes: Mapping[str, tuple[str, int]],
    study_uids: Sequence[str],
    *,
    workers: int = 1,
    pseudonyms: bool = True,
) -> Path:
    """Write a job from the node `source` to the node `target`."""
    path = folder / "job.yaml"
    path.write_text(
        "adit: 1\nname: benchmark\nnodes:\n"
        + "".join(_node(name, *node) for name, node in nodes.items())
        + "source: source\ndestinations: [target]\n"
        + "select: {studies: {uids: ["
        + ", ".join(study_uids)
        + "]}}\n"
        + (f'key: "{KEY}"\npseudonyms: {{from: key}}\n' if pseudonyms else "")
        + f"run: {{workers: {workers}}}\n"
    )
    return path


def _node(name: str, address: str, associations: int) -> str:
    if "@" not in address:
        return f"  {name}: {{folder: {address}}}\n"
    return f"  {name}: {{dimse: {address}, limits: {{associations: {associations}}}}}\n"

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adit_cli.errors import JobFileError
from adit_cli.jobfile.addressing import limited_as, parse_node
from adit_cli.jobfile.config import load_config
from adit_cli.jobfile.known import load_nodes
from adit_cli.jobfile.node import ServerNode

TEXT = """
calling_ae_title: NIGHT
receiver: {port: 11113}
nodes:
  pacs: {dimse: PACS@pacs:104}
  out: {folder: out}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "adit.yaml"


def test_the_nodes_of_a_config_are_those_of_the_whole_config(path: Path) -> None:
    path.write_text(TEXT + "defaults: {run: {workers: 3}}\n")

    whole, part = load_config(path), load_nodes(path)

    assert part.nodes == whole.nodes
    assert (part.calling_ae_title, part.receiver) == (whole.calling_ae_title, whole.receiver)


def test_what_is_wrong_with_the_defaults_of_jobs_keeps_no_node_away(path: Path) -> None:
    path.write_text(TEXT + "defaults: {run: {worker: 3}}\n")

    assert set(load_nodes(path).nodes) == {"pacs", "out"}
    with pytest.raises(JobFileError, match="did you mean workers"):
        load_config(path)


def test_an_unknown_key_of_a_node_is_told_with_its_place(path: Path) -> None:
    path.write_text("nodes:\n  pacs: {dimse: PACS@pacs:104, limit: 1}\n")

    with pytest.raises(JobFileError, match=r"adit.yaml:2:32: nodes.pacs.limit"):
        load_nodes(path)


def test_the_models_of_jobs_are_not_loaded_for_nodes(path: Path) -> None:
    path.write_text(TEXT)
    program = (
        "import sys, pathlib; from adit_cli.jobfile.known import load_nodes;"
        "load_nodes(pathlib.Path(sys.argv[1])); print('adit_cli.jobfile.job' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pacs", "pacs"),
        ("PACS@Pacs.example.org:104", "pacs"),
        ("PACS@pacs.example.org:105", None),
        ("https://web.example.org/dicom-web", "web"),
        ("https://web.example.org/other", None),
    ],
)
def test_limits_hold_for_a_server_however_it_is_named(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "nodes:\n  pacs: {dimse: PACS@pacs.example.org:104}\n"
        "  web: {dimse: WEB@web.example.org:104, dicomweb: https://web.example.org/dicom-web}\n"
    )
    known = load_nodes(config)

    name, spec = parse_node(text, known)

    assert isinstance(spec, ServerNode)
    assert limited_as(name, spec, known) == (known.nodes[expected] if expected else None)

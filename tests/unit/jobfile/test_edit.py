from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.errors import UsageError
from adit_cli.jobfile.addressing import parse_node
from adit_cli.jobfile.config import Config, load_config
from adit_cli.jobfile.edit import add_node, remove_node

WRITTEN = """\
# our hospital
calling_ae_title: RADIO
nodes:
  # the clinical archive
  clinical:
    dimse: CLINICAL@pacs.example.org:104
    limits: {associations: 4}

  # where research happens
  research: {dimse: "RESEARCH@pacs2.example.org:104"}
defaults: {run: {workers: 3}}
"""
SERVER = parse_node("NEW@pacs3.example.org:11112", Config())[1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "adit.yaml"
    path.write_text(WRITTEN, "utf-8")
    return path


def test_an_added_node_is_known_and_every_other_line_stays(config: Path) -> None:
    add_node(config, "new", SERVER)

    assert load_config(config).nodes["new"] == SERVER
    assert set(WRITTEN.splitlines()) <= set(config.read_text("utf-8").splitlines())


def test_the_first_node_makes_the_config_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.yaml"

    add_node(path, "new", SERVER)

    assert load_config(path).nodes == {"new": SERVER}
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["calling_ae_title: RADIO\n", "# nothing yet\n", ""])
def test_a_config_without_nodes_gets_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "adit.yaml"
    path.write_text(text, "utf-8")

    add_node(path, "new", SERVER)
    add_node(path, "folder", parse_node("/data/archive/", Config())[1])

    assert list(load_config(path).nodes) == ["folder", "new"] or list(load_config(path).nodes) == [
        "new",
        "folder",
    ]


@pytest.mark.parametrize("name", ["clinical", "research"])
def test_a_removed_node_is_gone_and_what_belongs_to_others_stays(config: Path, name: str) -> None:
    remove_node(config, name)

    left = load_config(config)
    assert list(left.nodes) == [other for other in ("clinical", "research") if other != name]
    assert left.calling_ae_title == "RADIO"
    assert "# where research happens" in config.read_text("utf-8")


def test_a_config_without_its_last_node_is_still_one(config: Path) -> None:
    remove_node(config, "clinical")
    remove_node(config, "research")

    left = load_config(config)
    assert not left.nodes
    assert left.calling_ae_title == "RADIO"


def test_a_taken_or_unknown_name_changes_nothing(config: Path) -> None:
    with pytest.raises(UsageError, match="has a node clinical already"):
        add_node(config, "clinical", SERVER)
    with pytest.raises(UsageError, match="has no node nobody"):
        remove_node(config, "nobody")

    assert config.read_text("utf-8") == WRITTEN


def test_a_name_that_is_none_is_refused_before_anything_is_written(config: Path) -> None:
    with pytest.raises(UsageError):
        add_node(config, "no name at all", SERVER)

    assert config.read_text("utf-8") == WRITTEN


def test_nodes_on_one_line_are_left_to_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "adit.yaml"
    path.write_text('nodes: {a: {dimse: "A@h:104"}}\n', "utf-8")

    with pytest.raises(UsageError, match="on one line"):
        add_node(path, "new", SERVER)

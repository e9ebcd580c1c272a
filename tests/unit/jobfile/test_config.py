from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.errors import JobFileError, UsageError
from adit_cli.jobfile.addressing import find_config, parse_node
from adit_cli.jobfile.config import Config, load_config
from adit_cli.jobfile.node import FolderNode, ServerNode
from tests.support.jobfiles import job_text, read_job

CONFIG = """\
calling_ae_title: LAB
nodes:
  pacs: {dimse: "PACS@${HOST}:104"}
  archive: {folder: archive}
defaults:
  run: {workers: 3}
  deidentify: {burned_in: {masks: masks.yaml}}
"""


def written(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "adit.yaml"
    path.write_text(text)
    return path


def test_a_config_names_nodes_and_defaults(tmp_path: Path) -> None:
    config = load_config(written(tmp_path), environment={"HOST": "pacs.example.org"})

    assert config.calling_ae_title == "LAB"
    assert config.nodes["archive"] == FolderNode(folder=tmp_path / "archive")
    assert config.defaults.run.workers == 3
    assert str(tmp_path / "masks.yaml") in repr(config.defaults.deidentify)
    assert config.path == tmp_path / "adit.yaml"
    assert config.used == {"HOST"}


def test_a_variable_may_be_given_for_the_config_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "outside")
    path = written(tmp_path)

    given = load_config(path, variables={"HOST": "inside"}).nodes["pacs"]
    found = load_config(path).nodes["pacs"]

    assert isinstance(given, ServerNode)
    assert isinstance(found, ServerNode)
    assert given.dimse is not None
    assert found.dimse is not None
    assert (given.dimse.host, found.dimse.host) == ("inside", "outside")


def test_a_missing_or_empty_config_is_an_empty_one(tmp_path: Path) -> None:
    path = written(tmp_path, "# nothing yet\n")

    assert load_config(None) == Config()
    assert load_config(path) == Config(path=path)


def test_problems_of_a_config_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "nods: {}\ncalling_ae_title: TOO_LONG_BY_FAR_AND_MORE\n")

    with pytest.raises(JobFileError) as caught:
        load_config(path)

    assert caught.value.message.splitlines() == [
        f"{path}:1:1: nods: unknown key (did you mean nodes?)",
        (
            f"{path}:2:19: calling_ae_title: an AE title has 1 to 16 plain letters, digits or signs, "
            "and no backslash, not 'TOO_LONG_BY_FAR_AND_MORE'"
        ),
    ]


def test_the_config_is_looked_for_where_the_user_may_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "adit").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ADIT_CONFIG", raising=False)

    nothing = find_config()
    (tmp_path / "home" / "adit" / "config.yaml").touch()
    of_the_user = find_config()
    (tmp_path / "adit.yaml").touch()
    local = find_config(environment={})
    of_the_environment = find_config(environment={"ADIT_CONFIG": "env.yaml"})
    explicit = find_config(Path("flag.yaml"), {"ADIT_CONFIG": "env.yaml"})

    assert nothing is None
    assert of_the_user == tmp_path / "home" / "adit" / "config.yaml"
    assert (local, of_the_environment, explicit) == (Path("adit.yaml"), Path("env.yaml"), Path("flag.yaml"))


def test_a_node_is_a_name_an_address_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    config = load_config(written(tmp_path), environment={"HOST": "h"})

    assert parse_node("pacs", config) == ("pacs", config.nodes["pacs"])
    name, server = parse_node("ORTHANC@[::1]:4242", config)
    assert name == "ORTHANC@::1:4242"
    assert isinstance(server, ServerNode)
    for text in ("images", "images/", "./images", str(tmp_path / "images")):
        assert parse_node(text, config) == (
            str(tmp_path / "images"),
            FolderNode(folder=tmp_path / "images"),
        )


def test_a_folder_that_does_not_exist_yet_is_one_by_its_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_node("new/", Config()) == (str(tmp_path / "new"), FolderNode(folder=tmp_path / "new"))


def test_an_archive_or_a_dicomdir_in_a_folder_is_a_node_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "discs").mkdir()
    (tmp_path / "discs" / "one.zip").write_bytes(b"")
    (tmp_path / "two.zip").write_bytes(b"")

    for text in ("discs/one.zip", "./discs/one.zip", "./two.zip"):
        assert parse_node(text, Config())[1] == FolderNode(folder=tmp_path / text)
    with pytest.raises(UsageError, match=r"no node is called two\.zip, but there is a file") as caught:
        parse_node("two.zip", Config())
    assert caught.value.hint.endswith(": ./two.zip")


def test_what_is_no_node_is_told_with_one_that_is(tmp_path: Path) -> None:
    config = load_config(written(tmp_path), environment={"HOST": "h"})

    with pytest.raises(UsageError, match=r"no node is called pcas \(did you mean pacs\?\)") as caught:
        parse_node("pcas", config)
    with pytest.raises(UsageError, match="known are pacs, archive"):
        parse_node("moon", config)
    with pytest.raises(UsageError, match="the config has no nodes"):
        parse_node("moon", Config())

    assert "AE_TITLE@host:port" in caught.value.hint


def test_a_url_is_a_node_and_its_password_is_never_repeated() -> None:
    assert parse_node("https://pacs/dicom-web", Config())[0] == "https://pacs/dicom-web"
    with pytest.raises(UsageError, match="must not hold a user name or password") as caught:
        parse_node("https://me:hunter2@pacs/dicom-web", Config())

    assert "hunter2" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_no_server_has_is_told(port: str) -> None:
    with pytest.raises(UsageError, match="the port must be 1 to 65535"):
        parse_node(f"PACS@host:{port}", Config())


def test_windows_and_how_runs_stop_may_stand_in_the_config(tmp_path: Path) -> None:
    text = """\
nodes:
  pacs: {dimse: "PACS@pacs:104", limits: {window: 19:00-06:00, studies_per_hour: 60}}
defaults:
  run: {stop_after: 8h, outside_window: wait}
"""
    config = load_config(written(tmp_path, text))
    job = read_job(tmp_path, job_text("run: {stop_after: 30m}", source="pacs"), config=config)

    pacs = job.node("pacs")
    assert isinstance(pacs, ServerNode)
    assert [window.text for window in pacs.limits.window] == ["19:00-06:00"]
    assert (job.run.stop_after, job.run.outside_window) == (1800.0, "wait")
    assert config.defaults.run.stop_after == 8 * 3600

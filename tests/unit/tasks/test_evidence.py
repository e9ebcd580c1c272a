from __future__ import annotations

import stat
from pathlib import Path

from adit_cli.deid.evidence import Replaced
from adit_cli.tasks.evidence import gathered, notes_of


def _noted(folder: Path, task: str, **instances: str) -> None:
    """Note for each instance that UID `1` became this."""
    with notes_of(task, folder) as notes:
        assert notes is not None
        for uid, new in instances.items():
            notes.add(uid, Replaced({"1": new}, "", "OLD", "NEW", {(0x00080018, "new-uid"): 1}))


def test_nobody_who_did_not_ask_gets_notes(tmp_path: Path) -> None:
    with notes_of("task", None) as notes:
        assert notes is None

    assert list(tmp_path.iterdir()) == []


def test_notes_are_for_the_user_alone(tmp_path: Path) -> None:
    _noted(tmp_path / "evidence", "task", a="2")

    (path,) = (tmp_path / "evidence").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_instance_that_is_made_ready_again_counts_once_and_the_last_time(tmp_path: Path) -> None:
    _noted(tmp_path, "task", a="2", b="2")
    _noted(tmp_path, "task", a="3", b="3")

    evidence = gathered(tmp_path)

    assert evidence.uids == {"1": "3"}
    assert evidence.actions == {(0x00080018, "new-uid"): 2}
    assert evidence.patients == {("", "OLD"): "NEW"}


def test_the_notes_of_all_tasks_are_gathered(tmp_path: Path) -> None:
    _noted(tmp_path, "one", a="2")
    _noted(tmp_path, "two", b="2")

    assert gathered(tmp_path).actions == {(0x00080018, "new-uid"): 2}

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adit_cli.errors import Reason, TransientNodeError
from adit_cli.nodes.limits import NodeSlots

HOLD = """
import sys
from pathlib import Path
from adit_cli.nodes.limits import NodeSlots

slot = NodeSlots(Path(sys.argv[1]), "PACS@host:104", 1).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_as_many_hold_a_slot_as_the_limit_says(tmp_path: Path) -> None:
    slots = NodeSlots(tmp_path, "PACS@host:104", 2)

    one, two, three = slots.try_acquire(), slots.try_acquire(), slots.try_acquire()

    assert one is not None
    assert two is not None
    assert three is None


def test_a_slot_that_is_given_back_can_be_taken(tmp_path: Path) -> None:
    slots = NodeSlots(tmp_path, "PACS@host:104", 1)

    slot = slots.acquire()
    slot.close()
    slot.close()

    with slots.hold():
        assert slots.try_acquire() is None
    assert slots.try_acquire() is not None


def test_other_nodes_have_slots_of_their_own(tmp_path: Path) -> None:
    with NodeSlots(tmp_path, "PACS@host:104", 1).hold():
        assert NodeSlots(tmp_path, "PACS@host:105", 1).try_acquire() is not None


def test_the_strictest_limit_in_use_counts(tmp_path: Path) -> None:
    with NodeSlots(tmp_path, "PACS@host:104", 4).hold():
        assert NodeSlots(tmp_path, "PACS@host:104", 1).try_acquire() is None


def test_who_waits_too_long_is_told_to_come_again(tmp_path: Path) -> None:
    slots = NodeSlots(tmp_path, "PACS@host:104", 1)

    with slots.hold(), pytest.raises(TransientNodeError, match="PACS@host:104 is in use") as caught:
        slots.acquire(timeout=0.01)

    assert caught.value.reason is Reason.TIMEOUT


def test_who_waits_gets_the_slot_when_it_is_given_back(tmp_path: Path) -> None:
    slots = NodeSlots(tmp_path, "PACS@host:104", 1)
    held, got = slots.acquire(), threading.Event()

    def wait_for_it() -> None:
        with slots.hold(timeout=30):
            got.set()

    waiting = threading.Thread(target=wait_for_it)
    waiting.start()
    held.close()

    assert got.wait(30)
    waiting.join()


def test_a_killed_process_gives_its_slot_back(tmp_path: Path) -> None:
    slots = NodeSlots(tmp_path, "PACS@host:104", 1)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert slots.try_acquire() is None
        other.kill()

    assert slots.try_acquire() is not None

"""Commands that the system asks to end do so in order, with an exit code that scripts can tell."""

from __future__ import annotations

import signal
from pathlib import Path
from queue import Queue
from subprocess import Popen

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.http_peer import Reply, Seen, http_peer
from tests.support.program import Adit
from tests.support.web_pacs import WebPacs, service_of

pytestmark = pytest.mark.peers


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", instances=4)


def test_a_get_that_the_system_ends_says_so_and_leaves_nothing_half_written(
    tmp_path: Path, study: BuiltStudy
) -> None:
    adit, out = Adit(tmp_path / "adit", {"http_proxy": ""}), tmp_path / "out"
    pacs, started = WebPacs([study]), Queue[Popen[str]]()

    def ends_it(seen: Seen) -> Reply:
        """End who asks for images while they wait for them."""
        whole = pacs(seen)
        if service_of(seen) != "wado":
            return whole
        asking = started.get(timeout=60)
        asking.send_signal(signal.SIGTERM)
        asking.wait(60)
        return whole

    with http_peer(ends_it) as peer:
        process = adit.start("get", peer.url, study.uid, "-o", out)
        started.put(process)
        _, told = process.communicate(timeout=120)

    assert process.returncode == 5, told
    assert "run again to go on" in told
    assert [path.name for path in out.rglob("*") if path.is_file()] in ([], [".adit-arriving"])

"""The benchmark's own arithmetic and the page it writes; the measurements themselves are no tests."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Contender, Row, Sample, Settings, Target, run_row
from benchmarks.processes import drop_what_was_put_aside, fresh, timed
from benchmarks.proxy import delayed


def fixed(name: str, *seconds: float, memory: int = 0) -> Contender:
    left = list(seconds)
    return Contender(name, lambda: Sample(left.pop(0), 0.0, memory))


def test_contenders_take_turns_and_are_compared_by_median(tmp_path: Path) -> None:
    order: list[str] = []
    row = Row(
        "a row", (fixed("ours", 1.0, 9.0, 2.0), fixed("theirs", 4.0, 4.0, 4.0)), (Target(0.5, "theirs"),)
    )

    result = run_row("key", row, Settings(10, 3, tmp_path), order.append)

    assert [line.split()[0] for line in order] == ["ours", "theirs"] * 3
    assert [(one.minimum, one.median) for one in result.results] == [(1.0, 2.0), (4.0, 4.0)]
    assert [(one.value, one.reached) for one in result.verdicts] == [(0.5, True)]


def test_a_missed_target_is_said_to_be_missed(tmp_path: Path) -> None:
    row = Row(
        "a row",
        (fixed("ours", 3.0, memory=10**9), fixed("theirs", 2.0)),
        (
            Target(1.2, "theirs"),
            Target(1.0),
            Target(250e6, measure="memory"),
        ),
    )

    result = run_row("key", row, Settings(10, 1, tmp_path), lambda _: None)
    page = report.page(report.merge(tmp_path / "kept.json", {"cores": "2"}, [result]), ["key"])

    assert not any(verdict.reached for verdict in result.verdicts)
    assert page.count("**Not reached**") == 3
    assert "1.5" in page
    assert "1000 MB" in page


def test_rows_that_were_not_run_again_stay_on_the_page(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    for key in ("first", "second"):
        row = Row(f"row {key}", (fixed("ours", 1.0),))
        report.merge(kept, {}, [run_row(key, row, Settings(10, 1, tmp_path), lambda _: None)])

    merged = report.merge(kept, {}, [])

    assert list(merged["rows"]) == ["first", "second"]
    assert "Row first" in report.page(merged, ["first", "second"])
    assert report.chart(merged, ["first", "second"]).count("<rect") == 3


def test_a_program_is_timed_with_its_memory(tmp_path: Path) -> None:
    program = "block = bytearray(b'x') * 200_000_000"

    sample = timed([sys.executable, "-c", program], tmp_path / "log")

    assert 0 < sample.seconds < 30
    assert 200e6 <= sample.memory < 400e6


def echo(listener: socket.socket, connections: int) -> None:
    for _ in range(connections):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(10))


def test_the_slow_link_delays_both_ways(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=echo, args=(listener, 2))  # the first one only waits for the proxy
        server.start()
        with (
            delayed(listener.getsockname()[1], 0.05, tmp_path) as port,
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            begun = time.perf_counter()
            client.sendall(b"hello")
            answer = client.recv(10)
        server.join()

    assert answer == b"hello"
    assert time.perf_counter() - begun >= 0.1


def test_what_contenders_leave_is_put_aside_until_the_row_is_over(tmp_path: Path) -> None:
    out, deeper = tmp_path / "work" / "out", tmp_path / "work" / "shipped" / "out"
    for folder in (out, out, deeper, deeper):
        (fresh(folder) / "left").touch()

    assert [path.name for path in fresh(out).iterdir()] == []
    assert sum(1 for _ in tmp_path.rglob("left")) == 4

    drop_what_was_put_aside(tmp_path)

    assert sorted(path for path in tmp_path.rglob("*") if path.name != "left") == sorted(
        [out.parent, out, deeper.parent, deeper]
    )

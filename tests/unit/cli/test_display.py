from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import datetime

import pytest
from rich.console import Console

from adit_cli.cli.display import Display, JsonDisplay, PlainDisplay, SilentDisplay, Style, open_display
from adit_cli.cli.display_bar import BarDisplay
from adit_cli.cli.progress import Board, doing
from adit_cli.cli.sentences import end_of_run, started_line
from adit_cli.engine.events import (
    Event,
    Resolving,
    RunEnded,
    RunStarted,
    RunWaits,
    TaskEnded,
    TaskProgress,
    TaskStarted,
)
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, Progress, TaskStatus

EVENING = datetime(2024, 1, 29, 19).timestamp()  # noqa: DTZ001 - shown in the time of the machine
STUDY = "1.2.840.113619.2.55.3.604688119.971"


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ended(status: TaskStatus, outcome: Outcome, worker: int = 0) -> TaskEnded:
    return TaskEnded("k", STUDY, worker, 1, status, outcome)


SUCCESS = ended(TaskStatus.SUCCESS, Outcome(TaskStatus.SUCCESS, delivered=100, size=50_000_000, seconds=2.0))
INCOMPLETE = ended(
    TaskStatus.WARNING,
    Outcome(TaskStatus.WARNING, Reason.INCOMPLETE, "2 of 100 instances did not arrive", delivered=98),
)
AGAIN = ended(
    TaskStatus.PENDING, Outcome(TaskStatus.FAILURE, Reason.UNREACHABLE, "PACS did not answer", transient=True)
)


def shown(display: Display, events: Iterable[Event]) -> None:
    for event in events:
        display.show(event)
    display.close()


def test_plain_display_has_a_line_for_the_start_and_each_ended_study() -> None:
    stream = io.StringIO()

    shown(PlainDisplay(stream, Clock()), [RunStarted("lung", 3, 2, 1), SUCCESS, INCOMPLETE])

    assert stream.getvalue().splitlines() == [
        "lung: 2 studies to move, 1 ended before, 1 worker",
        f"[1/2] {STUDY} 100 instances, 50 MB in 2.0 s, 25 MB/s",
        f"[2/2] {STUDY} warning (incomplete): 2 of 100 instances did not arrive",
    ]


def test_a_failed_attempt_that_is_repeated_does_not_count_as_done() -> None:
    stream = io.StringIO()

    shown(PlainDisplay(stream, Clock()), [RunStarted("lung", 1, 1, 1), AGAIN])

    assert stream.getvalue().splitlines()[1] == (
        f"[0/1] {STUDY} will be tried again (unreachable): PACS did not answer"
    )


def test_plain_display_shows_numbers_when_nothing_ended_for_a_while() -> None:
    stream, clock = io.StringIO(), Clock()
    display = PlainDisplay(stream, clock)
    display.show(RunStarted("lung", 1, 1, 1, instances=100))
    display.show(TaskStarted("k", STUDY, 0, 1))
    display.show(TaskProgress(0, Progress("k", "moving", 100, 25, 25, 5_000_000)))
    clock.now += 30

    display.show(TaskProgress(0, Progress("k", "moving", 100, 50, 50, 10_000_000)))

    assert stream.getvalue().splitlines()[1].startswith("0/1 study · 50 instances · 10 MB · ")
    assert stream.getvalue().splitlines()[1].endswith("· 30 s left")


def test_json_display_writes_one_event_a_line() -> None:
    stream = io.StringIO()

    shown(JsonDisplay(stream, Clock()), [Resolving(1, 2), INCOMPLETE])

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines[0] == {"event": "resolving", "time": 100.0, "done": 1, "total": 2}
    assert lines[1]["event"] == "task-ended"
    assert lines[1]["outcome"]["reason"] == "incomplete"


def test_a_run_goes_on_when_nobody_reads_its_progress_any_more() -> None:
    class Broken(io.StringIO):
        def write(self, _text: str, /) -> int:
            raise BrokenPipeError

    shown(PlainDisplay(Broken()), [RunStarted("lung", 1, 1, 1), SUCCESS])


def test_bars_show_what_each_worker_does_and_keep_problems() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, no_color=True)
    display = BarDisplay(console)
    display.show(RunStarted("lung", 2, 2, 2))
    display.show(TaskStarted("k", STUDY, 1, 2))
    display.show(TaskProgress(1, Progress("k", "moving", 100, 25, 20, 5_000_000)))
    display.redraw()

    shown(display, [INCOMPLETE])

    assert "moving 25/100 in, 20 out, 5.0 MB, attempt 2" in stream.getvalue()
    assert "2 of 100 instances did not arrive" in " ".join(stream.getvalue().split())
    assert all(len(line) < 400 for line in stream.getvalue().splitlines())


@pytest.mark.parametrize(
    ("style", "kind"),
    [
        (Style.AUTO, PlainDisplay),
        (Style.PLAIN, PlainDisplay),
        (Style.JSON, JsonDisplay),
        (Style.NONE, SilentDisplay),
        (Style.BAR, BarDisplay),
    ],
)
def test_each_style_has_its_display_and_auto_is_plain_without_a_terminal(style: Style, kind: type) -> None:
    display = open_display(style)

    display.close()

    assert isinstance(display, kind)


def test_time_left_goes_by_instances_where_their_number_is_known() -> None:
    clock = Clock()
    board = Board(clock)
    board.take(RunStarted("lung", 2, 2, 1, instances=200))
    clock.now += 10
    board.take(TaskStarted("k", STUDY, 0, 1))
    board.take(TaskProgress(0, Progress("k", "moving", 150, 60, 50, 1000)))

    assert board.seconds_left == pytest.approx(30)


def test_the_rate_follows_the_last_seconds_only() -> None:
    clock = Clock()
    board = Board(clock)
    board.take(RunStarted("lung", 2, 2, 1))
    board.take(SUCCESS)
    clock.now += 3600
    board.take(TaskStarted("k", STUDY, 0, 1))

    assert board.rate == 0


def test_a_worker_that_has_not_reported_is_asking() -> None:
    board = Board()
    board.take(TaskStarted("k", STUDY, 0, 1))

    assert doing(board.workers[0]) == "asking"


def test_a_finished_job_says_so_at_once() -> None:
    assert started_line(RunStarted("lung", 40, 0, 2)) == "lung: nothing left to move, 40 studies ended before"


def test_a_job_that_selects_nothing_says_so() -> None:
    assert started_line(RunStarted("lung", 0, 0, 2)) == "lung: no study to move"


def test_the_end_of_a_run_says_what_is_not_right_and_what_to_do() -> None:
    counts = {TaskStatus.SUCCESS: 7, TaskStatus.WARNING: 1, TaskStatus.PENDING: 2}

    text = end_of_run(
        RunEnded(
            "lung", counts, unresolved=1, delivered=598, missing=2, withheld=3, size=300_000_000, seconds=3
        )
    )

    assert text.splitlines() == [
        "lung: 7 studies done, 1 warning, 2 pending; 598 instances, 300 MB moved in 3.0 s (100 MB/s)",
        "  3 instances withheld by the de-identification rules",
        "  2 instances listed by the source did not arrive",
        "  1 row or UID became no task",
        "  what and why: adit status lung --failed",
        "  run the same command again to go on where it stopped",
    ]


def test_the_rate_of_a_run_leaves_out_what_it_waited() -> None:
    done = {TaskStatus.SUCCESS: 2}

    text = end_of_run(RunEnded("lung", done, delivered=2, size=20_000_000, seconds=3602, waited=3600))

    assert text == "lung: 2 studies done; 2 instances, 20 MB moved in 2.0 s and 1 h of waiting (10 MB/s)"


def test_a_clean_end_is_one_line() -> None:
    assert end_of_run(RunEnded("lung", {TaskStatus.SUCCESS: 1})) == "lung: 1 study done; nothing had to move"


def test_a_run_in_which_all_failed_does_not_say_that_nothing_had_to_move() -> None:
    text = end_of_run(RunEnded("lung", {TaskStatus.FAILURE: 3}, exit_code=3))

    assert text.splitlines()[0] == "lung: 0 studies done, 3 failure; nothing moved"


def test_the_start_says_what_changed_rules_and_removed_rows_mean() -> None:
    event = RunStarted("lung", 3, 3, 2, new=3, again=2, dropped=3)

    assert started_line(event).endswith(
        "; 2 studies once more, since the rules have changed; 1 study no longer asked for"
    )


def test_waiting_for_a_window_is_a_line_and_a_short_wait_is_none() -> None:
    stream = io.StringIO()
    window = RunWaits(Hold("clinical", HeldBy.WINDOW, EVENING), EVENING - 3600, 12)
    minutes = RunWaits(Hold("clinical", HeldBy.QUOTA, EVENING), EVENING - 360, 1)
    seconds = RunWaits(Hold("clinical", HeldBy.QUOTA, EVENING), EVENING - 12, 1)

    shown(PlainDisplay(stream, Clock()), [seconds, window, minutes])

    assert stream.getvalue() == (
        "waiting: the window of clinical opens Mon 2024-01-29 19:00; 12 studies in line\n"
        "waiting: limits.studies_per_hour of clinical lets the next study in Mon 2024-01-29 19:00; "
        "1 study in line\n"
    )


def test_waiting_is_an_event_for_programs() -> None:
    stream = io.StringIO()

    shown(JsonDisplay(stream, Clock()), [RunWaits(Hold("clinical", HeldBy.WINDOW, EVENING), 5.0, 12)])

    assert json.loads(stream.getvalue()) == {
        "event": "run-waits",
        "time": 100.0,
        "hold": {"node": "clinical", "by": "window", "until": EVENING},
        "since": 5.0,
        "pending": 12,
    }


def test_bars_say_what_is_waited_for_until_the_next_study_begins() -> None:
    stream = io.StringIO()
    display = BarDisplay(Console(file=stream, force_terminal=True, width=80, no_color=True))
    display.show(RunStarted("lung", 2, 2, 2))
    display.show(RunWaits(Hold("clinical", HeldBy.WINDOW, EVENING), 5.0, 2))
    display.redraw()
    before = stream.getvalue()
    display.show(TaskStarted("k", STUDY, 1, 1))
    stream.truncate(0)
    display.redraw()
    after = stream.getvalue()
    display.close()

    assert "the window of clinical opens" in before
    assert "the window of clinical opens" not in after


def test_the_end_of_a_run_outside_a_window_says_when_it_opens() -> None:
    held = Hold("clinical", HeldBy.WINDOW, EVENING)

    text = end_of_run(RunEnded("lung", {TaskStatus.PENDING: 2}, exit_code=5, held=held))

    assert text.splitlines() == [
        "lung: 0 studies done, 2 pending; nothing moved",
        "  stopped outside a window: the window of clinical opens Mon 2024-01-29 19:00; --wait waits for it",
        "  run the same command again to go on where it stopped",
    ]

from __future__ import annotations

import os
import select
import signal
import threading

import pytest

from adit_cli.engine.stop import Cause, Stop


@pytest.mark.parametrize(
    ("number", "cause", "exit_code"),
    [
        (signal.SIGINT, Cause.INTERRUPT, 130),
        (signal.SIGTERM, Cause.TERMINATE, 5),
        (signal.SIGHUP, Cause.TERMINATE, 5),
    ],
)
def test_the_first_signal_asks_and_the_second_ends_the_patience(
    number: signal.Signals, cause: Cause, exit_code: int
) -> None:
    with Stop() as stop:
        assert not stop.requested

        os.kill(os.getpid(), number)
        assert stop.requested
        assert stop.cause is cause
        assert cause.exit_code == exit_code
        assert not stop.impatient

        os.kill(os.getpid(), signal.SIGINT)
        assert stop.impatient
        assert stop.cause is cause


def test_a_signal_wakes_whoever_waits() -> None:
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)

        assert select.select([stop.fileno()], [], [], 30)[0]
        stop.drain()
        assert not select.select([stop.fileno()], [], [], 0)[0]
        stop.drain()


def test_while_planning_a_signal_raises() -> None:
    with Stop() as stop, pytest.raises(KeyboardInterrupt), stop.raising():
        os.kill(os.getpid(), signal.SIGTERM)

    assert stop.cause is Cause.TERMINATE


def test_after_the_run_signals_mean_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with Stop():
        assert signal.getsignal(signal.SIGTERM) is not before[1]

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_run_under_nohup_goes_on_when_the_terminal_closes() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_time_is_up_at_the_deadline_and_not_before() -> None:
    with Stop(stop_after=3600) as stop:
        assert not stop.requested
        left = stop.seconds_left()
        assert left is not None
        assert 3500 < left <= 3600

    with Stop(stop_after=0) as stop:
        assert stop.requested
        assert stop.cause is Cause.TIME
        assert not stop.impatient


def test_without_patience_the_grace_is_over_at_once() -> None:
    with Stop(grace=0) as stop:
        assert stop.seconds_left() is None
        stop.request(Cause.DISK_FULL)

        assert stop.impatient
        assert stop.seconds_left() == 0


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    handlers: list[object] = []

    def enter() -> None:
        with Stop():
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert handlers == [before]

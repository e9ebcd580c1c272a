import threading

import pytest

from adit_cli.errors import NodeError, TransientNodeError
from adit_cli.nodes.retry import Tries, retried, retried_while_it_helps

AT_ONCE = Tries(attempts=3, first_pause=0)


class Failing:
    """Fails so many times, then returns how often it was called."""

    def __init__(self, times: int, error: type[Exception] = TransientNodeError) -> None:
        self.calls = 0
        self._times = times
        self._error = error

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error("no")
        return self.calls


@pytest.mark.parametrize("times", [0, 1, 2])
def test_call_that_fails_for_now_is_made_again(times: int) -> None:
    assert retried(Failing(times), AT_ONCE) == times + 1


def test_last_error_is_raised_after_the_last_attempt() -> None:
    call = Failing(9)

    with pytest.raises(TransientNodeError):
        retried(call, AT_ONCE)

    assert call.calls == 3


@pytest.mark.parametrize("error", [NodeError, ValueError])
def test_error_that_will_not_go_away_is_not_tried_again(error: type[Exception]) -> None:
    call = Failing(1, error)

    with pytest.raises(error):
        retried(call, AT_ONCE)

    assert call.calls == 1


def test_single_attempt_is_a_single_attempt() -> None:
    call = Failing(1)

    with pytest.raises(TransientNodeError):
        retried(call, Tries(attempts=1))

    assert call.calls == 1


def test_stop_cuts_the_pauses_short() -> None:
    stop = threading.Event()
    stop.set()
    call = Failing(9)

    with pytest.raises(TransientNodeError):
        retried(call, Tries(attempts=5, first_pause=1000, longest_pause=1000), stop)

    assert call.calls < 5


def test_what_gets_further_each_time_is_called_as_often_as_it_takes() -> None:
    call = Failing(4 * AT_ONCE.attempts)

    assert retried_while_it_helps(call, AT_ONCE, lambda: call.calls) == 4 * AT_ONCE.attempts + 1


def test_what_gets_no_further_has_its_tries_and_no_more() -> None:
    call = Failing(4 * AT_ONCE.attempts)

    with pytest.raises(TransientNodeError):
        retried_while_it_helps(call, AT_ONCE, lambda: 0)

    assert call.calls == AT_ONCE.attempts

from __future__ import annotations

import errno
import logging
import multiprocessing
import threading
from collections.abc import Generator
from multiprocessing.connection import Connection

import pytest

from adit_cli.engine.worker import Line, LogToParent, Message, Reporter, frames, outcome_of
from adit_cli.errors import DeidError, NodeError, Reason, StoppedError, TransientNodeError
from adit_cli.tasks.task import Progress, TaskStatus


@pytest.fixture
def pipe() -> Generator[tuple[Connection, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        yield ours, theirs


def received(pipe: Connection) -> list[Message]:
    messages: list[Message] = []
    while pipe.poll():
        messages.append(pipe.recv())
    return messages


@pytest.mark.parametrize(
    ("error", "reason", "transient"),
    [
        (TransientNodeError("pacs did not answer"), Reason.UNREACHABLE, True),
        (NodeError("no", reason=Reason.NO_CONTEXT), Reason.NO_CONTEXT, False),
        (DeidError("held back"), Reason.DEID_BLOCKED, False),
        (StoppedError("stopped"), Reason.INTERRUPTED, True),
        (OSError(errno.ENOSPC, "No space left on device"), Reason.DISK_FULL, True),
        (PermissionError(errno.EACCES, "DOE^JANE.dcm"), Reason.INTERNAL, False),
        (ValueError("DOE^JANE"), Reason.INTERNAL, False),
    ],
)
def test_an_exception_becomes_an_outcome_that_names_no_patient(
    error: Exception, reason: Reason, *, transient: bool
) -> None:
    outcome = outcome_of(error)

    assert (outcome.status, outcome.reason, outcome.transient) == (TaskStatus.FAILURE, reason, transient)
    assert outcome.message
    assert "DOE" not in outcome.message


def test_our_errors_keep_their_message_and_hint() -> None:
    outcome = outcome_of(TransientNodeError("pacs did not answer", hint="look whether it runs"))

    assert (outcome.message, outcome.hint) == ("pacs did not answer", "look whether it runs")


def test_a_defect_is_logged_with_its_places_and_without_its_texts(caplog: pytest.LogCaptureFixture) -> None:
    def read() -> None:
        value = "DOE^JANE"
        raise KeyError(value)

    def convert() -> None:
        try:
            read()
        except KeyError as error:
            raise ValueError(f"bad: {error}") from error

    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="bad") as caught:
        convert()
    with caplog.at_level(logging.INFO):
        outcome_of(caught.value)

    assert "in read" in caplog.text
    assert "in convert" in caplog.text
    assert "KeyError" in caplog.text
    assert "bad: " not in caplog.text.replace('f"bad: ', "")
    assert frames(caught.value) in caplog.text


def test_progress_is_sent_for_each_new_phase_and_then_rarely(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    report = Reporter(Line(theirs), threading.Event())

    for number in range(50):
        report(Progress("a", "retrieve", received=number))
        report(Progress("a", "deliver", received=number))

    phases = [message.phase for message in received(ours) if isinstance(message, Progress)]
    assert phases[:2] == ["retrieve", "deliver"]
    assert len(phases) < 50


def test_a_report_is_where_a_task_stops(pipe: tuple[Connection, Connection]) -> None:
    stopping = threading.Event()
    report = Reporter(Line(pipe[1]), stopping)
    report(Progress("a", "retrieve"))
    stopping.set()

    with pytest.raises(StoppedError):
        report(Progress("a", "retrieve", expected=2, received=2, delivered=1))
    with pytest.raises(StoppedError):
        report(Progress("a", "retrieve"))


def test_what_has_delivered_everything_is_not_stopped_any_more(pipe: tuple[Connection, Connection]) -> None:
    stopping = threading.Event()
    stopping.set()

    Reporter(Line(pipe[1]), stopping)(Progress("a", "deliver", expected=2, received=2, delivered=2))

    assert len(received(pipe[0])) == 1


def test_a_log_record_reaches_the_parent_as_plain_text(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    logger = logging.getLogger("adit_cli.test")
    handler = LogToParent(Line(theirs))
    logger.addHandler(handler)
    try:
        try:
            int("DOE^JANE")
        except ValueError:
            logger.exception("study %s failed, lock %s", "1.2.3", threading.Lock())
    finally:
        logger.removeHandler(handler)

    (record,) = received(ours)
    assert isinstance(record, logging.LogRecord)
    assert record.name == "adit_cli.test"
    assert record.getMessage().startswith("study 1.2.3 failed, lock <unlocked")
    assert record.getMessage().endswith("(ValueError)")
    assert "DOE" not in str(record.__dict__)

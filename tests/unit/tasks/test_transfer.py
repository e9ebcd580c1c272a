from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from adit_cli.errors import (
    AditError,
    DiskFullError,
    NodeError,
    Reason,
    TransientNodeError,
)
from adit_cli.nodes.base import Arrival, Delivered, FailedInstance
from adit_cli.nodes.boot import BootMark
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.evidence import gathered
from adit_cli.tasks.fetch import PATIENCE
from adit_cli.tasks.outcome import NAMED
from adit_cli.tasks.plan import plan
from adit_cli.tasks.task import Outcome, Progress, TaskStatus, TransferTask
from adit_cli.tasks.transfer import Work, remove_spool, transfer
from tests.support.builders import BuiltStudy, build_study
from tests.support.job_texts import KEY, job_of
from tests.support.reading import read_dicom
from tests.support.scripted_nodes import ScriptedDestination, ScriptedPool, ScriptedSource, refs_of

JOB = """
source: {folder: in}
destinations: [{folder: out}]
"""
DEID_JOB = JOB + "pseudonyms: {from: key}\n"


@dataclass
class Bench:
    """One study, a source that can be ordered to fail, and one or more destinations."""

    folder: Path
    study: BuiltStudy
    source: ScriptedSource
    task: TransferTask
    work: Work
    destinations: dict[str, ScriptedDestination]
    told: list[Progress] = field(default_factory=list[Progress])

    @property
    def only(self) -> ScriptedDestination:
        return next(iter(self.destinations.values()))

    @property
    def spool(self) -> Path:
        return self.work.spool / self.task.key

    def run(self) -> Outcome:
        pool = ScriptedPool({self.task.source: self.source}, self.destinations)
        outcome = transfer(self.task, self.work, pool, self.told.append)
        assert outcome.expected >= outcome.received + len(outcome.missing)
        assert outcome.received == outcome.delivered + outcome.withheld + outcome.rejected
        return outcome


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Bench]:
    def bench(
        text: str = JOB,
        *,
        modalities: Sequence[str] = ("CT",),
        instances: int = 4,
        destinations: int = 1,
        burned_in: str = "NO",
    ) -> Bench:
        study = build_study(
            tmp_path / "in", modalities=modalities, instances=instances, BurnedInAnnotation=burned_in
        )
        job = job_of(tmp_path, text)
        source = ScriptedSource(FolderSource("in", tmp_path / "in"))
        (task,) = plan(job, source, KEY).tasks
        source.finds.clear()
        places = {f"place {number}": ScriptedDestination() for number in range(destinations)}
        task = replace(task, destinations=tuple(places))
        return Bench(tmp_path, study, source, task, Work(job, KEY, tmp_path / "spool"), places)

    return bench


def test_every_listed_instance_reaches_every_destination_as_it_is(make: Callable[..., Bench]) -> None:
    bench = make(modalities=("CT", "MR"), destinations=2)

    outcome = bench.run()

    files = {
        uid: path.read_bytes() for uid, path in zip(bench.study.instance_uids, bench.study.files, strict=True)
    }
    assert outcome.status is TaskStatus.SUCCESS
    assert (outcome.expected, outcome.received, outcome.delivered, outcome.missing) == (8, 8, 8, ())
    assert outcome.size == sum(map(len, files.values()))
    assert all(place.held == files for place in bench.destinations.values())
    assert all(place.deliveries[0].finished for place in bench.destinations.values())


def test_the_spool_is_gone_and_closed_to_others_while_it_lives(make: Callable[..., Bench]) -> None:
    bench = make()
    modes: set[int] = set()
    bench.source.on_send = lambda arrival: modes.add(arrival.path.parent.stat().st_mode & 0o777)

    bench.run()

    assert modes == {0o700}
    assert not bench.spool.exists()


def test_progress_is_told_from_the_first_file_to_the_last(make: Callable[..., Bench]) -> None:
    bench = make()

    bench.run()

    assert bench.told[0].expected == 4
    assert bench.told[-1] == replace(bench.told[-1], phase="deliver", expected=4, received=4, delivered=4)


def test_files_are_pseudonymised_on_their_way(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)

    outcome = bench.run()

    datasets = [read_dicom(data) for data in bench.only.held.values()]
    assert outcome.delivered == len(datasets) == 4
    assert {str(ds.PatientID) for ds in datasets} == {bench.task.pseudonym}
    assert {str(ds.SOPInstanceUID) for ds in datasets} == set(bench.only.held)
    assert not set(bench.only.held) & set(bench.study.instance_uids)


def test_work_crosses_to_another_process_without_showing_its_key(make: Callable[..., Bench]) -> None:
    work = make(DEID_JOB).work

    again: Work = pickle.loads(pickle.dumps(work))  # noqa: S301 - our own bytes

    assert again == work
    assert again.profile is not None
    assert "key for tests" not in repr(work)


def test_an_instance_that_may_not_leave_is_withheld_and_named(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    _change(bench.study.files[1], BurnedInAnnotation="YES")

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.DEID_BLOCKED)
    assert (outcome.delivered, outcome.withheld) == (3, 1)
    assert bench.study.instance_uids[1] in outcome.notes[0]
    assert outcome.hint


def test_a_study_of_which_nothing_may_leave_fails_and_reaches_nobody(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB, burned_in="YES")

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.FAILURE, Reason.DEID_BLOCKED)
    assert (outcome.delivered, outcome.withheld, outcome.transient) == (0, 4, False)
    assert not bench.only.deliveries[0].finished
    assert not bench.spool.exists()


def test_an_instance_lost_by_a_source_that_says_success_is_asked_for_again_and_then_named(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    lost = bench.study.instance_uids[2]
    bench.source.lost = {lost}

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.INCOMPLETE)
    assert outcome.missing == (lost,)
    assert (outcome.expected, outcome.received, outcome.delivered) == (4, 3, 3)
    assert [refs_of(request) for request in bench.source.requests[1:]] == [{lost}]
    assert lost in outcome.notes[0]


def test_a_broken_connection_is_resumed_with_what_is_missing(make: Callable[..., Bench]) -> None:
    bench = make(instances=6)
    bench.source.breaks_after = [2, 3]

    outcome = bench.run()

    assert outcome.status is TaskStatus.SUCCESS
    assert [len(refs_of(request)) for request in bench.source.requests] == [6, 4, 1]


def test_one_instance_that_breaks_the_connection_does_not_keep_the_others(make: Callable[..., Bench]) -> None:
    bench = make(instances=6)
    deadly = bench.study.instance_uids[0]
    bench.source.deadly = {deadly}

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.INCOMPLETE)
    assert outcome.missing == (deadly,)
    assert outcome.delivered == 5
    assert "closed the connection" in outcome.notes[0]


def test_a_source_that_stays_away_is_a_failure_that_may_pass_and_keeps_the_spool(
    make: Callable[..., Bench],
) -> None:
    bench = make(instances=6)
    bench.source.breaks_after = [2] + [0] * (PATIENCE + 1)

    outcome = bench.run()

    assert (outcome.status, outcome.reason, outcome.transient) == (
        TaskStatus.FAILURE,
        Reason.UNREACHABLE,
        True,
    )
    assert (outcome.received, outcome.delivered, outcome.rejected) == (2, 2, 0)
    assert not bench.only.deliveries[0].finished
    assert bench.only.deliveries[0].abandoned
    assert len(list((bench.spool / "out").iterdir())) == 2


def test_the_next_attempt_fetches_only_what_is_missing(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB, instances=6)
    bench.source.breaks_after = [2] + [0] * (PATIENCE + 1)
    bench.run()
    bench.source.requests.clear()

    outcome = bench.run()

    assert outcome.status is TaskStatus.SUCCESS
    assert [len(refs_of(request)) for request in bench.source.requests] == [4]
    assert bench.source.requests[0].partial
    assert len(bench.only.held) == 6


def test_a_source_is_not_asked_for_files_that_are_all_ready(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    bench.only.fails_to_finish = TransientNodeError("the destination is busy")
    first = bench.run()
    bench.only.fails_to_finish = None
    bench.source.requests.clear()

    second = bench.run()

    assert (first.status, first.transient) == (TaskStatus.FAILURE, True)
    assert (second.status, second.delivered) == (TaskStatus.SUCCESS, 4)
    assert bench.source.requests == []


def test_what_a_killed_attempt_left_half_written_is_cleared(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    uids, files = bench.study.instance_uids, bench.study.files
    for folder, name in (
        ("arriving", f"{uids[0]}.dcm.tmp"),
        ("in", f"{uids[1]}.again"),
        ("out", f"{uids[2]}.dcm.part"),
    ):
        (bench.spool / folder).mkdir(parents=True, exist_ok=True)
        (bench.spool / folder / name).write_bytes(b"half")
    shutil.copy(files[3], bench.spool / "in" / f"{uids[3]}.dcm")
    BootMark(bench.spool / "boot").set()

    outcome = bench.run()

    assert outcome.status is TaskStatus.SUCCESS
    assert refs_of(bench.source.requests[0]) == set(uids[:3])


def test_what_was_spooled_before_the_machine_started_again_is_fetched_again(
    make: Callable[..., Bench],
) -> None:
    bench = make(instances=6)
    bench.source.breaks_after = [2] + [0] * (PATIENCE + 1)
    bench.run()
    bench.source.requests.clear()
    left = sorted((bench.spool / "out").iterdir())
    torn = left[0].read_bytes()[:-100]
    left[0].unlink()  # it is the source's, too
    left[0].write_bytes(torn)  # as a file looks of which the power cut off the last block
    (bench.spool / "boot").write_text("another one")

    outcome = bench.run()

    assert outcome.status is TaskStatus.SUCCESS
    assert [len(refs_of(request)) for request in bench.source.requests] == [6]
    assert torn not in bench.only.held.values()


def test_a_refusal_is_a_failure_that_does_not_pass(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.refuses = NodeError("the source does not know us", hint="register ADIT there")

    outcome = bench.run()

    assert (outcome.status, outcome.reason, outcome.transient) == (TaskStatus.FAILURE, Reason.REFUSED, False)
    assert (outcome.message, outcome.hint) == ("the source does not know us", "register ADIT there")
    assert len(outcome.missing) == 4
    assert not bench.spool.exists()


def test_an_instance_that_comes_twice_alike_counts_once(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    bench.source.twice = {bench.study.instance_uids[0]: bench.study.files[0].read_bytes()}

    outcome = bench.run()

    assert (outcome.status, outcome.received) == (TaskStatus.SUCCESS, 4)


@pytest.mark.parametrize("text", [JOB, DEID_JOB])
def test_an_instance_that_comes_twice_with_other_content_is_named(
    make: Callable[..., Bench], text: str
) -> None:
    bench = make(text)
    other = _changed(bench.study.files[0], bench.folder, InstanceNumber=77)
    bench.source.twice = {bench.study.instance_uids[0]: other.read_bytes()}

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.MISMATCH)
    assert (outcome.received, outcome.delivered) == (4, 4)
    assert bench.study.instance_uids[0] in outcome.notes[0]


def test_a_second_file_that_could_not_leave_differs_from_the_first(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    other = _changed(bench.study.files[0], bench.folder, BurnedInAnnotation="YES")
    bench.source.twice = {bench.study.instance_uids[0]: other.read_bytes()}

    outcome = bench.run()

    assert (outcome.reason, outcome.withheld, outcome.delivered) == (Reason.MISMATCH, 0, 4)


def test_a_withheld_instance_that_comes_again_is_still_withheld_once(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    _change(bench.study.files[0], BurnedInAnnotation="YES")
    bench.source.twice = {bench.study.instance_uids[0]: bench.study.files[0].read_bytes()}

    outcome = bench.run()

    assert (outcome.reason, outcome.withheld, outcome.delivered) == (Reason.DEID_BLOCKED, 1, 3)


def test_two_differing_files_of_one_instance_in_a_folder_are_a_mismatch(make: Callable[..., Bench]) -> None:
    bench = make()
    other = _changed(bench.study.files[0], bench.study.folder, InstanceNumber=77)
    bench.source.inner.close()

    outcome = bench.run()

    assert other.exists()
    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.MISMATCH)
    assert outcome.missing == (bench.study.instance_uids[0],)


def test_files_of_other_studies_and_series_are_dropped_and_counted(make: Callable[..., Bench]) -> None:
    bench = make()
    stranger = build_study(bench.folder / "elsewhere", instances=1)
    bench.source.uninvited = [*stranger.files, _of_another_series(bench), _not_dicom(bench)]

    outcome = bench.run()

    assert (outcome.status, outcome.received) == (TaskStatus.SUCCESS, 4)
    assert "3 files" in outcome.notes[0]


def test_an_instance_newer_than_the_list_is_taken(make: Callable[..., Bench]) -> None:
    bench = make()
    newer = _changed(bench.study.files[0], bench.folder, SOPInstanceUID="1.2.3.4", InstanceNumber=9)
    bench.source.uninvited = [newer]

    outcome = bench.run()

    assert (outcome.status, outcome.expected, outcome.delivered) == (TaskStatus.SUCCESS, 5, 5)


def test_newer_instances_are_taken_up_again_after_a_break(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    bench.source.uninvited = [_changed(bench.study.files[0], bench.folder, SOPInstanceUID="1.2.3.4")]
    bench.only.fails_to_finish = TransientNodeError("busy")
    bench.run()
    bench.only.fails_to_finish = None

    outcome = bench.run()

    assert (outcome.status, outcome.expected, outcome.delivered) == (TaskStatus.SUCCESS, 5, 5)


def test_a_destination_that_fails_makes_the_task_fail_but_not_the_other_destination(
    make: Callable[..., Bench],
) -> None:
    bench = make(destinations=2)
    bench.only.fails_to_add = TransientNodeError("connection reset", reason=Reason.TIMEOUT)

    outcome = bench.run()

    assert (outcome.status, outcome.reason, outcome.transient) == (TaskStatus.FAILURE, Reason.TIMEOUT, True)
    assert (outcome.delivered, outcome.rejected) == (0, 4)
    assert len(bench.destinations["place 1"].held) == 4
    assert bench.destinations["place 1"].deliveries[0].finished
    assert bench.spool.exists()


@pytest.mark.parametrize(("as_a_whole", "taken"), [(False, 4), (True, 0)])
def test_a_failure_counts_what_its_destination_holds(
    make: Callable[..., Bench], *, as_a_whole: bool, taken: int
) -> None:
    bench = make()
    bench.only.answers_at_end = as_a_whole
    bench.only.fails_to_finish = TransientNodeError("it aborted")

    outcome = bench.run()

    assert outcome.status is TaskStatus.FAILURE
    assert (len(bench.only.held), outcome.delivered, outcome.rejected) == (taken, taken, 4 - taken)
    assert outcome.notes == (("4 of 4 instances are at the destination already",) if taken else ())


@pytest.mark.parametrize("answers_at_end", [False, True])
def test_the_next_attempt_delivers_only_where_something_is_missing(
    make: Callable[..., Bench], *, answers_at_end: bool
) -> None:
    bench = make(DEID_JOB, destinations=2)
    failing, fine = bench.destinations.values()
    failing.fails_to_add, fine.answers_at_end = TransientNodeError("reset"), answers_at_end
    first = bench.run()
    failing.fails_to_add = None

    outcome = bench.run()

    assert (first.status, outcome.status, outcome.delivered) == (TaskStatus.FAILURE, TaskStatus.SUCCESS, 4)
    assert failing.held == fine.held
    assert len(fine.given) == len(failing.given) == 4
    assert [one.finished for one in fine.deliveries] == [True, not answers_at_end]


def test_a_server_is_given_again_only_what_it_did_not_take(make: Callable[..., Bench]) -> None:
    bench = make(instances=40)
    uids = bench.study.instance_uids
    lost, eyed = uids[7], uids[8]
    bench.only.forgets = {lost}
    bench.only.rejected = {eyed: Delivered(eyed, accepted=True, reason=Reason.MISMATCH, message="look at it")}
    bench.only.fails_to_finish = TransientNodeError("reset")
    bench.run()
    bench.only.forgets, bench.only.fails_to_finish = set(), None
    before = len(bench.only.given)

    outcome = bench.run()

    assert sorted(bench.only.given[before:]) == sorted([lost, eyed])
    assert (outcome.status, outcome.reason, outcome.delivered) == (TaskStatus.WARNING, Reason.MISMATCH, 40)


def test_a_folder_is_given_the_whole_study_again_when_there_is_more_of_it(
    make: Callable[..., Bench],
) -> None:
    bench = make(destinations=2)
    failing, fine = bench.destinations.values()
    failing.fails_to_add, fine.answers_at_end = TransientNodeError("reset"), True
    bench.run()
    failing.fails_to_add = None
    newer = build_study(bench.folder / "in", instances=1, StudyInstanceUID=bench.study.uid)
    bench.source = ScriptedSource(FolderSource("in", bench.folder / "in"))

    outcome = bench.run()

    assert outcome.delivered == 5
    assert len(fine.given) == 4 + 5
    assert fine.held.keys() == {*bench.study.instance_uids, *newer.instance_uids}


def test_a_study_that_a_folder_did_not_take_whole_is_given_to_it_again(make: Callable[..., Bench]) -> None:
    bench = make(destinations=2)
    failing, picky = bench.destinations.values()
    refused = Delivered(
        bench.study.instance_uids[0], accepted=False, reason=Reason.MISMATCH, message="differs"
    )
    failing.fails_to_add, picky.answers_at_end = TransientNodeError("reset"), True
    picky.rejected = {refused.uid: refused}
    bench.run()
    failing.fails_to_add = None

    outcome = bench.run()

    assert len(picky.given) == 8
    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.MISMATCH)


def test_a_receipt_that_was_half_written_counts_for_nothing(make: Callable[..., Bench]) -> None:
    bench = make(destinations=2)
    failing, fine = bench.destinations.values()
    failing.fails_to_add = TransientNodeError("reset")
    bench.run()
    failing.fails_to_add = None
    (receipts,) = bench.spool.glob("taken-*")
    mode, text = receipts.stat().st_mode & 0o777, receipts.read_text()
    receipts.write_text(text[:-1])

    bench.run()

    assert mode == 0o600
    assert len(fine.given) == 5
    assert set(fine.given) == set(bench.study.instance_uids)


def test_retrieval_stops_when_no_destination_is_left(make: Callable[..., Bench]) -> None:
    bench = make(instances=200)
    bench.only.fails_to_add = DiskFullError("out: no space left")

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.FAILURE, Reason.DISK_FULL)
    assert outcome.received < 200


def test_a_destination_that_cannot_begin_ends_the_attempt_before_anything_moves(
    make: Callable[..., Bench],
) -> None:
    bench = make(destinations=2)
    bench.destinations["place 1"].fails_to_begin = NodeError("out: Permission denied")

    with pytest.raises(NodeError, match="Permission denied"):
        bench.run()

    assert bench.only.deliveries[0].abandoned
    assert bench.source.requests == []
    assert not bench.spool.exists()


def test_an_error_that_may_pass_before_the_start_keeps_the_spool(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.only.fails_to_begin = TransientNodeError("busy")

    with pytest.raises(TransientNodeError):
        bench.run()

    assert bench.spool.exists()


def test_an_instance_that_a_destination_refuses_is_named(make: Callable[..., Bench]) -> None:
    bench = make(destinations=2)
    uid = bench.study.instance_uids[0]
    refusal = Delivered(uid, accepted=False, reason=Reason.NO_CONTEXT, message="no context for CT")
    bench.destinations["place 1"].rejected = {uid: refusal}

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.NO_CONTEXT)
    assert (outcome.delivered, outcome.rejected) == (3, 1)
    assert outcome.notes == (f"instance {uid}: place 1: no context for CT",)


def test_a_refusal_without_words_and_a_missing_answer_are_rejections(make: Callable[..., Bench]) -> None:
    bench = make()
    first, second = bench.study.instance_uids[:2]
    bench.only.rejected = {first: Delivered(first, accepted=False, reason=Reason.OFFLINE)}
    bench.only.forgets = {second}

    outcome = bench.run()

    assert (outcome.reason, outcome.rejected) == (Reason.REJECTED, 2)
    assert first in outcome.notes[0]
    assert "not taken" in outcome.notes[0]
    assert second in outcome.notes[1]
    assert "did not say" in outcome.notes[1]


def test_a_bug_in_a_destination_is_not_taken_for_an_outcome(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.only.fails_to_add = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        bench.run()

    assert bench.only.deliveries[0].abandoned


def test_an_interruption_passes_through_and_leaves_nothing_at_the_destination(
    make: Callable[..., Bench],
) -> None:
    bench = make()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    bench.source.on_send = interrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run()

    assert bench.only.deliveries[0].abandoned
    assert not bench.only.deliveries[0].finished


def test_a_full_disk_while_preparing_ends_the_attempt_and_may_pass(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(DEID_JOB, instances=200)

    waiting = Event()
    sent = count(1)
    bench.source.on_send = lambda _: waiting.set() if next(sent) > 3 else None

    def full(*_: object, **__: object) -> None:
        waiting.wait(30)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adit_cli.tasks.prepare.deidentify_file", full)

    outcome = bench.run()

    assert (outcome.reason, outcome.transient) == (Reason.DISK_FULL, True)
    assert outcome.received < 200
    assert not bench.only.deliveries[0].finished


def test_a_study_that_the_source_no_longer_has_is_not_found(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.task = replace(bench.task, study_uid="1.2.3")

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.FAILURE, Reason.NOT_FOUND)
    assert bench.source.requests == []


def test_only_the_chosen_series_are_asked_for(make: Callable[..., Bench]) -> None:
    bench = make(JOB + "select: {series: {include: [{modality: CT}]}}\n", modalities=("CT", "MR"))

    outcome = bench.run()

    assert outcome.delivered == outcome.expected == 4
    assert bench.source.requests[0].series_uids == (bench.study.series[0].uid,)


def test_a_whole_study_is_asked_for_as_one(make: Callable[..., Bench]) -> None:
    bench = make(modalities=("CT", "MR"))

    bench.run()

    assert bench.source.requests[0].series_uids == ()


def test_a_source_without_image_level_is_held_to_its_counts(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.no_image_level = NodeError("image level is not supported")
    bench.source.lost = {bench.study.instance_uids[0]}

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.INCOMPLETE)
    assert (outcome.expected, outcome.delivered, outcome.missing) == (4, 3, ())


def test_a_source_that_knows_no_counts_either_is_taken_at_its_word(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.no_image_level = NodeError("image level is not supported")
    bench.source.hidden = {"NumberOfSeriesRelatedInstances"}

    outcome = bench.run()

    assert (outcome.status, outcome.expected, outcome.delivered) == (TaskStatus.SUCCESS, 4, 4)


def test_failures_that_a_source_without_lists_names_are_missing(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.no_image_level = NodeError("image level is not supported")
    bench.source.lost = {bench.study.instance_uids[0]}
    bench.source.admits = True

    outcome = bench.run()

    assert (outcome.expected, outcome.missing) == (4, (bench.study.instance_uids[0],))
    assert outcome.reason is Reason.INCOMPLETE


def test_failures_without_a_name_need_an_eye_too(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.no_image_level = NodeError("image level is not supported")
    bench.source.hidden = {"NumberOfSeriesRelatedInstances"}
    bench.source.unnamed = FailedInstance("", Reason.INCOMPLETE, "2 instances failed, unnamed")

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.WARNING, Reason.INCOMPLETE)
    assert outcome.notes == (outcome.message,) == ("2 instances failed, unnamed",)


def test_a_file_of_another_study_that_a_source_refuses_itself_is_nothing_that_is_missing(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    bench.source.unnamed = FailedInstance(
        "9.9.9", Reason.MISMATCH, "PACS sent 9.9.9, which is of another study"
    )

    outcome = bench.run()

    assert (outcome.status, outcome.expected, outcome.missing) == (TaskStatus.SUCCESS, 4, ())
    assert outcome.notes == ("dropped: 1 file of another study or series",)


def blind(bench: Bench) -> None:
    """Let the source tell neither instances nor their number."""
    bench.source.no_image_level = NodeError("image level is not supported")
    bench.source.hidden = {"NumberOfSeriesRelatedInstances"}


def test_half_a_study_of_which_nobody_tells_the_size_is_no_study(make: Callable[..., Bench]) -> None:
    bench = make()
    blind(bench)
    bench.source.deadly = {bench.study.instance_uids[2]}

    outcome = bench.run()

    assert (outcome.status, outcome.transient) == (TaskStatus.FAILURE, True)
    assert "closed the connection" in outcome.message


def test_a_study_of_which_nobody_tells_the_size_is_asked_for_again_after_a_break(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    blind(bench)
    bench.source.breaks_after = [2]

    outcome = bench.run()

    assert (outcome.status, outcome.delivered) == (TaskStatus.SUCCESS, 4)


def test_what_came_before_a_refusal_is_never_all_where_nobody_tells_the_size(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    blind(bench)
    refusal = NodeError("the source refuses the rest")

    def refuse(arrival: Arrival) -> None:
        if arrival.uid == bench.study.instance_uids[2]:
            raise refusal

    bench.source.on_send = refuse

    outcome = bench.run()

    assert (outcome.status, outcome.reason, outcome.delivered) == (TaskStatus.WARNING, Reason.INCOMPLETE, 2)
    assert refusal.message in outcome.notes


def test_a_list_that_is_cut_is_noticed_by_the_count(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.cap = 3

    outcome = bench.run()

    assert (outcome.status, outcome.expected, outcome.delivered) == (TaskStatus.SUCCESS, 4, 4)


def test_a_busy_source_at_image_level_may_be_asked_again(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.source.no_image_level = TransientNodeError("busy")

    with pytest.raises(AditError, match="busy"):
        bench.run()


def test_images_of_a_merged_patient_move_with_a_note(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.task = replace(bench.task, patient_id="MERGED")

    outcome = bench.run()

    assert outcome.status is TaskStatus.SUCCESS
    assert "another PatientID" in outcome.notes[0]
    assert "MERGED" not in outcome.notes[0]


def test_a_file_that_is_no_dicom_is_withheld(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    bench.source.on_send = lambda arrival: _overwrite(arrival.path)

    outcome = bench.run()

    assert (outcome.status, outcome.reason) == (TaskStatus.FAILURE, Reason.REJECTED)
    assert outcome.withheld == 4


def test_a_first_file_that_cannot_be_read_is_withheld_when_it_is_prepared(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB)
    first = bench.study.instance_uids[0]

    def spoil(arrival: Arrival) -> None:
        if arrival.uid == first:
            arrival.path.unlink()
            arrival.path.write_bytes(b"no DICOM at all")

    bench.source.on_send = spoil

    outcome = bench.run()

    assert (outcome.reason, outcome.withheld, outcome.delivered) == (Reason.REJECTED, 1, 3)


def test_the_spool_of_a_task_that_ended_elsewhere_can_be_removed(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.only.fails_to_finish = TransientNodeError("busy")
    bench.run()

    remove_spool(bench.work.spool, bench.task.key)

    assert list(bench.work.spool.iterdir()) == []


def test_long_lists_of_what_is_wrong_are_cut(make: Callable[..., Bench]) -> None:
    bench = make(instances=NAMED + 5)
    bench.source.lost = set(bench.study.instance_uids[1:])

    outcome = bench.run()

    assert len(outcome.missing) == NAMED + 4
    assert len(outcome.notes) == NAMED + 1
    assert outcome.notes[-1] == "and 4 more"


def _change(path: Path, **attributes: object) -> None:
    ds = read_dicom(path)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path)


def _changed(path: Path, folder: Path, **attributes: object) -> Path:
    other = Path(shutil.copy(path, folder / "other.dcm"))
    _change(other, **attributes)
    return other


def _of_another_series(bench: Bench) -> Path:
    return _changed(bench.study.files[0], bench.folder, SOPInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.9")


def _not_dicom(bench: Bench) -> Path:
    path = bench.folder / "cut.dcm"
    _overwrite(Path(shutil.copy(bench.study.files[0], path)), "1.2.3.5")
    return path


def _overwrite(path: Path, uid: str = "") -> None:
    """Leave of a file its head and the beginning of an element that never ends."""
    if uid:
        _change(path, SOPInstanceUID=uid)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:400])


def test_what_a_task_replaces_is_noted_before_it_leaves_and_survives_its_failure(
    make: Callable[..., Bench],
) -> None:
    bench = make(DEID_JOB + "deidentify: {evidence: notes}\n")
    bench.only.fails_to_finish = TransientNodeError("gone")
    folder = bench.work.evidence
    assert folder is not None

    bench.run()
    noted = gathered(folder)
    bench.only.fails_to_finish = None
    outcome = bench.run()

    assert outcome.delivered == 4
    assert noted.uids.keys() >= set(bench.study.instance_uids)
    assert gathered(folder) == noted
    assert set(bench.only.held) <= set(noted.uids.values())


def test_a_series_that_does_not_leave_for_what_it_is_is_named(make: Callable[..., Bench]) -> None:
    bench = make(DEID_JOB, modalities=("CT", "SR"))
    report = bench.study.series[1].uid

    outcome = bench.run()

    assert (outcome.status, outcome.delivered) == (TaskStatus.SUCCESS, 4)
    assert outcome.notes == (
        f"series {report} does not leave (deid-blocked, deidentify.modalities.exclude: SR)",
    )


def test_cleaned_structured_content_lets_series_of_reports_through(make: Callable[..., Bench]) -> None:
    options = "deidentify: {options: [clean-structured-content]}\n"
    bench = make(DEID_JOB + options, modalities=("CT", "SR"))

    outcome = bench.run()

    assert (outcome.delivered, outcome.notes) == (8, ())

"""Turn a job into transfer tasks. Nothing here moves data; it only asks the sources what they have.

A plan comes in parts where what a study becomes does not depend on what is found later: then a long job
moves while the rest of it is still looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adit_cli.errors import Reason
from adit_cli.jobfile.job import Job, Pseudonyms
from adit_cli.nodes.base import Reporting, Source
from adit_cli.tasks.desk import Desk
from adit_cli.tasks.exclusion import Exclusion
from adit_cli.tasks.found import Found, FoundStudy
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.places import Place
from adit_cli.tasks.planned import EXAMPLES, Excluded, Plan, PlannedStudy, joined
from adit_cli.tasks.pseudonyms import Namer, Patient
from adit_cli.tasks.questions import Question, Reply, ask, unread, untold
from adit_cli.tasks.scope import Batch, Scope, scope_of
from adit_cli.tasks.series import BLOCKED, SeriesChoice, SeriesFilter, series_filter
from adit_cli.tasks.studies import planned_study
from adit_cli.tasks.task import Unresolved

OnProgress = Callable[[int, int | None], None]


def silent(_done: int, _total: int | None) -> None:
    """Tell nobody."""


def idle(_studies: int) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Planning:
    """What the planning of a job needs beside the job and its sources."""

    key: bytes = field(repr=False)
    already: Mapping[Patient, str] = field(default_factory=dict[Patient, str], repr=False)
    """The pseudonyms that earlier plans of this job drew, by issuer and patient ID."""
    on_progress: OnProgress = silent
    skip: frozenset[str] = frozenset()
    """Parts that need not be asked again."""
    before_each: Callable[[int], None] = idle
    """Called before each part with how many studies the parts before have."""


def plan(
    job: Job,
    source: Source,
    key: bytes,
    *,
    already: Mapping[Patient, str] | None = None,
    on_progress: OnProgress | None = None,
) -> Plan:
    """Return what a job with one source would move.

    UsageError where the cohort, the map or the pseudonyms contradict themselves: then nothing is to move.
    """
    planning = Planning(key, already or {}, on_progress or silent)
    desk = Desk([Place(job.source[0], source)])
    return joined(plan_parts(job, desk, planning, scope_of(job).as_one()))


def plan_parts(job: Job, desk: Desk, planning: Planning, scope: Scope) -> Iterator[Plan]:
    """Yield the plan of a job part by part; each is ready to be run."""
    return _Planner(job, desk, planning, scope).parts()


class _Planner:
    """One plan in the making."""

    def __init__(self, job: Job, desk: Desk, planning: Planning, scope: Scope) -> None:
        self._job = job
        self._desk = desk
        self._planning = planning
        self._scope = scope
        self._chooser = series_filter(job)
        self._keys = TaskKeys(job, planning.key)
        spec = _pseudonyms_of(job)
        self._namer = Namer(spec, planning.key, planning.already) if spec else None
        self._given: dict[str, PlannedStudy] = {}
        self._asked = 0
        self._said: set[str] = set()

    def parts(self) -> Iterator[Plan]:
        """Yield one plan for each batch of questions that is not to be skipped."""
        self._tell()
        last = self._scope.batches[-1] if self._scope.batches else None
        for batch in self._scope.batches:
            if batch.label in self._planning.skip:
                self._asked += len(batch.questions)
                self._tell()
                continue
            self._planning.before_each(len(self._given))
            notes = self._source_notes() if batch is last else ()
            closed = unread(self._desk.first) if batch is last else ()
            part = _Part(self._job, self._chooser, self._keys, batch, self._scope.exclusion)
            if batch is self._scope.batches[0]:
                part.notes += self._scope.warnings
            part.unresolved += closed
            yield part.made(self, notes)

    def replies(self, questions: Sequence[Question]) -> Iterator[Reply]:
        """Yield what the sources reply, in order."""
        for reply in self._desk.map(ask, questions):
            self._asked += 1
            self._tell()
            yield reply

    def choices(self, studies: Sequence[FoundStudy]) -> Iterator[SeriesChoice]:
        """Yield which series of the studies are taken, in order."""
        chooser = self._chooser

        def choose(places: Sequence[Place], study: FoundStudy) -> SeriesChoice:
            source = next(one.source for one in places if one.name == study.offer.place.name)
            return chooser.choose(source, study.uid, study.series_uids)

        for done, choice in enumerate(self._desk.map(choose, studies), start=1):
            if self._scope.is_whole:
                self._planning.on_progress(done, len(studies))
            yield choice

    def pseudonyms(self, found: Found) -> Mapping[Patient, str]:
        """Return the patients' pseudonyms; those drawn for earlier parts stay."""
        return self._namer.assign(found.people()) if self._namer else {}

    def merged(self, study: PlannedStudy) -> PlannedStudy | None:
        """Return a study with the rows of earlier parts; None where one of another patient came before."""
        known = self._given.setdefault(study.task.study_uid, study)
        if (known.task.patient_id, known.task.issuer) != (study.task.patient_id, study.task.issuer):
            return None
        rows = tuple(sorted({*known.task.rows, *study.task.rows}))
        self._given[study.task.study_uid] = study = study.with_rows(rows)
        return study

    def news(self, notes: Sequence[str]) -> tuple[str, ...]:
        """Return what was not said of an earlier part."""
        fresh = tuple(note for note in dict.fromkeys(notes) if note not in self._said)
        self._said |= {*fresh}
        return fresh

    def _tell(self) -> None:
        self._planning.on_progress(self._asked, self._scope.questions)

    def _source_notes(self) -> tuple[str, ...]:
        sources = [place.source for place in self._desk.first]
        return tuple(note for source in sources if isinstance(source, Reporting) for note in source.notes())


def _pseudonyms_of(job: Job) -> Pseudonyms | None:
    """Return how patients are named; what is de-identified needs a name even if the job gives none."""
    if job.pseudonyms is None and job.deid.profile != "none":
        return Pseudonyms.model_validate({"from": "key"})
    return job.pseudonyms


@dataclass(slots=True)
class _Part:
    """The plan of one batch in the making."""

    job: Job
    chooser: SeriesFilter
    keys: TaskKeys
    batch: Batch
    exclusion: Exclusion
    found: Found = field(default_factory=Found)
    unresolved: list[Unresolved] = field(default_factory=list[Unresolved])
    excluded: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    notes: list[str] = field(default_factory=list[str])
    choices: dict[str, SeriesChoice] = field(default_factory=dict[str, SeriesChoice])

    def made(self, planner: _Planner, notes: Sequence[str]) -> Plan:
        """Ask, and return the plan; the pseudonyms are its last chance to fail."""
        for reply in planner.replies(self.batch.questions):
            self._take(reply)
        self.unresolved += self.found.doubled()
        self._choose_series(planner)
        pseudonyms = planner.pseudonyms(self.found)
        moving = [study for study in self.found if self._moves(study)]
        planned = [self._planned(study, pseudonyms) for study in moving]
        merged = {one: planner.merged(one) for one in planned}
        self.unresolved += [_doubled(one) for one, study in merged.items() if study is None]
        return Plan(
            tuple(study for study in merged.values() if study is not None),
            tuple(self.unresolved),
            tuple(self._left_out()),
            self.batch.rows,
            len(self.batch.questions),
            planner.news((*self.notes, *notes)),
            self.batch.label,
        )

    def _left_out(self) -> Iterator[Excluded]:
        """Yield what each rule keeps out, but for studies that another question lets in."""
        taken = {study.uid for study in self.found}
        for (rule, level), found in self.excluded.items():
            uids = [uid for uid in dict.fromkeys(found) if level == "series" or uid not in taken]
            if uids:
                yield Excluded(rule, level, len(uids), tuple(uids[:EXAMPLES]))

    def _take(self, reply: Reply) -> None:
        for one in reply.found:
            if rule := self.exclusion.rule(one.offer):
                self.excluded.setdefault((rule, "study"), []).append(one.offer.uid)
            else:
                self.found.add(one.offer, one.label, one.rows)
        self.unresolved += reply.unresolved
        self.notes += reply.notes
        for rule, uid in reply.excluded:
            self.excluded.setdefault((rule, "study"), []).append(uid)

    def _choose_series(self, planner: _Planner) -> None:
        """Ask for the series where a rule or a row may leave some out."""
        studies = [one for one in self.found if one.series_uids or self.chooser.may_keep_out(one.attributes)]
        for study, choice in zip(studies, planner.choices(studies), strict=True):
            self.choices[study.uid] = choice
            self.notes += untold(study.offer.place.name, "select.series", choice.untold)
            for series in choice.left_out:
                self.excluded.setdefault((series.rule, "series"), []).append(series.series_uid)

    def _moves(self, study: FoundStudy) -> bool:
        """Return whether anything of a study is left to move; where nothing is, its rows are told so."""
        choice = self.choices.get(study.uid)
        if choice is None or choice.taken:
            return True
        missing = not choice.left_out
        blocked = any(series.rule.startswith(BLOCKED) for series in choice.left_out)
        reason = Reason.DEID_BLOCKED if blocked else Reason.NOT_FOUND
        message = (
            "the study has none of the series asked for" if missing else "no series of the study is let in"
        )
        hint = "check series_uid" if missing else "see select.series and deidentify.modalities"
        numbers = study.row_numbers or (None,)
        self.unresolved += [Unresolved(study.label, reason, message, hint, number) for number in numbers]
        return False

    def _planned(self, study: FoundStudy, pseudonyms: Mapping[Patient, str]) -> PlannedStudy:
        return planned_study(self.job, self.keys, study, self.choices.get(study.uid), pseudonyms)


def _doubled(study: PlannedStudy) -> Unresolved:
    """Tell of a study whose UID an earlier part knew as another patient's; that one may be on its way."""
    return Unresolved(
        f"study {study.task.study_uid}",
        Reason.AMBIGUOUS,
        "the source has studies of several patients under this Study Instance UID; the first was put in line",
        "have the archive corrected, and look at what was delivered of it",
    )

"""Turn a job into transfer tasks. Nothing here moves data; it only asks the source what it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from adit_cli.dicom.query import Attributes
from adit_cli.errors import Reason
from adit_cli.jobfile.job import Job, Pseudonyms
from adit_cli.jobfile.selector import Query
from adit_cli.nodes.base import Reporting, Source
from adit_cli.tasks.found import Found, FoundStudy
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.planned import EXAMPLES, Excluded, Plan, PlannedStudy
from adit_cli.tasks.pseudonyms import Patient, assign
from adit_cli.tasks.resolve import choose, grant
from adit_cli.tasks.series import BLOCKED, SeriesChoice, SeriesFilter, series_filter
from adit_cli.tasks.task import TransferTask, Unresolved
from adit_cli.tasks.windows import WindowedFind
from adit_cli.tasks.wishes import Wish, wishes_of

OnProgress = Callable[[int, int | None], None]


def plan(
    job: Job,
    source: Source,
    key: bytes,
    *,
    already: Mapping[Patient, str] | None = None,
    on_progress: OnProgress | None = None,
) -> Plan:
    """Resolve what a job selects into tasks.

    `already` are the pseudonyms that earlier plans of this job drew, by issuer and patient ID. UsageError
    where the cohort, the map or the pseudonyms contradict themselves: then nothing is to move.
    """
    planner = _Planner(job, source, on_progress or _no_progress)
    planner.resolve()
    planner.choose_series()
    return planner.plan(key, already or {})


def _pseudonyms_of(job: Job) -> Pseudonyms | None:
    """Return how patients are named; what is de-identified needs a name even if the job gives none."""
    if job.pseudonyms is None and job.deid.profile != "none":
        return Pseudonyms.model_validate({"from": "key"})
    return job.pseudonyms


def _no_progress(_done: int, _total: int | None) -> None:
    """Be silent."""


@dataclass(slots=True)
class _Planner:
    """One plan in the making."""

    job: Job
    source: Source
    on_progress: OnProgress
    found: Found = field(default_factory=Found)
    unresolved: list[Unresolved] = field(default_factory=list[Unresolved])
    excluded: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    notes: list[str] = field(default_factory=list[str])
    choices: dict[str, SeriesChoice] = field(default_factory=dict[str, SeriesChoice])
    rows: int = 0
    lookups: int = 0

    def resolve(self) -> None:
        """Ask for every row, UID and query."""
        wishes, self.rows = wishes_of(self.job)
        queries = self._queries()
        self.lookups = len(wishes) + len(queries)
        for done, wish in enumerate(wishes):
            self.on_progress(done, self.lookups)
            self._grant(wish)
        for done, query in enumerate(queries, start=len(wishes)):
            self.on_progress(done, self.lookups)
            self._run(query)
        self.on_progress(self.lookups, self.lookups)
        self.unresolved += self.found.doubled()
        if isinstance(self.source, Reporting):
            self.notes += self.source.notes()

    def _queries(self) -> list[Query]:
        studies = self.job.select.studies
        if studies.query is not None:
            return [studies.query]
        everything = studies.cohort is None and "uids" not in studies.model_fields_set
        return [Query()] if everything else []

    def _grant(self, wish: Wish) -> None:
        answer = grant(self.source, wish)
        for study in answer.studies:
            self.found.add(study, wish.label(), wish.rows)
        if answer.studies and answer.message:
            self.notes.append(f"{wish.label()}: {answer.message}")
        elif answer.reason is not None:
            self.unresolved += [
                Unresolved(wish.label(row), answer.reason, answer.message, answer.hint, row.number or None)
                for row in wish.rows
            ]

    def _run(self, query: Query) -> None:
        find = WindowedFind(self.source, query.keys())
        answers = find.all(query.study_date, datetime.now(tz=UTC).date())
        selection = choose(self.source, query, answers)
        for study in selection.studies:
            self.found.add(study, f"study {study['StudyInstanceUID']}", [])
        for uid in selection.left_out:
            self._note_excluded("select.studies.query", "study", uid)
        self.notes += [
            f"the source may have cut its answer for {window}: more studies than it lists in half an hour"
            for window in find.cut
        ]

    def choose_series(self) -> None:
        """Ask for the series where a rule or a row may leave some out."""
        chooser = series_filter(self.job)
        studies = list(self.found)
        for done, study in enumerate(studies):
            self.on_progress(done, len(studies))
            if study.series_uids or self._may_lose_series(chooser, study.attributes):
                choice = chooser.choose(self.source, study.uid, study.series_uids)
                self.choices[study.uid] = choice
                for series in choice.left_out:
                    self._note_excluded(series.rule, "series", series.series_uid)
        self.on_progress(len(studies), len(studies))

    def _may_lose_series(self, chooser: SeriesFilter, study: Attributes) -> bool:
        modalities = study.get("ModalitiesInStudy")
        if chooser.rules.include or chooser.rules.exclude or not modalities:
            return chooser.decides
        return not chooser.blocked.isdisjoint(modalities.upper().split("\\"))

    def _note_excluded(self, rule: str, level: str, uid: str) -> None:
        self.excluded.setdefault((rule, level), []).append(uid)

    def plan(self, key: bytes, already: Mapping[Patient, str]) -> Plan:
        """Return the plan; the pseudonyms are its last chance to fail."""
        spec = _pseudonyms_of(self.job)
        pseudonyms = assign(spec, self.found.people(), key, already) if spec else {}
        keys = TaskKeys(self.job, key)
        studies = [self._planned(study, keys, pseudonyms) for study in self.found if self._moves(study)]
        return Plan(
            tuple(studies),
            tuple(self.unresolved),
            tuple(
                Excluded(rule, level, len(uids), tuple(uids[:EXAMPLES]))
                for (rule, level), uids in self.excluded.items()
            ),
            self.rows,
            self.lookups,
            tuple(self.notes),
        )

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

    def _planned(self, study: FoundStudy, keys: TaskKeys, pseudonyms: Mapping[Patient, str]) -> PlannedStudy:
        attributes, choice = study.attributes, self.choices.get(study.uid)
        task = TransferTask(
            "",
            study.uid,
            self.job.source[0],
            self.job.destinations,
            patient_id=attributes.get("PatientID", "").strip(),
            issuer=attributes.get("IssuerOfPatientID", "").strip(),
            pseudonym=pseudonyms.get(study.patient),
            series_uids=study.series_uids,
            rows=study.row_numbers,
            instances=choice.instances if choice else _number(attributes, "NumberOfStudyRelatedInstances"),
        )
        return PlannedStudy(
            replace(task, key=keys.key_of(task)),
            attributes.get("StudyDate", ""),
            attributes.get("ModalitiesInStudy", ""),
            attributes.get("StudyDescription", ""),
            len(choice.taken) if choice else _number(attributes, "NumberOfStudyRelatedSeries"),
        )


def _number(attributes: Attributes, keyword: str) -> int | None:
    value = attributes.get(keyword, "").strip()
    return int(value) if value.isdecimal() else None

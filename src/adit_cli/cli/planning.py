"""Show what a job would move."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterator

import typer

from adit_cli.cli.batch import batch_columns, batch_rows
from adit_cli.cli.estimating import estimate_lines, estimate_object
from adit_cli.cli.output import Format, default_format, show_rows, write
from adit_cli.cli.table import Column
from adit_cli.counting import count
from adit_cli.deid.describe import describe_profile
from adit_cli.engine.preview import Preview
from adit_cli.errors import Reason
from adit_cli.jobfile.job import Job
from adit_cli.tasks.availability import Away, away_of
from adit_cli.tasks.planned import Plan, PlannedStudy
from adit_cli.tasks.task import Unresolved

COLUMNS = {
    "StudyInstanceUID": Column("Study UID", "UI"),
    "StudyDate": Column("Date", "DA"),
    "ModalitiesInStudy": Column("Modality", "CS"),
    "StudyDescription": Column("Description"),
    "series": Column("Series", "IS"),
    "instances": Column("Images", "IS"),
    "rows": Column("Rows"),
    "state": Column("State"),
}


def on_lookup(done: int, total: int | None) -> None:
    """Show on a terminal how far the questions to the source are."""
    if sys.stderr.isatty():
        typer.echo(f"\rlooking up {done}{f' of {total}' if total else ''} … ", err=True, nl=False)
        if done == total:
            typer.echo("\r\033[K", err=True, nl=False)


def show_plan(job: Job, preview: Preview, output: Format | None) -> None:
    """Write the plan; what became no task and the totals go to standard error."""
    kind = output or default_format()
    studies = preview.plan.studies
    if kind is Format.UID:
        write("".join(f"{study.task.study_uid}\n" for study in studies if preview.would_move(study)))
    elif kind is Format.JSON:
        write(json.dumps(_as_object(job, preview), ensure_ascii=False, indent=2))
    else:
        show_rows([_row(preview, study) for study in studies], COLUMNS, kind, uid="StudyInstanceUID")
    for line in unresolved_lines(preview.plan.unresolved):
        typer.echo(line, err=True)
    for line in _totals(job, preview):
        typer.echo(line, err=True)


def show_batch(job: Job, preview: Preview) -> None:
    """Write the cohort's table as CSV, with what the sources have for each row."""
    rows = batch_rows(job, preview)
    show_rows(rows, {name: Column(name) for name in batch_columns(rows)}, Format.CSV)
    for line in _totals(job, preview):
        typer.echo(line, err=True)


def unresolved_lines(entries: tuple[Unresolved, ...] | list[Unresolved]) -> Iterator[str]:
    """Yield a line for each row, UID or query that became no task."""
    for entry in entries:
        yield f"{entry.label}: {entry.reason.value}: {entry.message}"


def _row(preview: Preview, study: PlannedStudy) -> dict[str, str | int | None]:
    status = preview.status(study)
    return {
        "StudyInstanceUID": study.task.study_uid,
        "StudyDate": study.study_date,
        "ModalitiesInStudy": study.modalities,
        "StudyDescription": study.description,
        "series": study.series,
        "instances": study.task.instances,
        "rows": " ".join(map(str, study.task.rows)),
        "state": status.value if status else "new",
        "availability": study.availability or None,
    }


def _as_object(job: Job, preview: Preview) -> dict[str, object]:
    plan = preview.plan
    return {
        "job": job.name,
        "rows": plan.rows,
        "studies": [_row(preview, study) for study in plan.studies],
        "unresolved": [
            {"label": one.label, "row": one.row, "reason": one.reason, "message": one.message}
            for one in plan.unresolved
        ],
        "excluded": [
            {"rule": one.rule, "level": one.level, "count": one.count, "examples": one.examples}
            for one in plan.excluded
        ],
        "notes": plan.notes,
        "questions": plan.lookups,
        "estimate": estimate_object(preview.estimate),
        "changes": dataclasses.asdict(preview.changes) if preview.changes else None,
        "deidentification": describe_profile(job.deid),
    }


def _unresolved(plan: Plan) -> Iterator[str]:
    """Yield how many rows led to nothing, and how many answers were cut or files could not be read."""
    reasons = Counter(one.reason for one in plan.unresolved)
    cut = reasons.pop(Reason.INCOMPLETE, 0)
    if reasons:
        why = ", ".join(f"{number} {reason.value}" for reason, number in reasons.items())
        yield f"  {count(reasons.total(), 'row or UID', 'rows or UIDs')} without a match ({why})"
    if cut:
        yield f"  {count(cut, 'gap')} in what the sources tell: there may be more studies"


def _away(studies: list[PlannedStudy]) -> Iterator[str]:
    """Yield how many of the studies must be brought back first, by where they are."""
    places: dict[Away, list[str]] = {}
    for study in studies:
        if (away := away_of(study.availability)) is not None:
            places.setdefault(away, []).append(study.task.study_uid)
    for away, uids in places.items():
        yield f"  {count(len(uids), 'study')} {away.words}, such as {uids[0]}"


def _numbers(moving: list[PlannedStudy]) -> Iterator[str]:
    """Yield how many studies, series and instances there are, as far as the source counts them."""
    yield count(len(moving), "study") if moving else "none"
    if moving and all(study.series is not None for study in moving):
        yield f"{sum(study.series or 0 for study in moving):,} series"
    if moving and all(study.task.instances is not None for study in moving):
        yield count(sum(study.task.instances or 0 for study in moving), "instance")


def _totals(job: Job, preview: Preview) -> Iterator[str]:
    plan = preview.plan
    moving = [study for study in plan.studies if preview.would_move(study)]
    asked = f"{count(plan.rows, 'row')} → {count(plan.lookups, 'question')} → " if plan.rows else ""
    found = f"{count(len(plan.studies), 'study')} found → " if len(moving) < len(plan.studies) else ""
    yield f"{job.name}: {asked}{found}{' → '.join(_numbers(moving))} would move"
    yield from estimate_lines(preview.estimate) if moving else ()
    if done := len(plan.studies) - len(moving):
        yield f"  {count(done, 'study')} ended in an earlier run and would not (see: adit status {job.name})"
    yield from _unresolved(plan)
    yield from _away(moving)
    for one in plan.excluded:
        noun = "study" if one.level == "study" else "series"
        yield f"  {count(one.count, noun)} kept out by {one.rule}, such as {', '.join(one.examples)}"
    changed = list(preview.changes.sentences("the last plan")) if preview.changes else []
    yield from (f"  {sentence}" for sentence in changed)
    yield from (f"  note: {note}" for note in plan.notes)
    yield "what is done with them:"
    yield from (f"  {sentence}" for sentence in describe_profile(job.deid))

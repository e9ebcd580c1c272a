"""The cohort's table with what the sources have for each row: a batch query.

It can be read as a cohort again, in which no two columns may say the same: what a row asks for stands where
what was found would stand, if nothing was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from adit_cli.cli.output import Row
from adit_cli.engine.preview import Preview
from adit_cli.jobfile.job import Job
from adit_cli.tasks.cohort import CohortRow, extra_columns
from adit_cli.tasks.planned import PlannedStudy
from adit_cli.tasks.task import Unresolved
from adit_cli.tasks.wishes import tables_of, wanted_by

_DOUBLE = {"study_uid": "StudyInstanceUID", "study_date": "StudyDate", "modality": "ModalitiesInStudy"}
ASKED = [field.name for field in fields(CohortRow) if field.name not in {"number", "where"}]


def batch_rows(job: Job, preview: Preview) -> list[Row]:
    """Return a row for each study of each of the cohort's rows, and one where a row has none."""
    wanted = {row.number: row for wish in wanted_by(job).wishes for row in wish.rows if row.number}
    extra = _extra(job)
    found: dict[int, list[Row]] = {}
    for study in preview.plan.studies:
        for number in study.task.rows:
            found.setdefault(number, []).append(_study(preview, study))
    for one in preview.plan.unresolved:
        if one.row is not None and one.row not in found:
            found.setdefault(one.row, []).append(_without(one))
    used = [name for name in ASKED if any(getattr(row, name) for row in wanted.values())]
    return [
        {
            "row": row.where or number,
            **{_DOUBLE.get(name, name): getattr(row, name) for name in used},
            **extra.get(number, {}),
            **study,
        }
        for number, row in sorted(wanted.items())
        for study in found.get(number, [_LEFT_OUT])
    ]


def _extra(job: Job) -> dict[int, dict[str, str]]:
    rows: dict[int, dict[str, str]] = {}
    for table in tables_of(job):
        rows |= {number: cells for number, _, cells in extra_columns(table, max(rows, default=0))}
    return rows


def batch_columns(rows: list[Row]) -> Iterator[str]:
    """Yield the names of all columns: those of the rows first, then what was found."""
    yield from dict.fromkeys(name for row in rows for name in row if name not in _FOUND)
    yield from _FOUND


_FOUND = (
    "StudyInstanceUID",
    "StudyDate",
    "ModalitiesInStudy",
    "StudyDescription",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "InstanceAvailability",
    "source",
    "state",
    "reason",
    "message",
)


_LEFT_OUT: Row = {
    "state": "none",
    "reason": "excluded",
    "message": "what was found is left out by select.studies.exclude",
}


def _study(preview: Preview, study: PlannedStudy) -> Row:
    status = preview.status(study)
    values = (
        study.task.study_uid,
        study.study_date,
        study.modalities.replace("\\", " "),
        study.description,
        study.series,
        study.task.instances,
        study.availability,
        study.task.source,
        status.value if status else "new",
    )
    return dict(zip(_FOUND, values, strict=False))


def _without(entry: Unresolved) -> Row:
    return {"state": "none", "reason": entry.reason.value, "message": entry.message}

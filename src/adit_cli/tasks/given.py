"""Check the pseudonyms that a cohort gives before anybody is asked. No value is ever named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.tasks.cohort import CohortRow
from adit_cli.tasks.pseudonyms import tells_of
from adit_cli.tasks.tables import SHOWN

_UNUSED = "the column of pseudonyms is not used: only `pseudonyms: {from: column}` does"


def check_given(spec: Pseudonyms | None, rows: Sequence[CohortRow]) -> tuple[str, ...]:
    """Return what a person should look at; UsageError with all that stands against the pseudonyms of rows.

    What only the source knows, as whose an accession number is, is checked when that is found.
    """
    if spec is None or spec.source != "column":
        return (_UNUSED,) if any(row.pseudonym for row in rows) else ()
    problems = list(_problems(rows))
    if spec.missing == "fail":
        problems += _missing(rows)
    if problems:
        more = [f"and {len(problems) - SHOWN} problems more"] if len(problems) > SHOWN else []
        raise UsageError("\n".join([*problems[:SHOWN], *more]), hint="correct the cohort's pseudonyms")
    return ()


def _problems(rows: Sequence[CohortRow]) -> Iterator[str]:
    of_patient: dict[str, CohortRow] = {}
    of_pseudonym: dict[str, CohortRow] = {}
    for row in rows:
        if not row.pseudonym:
            continue
        if tells_of(row.pseudonym, (row.patient_id, row.patient_name)):
            yield f"{row.where}: the pseudonym is the patient's own ID or name"
        if not row.patient_id:
            continue
        first = of_patient.setdefault(row.patient_id, row)
        if first.pseudonym != row.pseudonym:
            yield f"{row.where}: another pseudonym than in {first.where}, for the same patient"
        holder = of_pseudonym.setdefault(row.pseudonym, row)
        if holder.patient_id != row.patient_id:
            yield f"{row.where}: the pseudonym of another patient, that of {holder.where}"


def _missing(rows: Sequence[CohortRow]) -> Iterator[str]:
    """Yield the rows whose patient no row gives a pseudonym."""
    if not any(row.pseudonym for row in rows):
        yield "no row has a pseudonym: name its column as `pseudonyms.column`"
        return
    named = {row.patient_id for row in rows if row.pseudonym}
    for row in rows:
        if row.patient_id and row.patient_id not in named:
            yield f"{row.where}: the patient has no pseudonym"

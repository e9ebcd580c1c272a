from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.errors import UsageError
from adit_cli.tasks.inputs import read_inputs
from tests.support.job_texts import job_of

JOB = """
source: {dimse: PACS@localhost:104}
destinations: [{folder: out}]
select:
  studies:
    cohort: [{file: one.csv}, {file: two.csv}]
    exclude: {cohort: {file: out.csv}}
pseudonyms: {from: map, file: map.csv}
"""


def test_everything_wrong_with_all_tables_of_a_job_is_told_at_once(tmp_path: Path) -> None:
    for name in ("one", "two", "out"):
        (tmp_path / f"{name}.csv").write_text("patient_id\n1*\n")
    (tmp_path / "map.csv").write_text("patient_id,pseudonym\n#N/A,P1\n")
    job = job_of(tmp_path, JOB)

    with pytest.raises(UsageError) as caught:
        read_inputs(job)

    wrong = {line.rpartition("/")[2].partition(": row 1: ")[0] for line in caught.value.message.splitlines()}
    assert wrong == {"one.csv", "two.csv", "out.csv", "map.csv"}
    assert caught.value.hint == "rows are counted from the first one below the header"


def test_pseudonyms_that_contradict_are_told_with_the_cells_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("patient_id,pseudonym\n1,A\n1,B\n2\x072,C\n")
    (tmp_path / "two.csv").write_text("patient_id,pseudonym\n3,A\n4,4\n")
    job = job_of(
        tmp_path,
        JOB.partition("    exclude")[0] + "pseudonyms: {from: column}\n",
    )

    with pytest.raises(UsageError) as caught:
        read_inputs(job)

    told = [line.rpartition("/")[2] for line in caught.value.message.splitlines()]
    assert told == [
        "one.csv: row 3: patient_id holds a control character",
        "one.csv row 2: another pseudonym than in one.csv row 1, for the same patient",
        "two.csv row 1: the pseudonym of another patient, that of one.csv row 1",
        "two.csv row 2: the pseudonym is the patient's own ID or name",
    ]


def test_tables_in_order_are_counted(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two", "out")):
        (tmp_path / f"{name}.csv").write_text(f"patient_id\n{number}\n1\n")
    (tmp_path / "map.csv").write_text("patient_id,pseudonym\n1,P1\n")

    inputs = read_inputs(job_of(tmp_path, JOB))

    assert (inputs.rows, inputs.questions) == (4, 2)

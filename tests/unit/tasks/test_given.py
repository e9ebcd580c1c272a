from __future__ import annotations

import pytest

from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.tasks.cohort import CohortRow
from adit_cli.tasks.given import check_given
from adit_cli.tasks.tables import SHOWN


def column(missing: str = "fail") -> Pseudonyms:
    return Pseudonyms.model_validate({"from": "column", "missing": missing})


def rows(*cells: tuple[str, str]) -> list[CohortRow]:
    """Return rows of patient IDs and pseudonyms."""
    return [
        CohortRow(
            number, patient_id=patient, accession_number="A", pseudonym=pseudonym, where=f"c row {number}"
        )
        for number, (patient, pseudonym) in enumerate(cells, start=1)
    ]


def problems(found: list[CohortRow]) -> list[str]:
    with pytest.raises(UsageError) as caught:
        check_given(column(), found)
    return caught.value.message.splitlines()


def test_pseudonyms_that_fit_are_fine() -> None:
    assert check_given(column(), rows(("1", "X"), ("1", "X"), ("2", "Y"), ("2", ""), ("", "Z"))) == ()


def test_all_that_stands_against_pseudonyms_is_told_by_row() -> None:
    found = rows(("1", "X"), ("1", "Y"), ("2", "X"), ("3", "3"), ("4", ""))

    assert problems(found) == [
        "c row 2: another pseudonym than in c row 1, for the same patient",
        "c row 3: the pseudonym of another patient, that of c row 1",
        "c row 4: the pseudonym is the patient's own ID or name",
        "c row 5: the patient has no pseudonym",
    ]


def test_a_table_without_any_pseudonym_is_told_once() -> None:
    assert problems(rows(("1", ""), ("2", ""))) == [
        "no row has a pseudonym: name its column as `pseudonyms.column`"
    ]


def test_a_key_makes_what_is_missing() -> None:
    assert check_given(column(missing="key"), rows(("1", "X"), ("2", ""))) == ()


def test_a_column_that_is_not_used_is_told() -> None:
    (warning,) = check_given(None, rows(("1", "X")))

    assert "is not used" in warning
    assert check_given(None, rows(("1", ""))) == ()


def test_a_long_list_is_cut() -> None:
    assert problems(rows(*((str(n), str(n)) for n in range(SHOWN + 3))))[-1] == "and 3 problems more"

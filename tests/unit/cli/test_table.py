from __future__ import annotations

from adit_cli.cli.table import Column, render
from adit_cli.cli.wording import width

COLUMNS = [Column("Patient"), Column("Date", "DA"), Column("Images", "IS"), Column("Study UID", "UI")]
ROWS = [
    ["P1", "20240131", "120", "1.2.840.113619.2.55.3.604688119.971.1379068943.1"],
    ["a very long patient identifier that nobody expected", "", "7", "1.2.840.113619.2.55.3.604688119.971.2"],
]


def test_a_table_fits_the_terminal() -> None:
    lines = render(COLUMNS, ROWS, 60).splitlines()

    assert max(map(width, lines)) <= 60
    assert lines[0].split() == ["Patient", "Date", "Images", "Study", "UID"]


def test_a_table_is_not_wider_than_its_content() -> None:
    lines = render(COLUMNS, [["P1", "20240131", "120", "1.2"]], 200).splitlines()

    assert lines[2] == "P1       2024-01-31     120  1.2"


def test_dates_and_numbers_are_never_cut() -> None:
    table = render(COLUMNS, ROWS, 30)

    assert "2024-01-31" in table
    assert " 120 " in table


def test_a_column_without_values_is_left_out() -> None:
    table = render([Column("A"), Column("B")], [["1", ""], ["2", ""]], 80)

    assert "B" not in table

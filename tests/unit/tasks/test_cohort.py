from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from adit_cli.errors import UsageError
from adit_cli.tasks.cohort import CohortRow, Table, extra_columns
from adit_cli.tasks.cohort import read_cohort as read_table
from adit_cli.tasks.formats.record import LONGEST_CELL
from adit_cli.tasks.tables import SHOWN


def read_cohort(path: Path, columns: dict[str, str] | None = None) -> list[CohortRow]:
    return read_table(Table(path, columns or {})).rows


def table(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "cohort.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def problems_of(path: Path, columns: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        read_cohort(path, columns or {})
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_common_delimiter_is_recognised(tmp_path: Path, delimiter: str) -> None:
    text = "patient_id,accession_number\n007,A1\n".replace(",", delimiter)

    assert read_cohort(table(tmp_path, text), {}) == [CohortRow(1, patient_id="007", accession_number="A1")]


def test_a_spreadsheets_own_word_on_the_delimiter_counts(tmp_path: Path) -> None:
    assert read_cohort(table(tmp_path, "sep=;\nPatientID;x,y\n007;1\n"), {}) == [
        CohortRow(1, patient_id="007")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_any_common_encoding_is_recognised(tmp_path: Path, encoding: str) -> None:
    text = "patient_name;patient_birth_date\r\nMüller^Zoë;1961-02-03\r\n"

    (row,) = read_cohort(table(tmp_path, text, encoding), {})

    assert row == CohortRow(1, patient_name="Müller^Zoë", patient_birth_date="19610203")


def test_mixed_encodings_are_an_error_that_names_the_row(tmp_path: Path) -> None:
    text = "patient_id,x\n1,Zoë\n".encode() + "2,Zoë\n".encode("cp1252")

    assert "row 2 is not UTF-8" in problems_of(table(tmp_path, text))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    assert "text in no encoding" in problems_of(table(tmp_path, b"patient_id\n\x81\x8d\n"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert "No such file" in problems_of(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Patient ID", "007", CohortRow(1, patient_id="007")),
        ("patient-id", "007", CohortRow(1, patient_id="007")),
        ("PatientID", "007", CohortRow(1, patient_id="007")),
        ("study_uid", "1.2.3", CohortRow(1, study_uid="1.2.3")),
        ("StudyInstanceUID", "1.2.3", CohortRow(1, study_uid="1.2.3")),
        ("study instance uid", "1.2.3", CohortRow(1, study_uid="1.2.3")),
        ("ACCESSION_NUMBER", "A1", CohortRow(1, accession_number="A1")),
    ],
)
def test_headers_are_recognised_as_people_write_them(
    tmp_path: Path, header: str, value: str, expected: CohortRow
) -> None:
    assert read_cohort(table(tmp_path, f"{header}\n{value}\n"), {}) == [expected]


def test_adits_own_batch_file_is_read_unchanged(tmp_path: Path) -> None:
    text = (
        "PatientID,PatientName,PatientBirthDate,StudyDate,ModalitiesInStudy,AccessionNumber,Pseudonym\n"
        '1001,"Banana, Ben",01.02.1962,27.04.2018,"CT,SR",0062094311,WRH8W1SB\n'
    )

    assert read_cohort(table(tmp_path, text), {}) == [
        CohortRow(
            1,
            patient_id="1001",
            accession_number="0062094311",
            study_date="20180427",
            modality="CT,SR",
            patient_name="Banana, Ben",
            patient_birth_date="19620201",
            pseudonym="WRH8W1SB",
        )
    ]


def test_columns_that_the_job_names_win_over_those_recognised(tmp_path: Path) -> None:
    path = table(tmp_path, "PatientID,MRN,CODE,Pseudonym\nwrong,007,P1,wrong\n")

    rows = read_cohort(path, {"patient_id": "mrn", "pseudonym": "CODE"})

    assert rows == [CohortRow(1, patient_id="007", pseudonym="P1")]


def test_a_column_that_the_job_names_must_be_there(tmp_path: Path) -> None:
    assert "no column is headed 'MRN'" in problems_of(
        table(tmp_path, "patient_id\n1\n"), {"accession_number": "MRN"}
    )


def test_a_column_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    assert "two columns for patient_id: 'PatientID'" in problems_of(
        table(tmp_path, "patient_id,PatientID\n1,2\n")
    )


def test_empty_rows_are_passed_over_and_counted(tmp_path: Path) -> None:
    rows = read_cohort(table(tmp_path, "patient_id,x\n1,\n\n , \n2,\n"), {})

    assert [(row.number, row.patient_id) for row in rows] == [(1, "1"), (4, "2")]


@pytest.mark.parametrize("text", ["", "patient_id\n", "patient_id,study_uid\n,\n"])
def test_a_table_without_rows_is_an_error(tmp_path: Path, text: str) -> None:
    assert "holds no rows" in problems_of(table(tmp_path, text))


def test_other_columns_are_carried_along(tmp_path: Path) -> None:
    path = table(tmp_path, "patient_id,Arm,\n1,A,x\n2,B\n")

    assert list(extra_columns(Table(path))) == [
        (1, "cohort.csv row 1", {"Arm": "A", "column 3": "x"}),
        (2, "cohort.csv row 2", {"Arm": "B", "column 3": ""}),
    ]


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [
        ("patient_id", "#N/A", "spreadsheet's error"),
        ("patient_id", "#REF!", "spreadsheet's error"),
        ("patient_id", "a\x07b", "control character"),
        ("patient_id", "1*", "wildcard"),
        ("patient_id", "1\\2", "backslash"),
        ("patient_id", "1.2E+10", "spreadsheet shortened"),
        ("patient_id", "x" * 65, "longer than the 64"),
        ("patient_id", "=1+2", "formula"),
        ("patient_name", "=A1", "formula"),
        ("patient_id", "12\u200b34", "character that nobody sees"),
        ("accession_number", "\u202e12", "character that nobody sees"),
        ("patient_name", "Doe\x85J", "control character"),
        ("accession_number", "A?", "wildcard"),
        ("study_uid", "1.2.x", "no DICOM UID"),
        ("study_uid", "1" * 65, "no DICOM UID"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named_by_row_and_never_shown(
    tmp_path: Path, header: str, value: str, said: str
) -> None:
    message = problems_of(table(tmp_path, f"{header},x\n{value},\n"))

    assert "cohort.csv: row 1: " in message
    assert said in message
    assert value not in message


@pytest.mark.parametrize(
    ("written", "da"),
    [
        ("20240131", "20240131"),
        ("2024-01-31", "20240131"),
        ("2024-01-31 00:00:00", "20240131"),
        ("31.1.2024", "20240131"),
        ("1.2.2024", "20240201"),
        ("31/01/2024", "20240131"),
        ("1/31/2024 12:00:00 AM", "20240131"),
        ("01/31/2024", "20240131"),
        ("02/02/2024", "20240202"),
    ],
)
def test_dates_are_read_as_people_write_them(tmp_path: Path, written: str, da: str) -> None:
    (row,) = read_cohort(table(tmp_path, f"patient_id,study_date\n1,{written}\n"), {})

    assert row.study_date == da


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("01/02/2024", "two dates"),
        ("2024-02-30", "no date"),
        ("soon", "no date"),
        ("31.31.2024", "no date"),
        ("13/13/2024", "no date"),
        ("1-2-2024", "two dates"),
        ("31.01.24", "no date"),
        ("0001-01-01", "no date"),
        ("1.1.0202", "no date"),
    ],
)
def test_dates_that_are_none_or_ambiguous_are_refused(tmp_path: Path, written: str, said: str) -> None:
    assert said in problems_of(table(tmp_path, f"patient_id,study_date\n1,{written}\n"))


def test_what_a_spreadsheet_shows_of_a_text_in_a_formula_is_read(tmp_path: Path) -> None:
    text = 'patient_id,patient_name,patient_birth_date\n="0047",,\n"=""0048""",,\n"=""Doe, ""J""",x,\n'

    assert problems_of(table(tmp_path, text)).splitlines() == [
        f"{tmp_path / 'cohort.csv'}: row 3: patient_id holds a formula in place of a value"
    ]
    rows = read_cohort(table(tmp_path, text.rpartition('"=""Doe')[0]))
    assert [row.patient_id for row in rows] == ["0047", "0048"]


def test_letters_that_join_others_unseen_may_be_in_names(tmp_path: Path) -> None:
    (row,) = read_cohort(table(tmp_path, "patient_name,patient_birth_date\nنی\u200cلو,1961-02-03\n"))

    assert row.patient_name == "نی\u200cلو"


def test_a_modality_must_look_like_one(tmp_path: Path) -> None:
    assert "no modality" in problems_of(table(tmp_path, "patient_id,modality\n1,C§T\n"))


@pytest.mark.parametrize("row", ["x,,", ",Doe^Jane,"])
def test_a_row_must_say_who_or_what_is_meant(tmp_path: Path, row: str) -> None:
    assert "row 1: needs a patient_id" in problems_of(
        table(tmp_path, f"Arm,patient_name,patient_birth_date\n{row}\n")
    )


def test_a_row_with_more_cells_than_headers_is_an_error(tmp_path: Path) -> None:
    assert "has 3 cells below 2 headers" in problems_of(table(tmp_path, "patient_id,x\n1,2,3\n"))


def test_a_huge_cell_is_an_error(tmp_path: Path) -> None:
    path = table(tmp_path, f"patient_id,x\n1,\n2,{'x' * (LONGEST_CELL + 1)}\n")

    assert f"row 2: has a cell of more than {LONGEST_CELL:,} characters" in problems_of(path)


def test_all_problems_are_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    message = problems_of(table(tmp_path, "study_uid\n" + "x\n" * (SHOWN + 7)))

    assert len(message.splitlines()) == SHOWN + 1
    assert message.endswith("and 7 problems more")


def test_ten_thousand_rows_cost_little_memory(tmp_path: Path) -> None:
    rows = "".join(f"{number:08},A{number},2024-01-31\n" for number in range(10_000))
    path = table(tmp_path, f"patient_id,accession_number,study_date\n{rows}")
    tracemalloc.start()

    found = read_cohort(path, {})

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 10_000
    assert peak < 10_000_000


def test_what_is_left_of_a_table_with_an_open_quote_is_not_swallowed(tmp_path: Path) -> None:
    assert "row 2: has a quote that is never closed" in problems_of(
        table(tmp_path, 'patient_id,x\n1,a\n2,"b\n3,c\n')
    )


def test_rows_after_one_that_cannot_be_read_are_checked_too(tmp_path: Path) -> None:
    text = f'patient_id,x\n1,"a"b\n{"9" * (LONGEST_CELL + 1)},\n3*,\n'

    assert [line.partition(": ")[2][:17] for line in problems_of(table(tmp_path, text)).splitlines()] == [
        "row 1: cannot be ",
        "row 2: has a cell",
        "row 3: patient_id",
    ]


def test_a_table_without_any_header_that_we_know_is_told_once(tmp_path: Path) -> None:
    assert problems_of(table(tmp_path, "00471,A1\n00815,A2\n")).count("\n") == 0


def test_a_problem_names_the_column_by_its_own_header(tmp_path: Path) -> None:
    path = table(tmp_path, "MRN\n1*\n")

    assert "row 1: MRN holds a wildcard" in problems_of(path, {"patient_id": "MRN"})


def test_other_columns_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    path = table(tmp_path, "patient_id,Arm,Arm\n1,A,B\n")

    assert [extra for _, _, extra in extra_columns(Table(path))] == [{"Arm": "A", "Arm (2)": "B"}]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (["10815", "4711", *["20000"] * 9], "1 of 11 numbers are shorter"),
        (["1001.0", "1002.0"], "2 cells end in .0"),
        (["10815", "04711", *["20000"] * 9], ""),
        ([str(number) for number in range(1, 40)], ""),
        (["P10815", "P4711"], ""),
    ],
)
def test_what_spreadsheets_do_to_numbers_is_told(tmp_path: Path, numbers: list[str], told: str) -> None:
    warnings = read_table(Table(table(tmp_path, "\n".join(["PatientID", *numbers])))).warnings

    assert len(warnings) == bool(told)
    assert told in "".join(warnings)


@pytest.mark.parametrize(
    "written", ["31-Jan-2024", "31 January 2024", "31.01.2024 10:20", "2024-01-31T10:20:00.0"]
)
def test_further_ways_to_write_a_date_are_read(tmp_path: Path, written: str) -> None:
    (row,) = read_cohort(table(tmp_path, f"patient_id,study_date\n1,{written}\n"))

    assert row.study_date == "20240131"

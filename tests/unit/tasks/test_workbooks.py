from __future__ import annotations

import gc
import re
import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl.worksheet._reader import WorkSheetParser

from adit_cli.errors import UsageError
from adit_cli.tasks.cohort import CohortRow, CohortTable, Table, read_cohort
from adit_cli.tasks.formats.record import LONGEST_CELL
from adit_cli.tasks.formats.shown import number_style
from adit_cli.tasks.pseudonyms import read_map
from adit_cli.tasks.tables import Problems
from tests.support.workbooks import Styled, raw_workbook, workbook


def read(path: Path, sheet: str = "") -> CohortTable:
    return read_cohort(Table(path, sheet=sheet))


def problems_of(path: Path, sheet: str = "") -> str:
    with pytest.raises(UsageError) as caught:
        read(path, sheet)
    return str(caught.value)


def test_a_workbook_is_read_as_its_cells_show(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "c.xlsx",
        [
            ["PatientID", "AccessionNumber", "PatientBirthDate", "StudyDate", "Arm"],
            ["00471", Styled(815, "00000000"), date(1961, 2, 3), datetime(2024, 1, 31, 10, 20), 7],  # noqa: DTZ001
            [],
            [1001.0, Styled(4711, '"A"-0000'), None, 20240201, "x"],
        ],
    )

    assert read(path).rows == [
        CohortRow(
            1,
            patient_id="00471",
            accession_number="00000815",
            patient_birth_date="19610203",
            study_date="20240131",
        ),
        CohortRow(3, patient_id="1001", accession_number="A-4711", study_date="20240201"),
    ]


@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [
        ("General", "7", "7"),
        ("General", "7.0", "7"),
        ("General", "1.2E+10", "12000000000"),
        ("General", "0.30000000000000004", "0.3"),
        ("0", "7", "7"),
        ("#,##0", "1234", "1234"),
        ("0.00", "12", "12"),
        ("0.00E+00", "12000000000", "12000000000"),
        ("00000", "7", "00007"),
        ("00000", "1234567", "1234567"),
        ("00000", "-7", "-7"),
        ("000-00-0000", "123456789", "123-45-6789"),
        ('"MRN"0000', "12", "MRN0012"),
        ("\\M00", "5", "M05"),
        ("[Red]000;-000", "5", "005"),
        ("#000", "5", "005"),
        ("yyyy-mm-dd", "45322", "2024-01-31"),
        ("[$-407]d. mmmm yyyy", "45322", "2024-01-31"),
        ("dd.mm.yyyy hh:mm", "45322.5", "2024-01-31T12:00:00"),
        ("h:mm", "0.25", "06:00:00"),
        ("yyyy", "1", "1900-01-01"),
        ('"day"0', "45322", "day45322"),
    ],
)
def test_a_number_format_is_honoured(code: str, stored: str, shown: str) -> None:
    assert number_style(164, code, since_1904=False).show(stored) == shown


def test_the_formats_that_are_built_in_and_the_other_calendar_are_known() -> None:
    assert number_style(14, None, since_1904=False).show("45322") == "2024-01-31"
    assert number_style(14, None, since_1904=True).show("43860") == "2024-01-31"
    assert number_style(49, None, since_1904=False).show("7") == "7"


def test_a_number_whose_digits_are_lost_is_refused_by_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.xlsx", [["x", "accession_number"], ["", 12345678901234567]])

    assert "c.xlsx: row 1: accession_number (B2) is a number of more than 15 digits" in problems_of(path)


def test_what_should_be_a_number_and_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    rows = '<row><c t="str"><v>patient_id</v></c></row><row><c><v>Doe</v></c></row>'
    message = problems_of(raw_workbook(tmp_path / "c.xlsx", rows))

    assert message.endswith("c.xlsx: is no sound Excel workbook")


def test_a_date_that_no_calendar_has_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.xlsx", [["patient_id", "study_date"], ["1", Styled(9e9, "yyyy-mm-dd")]])

    assert "row 1: study_date (B2) is no date that a calendar has" in problems_of(path)


def test_days_before_the_first_of_a_sheets_calendar_are_refused(tmp_path: Path) -> None:
    rows = [[number, Styled(day, "yyyy-mm-dd")] for number, day in enumerate((-1, 0, 1, 61))]
    path = workbook(tmp_path / "c.xlsx", [["patient_id", "study_date"], *rows])

    assert [line.split(": ")[1] for line in problems_of(path).splitlines()] == ["row 1", "row 2"]


def test_a_workbook_without_a_sheet_to_read_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.xlsx", [["patient_id"], ["1"]])
    strict = tmp_path / "strict.xlsx"
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(strict, "w") as changed:
        for name in package.namelist():
            text = package.read(name).replace(b"http://schemas.openxmlformats.org/", b"http://purl.oclc.org/")
            changed.writestr(name, text)

    assert problems_of(strict).endswith("has no sheet that can be read")


def test_a_workbook_whose_sheets_are_all_hidden_is_read_by_the_name_of_one(tmp_path: Path) -> None:
    rows = '<row><c t="str"><v>patient_id</v></c></row><row><c t="str"><v>1</v></c></row>'
    path = raw_workbook(tmp_path / "c.xlsx", rows)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'sheetId="1"', b'sheetId="1" state="hidden"')
    with zipfile.ZipFile(path, "w") as changed:
        for name, text in parts.items():
            changed.writestr(name, text)

    assert "shows no sheet: name one as `sheet`: there are One" in problems_of(path)
    assert len(read(path, "one").rows) == 1


def test_formula_errors_are_refused_by_cell(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "c.xlsx",
        [["comment", "MRN", "PatientID"], ["#N/A", "x", "#N/A"], ["", "y", "#REF!"], ["#N/A", "", "1"]],
    )

    assert problems_of(path).splitlines() == [
        f"{path}: row 1: PatientID (C2) holds a spreadsheet's error",
        f"{path}: row 2: PatientID (C3) holds a spreadsheet's error",
    ]


def test_a_formula_counts_by_its_result_and_one_without_is_refused(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1" t="str"><v>patient_id</v></c></row>'
        '<row r="2"><c r="A2"><f>40+2</f><v>42</v></c></row>'
        '<row r="3"><c r="A3"><f>40+2</f></c></row>'
        '<row r="4"><c r="A4"><f>40+2</f><v/></c></row>'
        '<row r="5"><c r="A5" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    path = raw_workbook(tmp_path / "c.xlsx", rows)
    sound = raw_workbook(tmp_path / "d.xlsx", rows.partition('<row r="3">')[0])

    assert [line.partition("patient_id ")[2][:23] for line in problems_of(path).splitlines()] == [
        "(A3) holds a formula wi",
        "(A4) holds a formula wi",
        "(A5) holds a spreadshee",
    ]
    assert read(sound).rows == [CohortRow(1, patient_id="42")]


def test_texts_in_runs_and_without_places_are_read(tmp_path: Path) -> None:
    texts = (
        "<si><t>patient_name</t></si><si><t>patient_birth_date</t></si>"
        '<si><r><t>Yama</t></r><r><t>da^Taro</t></r><rPh sb="0" eb="2"><t>ヤマダ</t></rPh></si>'
    )
    rows = (
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
        '<row><c t="s"><v>2</v></c><c t="d"><v>1961-02-03T00:00:00</v></c></row>'
    )

    assert read(raw_workbook(tmp_path / "c.xlsx", rows, texts)).rows == [
        CohortRow(1, patient_name="Yamada^Taro", patient_birth_date="19610203")
    ]


def test_what_only_looks_like_an_escape_is_read_as_it_is_shown(tmp_path: Path) -> None:
    texts = "<si><t>patient_id</t></si><si><t>P_x005F_x0009_1</t></si>"
    rows = (
        '<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row>'
        '<row><c t="inlineStr"><is><t>P_x005F_x0009_2</t></is></c></row>'
    )

    found = read(raw_workbook(tmp_path / "c.xlsx", rows, texts)).rows

    assert [row.patient_id for row in found] == ["P_x0009_1", "P_x0009_2"]


def test_cells_and_rows_that_are_left_out_are_empty(tmp_path: Path) -> None:
    rows = (
        '<row r="3"><c r="B3" t="str"><v>patient_id</v></c><c r="D3" t="str"><v>study_date</v></c></row>'
        '<row r="5"><c r="D5" t="str"><v>2024-01-31</v></c></row><row r="6"><c r="B6"><v>7</v></c></row>'
    )

    found = problems_of(raw_workbook(tmp_path / "c.xlsx", rows))

    assert re.findall(r"row \d+", found) == ["row 2"]


def test_a_sheet_that_does_not_say_how_large_it_is_is_not_parsed_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_parser: object) -> None:
        raise AssertionError("it was parsed for its size alone")

    monkeypatch.setattr(WorkSheetParser, "parse_dimensions", refuse)

    assert read(workbook(tmp_path / "c.xlsx", [["patient_id"], ["1"]])).rows == [CohortRow(1, patient_id="1")]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_search_for_cycles_is_afterwards_as_it_was(tmp_path: Path, *, enabled: bool) -> None:
    path = workbook(tmp_path / "c.xlsx", [["unknown"], ["1"]])
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        problems_of(path)
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()

    assert after is enabled


def test_the_first_visible_sheet_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    rows = [["patient_id"], ["1"]]
    path = workbook(tmp_path / "c.xlsx", rows, before=[("Notes", "hidden"), ("Gone", "veryHidden")])
    other = workbook(tmp_path / "d.xlsx", rows, before=[("Readme", "visible")])

    assert len(read(path).rows) == len(read(other, "cohort").rows) == 1
    assert "holds no rows" in problems_of(other)
    assert "has no sheet 'Nope': there are Readme, Cohort" in problems_of(other, "Nope")


def test_a_header_below_empty_lines_is_found_and_rows_are_counted_from_it(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.xlsx", [[], [None, None], ["patient_id"], ["1"], ["2*"]])

    assert "row 2: patient_id (A5) holds a wildcard" in problems_of(path)


def test_a_huge_cell_is_refused_by_its_name(tmp_path: Path) -> None:
    huge = "x" * (LONGEST_CELL + 1)
    row = f'<row r="2"><c r="A2" t="inlineStr"><is><t>{huge}</t></is></c></row>'
    header = '<row r="1"><c r="A1" t="str"><v>patient_id</v></c></row>'

    assert problems_of(raw_workbook(tmp_path / "c.xlsx", header + row)).endswith(
        f"row 1: patient_id (A2) has more than {LONGEST_CELL:,} characters"
    )


@pytest.mark.parametrize(
    "rows",
    [
        "<row><c><v>1</v></row>",
        '<row r="x"/>',
        '<row><c r="!1"><v>1</v></c></row>',
        '<row><c t="s"><v>9</v></c></row>',
        '<row><c t="s"><v>x</v></c></row>',
        '<row r="2"><c t="str"><v>patient_id</v></c></row><row r="1"><c><v>2</v></c></row>',
        '<row r="2"><c t="str"><v>patient_id</v></c></row><row r="2"><c><v>2</v></c></row>',
        '<row><c r="B1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
    ],
)
def test_a_workbook_that_is_not_sound_is_an_error(tmp_path: Path, rows: str) -> None:
    assert "is no sound Excel workbook" in problems_of(raw_workbook(tmp_path / "c.xlsx", rows))


def test_other_packed_files_are_no_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("hello.txt", "hello")
    cut = tmp_path / "d.xlsx"
    cut.write_bytes(workbook(tmp_path / "e.xlsx", [["patient_id"], ["1"]]).read_bytes()[:500])

    assert "is no sound Excel workbook" in problems_of(path)
    assert "is no sound Excel workbook" in problems_of(cut)


def test_old_and_encrypted_workbooks_are_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))

    assert "of the old kind, or has a password" in problems_of(path)


def test_what_a_file_is_counts_more_than_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.csv", [["patient_id"], ["1"]])
    text = tmp_path / "d.xlsx"
    text.write_text("patient_id\n1\n")

    assert read(path).rows == read(text).rows == [CohortRow(1, patient_id="1")]
    assert "has no sheets" in problems_of(text, "Cohort")


def test_a_map_of_pseudonyms_may_be_a_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "m.xlsx", [["patient_id", "pseudonym"], [Styled(7, "000"), "P1"]])

    assert read_map(path) == {"007": "P1"}


def test_numbers_of_different_lengths_look_as_if_zeros_were_dropped(tmp_path: Path) -> None:
    numbers = (10815, 20471, 4711, 30001)
    loose = read(workbook(tmp_path / "c.xlsx", [["PatientID"], *([number] for number in numbers)]))
    kept = read(
        workbook(tmp_path / "d.xlsx", [["PatientID"], *([Styled(number, "00000")] for number in numbers)])
    )

    (warning,) = loose.warnings
    assert warning.endswith(
        "column PatientID: 1 of 4 numbers are shorter than the others: a spreadsheet may have dropped their"
        " leading zeros; keep the column as text"
    )
    assert kept.warnings == ()


def test_numbers_that_a_sheet_shows_as_powers_are_taken_in_full_and_told(tmp_path: Path) -> None:
    found = read(workbook(tmp_path / "c.xlsx", [["accession_number"], [123456789012]]))

    assert found.rows[0].accession_number == "123456789012"
    assert "column accession_number: 1 numbers are so long" in found.warnings[0]


def test_memory_grows_with_the_rows_of_a_sheet_by_what_openpyxl_keeps_of_one_and_no_cells(
    tmp_path: Path,
) -> None:
    def peak(rows: int) -> int:
        cells = ([f"P{n}", *(f"cell {column} of {n}" for column in range(6))] for n in range(rows))
        path = workbook(tmp_path / f"{rows}.xlsx", [["patient_id", *"abcdef"], *cells])
        table = Table(path)
        tracemalloc.start()
        read_some(table)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(4000) - peak(400) < 3600 * 250


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_a_formula_without_a_result_is_told_among_cells_that_are_only_formatted(
    tmp_path: Path, prefix: str
) -> None:
    rows = (
        '<row r="1"><c r="A1" t="str"><v>patient_id</v></c>'
        '<c r="B1" t="str"><v>accession_number</v></c></row>'
        '<row r="3"><c r="A3"><v>1</v></c><c r="B3" s="0"/></row>'
        '<row r="4"><c r="A4"><v>2</v></c><c r="B4" t="str"><f>""</f><v></v></c></row>'
        '<row r="6"><c r="A6"><v>3</v></c><c r="B6" s="0"/><c r="D6"/></row>'
        '<row r="7"><c r="A7"><v>4</v></c><c r="B7"><f t="shared" si="0" ref="B7:B8">A7+1</f></c></row>'
    )
    path = raw_workbook(tmp_path / "c.xlsx", rows)
    if prefix:
        prefixed(path, prefix)

    assert problems_of(path).endswith(
        "row 6: accession_number (B7) holds a formula without a result: open the table in a spreadsheet"
        " program, and save it"
    )


def prefixed(path: Path, prefix: str) -> None:
    """Name the elements of the sheet with a prefix of the namespace, as some programs do."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    name = "xl/worksheets/one.xml"
    parts[name] = re.sub(r"<(/?)(?=\w)", rf"<\1{prefix}", parts[name]).replace("xmlns=", "xmlns:x=")
    with zipfile.ZipFile(path, "w") as package:
        for one, text in parts.items():
            package.writestr(one, text)


def test_control_characters_are_read_as_such(tmp_path: Path) -> None:
    rows = [["patient_id", "comment"], ["1", "x"]]
    path = workbook(tmp_path / "c.xlsx", rows)
    texts = "<si><t>patient_id</t></si><si><t>P_x0009_1</t></si>"
    cells = '<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row>'

    assert read(path).rows == [CohortRow(1, patient_id="1")]
    assert "patient_id (A2) holds" in problems_of(raw_workbook(tmp_path / "d.xlsx", cells, texts))


def test_a_row_that_no_sheet_can_have_ends_the_reading(tmp_path: Path) -> None:
    rows = '<row r="1"><c t="str"><v>patient_id</v></c></row><row r="99999999999"><c><v>1</v></c></row>'

    assert "is no sound Excel workbook" in problems_of(raw_workbook(tmp_path / "c.xlsx", rows))


def test_a_part_that_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "c.xlsx", [["patient_id"], ["1"]])
    monkeypatch.setattr("adit_cli.tasks.formats.workbook._LARGEST_WHOLE_PART", 100)

    assert "a part of it would unpack to more than 0 MiB" in problems_of(path)


def read_some(table: Table) -> int:
    return sum(1 for _ in table.read(Problems(table.path)))

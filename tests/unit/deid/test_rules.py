from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from adit_cli.deid.rules import (
    CapAge,
    Clean,
    Dummy,
    Empty,
    Hash,
    Keep,
    NewUid,
    Pseudonym,
    Remove,
    Replace,
    Rule,
    ShiftDate,
    YearOnly,
)
from adit_cli.dicom.elements import Element
from tests.support.deid import context

NAME = Element(0x00100010, "PN", b"Doe^Jane")
RULES: list[tuple[Rule, Element, Element | None, str]] = [
    (Keep(), NAME, NAME, "PatientName is kept"),
    (Remove(), NAME, None, "PatientName is removed"),
    (Empty(), NAME, Element(0x00100010, "PN"), "PatientName is emptied"),
    (Dummy(), NAME, Element(0x00100010, "PN", b"REMOVED "), "PatientName gets a meaningless value"),
    (Replace(value="Roe"), NAME, Element(0x00100010, "PN", b"Roe "), "PatientName is replaced by 'Roe'"),
    (Pseudonym(), NAME, Element(0x00100010, "PN", b"PSEUDO"), "PatientName becomes the pseudonym"),
    (
        Hash(),
        Element(0x00080050, "SH", b"ACC1"),
        Element(0x00080050, "SH", b"N3F7BPK65XOPQJA3"),
        "AccessionNumber becomes a keyed code",
    ),
    (
        NewUid(),
        Element(0x0020000D, "UI", b"1.2.3\\1.2.840.10008.1.1"),
        Element(0x0020000D, "UI", b"2.25.180266705474469340449536388510534902571\\1.2.840.10008.1.1"),
        "StudyInstanceUID gets a new UID, the same wherever the old one stood",
    ),
    (
        ShiftDate(),
        Element(0x00080020, "DA", b"20240105"),
        Element(0x00080020, "DA", b"20231226"),
        "StudyDate moves back by the patient's number of days",
    ),
    (
        YearOnly(),
        Element(0x00100030, "DA", b"19611224"),
        Element(0x00100030, "DA", b"19610101"),
        "PatientBirthDate is reduced to its year",
    ),
    (
        CapAge(),
        Element(0x00101010, "AS", b"093Y"),
        Element(0x00101010, "AS", b"090Y"),
        "PatientAge is kept up to 89 years, higher ages become 90",
    ),
    (
        Clean(),
        Element(0x0008103E, "LO", b"T2 axial Doe, Jane"),
        Element(0x0008103E, "LO", b"T2 axial"),
        "SeriesDescription keeps only words of a list of harmless words",
    ),
]


@pytest.mark.parametrize(("rule", "before", "after", "words"), RULES, ids=lambda value: type(value).__name__)
def test_a_rule_does_what_it_says(rule: Rule, before: Element, after: Element | None, words: str) -> None:
    assert rule.apply(before, context()) == after
    assert rule.describe(words.split(maxsplit=1)[0]) == words


def test_every_rule_class_has_an_example_here() -> None:
    assert {type(rule) for rule, *_ in RULES} == set(get_args(Rule))


@pytest.mark.parametrize("rule", [Empty(), Hash(), Replace(value="X"), Pseudonym()])
def test_a_sequence_loses_its_items_to_a_rule_made_for_values(rule: Rule) -> None:
    sequence = Element(0x00400275, "SQ", items=[{NAME.tag: NAME}])

    assert rule.apply(sequence, context()) == Element(0x00400275, "SQ", items=[])


@pytest.mark.parametrize("rule", [Keep(), NewUid(), ShiftDate(), Clean()])
def test_a_sequence_is_left_to_be_gone_through_by_the_gentle_rules(rule: Rule) -> None:
    sequence = Element(0x00400275, "SQ", items=[{NAME.tag: NAME}])

    assert rule.apply(sequence, context()) is sequence


def test_a_dummy_sequence_keeps_its_form_and_none_of_its_content() -> None:
    item = {
        0x0040A040: Element(0x0040A040, "CS", b"TEXT"),
        0x0040A160: Element(0x0040A160, "UT", b"Jane Doe fell"),
        0x0040A124: Element(0x0040A124, "UI", b"1.2.3"),
        0x00280010: Element(0x00280010, "US", b"\7\7"),
        0x00080064: Element(0x00080064, "CS", b"JANE"),
        0x00091001: Element(0x00091001, "LO", b"Jane"),
    }

    dummy = Dummy().apply(Element(0x0040A730, "SQ", items=[item, item]), context())

    assert dummy is not None
    assert dummy.items is not None
    (only,) = dummy.items
    assert sorted(only) == [0x00080064, 0x00280010, 0x0040A040, 0x0040A124, 0x0040A160]
    assert only[0x0040A040].value == b"TEXT"
    assert only[0x0040A160].value == only[0x00080064].value == b"REMOVED "
    assert only[0x00280010].value == b"\0\0"
    assert only[0x0040A124].value.startswith(b"2.25.")


@pytest.mark.parametrize(
    ("element", "value"),
    [
        (Element(0x00080201, "SH", b"+0300"), b"+0000 "),
        (Element(0x0008002A, "DT", b"20240105"), b"19000101000000"),
        (Element(0x00420011, "OB", b"%PDF"), b"\0\0\0\0"),
        (Element(0x00181078, "UN", b"20240105"), b"19000101000000"),
    ],
)
def test_a_dummy_has_the_form_that_its_vr_asks_for(element: Element, value: bytes) -> None:
    dummy = Dummy().apply(element, context())

    assert dummy is not None
    assert dummy.value == value


def test_a_number_is_replaced_by_a_number_in_the_byte_order_of_the_file() -> None:
    rows = Element(0x00280010, "US", b"\1\0")

    assert Replace(value="258").apply(rows, context()) == Element(0x00280010, "US", b"\2\1")
    assert Replace(value="7").apply(rows, context(big_endian=True)) == Element(0x00280010, "US", b"\0\7")
    assert Replace(value="many").apply(rows, context()) == Element(0x00280010, "US", b"")


def test_a_text_is_cut_to_what_its_vr_holds() -> None:
    assert Replace(value="x" * 20).apply(Element(0x00080050, "SH"), context()) == Element(
        0x00080050, "SH", b"x" * 16
    )


@pytest.mark.parametrize("value", ["Müller", "line\nbreak"])
def test_a_replacement_that_some_character_set_lacks_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Replace(value=value)


@pytest.mark.parametrize(
    ("age", "left"),
    [(b"089Y", b"089Y"), (b"090Y", b"090Y"), (b"999M", b"999M"), (b"Doe ", b""), (b"", b""), (b"0D", b"")],
)
def test_ages_that_are_none_are_emptied_and_the_others_stay(age: bytes, left: bytes) -> None:
    element = CapAge().apply(Element(0x00101010, "AS", age), context())

    assert element is not None
    assert element.value == left


def test_a_birth_year_of_a_very_old_patient_is_that_of_one_of_ninety() -> None:
    assert YearOnly().apply(Element(0x00100030, "DA", b"19210504"), context()) == Element(
        0x00100030, "DA", b"19300101"
    )


def test_cleaning_with_a_list_of_the_users_own_keeps_its_words_alone(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("# ours\nLunge Projekt\n")
    rule = Clean(allowlist=words)

    left = rule.apply(Element(0x00081030, "LO", b"Projekt Lunge: Chest, M\xfcller"), context())

    assert left == Element(0x00081030, "LO", b"Projekt Lunge ")
    assert rule.describe("StudyDescription") == "StudyDescription keeps only words of words.txt"


def test_a_text_that_must_not_be_empty_gets_a_dummy_when_cleaning_leaves_nothing() -> None:
    label = Element(0x300A0002, "SH", b"Doe")

    assert Clean(needed=True).apply(label, context()) == Element(0x300A0002, "SH", b"REMOVED ")
    assert Clean().apply(label, context()) == Element(0x300A0002, "SH", b"")

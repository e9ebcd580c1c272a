from __future__ import annotations

import pytest

from adit_cli.deid.profile import Profile
from adit_cli.deid.spec import Option
from adit_cli.deid.table import COLUMNS, OUR_LETTERS, Row, rows
from adit_cli.dicom.elements import Element, Elements, Encoding, encode
from adit_cli.dicom.vr import standard_vr
from tests.support.canaries import buried, canaries, unearthed
from tests.support.deid import change_of, profile_of

SOP_CLASSES = [
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.481.3",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.3",
]
FIXED = {0x00100010, 0x00100020, 0x00100030}
"""Patient name, ID and birth date have rules of their own, whatever the options say."""


def _left(element: Element, profile: Profile, *, depth: int = 0, sop_class: str = "1.2.3") -> Elements:
    change = change_of(buried(element, depth), profile, sop_class=sop_class)
    return {tag: found for tag, found in change.elements.items() if tag not in profile.stamps}


def test_the_table_has_all_its_rows() -> None:
    assert len(rows()) == 617
    assert {row.action for row in rows()} == {"X", "D", "U", "Z", "X/D", "X/Z", "X/Z/D", "Z/D", "X/Z/U*"}


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_no_canary_survives_the_basic_profile(depth: int, sop_class: str) -> None:
    profile = profile_of()

    survivors = [
        f"{row.tag:08X} {row.name}"
        for row, element, song in canaries()
        if song in encode(_left(element, profile, depth=depth, sop_class=sop_class), Encoding())
    ]

    assert survivors == []


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_each_row_is_done_as_its_letter_says(depth: int) -> None:
    profile = profile_of()
    for row, element, _ in canaries():
        found = unearthed(_left(element, profile, depth=depth), depth).get(row.tag)
        value = found and (found.value or found.items)
        letter = OUR_LETTERS.get(row.tag, row.gentlest)
        assert (found is None) == (letter == "X"), row.name
        if letter in {"D", "U"}:
            assert value, row.name


def _changed_rows(option: Option, depth: int) -> set[int]:
    basic, optional = profile_of(), profile_of(options=[option])
    return {
        row.tag
        for row, element, _ in canaries()
        if _found(element, row.tag, basic, depth) != _found(element, row.tag, optional, depth)
        and row.tag not in FIXED
    }


def _found(element: Element, tag: int, profile: Profile, depth: int) -> Element | None:
    return unearthed(_left(element, profile, depth=depth), depth).get(tag)


def _named_by(option: Option) -> dict[int, Row]:
    return {row.tag: row for row in rows() if COLUMNS[option] in row.options and row.tag >> 16 != 2}


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("option", list(COLUMNS))
def test_an_option_changes_the_rows_that_it_names_and_no_others(option: Option, depth: int) -> None:
    assert _changed_rows(option, depth) <= set(_named_by(option))


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("option", list(COLUMNS))
def test_an_option_that_keeps_a_row_keeps_its_value(option: Option, depth: int) -> None:
    profile = profile_of(options=[option])
    kept = {tag for tag, row in _named_by(option).items() if row.options[COLUMNS[option]] == "K"}

    for row, element, _ in canaries():
        if row.tag in kept:
            after = _found(element, row.tag, profile, depth)
            assert after is not None, row.name
            assert after.value == element.value or standard_vr(row.tag) == "AS", row.name
            assert bool(after.items) == bool(element.items), row.name


def test_options_that_clean_leave_no_canary_either() -> None:
    profile = profile_of(
        options=[
            "clean-descriptors",
            "clean-structured-content",
            "clean-graphics",
            "retain-longitudinal-modified-dates",
        ]
    )

    survivors = [
        f"{row.tag:08X} {row.name}"
        for row, element, song in canaries()
        if standard_vr(row.tag) != "TM" and song in encode(_left(element, profile), Encoding())
    ]

    assert survivors == []


def test_moved_dates_are_other_dates() -> None:
    profile = profile_of(options=["retain-longitudinal-modified-dates"])
    moved = [
        (element, _left(element, profile)[row.tag])
        for row, element, _ in canaries()
        if "rtnLongModifDatesOpt" in row.options and element.vr in {"DA", "DT"}
    ]

    assert len(moved) > 100
    assert all(after.value and after.value != before.value for before, after in moved)

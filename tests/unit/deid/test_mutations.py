"""The check of the checks: a rule that stops working must be noticed."""

from __future__ import annotations

import pytest

from adit_cli.deid.context import Context
from adit_cli.deid.profile import Profile
from adit_cli.deid.rules import (
    CapAge,
    Clean,
    Dummy,
    ElementRule,
    Empty,
    Hash,
    Keep,
    NewUid,
    Pseudonym,
    Remove,
    Replace,
    ShiftDate,
    YearOnly,
)
from adit_cli.deid.verify import find_leak
from adit_cli.dicom.elements import Element, Encoding, encode
from tests.support.canaries import buried, canaries
from tests.support.deid import change_of, elements, profile_of

CLEANING = ("clean-descriptors", "retain-longitudinal-modified-dates", "retain-patient-characteristics")


def _idle(_rule: ElementRule, element: Element, _context: Context) -> Element | None:
    return element


def _removing(_rule: ElementRule, _element: Element, _context: Context) -> Element | None:
    return None


def _survivors(profile: Profile) -> set[int]:
    return {
        row.tag
        for row, element, song in canaries()
        if song in encode(change_of(buried(element, 1), profile, sop_class="1.2.3").elements, Encoding())
    }


@pytest.mark.parametrize("rule", [Remove, Empty, Dummy, NewUid, Pseudonym, Hash])
def test_canaries_survive_a_basic_profile_whose_rule_is_idle(
    rule: type[ElementRule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "apply", _idle)

    assert _survivors(profile_of())


@pytest.mark.parametrize("rule", [Clean, ShiftDate])
def test_canaries_survive_options_whose_rule_is_idle(
    rule: type[ElementRule], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = profile_of(options=CLEANING)
    before = _survivors(profile)
    monkeypatch.setattr(rule, "apply", _idle)

    assert _survivors(profile) > before


def test_a_keep_that_removes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = profile_of(options=["retain-device-identity", "retain-uids"])
    before = _survivors(profile)
    monkeypatch.setattr(Keep, "apply", _removing)

    assert before
    assert _survivors(profile) < before


@pytest.mark.parametrize(
    ("rule", "element", "settings"),
    [
        (CapAge, Element(0x00101010, "AS", b"093Y"), {"options": CLEANING}),
        (YearOnly, Element(0x00100030, "DA", b"19370719"), {"dates": {"birth_date": "year"}}),
        (Replace, Element(0x00080070, "LO", b"ACME"), {"rules": {"Manufacturer": {"replace": "X"}}}),
    ],
)
def test_rules_that_no_row_of_the_table_asks_for_are_noticed_too(
    rule: type[ElementRule], element: Element, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    working = change_of(elements(element), profile_of(**settings)).elements[element.tag]
    monkeypatch.setattr(rule, "apply", _idle)
    idle = change_of(elements(element), profile_of(**settings)).elements[element.tag]

    assert working.value != element.value == idle.value


@pytest.mark.parametrize(
    "element",
    [
        Element(0x00100010, "PN", b"Quillhaven^Xanderine"),
        Element(0x00100020, "LO", b"MRN4711007"),
        Element(0x0020000D, "UI", b"1.2.276.0.99.1.1"),
        Element(0x00080020, "DA", b"20200229"),
        Element(0x00080080, "LO", b"Zypernwald Klinikum "),
    ],
)
def test_the_search_finds_what_an_idle_rule_would_let_through(element: Element) -> None:
    change = change_of(elements(element), profile_of())
    let_through = {**change.elements, element.tag: element}

    found = find_leak(encode(let_through, Encoding()), let_through, change.originals, ())

    assert found == f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X})"


def test_every_class_of_rules_is_among_those_that_are_missed() -> None:
    broken = {
        Remove,
        Empty,
        Dummy,
        NewUid,
        Pseudonym,
        Hash,
        Clean,
        ShiftDate,
        CapAge,
        YearOnly,
        Replace,
        Keep,
    }

    assert broken == set(ElementRule.__subclasses__())

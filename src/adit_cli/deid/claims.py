"""Which codes of PS3.16 CID 7050 a job may claim: only those whose every row it honours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adit_cli.deid.rules import Clean, Keep, NewUid, Pseudonym, Rule, ShiftDate
from adit_cli.deid.selectors import parse_selector
from adit_cli.deid.spec import DeidSpec, Option
from adit_cli.deid.table import COLUMNS, Row, rows, rule_of

BASIC = "113100"
CODES: Mapping[Option, str] = {
    Option.CLEAN_GRAPHICS: "113103",
    Option.CLEAN_STRUCTURED_CONTENT: "113104",
    Option.CLEAN_DESCRIPTORS: "113105",
    Option.FULL_DATES: "113106",
    Option.MODIFIED_DATES: "113107",
    Option.PATIENT_CHARACTERISTICS: "113108",
    Option.DEVICE_IDENTITY: "113109",
    Option.UIDS: "113110",
    Option.SAFE_PRIVATE: "113111",
    Option.INSTITUTION_IDENTITY: "113112",
}


def claimed_codes(spec: DeidSpec) -> list[str]:
    """Return the codes of the profile and the options that are honoured in full."""
    broken = {code for _, code in broken_claims(spec)}
    basic = [] if BASIC in broken else [BASIC]
    return basic + [
        CODES[option] for option in Option if option in spec.options and CODES[option] not in broken
    ]


def broken_claims(spec: DeidSpec) -> list[tuple[str, str]]:
    """Return the job's rules that go against the profile or an option, each with the code it costs."""
    found = {(text, code) for text, rule in spec.rules.items() for code in _broken_by(text, rule, spec)}
    return sorted(found)


def _broken_by(text: str, rule: Rule, spec: DeidSpec) -> Iterator[str]:
    step = parse_selector(text).steps[-1]
    if step.private or any(tag & 0x10000 for tag in step.tags):
        if rule.discloses:
            yield BASIC
        return
    for row in rows():
        if row.tag in step.tags:
            yield from _broken_row(row, rule, spec)


def _broken_row(row: Row, rule: Rule, spec: DeidSpec) -> Iterator[str]:
    asked = rule_of(row, spec.options)
    if rule == asked or _is_as_good(rule, asked):
        return
    if rule.discloses and not isinstance(asked, Keep):
        yield BASIC
    for option in spec.options:
        letter = row.options.get(COLUMNS.get(option, ""))
        if (letter == "K" and not isinstance(rule, Keep)) or (letter == "C" and rule.discloses):
            yield CODES[option]


def _is_as_good(rule: Rule, asked: Rule) -> bool:
    """Return whether a rule does what was asked, though by another name."""
    match asked:
        case Clean() | ShiftDate():
            return isinstance(rule, type(asked)) or not rule.discloses
        case NewUid():
            return isinstance(rule, NewUid)
        case Pseudonym():
            return not rule.discloses
        case _:
            return False

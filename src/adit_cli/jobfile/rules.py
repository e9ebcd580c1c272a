"""Rules on single attributes as a job file writes them: a value, several values, a range, a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias, assert_never, cast

from pydantic import PlainSerializer, PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.matching import DateRange, PatternError, parse_study_date
from adit_cli.dicom.patterns import TextRule, has_wildcard, parse_text
from adit_cli.dicom.ranges import NumberRule, TimeRange, parse_numbers, parse_times
from adit_cli.jobfile.keywords import KeywordError, known_keyword
from adit_cli.jobfile.values import Reading, is_uid, reading

Rule: TypeAlias = TextRule | NumberRule | DateRange | TimeRange
Scalar: TypeAlias = str | int | float
_NUMBERS = frozenset({"IS", "DS", "US", "UL", "SS", "SL", "FL", "FD"})
_UNMATCHABLE = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV"})


def _texts(value: object) -> list[str]:
    """Return one value or a list of them as texts; YAML's numbers are taken as they are written."""
    items = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, bool) or not isinstance(item, Scalar) for item in items):
        raise ValueError("must be a value or a list of values")
    return [str(item) for item in items]


def _only(value: object, what: str) -> str:
    texts = _texts(value)
    if len(texts) != 1:
        raise ValueError(f"must be one {what}, not a list")
    return texts[0]


def _as_text(value: object) -> TextRule:
    return value if isinstance(value, TextRule) else parse_text(_texts(value))


def _as_numbers(value: object) -> NumberRule:
    return value if isinstance(value, NumberRule) else parse_numbers(_texts(value))


def _as_dates(value: object, info: ValidationInfo) -> DateRange:
    if isinstance(value, DateRange):
        return value
    return parse_study_date(_only(value, "date or range of dates"), reading(info).today)


def _bounded(value: object, form: str) -> NumberRule:
    if isinstance(value, NumberRule):
        return value
    number = _only(value, "whole number").strip()
    if not number.isdecimal():
        raise ValueError(f"must be a whole number, not {number!r}")
    return parse_numbers([form.format(number)])


def _at_least(value: object) -> NumberRule:
    return _bounded(value, "{}..")


def _at_most(value: object) -> NumberRule:
    return _bounded(value, "..{}")


Text: TypeAlias = Annotated[
    TextRule, PlainValidator(_as_text, json_schema_input_type=str | list[str]), PlainSerializer(str)
]
Numbers: TypeAlias = Annotated[
    NumberRule,
    PlainValidator(_as_numbers, json_schema_input_type=int | str | list[int | str]),
    PlainSerializer(str),
]
AtLeast: TypeAlias = Annotated[
    NumberRule, PlainValidator(_at_least, json_schema_input_type=int), PlainSerializer(str)
]
AtMost: TypeAlias = Annotated[
    NumberRule, PlainValidator(_at_most, json_schema_input_type=int), PlainSerializer(str)
]
Dates: TypeAlias = Annotated[
    DateRange, PlainValidator(_as_dates, json_schema_input_type=str | int), PlainSerializer(str)
]


def _rule_for(keyword: str, value: object, at: Reading) -> Rule:
    if isinstance(value, Rule):
        return value
    vr = _vr(keyword)
    if vr in _UNMATCHABLE:
        raise PatternError(
            "a sequence or binary value cannot be searched: name an attribute with a plain value"
        )
    if vr == "DA":
        return parse_study_date(_only(value, "date or range of dates"), at.today)
    if vr == "TM":
        return parse_times(_only(value, "time or range of times"))
    if vr in _NUMBERS:
        return parse_numbers(_texts(value))
    rule = parse_text(_texts(value))
    for pattern in rule.patterns if vr == "UI" else ():
        if not (pattern.startswith("/") or has_wildcard(pattern) or is_uid(pattern)):
            raise PatternError(f"{pattern!r} is no UID: write up to 64 digits and dots")
    return rule


def _vr(keyword: str) -> str:
    return vr_of(tag_of(keyword) or 0)


def _as_where(value: object, info: ValidationInfo) -> dict[str, Rule]:
    """Return the rules by keyword; each attribute's problem is reported at its own key."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("dict_type", "must be a mapping of DICOM keywords to values")
    rules: dict[str, Rule] = {}
    errors: list[InitErrorDetails] = []
    for name, wanted in cast("Mapping[object, object]", value).items():
        try:
            keyword = known_keyword(str(name))
            rules[keyword] = _rule_for(keyword, wanted, reading(info))
        except ValueError as error:
            kind = PydanticCustomError(
                "key" if isinstance(error, KeywordError) else "value_error", "{error}", {"error": str(error)}
            )
            errors.append(InitErrorDetails(type=kind, loc=(str(name),), input=wanted))
    if errors:
        raise ValidationError.from_exception_data("where", errors)
    return rules


def _as_written(rules: Mapping[str, Rule]) -> dict[str, str]:
    return {keyword: str(rule) for keyword, rule in rules.items()}


Where: TypeAlias = Annotated[
    dict[str, Rule],
    PlainValidator(_as_where, json_schema_input_type=dict[str, str | int | float | list[str | int | float]]),
    PlainSerializer(_as_written),
]
"""Any other attributes, by DICOM keyword or `gggg,eeee`."""


def as_sent(keyword: str, rule: Rule) -> str:
    """Return the matching key for a server, as it was written; empty where only we can compare."""
    match rule:
        case DateRange() | TimeRange():
            return rule.key()
        case NumberRule():
            return str(rule) if str(rule).isdecimal() else ""
        case TextRule():
            return _text_as_sent(_vr(keyword), rule)
        case _:
            assert_never(rule)


def _text_as_sent(vr: str, rule: TextRule) -> str:
    plain = not any(pattern.startswith("/") or has_wildcard(pattern) for pattern in rule.patterns)
    if vr == "UI":
        return str(rule) if plain else ""
    return rule.single().upper() if vr == "CS" else rule.single()

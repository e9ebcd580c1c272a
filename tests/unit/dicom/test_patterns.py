from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.dicom import patterns
from adit_cli.dicom.matching import Match, PatternError
from adit_cli.dicom.patterns import MAX_PATTERN, TextRule, has_wildcard, parse_text, wildcard_match

EXPLODING = "/(a|aa)+$/"
YES, NO, UNKNOWN = Match.YES, Match.NO, Match.UNKNOWN


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("CT", "CT", YES),
        ("ct", " CT ", YES),
        ("CT", "CTA", NO),
        ("CT", "", NO),
        ("CT", None, UNKNOWN),
        ("CT", "SR\\CT", YES),
        ("CT\\MR", "mr", YES),
        ("Groß", "GROSS", YES),
        ("*thin*", "Lung Thin 1mm", YES),
        ("thin", "Lung thin", NO),
        ("CT?", "CT", NO),
        ("CT?", "CT1", YES),
        ("*", "", YES),
        ("*", None, YES),
        ("**", None, UNKNOWN),
        ("DOE*", "Doe^John", YES),
        ("doe^john", "DOE^JOHN^^^", YES),
        ("山田^太郎", "YAMADA^TARO=山田^太郎=やまだ^たろう", YES),
        ("A", "A=B", NO),
        ("/thin|chest/i", "CHEST", YES),
        ("/thin/", "THIN", NO),
        ("/^$/", "", YES),
        ("/a b/x", "ab", YES),
        ("/^b$/m", "a\nb", YES),
        ("/a.b/s", "a\nb", YES),
        ("/a/b/", "xa/by", YES),
        ("/x/I", "X", YES),
        ("/thin/i", None, UNKNOWN),
    ],
)
def test_a_pattern_matches_as_people_write_it(pattern: str, value: str | None, expected: Match) -> None:
    assert parse_text([pattern]).matches(value) is expected


def test_any_of_several_patterns_is_enough() -> None:
    rule = parse_text(["CT", "/^M/"])

    assert [rule.matches(value) for value in ("CT", "MR", "US")] == [YES, YES, NO]
    assert str(rule) == "CT\\/^M/"


@pytest.mark.parametrize(
    ("texts", "single"),
    [(["*thin*"], "*thin*"), (["a"], "a"), (["a", "b"], ""), (["/a/"], ""), (["*"], ""), (["a\\b"], "")],
)
def test_a_server_can_only_match_a_single_literal_or_wildcard(texts: list[str], single: str) -> None:
    assert parse_text(texts).single() == single


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty pattern matches everything"),
        ("CT\\", "an empty pattern matches everything"),
        ("/thin", "end it with / and flags"),
        ("//", "end it with / and flags"),
        ("/thin/g", "unknown flag 'g' of /thin/g"),
        ("/thin(/", "not valid: missing )"),
        ("/[/i", "not valid: unterminated character set"),
        ("/a{99999999999999999999}/", "not valid"),
        ("/(?P<a>x)(?P=b)/", "not valid"),
        ("x" * (MAX_PATTERN + 1), f"at most {MAX_PATTERN} are possible"),
        ("/" + "x" * MAX_PATTERN + "/", f"at most {MAX_PATTERN} are possible"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(text: str, message: str) -> None:
    with pytest.raises(PatternError, match=re.escape(message)):
        parse_text([text])


def test_an_empty_list_of_patterns_is_refused() -> None:
    with pytest.raises(PatternError, match="matches nothing"):
        parse_text([])


def test_a_regex_that_explodes_is_refused_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATIENCE", 0.2)

    with pytest.raises(PatternError, match="takes far too long"):
        parse_text([EXPLODING])


def test_a_regex_that_explodes_on_a_value_is_stopped() -> None:
    started = time.monotonic()

    with pytest.raises(PatternError, match="takes far too long"):
        TextRule((EXPLODING,)).matches("a" * 64 + "!")

    assert time.monotonic() - started < 30


def test_only_the_beginning_of_a_monstrous_value_is_looked_at() -> None:
    value = "x" * patterns.MAX_VALUE + "needle"

    assert parse_text(["*needle"]).matches(value) is NO
    assert parse_text(["/needle/"]).matches(value) is NO


def test_wildcards_take_no_longer_than_the_product_of_the_lengths() -> None:
    started = time.monotonic()

    assert not wildcard_match("*a" * 200 + "b", "a" * 2000)

    assert time.monotonic() - started < 10


def test_a_wildcard_is_a_star_or_a_question_mark() -> None:
    assert [has_wildcard(text) for text in ("a*", "a?", "ab")] == [True, True, False]


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_wildcards_agree_with_the_regex_they_stand_for(pattern: str, value: str) -> None:
    regex = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)

    assert wildcard_match(pattern, value) == bool(re.fullmatch(regex, value))

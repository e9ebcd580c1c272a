from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from adit_cli.jobfile.values import (
    AeTitle,
    Duration,
    LongString,
    Name,
    Reading,
    RelativePath,
    is_uid,
    parse_duration,
)


class Sample(BaseModel):
    path: RelativePath = Path()
    title: AeTitle = "ADIT"
    name: Name = "n"
    text: LongString = "t"
    after: Duration = 0


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("0.5", 0.5),
        ("30s", 30),
        ("10m", 600),
        ("10 min", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1D", 86400),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_seconds_or_has_units(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "10x", "x", "-5m", "10m later", True, None, [1]])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write 30s, 10m, 2h, 1h30m"):
        parse_duration(written)


@pytest.mark.parametrize("written", [-1, "400d", "inf", "nan"])
def test_a_duration_is_neither_negative_nor_endless(written: object) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"after": written})


def test_a_path_is_relative_to_the_file_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    at = Reading(tmp_path)

    assert Sample.model_validate({"path": "a/b"}, context=at).path == tmp_path / "a/b"
    assert Sample.model_validate({"path": "/a"}, context=at).path == Path("/a")
    assert Sample.model_validate({"path": "~/a"}, context=at).path == tmp_path / "home/a"
    assert Sample.model_validate({"path": "a"}).path == Path.cwd() / "a"


def test_a_path_holds_no_nul() -> None:
    with pytest.raises(ValidationError, match="NUL"):
        Sample.model_validate({"path": "a\0b"})


@pytest.mark.parametrize("written", ["", "   ", "A" * 17, "A\\B", "ÄE", "A\nB"])
def test_an_ae_title_is_what_the_standard_says(written: str) -> None:
    with pytest.raises(ValidationError, match="an AE title has 1 to 16"):
        Sample.model_validate({"title": written})


def test_blanks_around_an_ae_title_mean_nothing() -> None:
    assert Sample.model_validate({"title": " MY AE "}).title == "MY AE"


@pytest.mark.parametrize("written", ["", ".a", "-a", "a b", "ü", "a/b", "a" * 65, "a\n"])
def test_a_name_is_also_good_as_a_folder(written: str) -> None:
    with pytest.raises(ValidationError, match="must begin with a letter or digit"):
        Sample.model_validate({"name": written})


@pytest.mark.parametrize("written", ["", "a\\b", "a\nb", "a" * 65])
def test_a_text_for_an_attribute_fits_into_it(written: str) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"text": written})


def test_a_uid_is_digits_and_dots() -> None:
    assert [is_uid(text) for text in ("1.2.840", "1.02", "1", "1..2", "1.", "a", "", "1." + "2" * 63)] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from adit_cli.deid.rules import Clean, Keep, Replace
from adit_cli.deid.selectors import PrivateTag, Step, parse_selector
from adit_cli.deid.spec import DeidSpec, Masks, Option
from adit_cli.errors import UsageError
from tests.support.deid import profile_of, spec_of


def test_everything_that_the_job_file_may_say_is_understood() -> None:
    spec = spec_of(
        profile="basic",
        options=["clean-descriptors", "retain-longitudinal-modified-dates", "retain-safe-private"],
        dates={"shift_days": "30..3650", "keep_weekday": True, "birth_date": "year"},
        safe_private=["0019,0C,SIEMENS MR HEADER"],
        rules={
            "PatientSex": "keep",
            "StudyDescription": {"replace": "CHEST CT"},
            "SeriesDescription": {"clean": "allowlist.txt"},
            "0018,1030": "remove",
            "RequestAttributesSequence/ScheduledProcedureStepDescription": "remove",
        },
        modalities={"exclude": ["sr"]},
        burned_in={"masks": "masks.yaml"},
        verify=True,
    )

    assert spec.dates.shift_days == (30, 3650)
    assert spec.rules["PatientSex"] == Keep()
    assert spec.rules["StudyDescription"] == Replace(value="CHEST CT")
    assert spec.excluded == {"SR"}
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own pickle


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"profile": "none", "options": ["retain-uids"]}, "profile none changes nothing"),
        (
            {"options": ["retain-longitudinal-full-dates", "retain-longitudinal-modified-dates"]},
            "kept and moved",
        ),
        ({"safe_private": ["0019,0C,X"]}, "needs the option retain-safe-private"),
        ({"options": ["retain-safe-private"], "safe_private": ["PatientName"]}, "is no private element"),
        ({"dates": {"keep_weekday": True}}, "dates are only moved with"),
        ({"dates": {"shift_days": "9..1"}}, "must be a range"),
        ({"dates": {"shift_days": "1..6", "keep_weekday": True}}, "holds no whole week"),
        ({"rules": {"PatientSx": "keep"}}, "did you mean PatientSex?"),
        ({"rules": {"Patient*x?z": "keep"}}, "no element has a keyword like"),
        ({"rules": {"PatientSex": "kep"}}, "a rule is one of keep, remove"),
        ({"rules": {"PatientSex": {"replace": "X", "clean": "y"}}}, "a rule is one of keep, remove"),
        ({"rules": {"PatientSex": "keep", "0010,0040": "remove"}}, "are the same element"),
        ({"rules": {"PatientSex": "shift-date"}}, "only for values of kind DA, DT, TM"),
        ({"rules": {"0010,0020": "new-uid"}}, "only for values of kind UI"),
        ({"burned_in": "maybe"}, "burned_in"),
        ({"modalities": {"exclude": ["NOT A MODALITY!"]}}, "exclude"),
        ({"verfy": True}, "verfy"),
    ],
)
def test_a_contradiction_or_mistake_is_an_error(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace("?", r"\?").replace("*", r"\*")):
        spec_of(**settings)


def test_the_default_is_the_basic_profile_with_every_check() -> None:
    spec = DeidSpec()

    assert spec.profile == "basic"
    assert spec.excluded == {"SR", "PR", "KO", "DOC", "OT", "SC"}
    assert spec.burned_in == "block"
    assert spec.verify


def test_asking_for_cleaned_reports_lets_reports_through_unless_the_job_excludes_them() -> None:
    asked = spec_of(options=[Option.CLEAN_STRUCTURED_CONTENT])
    excluded = spec_of(options=[Option.CLEAN_STRUCTURED_CONTENT], modalities={"exclude": ["SR"]})

    assert "SR" not in asked.excluded
    assert "SR" in excluded.excluded


def test_a_fixed_number_of_days_is_a_range_of_one() -> None:
    assert spec_of(dates={"shift_days": 100}, rules={"StudyDate": "shift-date"}).dates.shift_days == (
        100,
        100,
    )


def test_files_are_looked_for_beside_the_job_file() -> None:
    spec = spec_of(rules={"StudyDescription": {"clean": "words.txt"}}, burned_in={"masks": "m.yaml"})

    there = spec.relative_to(Path("/jobs"))

    assert there.rules["StudyDescription"] == Clean(allowlist=Path("/jobs/words.txt"))
    assert there.burned_in == Masks(masks=Path("/jobs/m.yaml"))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("PatientName", (Step(frozenset({0x00100010})),)),
        ("0018,1030", (Step(frozenset({0x00181030})),)),
        ("(0018,1030)", (Step(frozenset({0x00181030})),)),
        ("0019,0C,SIEMENS MR HEADER", (Step(private=PrivateTag(0x0019, 0x0C, "SIEMENS MR HEADER")),)),
        ("0019,xx0c,SIEMENS MR HEADER", (Step(private=PrivateTag(0x0019, 0x0C, "SIEMENS MR HEADER")),)),
        ("RequestAttributesSequence/StudyID", (Step(frozenset({0x00400275})), Step(frozenset({0x00200010})))),
        ("PatientSex*", (Step(frozenset({0x00100040, 0x00102203})),)),
    ],
)
def test_a_selector_names_elements_in_each_of_its_forms(text: str, steps: tuple[Step, ...]) -> None:
    assert parse_selector(text).steps == steps


def test_a_list_of_words_that_cannot_be_read_is_an_error_before_anything_moves() -> None:
    with pytest.raises(UsageError, match=r"words\.txt cannot be read"):
        profile_of(rules={"StudyDescription": {"clean": "/nowhere/words.txt"}})


def test_rules_made_in_python_are_taken_as_they_are() -> None:
    assert spec_of(rules={"PatientSex": Keep()}).rules == {"PatientSex": Keep()}


def test_without_masks_there_is_no_file_to_look_for() -> None:
    assert spec_of().relative_to(Path("/jobs")) == spec_of()

from __future__ import annotations

import pytest
from pydantic import ValidationError

from adit_cli.dicom.matching import Match
from adit_cli.jobfile.selector import Query, SeriesRule, SeriesRules

YES, NO, UNKNOWN = Match.YES, Match.NO, Match.UNKNOWN


def query(**keys: object) -> Query:
    return Query.model_validate(keys)


def rules(**keys: object) -> SeriesRules:
    return SeriesRules.model_validate(keys)


def test_an_empty_query_asks_for_nothing_and_takes_all() -> None:
    assert query().keys() == {}
    assert query().matches({}) is YES


def test_a_query_sends_what_no_server_can_get_wrong() -> None:
    asked = query(study_date="2024-01", modality="ct", study_description="*12*").keys()

    assert asked == {"StudyDate": "20240101-20240131", "ModalitiesInStudy": "CT", "StudyDescription": "*12*"}


def test_a_query_asks_back_what_only_we_can_compare() -> None:
    asked = query(modality=["CT", "MR"], study_description="*thorax*").keys()

    assert asked == {"ModalitiesInStudy": "", "StudyDescription": ""}


@pytest.mark.parametrize(
    ("keyword", "value", "sent"),
    [
        ("ReferringPhysicianName", "Doe*", "Doe*"),
        ("PatientID", "00123", "00123"),
        ("PatientID", ["1", "2"], ""),
        ("PatientID", "/1/", ""),
        ("StudyInstanceUID", ["1.2", "1.3"], "1.2\\1.3"),
        ("StudyInstanceUID", ["1.2", "1.3*"], ""),
        ("StudyInstanceUID", "/1/", ""),
        ("PatientSex", "f", "F"),
        ("PatientBirthDate", "1970", "19700101-19701231"),
        ("StudyTime", "08:00-12:00", "080000-120059.999999"),
        ("OtherStudyNumbers", 3, "3"),
        ("OtherStudyNumbers", "3..5", ""),
        ("0009,1001", "x", "x"),
    ],
)
def test_any_other_attribute_is_sent_as_it_is_written(keyword: str, value: object, sent: str) -> None:
    (key,) = query(where={keyword: value}).keys().values()

    assert key == sent


def test_an_attribute_may_be_named_by_its_tag() -> None:
    assert query(where={"0008,0050": "A1"}).keys() == {"AccessionNumber": "A1"}
    assert query(where={"00091001": "A1"}).keys() == {"00091001": "A1"}


def test_a_key_and_where_may_be_about_the_same_attribute() -> None:
    both = query(study_description="/lung/i", where={"StudyDescription": "*CT*"})

    assert both.keys() == {"StudyDescription": "*CT*"}
    assert both.matches({"StudyDescription": "CT Lung"}) is YES
    assert both.matches({"StudyDescription": "CT Head"}) is NO


def test_what_only_we_can_compare_does_not_widen_what_is_sent() -> None:
    both = query(study_description="*12*", where={"StudyDescription": "/lung/"})

    assert both.keys() == {"StudyDescription": "*12*"}


def test_all_keys_of_a_query_must_hold() -> None:
    both = query(modality="CT", study_date="2024")

    assert both.matches({"ModalitiesInStudy": "CT\\SR", "StudyDate": "20240601"}) is YES
    assert both.matches({"ModalitiesInStudy": "CT", "StudyDate": "20230601"}) is NO
    assert both.matches({"ModalitiesInStudy": "CT"}) is UNKNOWN
    assert both.matches({"ModalitiesInStudy": "MR"}) is NO


def test_an_age_is_told_from_the_birth_date_and_never_sent() -> None:
    adults = query(patient_age="18..80", study_date="2024")

    assert adults.keys() == {"PatientBirthDate": "", "PatientAge": "", "StudyDate": "20240101-20241231"}
    assert adults.matches({"StudyDate": "20240601", "PatientBirthDate": "20060601"}) is YES
    assert adults.matches({"StudyDate": "20240601", "PatientBirthDate": "20060602"}) is NO
    assert adults.matches({"StudyDate": "20240601", "PatientAge": "018Y"}) is YES
    assert adults.matches({"StudyDate": "20240601"}) is UNKNOWN
    assert adults.matches({"StudyDate": "20240601", "PatientBirthDate": "", "PatientAge": ""}) is NO


def test_a_single_age_is_not_sent_either_and_where_compares_what_the_server_holds() -> None:
    both = query(patient_age=45, where={"PatientAge": "04*"})

    assert query(patient_age=45).keys() == {"PatientBirthDate": "", "StudyDate": "", "PatientAge": ""}
    assert both.matches({"PatientAge": "045Y"}) is YES


def test_an_institution_is_asked_back_and_compared_here() -> None:
    ours = query(institution_name="*radiology*")

    assert ours.keys() == {"InstitutionName": ""}
    assert ours.matches({"InstitutionName": "Dept. of Radiology"}) is YES
    assert ours.matches({}) is UNKNOWN
    assert rules(include=[{"institution_name": "x"}]).keys() == {"InstitutionName": ""}


@pytest.mark.parametrize(
    ("include", "exclude", "series", "expected"),
    [
        ([], [], {}, YES),
        ([{"modality": "CT"}], [], {"Modality": "CT"}, YES),
        ([{"modality": "CT"}], [], {"Modality": "MR"}, NO),
        ([{"modality": "CT"}], [], {}, UNKNOWN),
        ([{"modality": "CT"}, {"series_number": 5}], [], {"Modality": "MR", "SeriesNumber": "5"}, YES),
        ([], [{"series_number": [99, "200.."]}], {"SeriesNumber": "99"}, NO),
        ([], [{"series_number": [99, "200.."]}], {"SeriesNumber": "250"}, NO),
        ([], [{"series_number": [99, "200.."]}], {"SeriesNumber": "5"}, YES),
        ([], [{"series_number": 99}], {}, UNKNOWN),
        ([{"modality": "CT"}], [{"series_number": 99}], {"Modality": "CT", "SeriesNumber": "99"}, NO),
        ([{"min_instances": 20}], [], {"NumberOfSeriesRelatedInstances": "20"}, YES),
        ([{"min_instances": "20"}], [], {"NumberOfSeriesRelatedInstances": "19"}, NO),
        ([{"max_instances": 20}], [], {"NumberOfSeriesRelatedInstances": "21"}, NO),
        ([{"body_part": "chest", "protocol_name": "*lung*"}], [], {"BodyPartExamined": "CHEST"}, UNKNOWN),
    ],
)
def test_a_series_is_taken_if_a_rule_lets_it_in_and_none_keeps_it_out(
    include: list[object], exclude: list[object], series: dict[str, str], expected: Match
) -> None:
    assert rules(include=include, exclude=exclude).admits(series) is expected


def test_series_rules_ask_back_every_attribute_that_they_look_at() -> None:
    asked = rules(
        include=[{"modality": "CT", "min_instances": 2}], exclude=[{"where": {"Laterality": "L"}}]
    ).keys()

    assert asked == {"Modality": "", "NumberOfSeriesRelatedInstances": "", "Laterality": ""}


def test_a_rule_about_every_series_is_refused() -> None:
    with pytest.raises(ValidationError, match="this rule is about every series"):
        SeriesRule()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"modality": []}, "matches nothing"),
        ({"modality": [["CT"]]}, "must be a value or a list of values"),
        ({"modality": True}, "must be a value or a list of values"),
        ({"modality": {"a": 1}}, "must be a value or a list of values"),
        ({"study_date": ["2024", "2023"]}, "must be one date or range of dates, not a list"),
        ({"where": {"StudyDate": ["2024", "2023"]}}, "must be one date or range of dates, not a list"),
        ({"where": {"StudyTime": "noon"}}, "not a time"),
        ({"where": {"SeriesNumber": "x"}}, "not a number"),
        ({"where": {"RequestAttributesSequence": "x"}}, "a sequence or binary value cannot be searched"),
        ({"where": {"FrameOfReferenceUID": ["1.2.3", "1.2.x"]}}, "'1.2.x' is no UID: write up to 64 digits"),
        ({"where": {"PatientSx": "M"}}, "did you mean PatientSex"),
        ({"where": {"Qqqqqqqq": "M"}}, "use one such as PatientSex"),
        ({"where": ["PatientSex"]}, "must be a mapping of DICOM keywords"),
    ],
)
def test_a_key_with_a_wrong_value_says_what_would_be_right(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        query(**keys)


@pytest.mark.parametrize("value", ["x", -1, "1.5", [1, 2]])
def test_a_number_of_instances_is_one_whole_number(value: object) -> None:
    with pytest.raises(ValidationError, match=r"must be (a|one) whole number"):
        rules(include=[{"min_instances": value}])


def test_selectors_can_be_made_of_rules_and_written_again() -> None:
    first = query(study_date="2024", modality=["CT", "MR"], where={"SeriesNumber": 3})
    series = rules(include=[{"series_number": 1, "min_instances": 2, "max_instances": 9}])

    assert Query.model_validate(dict(iter(first))) == first
    assert SeriesRule.model_validate(dict(iter(series.include[0]))) == series.include[0]
    assert first.model_dump(exclude_none=True) == {
        "study_date": "2024",
        "modality": "CT\\MR",
        "where": {"SeriesNumber": "3"},
        "exclude": (),
        "partition": "auto",
    }

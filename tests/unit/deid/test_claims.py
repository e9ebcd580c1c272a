from __future__ import annotations

import pytest

from adit_cli.deid.claims import broken_claims, claimed_codes
from adit_cli.deid.describe import describe_profile
from adit_cli.deid.profile import compile_profile
from adit_cli.deid.spec import Option
from adit_cli.deid.stamps import METHOD_CODES, stamp, stamps_of
from adit_cli.dicom.elements import Element, Elements
from tests.support.deid import KEY, spec_of

DATES = Option.MODIFIED_DATES
ALL_BUT_FULL_DATES = [f"1131{number:02d}" for number in (0, 3, 4, 5, 7, 8, 9, 10, 11, 12)]
BROKEN = "not claimed because of the rule for PatientSex: Basic Application Confidentiality Profile (113100)"
CLEANED = {"StudyDescription": {"clean": "words.txt"}}


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({}, ["113100"]),
        ({"options": [DATES]}, ["113100", "113107"]),
        (
            {"options": list(set(Option) - {Option.FULL_DATES})},
            [f"1131{n:02d}" for n in (0, 3, 4, 5, 7, 8, 9, 10, 11, 12)],
        ),
        ({"rules": {"PatientSex": "remove"}}, ["113100"]),
        ({"rules": {"StudyDescription": {"replace": "CT"}}}, ["113100"]),
        ({"rules": {"PatientSex": "keep"}}, []),
        ({"rules": {"PatientID": "hash"}}, []),
        ({"rules": {"*Physician*": "keep"}}, []),
        ({"rules": {"OriginalAttributesSequence/PatientName": "keep"}}, []),
        ({"rules": {"0019,0C,SIEMENS MR HEADER": "keep"}}, []),
        ({"rules": {"0019,100C": "keep"}}, []),
        ({"rules": {"0019,100C": "remove"}}, ["113100"]),
        ({"rules": {"Manufacturer": "keep"}}, ["113100"]),
        ({"rules": {"StudyInstanceUID": "new-uid"}}, ["113100"]),
        ({"rules": {"StudyDate": "shift-date"}}, []),
        ({"rules": {"StudyInstanceUID": "remove"}}, ["113100"]),
        ({"options": [DATES], "rules": {"StudyDate": "shift-date"}}, ["113100", "113107"]),
        ({"options": [DATES], "rules": {"StudyDate": "keep"}}, []),
        ({"options": [DATES], "rules": {"StudyDate": "remove"}}, ["113100", "113107"]),
        ({"options": ["retain-uids"], "rules": {"StudyInstanceUID": "new-uid"}}, ["113100"]),
        (
            {"options": ["clean-descriptors"], "rules": CLEANED},
            ["113100", "113105"],
        ),
    ],
)
def test_a_code_is_claimed_only_where_every_row_is_honoured(
    settings: dict[str, object], codes: list[str]
) -> None:
    assert claimed_codes(spec_of(**settings)) == codes


def test_the_rules_that_cost_a_claim_are_named() -> None:
    spec = spec_of(options=["retain-uids"], rules={"StudyInstanceUID": "new-uid", "PatientSex": "keep"})

    assert broken_claims(spec) == [("PatientSex", "113100"), ("StudyInstanceUID", "113110")]


def test_a_file_says_that_and_how_it_was_changed() -> None:
    profile = compile_profile(spec_of(), KEY, trial=("LUNG24", "Lung screening"))
    elements: Elements = {}

    stamp(elements, {}, profile.stamps)

    assert elements[0x00120062].value == b"YES "
    assert elements[0x00120063].value.startswith(b"ADIT CLI ")
    assert b"\\DICOM PS3.15 2024b\\rules " in elements[0x00120063].value
    assert elements[0x00280303].value == b"REMOVED "
    assert elements[0x00120020].value == b"LUNG24"
    assert elements[0x00120021].value == b"Lung screening"


@pytest.mark.parametrize(
    ("option", "said"), [(Option.FULL_DATES, b"UNMODIFIED"), (Option.MODIFIED_DATES, b"MODIFIED")]
)
def test_a_file_says_what_became_of_its_dates(option: Option, said: bytes) -> None:
    assert stamps_of(spec_of(options=[option]), ("", ""))[0x00280303].value == said


def test_rules_that_differ_have_another_hash_in_the_method() -> None:
    methods = {stamps_of(spec_of(**s), ("", ""))[0x00120063].value for s in ({}, {"verify": False})}

    assert len(methods) == 2


def test_codes_of_an_earlier_de_identification_stay_and_free_text_beside_them_does_not() -> None:
    earlier = stamps_of(spec_of(options=["clean-descriptors"]), ("", ""))[METHOD_CODES]
    foreign = Element(0x00080104, "LO", b"Jane Doe")
    items = [*(earlier.items or []), {foreign.tag: foreign}]
    elements: Elements = {}

    stamp(elements, {METHOD_CODES: Element(METHOD_CODES, "SQ", items=items)}, stamps_of(spec_of(), ("", "")))

    codes = [item[0x00080100].value for item in elements[METHOD_CODES].items or []]
    assert codes == [b"113105", b"113100"]


def test_where_nothing_can_be_claimed_no_code_is_written() -> None:
    elements: Elements = {}

    stamp(elements, {}, stamps_of(spec_of(rules={"PatientSex": "keep"}), ("", "")))

    assert METHOD_CODES not in elements


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"profile": "none"}, "data sets move byte for byte, with everything that they say of the patient"),
        ({}, "DOC, KO, OT, PR, SC, SR never leave"),
        ({}, "the birth date is emptied"),
        ({}, "every header is searched for the identifiers that came in; a file with one is held back"),
        ({"verify": False}, "headers are NOT searched for identifiers that are left (verify: false)"),
        ({"burned_in": "allow"}, "images that may show text leave with their pixels as they are"),
        ({"burned_in": {"masks": "m.yaml"}}, "images that may show text leave only where m.yaml blackens it"),
        (
            {"options": [DATES], "dates": {"shift_days": "30..90", "keep_weekday": True}},
            "dates move back by 30 to 90 days in whole weeks, the same for all of a patient's files",
        ),
        ({"rules": {"PatientSex": "keep"}}, "PatientSex is kept"),
        ({"rules": {"PatientSex": "keep"}}, "the result does not conform to the Basic Profile"),
        (
            {"rules": {"PatientSex": "keep"}},
            BROKEN,
        ),
        ({}, "claimed: Basic Application Confidentiality Profile (113100)"),
    ],
)
def test_a_job_is_told_in_words(settings: dict[str, object], sentence: str) -> None:
    assert sentence in describe_profile(spec_of(**settings))


def test_a_job_that_lets_everything_out_and_uids_alone_says_neither() -> None:
    told = " ".join(describe_profile(spec_of(modalities={"exclude": ()}, options=["retain-uids"])))

    assert "every UID is replaced" not in told
    assert "SR never leave" not in told


@pytest.mark.parametrize("option", list(Option))
def test_each_option_has_its_sentence(option: Option) -> None:
    told = set(describe_profile(spec_of(options=[option])))

    assert told - set(describe_profile(spec_of()))

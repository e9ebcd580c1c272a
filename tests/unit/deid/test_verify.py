from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.needles import collect
from adit_cli.dicom.elements import Element
from adit_cli.errors import DeidError, Reason
from tests.support.deid import ct_data_set, deidentified, profile_of, saved

KEPT_TEXT: dict[str, object] = {"rules": {"StudyDescription": "keep"}}


def _leak(folder: Path, settings: dict[str, object], **attributes: object) -> DeidError:
    path = saved(ct_data_set(**attributes), folder / "in.dcm")
    with pytest.raises(DeidError) as refusal:
        deidentify_file(path, folder / "out.dcm", profile_of(**settings), "PSEUDO")
    assert refusal.value.reason is Reason.LEAK
    assert not (folder / "out.dcm").exists()
    return refusal.value


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, "Follow-up of Ms QUILLHAVEN"),
        ({}, "xanderine"),
        ({}, "see MRN4711007"),
        ({}, "born 19.07.1937"),
        ({}, "born 1937-07-19"),
        ({}, "from 19370719"),
        ({"PatientName": "Lang^Eva"}, "Eva Lang"),
        ({"PatientName": "Ng^Eva"}, "for EVA"),
        ({"PatientName": "Chest^Xanderine"}, "Chest"),
        ({"AccessionNumber": "7654321"}, "order 7654321"),
        ({"ReferringPhysicianName": "Zypernwald^Brak"}, "Dr. Zypernwald"),
        ({"InstitutionName": "Klinikum Zypernwald"}, "in Zypernwald"),
        ({"PatientAddress": "10 Brakquell Street"}, "Brakquell"),
        ({"PatientTelephoneNumbers": "+49 6221 133"}, "call +49 6221 133"),
        ({"DeviceSerialNumber": "SN-12345"}, "on SN-12345"),
        ({"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Köttgen^X"}, "KÖTTGEN"),
        ({"SpecificCharacterSet": "ISO_IR 192", "PatientName": "渡崎^美弥子"}, "渡崎"),
        ({"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^T=山田^太郎"}, "山田"),
        ({"FrameOfReferenceUID": "1.2.276.0.42.1"}, "1.2.276.0.42.1"),
    ],
)
def test_an_identifier_left_in_a_kept_text_stops_the_file(
    attributes: dict[str, object], text: str, tmp_path: Path
) -> None:
    error = _leak(tmp_path, KEPT_TEXT, StudyDescription=text, **attributes)

    assert "(0008,1030)" in str(error)
    assert text not in str(error)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, "Chest CT"),
        ({"PatientName": "Lang^Eva"}, "slang, evaluation"),
        ({"PatientName": "Anonymous"}, "anonymous"),
        ({"PatientID": "12345"}, "1234567 and 0.12345"),
        ({"PatientID": "7"}, "7 slices"),
        ({"StudyDate": "20200229"}, "120200229"),
        ({"InstitutionName": "University Hospital"}, "University"),
        ({"StationName": "Skyra", "ManufacturerModelName": "Skyra"}, "Skyra"),
    ],
)
def test_what_only_looks_like_an_identifier_does_not(
    attributes: dict[str, object], text: str, tmp_path: Path
) -> None:
    left = deidentified(ct_data_set(StudyDescription=text, **attributes), tmp_path, **KEPT_TEXT)

    assert left.StudyDescription == text


def test_a_leak_inside_of_a_sequence_is_told_with_its_path(tmp_path: Path) -> None:
    data_set = ct_data_set()
    item = ct_data_set(CodeMeaning="CT of Quillhaven")
    data_set.ProcedureCodeSequence = [item]
    for tag in list(item.keys()):
        if tag != 0x00080104:
            del item[tag]
    path = saved(data_set, tmp_path / "in.dcm")

    with pytest.raises(DeidError, match=r"\(0008,1032\)\[0\]\.\(0008,0104\)"):
        deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO")


def test_the_search_can_be_turned_off(tmp_path: Path) -> None:
    data_set = ct_data_set(StudyDescription="Quillhaven")

    assert deidentified(data_set, tmp_path, verify=False, **KEPT_TEXT).StudyDescription == "Quillhaven"


def test_a_name_that_the_job_keeps_is_no_leak(tmp_path: Path) -> None:
    left = deidentified(ct_data_set(), tmp_path, rules={"PatientName": "keep", "StudyDate": "keep"})

    assert left.PatientName == "Quillhaven^Xanderine"
    assert left.StudyDate == "20200229"


def test_a_moved_date_that_equals_another_of_the_originals_is_no_leak(tmp_path: Path) -> None:
    data_set = ct_data_set(StudyDate="20200229", SeriesDate="20200219")

    left = deidentified(
        data_set, tmp_path, options=["retain-longitudinal-modified-dates"], dates={"shift_days": 10}
    )

    assert (left.StudyDate, left.SeriesDate) == ("20200219", "20200209")


def test_needles_are_sorted_by_how_safely_they_can_be_found() -> None:
    needles = collect(
        [
            Element(0x00100010, "PN", b"Quillhaven^Lang^Eva^X"),
            Element(0x00100020, "LO", b"0012345"),
            Element(0x0020000D, "UI", b"1.2.840.10008.1.1\\1.2.3.4.5.6"),
            Element(0x00100030, "DA", b"19370719"),
            Element(0x00081030, "LO", b"no identifier"),
        ]
    )

    assert needles.anywhere == {b"quillhaven", b"1937-07-19", b"19.07.1937", b"07/19/1937", b"19/07/1937"}
    assert needles.words == {b"lang"}
    assert needles.short == {"eva"}
    assert needles.numbers == {b"0012345", b"1.2.3.4.5.6", b"19370719"}

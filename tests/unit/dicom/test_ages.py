from __future__ import annotations

import pytest

from adit_cli.dicom.ages import age_at_study


@pytest.mark.parametrize(
    ("born", "studied", "written", "age"),
    [
        ("19700601", "20240531", None, "53"),
        ("19700601", "20240601", None, "54"),
        ("19700601", "20240601", "099Y", "54"),
        ("20000229", "20240228", None, "23"),
        ("20240101", "20240101", None, "0"),
        ("", "20240601", "045Y", "45"),
        (None, None, "018M", "1"),
        (None, None, "060W", "1"),
        (None, None, "364D", "0"),
        ("20250101", "20240101", "045Y", "45"),
        ("20250101", "20240101", "", ""),
        ("", "20240601", "", ""),
        ("", "20240601", "45", ""),
        ("", "20240601", None, None),
        ("19700601", None, "", None),
        (None, "20240601", "", None),
    ],
)
def test_an_age_is_told_or_known_to_be_missing_or_still_unknown(
    born: str | None, studied: str | None, written: str | None, age: str | None
) -> None:
    said = {"PatientBirthDate": born, "StudyDate": studied, "PatientAge": written}

    assert age_at_study({keyword: value for keyword, value in said.items() if value is not None}) == age

from __future__ import annotations

import re
from pathlib import PurePosixPath
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.errors import UsageError
from adit_cli.jobfile.folder import DEFAULT_LAYOUT
from adit_cli.nodes.layout import NAME_LIMIT, Layout, safe_name, set_apart

STUDY = {
    "PatientID": "P1",
    "StudyDate": "20240131",
    "StudyTime": "101500.123",
    "SeriesNumber": "3",
    "SeriesDescription": "Thorax 1.0 B",
    "SOPInstanceUID": "1.2.3",
    "StudyInstanceUID": "1.2",
    "SeriesInstanceUID": "1.2.1",
}


def place(template: str, modalities: tuple[str, ...] = ("CT",), **values: str) -> str:
    return str(Layout(template).place({**STUDY, **values}, modalities))


def test_the_default_layout_names_patient_study_series_and_instance() -> None:
    assert place(DEFAULT_LAYOUT, ("MR", "CT")) == "P1/20240131-101500-CT-MR/3-Thorax 1.0 B/1.2.3.dcm"


def test_numbers_are_padded_and_texts_cut_as_the_layout_says() -> None:
    assert place("{SeriesNumber:03}-{SeriesDescription:.6}.dcm") == "003-Thorax.dcm"


def test_tags_stand_for_their_keywords_as_in_dcm4che() -> None:
    assert place("{00100020}/{0020,0011:03}/{00080018}.dcm") == "P1/003/1.2.3.dcm"
    assert str(Layout("{00091001}.dcm").place({"00091001": "private"}, ())) == "private.dcm"


def test_a_hash_is_a_name_for_discs_that_stays_the_same() -> None:
    one, other = (place("{PatientID:hash}/{0020000D,hash}", StudyInstanceUID=uid) for uid in ("1.2", "1.3"))

    assert one == place("{PatientID:hash}/{StudyInstanceUID:hash}")
    assert one != other
    assert all(re.fullmatch("[A-Z0-9]{8}", name) for name in one.split("/"))


def test_a_hash_of_nothing_is_a_name_too() -> None:
    assert re.fullmatch("[A-Z0-9]{8}/x", place("{PatientID:hash}/x", PatientID=""))


def test_a_number_that_is_none_is_not_padded() -> None:
    assert place("{SeriesNumber:03}.dcm", SeriesNumber="x") == "x.dcm"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("../../etc/passwd", ".._.._etc_passwd~"),
        ("a/b", "a_b~"),
        ("a\\b", "a_b~"),
        ("nul\0l", "nul_l~"),
        ("line\nfeed", "line_feed~"),
        ("right\u202eleft", "right_left~"),
        ("what?", "what_~"),
        ("tilde~", "tilde~~"),
    ],
)
def test_unsafe_values_are_mended_and_carry_a_hash(value: str, expected: str) -> None:
    assert safe_name(value).startswith(expected)


@pytest.mark.parametrize("value", ["P1", "Müller^Zoë", "Thorax 1.0 B", "日本", "2.25.1"])
def test_safe_values_stay_as_they_are(value: str) -> None:
    assert safe_name(value) == value


@pytest.mark.parametrize("value", [".", "..", "...", " . "])
def test_a_name_of_dots_never_stands_for_a_folder_above(value: str) -> None:
    name = safe_name(value)

    assert name.startswith("_~")
    assert name != safe_name(value + ".")


def test_long_values_that_differ_at_their_end_get_two_names() -> None:
    one, other = safe_name("x" * 300 + "a"), safe_name("x" * 300 + "b")

    assert one != other
    assert max(len(one), len(other)) < 100


def test_a_folder_of_dots_cannot_leave_the_root() -> None:
    assert place("{PatientID}/{SOPInstanceUID}.dcm", PatientID="..").startswith("_~")


@pytest.mark.parametrize("name", ["CON", "nul", "COM1", "lpt9.txt", "Aux"])
def test_names_that_windows_keeps_for_devices_are_changed(name: str) -> None:
    folder = place("{PatientID}/{SOPInstanceUID}.dcm", PatientID=name).split("/")[0]

    assert folder.startswith(f"_{name.split('.', maxsplit=1)[0]}")


def test_leading_dots_trailing_dots_and_blanks_are_changed() -> None:
    hidden, ending = (place("{PatientID}/x{SOPInstanceUID}", PatientID=name) for name in (".ssh", "end."))

    assert hidden.startswith("_ssh~")
    assert ending.startswith("end~")


def test_no_name_begins_like_an_option_of_a_program() -> None:
    found = place("{PatientID}/{SeriesNumber:03}-{SOPInstanceUID}.dcm", PatientID="-rf", SeriesNumber="-1")

    assert [level[:4] for level in found.split("/")] == ["_rf~", "_1-1"]


def test_a_name_of_many_values_is_cut_and_keeps_its_suffix() -> None:
    name = place(
        "{PatientName}{PatientID}{StudyID}{SOPInstanceUID}.dcm",
        **dict.fromkeys(("PatientName", "PatientID", "StudyID"), "日" * 60),
    )

    assert len(name.encode()) <= NAME_LIMIT + len("~") + 12
    assert name.endswith(".dcm")


def test_missing_values_are_named() -> None:
    assert (
        place("{StudyDescription}-{PatientAge}/{SOPInstanceUID}", StudyDescription="x")
        == "x-no-PatientAge/1.2.3"
    )


def test_a_value_that_looks_like_a_missing_one_is_told_apart() -> None:
    assert place("{PatientAge}.dcm", PatientAge="no-PatientAge") != place("{PatientAge}.dcm", PatientAge="")


def test_studies_without_dates_do_not_share_a_folder() -> None:
    one, other = (
        place("{StudyDate}-{Modalities}/x.dcm", StudyDate="", StudyInstanceUID=uid) for uid in ("1", "2")
    )

    assert one.startswith("no-StudyDate-CT~")
    assert one != other


def test_series_of_which_nothing_is_known_do_not_share_a_folder() -> None:
    template = "{SeriesNumber}-{SeriesDescription}/x.dcm"
    one, other, known = (
        place(template, SeriesNumber=number, SeriesDescription="", SeriesInstanceUID=uid)
        for number, uid in (("", "1"), ("", "2"), ("7", "3"))
    )

    assert one != other
    assert known == "7-no-SeriesDescription/x.dcm"


def test_files_that_would_share_a_place_are_set_apart_also_by_case() -> None:
    places = {"1": PurePosixPath("a/X.dcm"), "2": PurePosixPath("a/x.dcm"), "3": PurePosixPath("a/y.dcm")}

    apart = set_apart(places)

    assert apart["3"] == places["3"]
    assert len({str(path).casefold() for path in apart.values()}) == 3
    assert apart["1"].suffix == ".dcm"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{PatientIdd}/x.dcm", "did you mean PatientID?"),
        ("{Qqqqqqqq}.dcm", "use a DICOM keyword"),
        ("{PatientID!r}.dcm", "without '!'"),
        ("{PatientID:>9}.dcm", "use 03, .20 or hash"),
        ("{PatientID", "expected '}'"),
        ("../{PatientID}", "empty or made of dots"),
        ("/{PatientID}", "empty or made of dots"),
        ("{PatientID}/a:b.dcm", "not every disk takes"),
        ("{}.dcm", "no DICOM keyword"),
    ],
)
def test_a_layout_that_cannot_work_says_why(template: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Layout(template)

    assert said in f"{caught.value} {caught.value.hint}"


@given(st.text(max_size=400))
def test_no_value_leaves_its_folder_or_takes_a_forbidden_name(value: str) -> None:
    path = Layout("root/{PatientID}/x.dcm").place({"PatientID": value, "StudyInstanceUID": "1"}, ())

    folder = path.parts[1]
    assert len(path.parts) == 3
    assert not folder.startswith(".")
    assert not folder.endswith((".", " "))
    assert not set(folder) & set('<>:"/\\|?*\0')
    assert len(folder.encode()) < 255


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_values_never_share_a_name(one: str, other: str) -> None:
    template = Layout("{PatientID}")
    names = {str(template.place({"PatientID": value}, ())) for value in (one, other)}

    same = normalize("NFC", one.strip()) == normalize("NFC", other.strip())
    assert (len(names) == 1) == same

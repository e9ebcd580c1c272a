"""A header in the DICOM JSON model, beside pydicom's."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from adit_cli.deid.parts import read_parts
from adit_cli.dicom.json_model import CUT, JsonDataset, as_json, trimmed
from tests.support.builders import build_study


def header(path: Path) -> JsonDataset:
    parts = read_parts(path)
    return as_json(parts.elements, parts.encoding)


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    "transfer_syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_header_is_as_pydicom_has_it_in_any_encoding(tmp_path: Path, transfer_syntax: str) -> None:
    inner = item(CodeMeaning="Größe", RequestedProcedureID="")
    study = build_study(
        tmp_path,
        transfer_syntax=transfer_syntax,
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Zoë",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        PatientWeight="71.5",
        SmallestImagePixelValue=3,
        FrameIncrementPointer=0x00181063,
        PatientComments="a\\b",
        RequestAttributesSequence=Sequence([inner, Dataset()]),
        ProcedureCodeSequence=Sequence([]),
    )
    ours, theirs = header(study.files[0]), dcmread(study.files[0], stop_before_pixels=True).to_json_dict()

    assert ours == theirs


def test_names_in_several_scripts_are_decoded_in_sequences_too(tmp_path: Path) -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    study = build_study(
        tmp_path,
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=name,
        RequestAttributesSequence=Sequence([item(RequestedProcedureDescription="山田")]),
    )
    ours = header(study.files[0])

    assert ours["00100010"] == {
        "vr": "PN",
        "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}],
    }
    assert "山田" in str(ours["00400275"])


def test_pixel_data_is_never_in_it_and_long_values_are_cut(tmp_path: Path) -> None:
    icon = item(Rows=1, Columns=2, PixelData=b"\1\2")
    icon["PixelData"].VR = "OB"
    study = build_study(
        tmp_path, size=64, IconImageSequence=Sequence([icon]), EncapsulatedDocument=b"x" * 5000
    )
    ours = header(study.files[0])

    assert "7FE00010" not in str(ours)
    assert ours["00420011"] == {"vr": "OB", "BulkDataURI": f"{CUT}5000"}


def test_private_elements_are_kept(tmp_path: Path) -> None:
    path = build_study(tmp_path).files[0]
    ds = dcmread(path)
    ds.private_block(0x0009, "ACME", create=True).add_new(0x01, "SH", "secret sauce")
    ds.save_as(path)

    assert header(path)["00091001"] == {"vr": "SH", "Value": ["secret sauce"]}


def test_what_a_server_says_is_trimmed_in_the_same_way() -> None:
    said: JsonDataset = {
        "7FE00010": {"vr": "OW", "BulkDataURI": "http://pacs/frames"},
        "00880200": {"vr": "SQ", "Value": [{"7FE00010": {"vr": "OB", "InlineBinary": "AQI="}}]},
        "00420011": {"vr": "OB", "InlineBinary": "eHh4" * 2000},
        "00080016": {"vr": "UI", "Value": ["1.2"]},
    }

    assert trimmed(said) == {
        "00080016": {"vr": "UI", "Value": ["1.2"]},
        "00420011": {"vr": "OB", "BulkDataURI": f"{CUT}6000"},
        "00880200": {"vr": "SQ", "Value": [{}]},
    }


def test_numbers_that_json_does_not_have_are_text(tmp_path: Path) -> None:
    study = build_study(tmp_path, RecommendedDisplayFrameRateInFloat=float("nan"))

    assert header(study.files[0])["00089459"] == {"vr": "FL", "Value": ["nan"]}

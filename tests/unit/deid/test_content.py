"""Content items of reports, by what their concept names say of them (PS3.15 Table E.3.4-1)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support.deid import ct_data_set, deidentified

REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
CLEANED = "clean-structured-content"


def item(code: str, value_type: str, values: Mapping[str, object]) -> Dataset:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = code, "DCM", "a concept"
    content = Dataset()
    content.RelationshipType, content.ValueType = "CONTAINS", value_type
    content.ConceptNameCodeSequence = Sequence([concept])
    for keyword, value in values.items():
        setattr(content, keyword, value)
    return content


def number(value: str) -> Sequence:
    measured = Dataset()
    measured.NumericValue = value
    return Sequence([measured])


ITEMS: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "comment": ("121106", "TEXT", {"TextValue": "chest axial"}),
    "observer": ("121008", "PNAME", {"PersonName": "Quillhaven^Xanderine"}),
    "device": ("121013", "TEXT", {"TextValue": "SCANNER SEVEN"}),
    "department": ("121009", "TEXT", {"TextValue": "NORTHERN CLINIC"}),
    "age": ("121033", "NUM", {"MeasuredValueSequence": number("63")}),
    "great age": ("121033", "NUM", {"MeasuredValueSequence": number("93")}),
    "length": ("121206", "NUM", {"MeasuredValueSequence": number("7")}),
}


def left(folder: pytest.TempPathFactory, *options: str) -> dict[str, str]:
    """Return which items are left, each with its text, under these options."""
    report = ct_data_set(SOPClassUID=REPORT, Modality="SR")
    del report.PixelData
    made = [item(code, kind, values) for code, kind, values in ITEMS.values()]
    for place, content in enumerate(made):
        content.ReferencedContentItemIdentifier = [place + 1]
    report.ContentSequence = Sequence([item("126000", "CONTAINER", {"ContentSequence": Sequence(made)})])
    out = deidentified(report, folder.mktemp("report"), options=[CLEANED, *options])
    names = list(ITEMS)
    (container,) = out.ContentSequence
    found = container.ContentSequence
    return {
        names[content.ReferencedContentItemIdentifier - 1]: str(content.get("TextValue", ""))
        for content in found
    }


def test_items_of_which_the_concept_tells_go_with_all_below_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert left(tmp_path_factory).keys() == {"observer", "length"}


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("retain-device-identity", {"device": "SCANNER SEVEN"}),
        ("retain-institution-identity", {"department": "NORTHERN CLINIC"}),
        ("retain-patient-characteristics", {"age": ""}),
        ("clean-descriptors", {"comment": "chest axial"}),
    ],
)
def test_an_option_keeps_the_items_that_it_names_and_no_others(
    option: str, kept: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    without, found = left(tmp_path_factory), left(tmp_path_factory, option)

    assert found == {**without, **kept}

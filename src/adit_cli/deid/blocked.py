"""What does not leave at all, since changing its header would not be enough."""

from __future__ import annotations

from adit_cli.deid.spec import DeidSpec
from adit_cli.dicom.elements import Elements
from adit_cli.errors import DeidError

MODALITY, IMAGE_TYPE, BURNED_IN = 0x00080060, 0x00080008, 0x00280301
DICOMDIR = "1.2.840.10008.1.3.10"
KINDS = {
    "1.2.840.10008.5.1.4.1.1.88.59": "KO",
    "1.2.840.10008.5.1.4.1.1.88.": "SR",
    "1.2.840.10008.5.1.4.1.1.11.": "PR",
    "1.2.840.10008.5.1.4.1.1.104.": "DOC",
    "1.2.840.10008.5.1.4.1.1.7.": "SC",
    "1.2.840.10008.5.1.4.1.1.7": "SC",
}
"""SOP classes, or the roots of families of them, that are excluded by the name of a kind."""
OFTEN_ANNOTATED = frozenset(("US", "IVUS", "ES", "XC"))
"""Modalities whose images show text or faces so often that no attribute is believed to say otherwise."""
SCREENS = (b"SCREEN SAVE", b"SCREENSHOT", b"SCREEN CAPTURE")


def refuse_blocked(elements: Elements, sop_class: str, spec: DeidSpec, *, is_masked: bool = False) -> None:
    """Raise DeidError where the data set may not leave under the job's rules."""
    modality = _text(elements, MODALITY).upper()
    if sop_class == DICOMDIR:
        raise DeidError("A DICOMDIR lists names of patients.", hint="Send the files that it lists.")
    for kind in sorted({kind_of(sop_class), modality} & spec.excluded):
        raise DeidError(
            f"{kind} does not leave: deidentify.modalities excludes it.",
            hint=f"Leave {kind} out of deidentify.modalities.exclude to let it through.",
        )
    if spec.burned_in != "allow" and not is_masked and (why := _shows_text(elements, modality)):
        raise DeidError(
            f"The image may show text that names the patient ({why}).",
            hint="Set deidentify.burned_in to allow, or to masks that fit the image, to let it through.",
        )


def kind_of(sop_class: str) -> str:
    """Return under which name a SOP class is excluded, empty for those that go by their modality alone."""
    for root, kind in KINDS.items():
        if sop_class == root or (root.endswith(".") and sop_class.startswith(root)):
            return kind
    return ""


def _shows_text(elements: Elements, modality: str) -> str:
    if _text(elements, BURNED_IN).upper() == "YES":
        return "BurnedInAnnotation is YES"
    if modality in OFTEN_ANNOTATED:
        return f"modality {modality}"
    element = elements.get(IMAGE_TYPE)
    screen = element is not None and any(name in element.value.upper() for name in SCREENS)
    return "ImageType says screen save" if screen else ""


def _text(elements: Elements, tag: int) -> str:
    element = elements.get(tag)
    return element.value.decode("latin_1").strip(" \0") if element else ""

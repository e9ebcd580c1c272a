"""What holds for elements that the table does not name: decided by what kind of value they have."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

from adit_cli.deid.rules import Clean, Dummy, Empty, Keep, NewUid, Remove, Rule, ShiftDate
from adit_cli.deid.spec import Option
from adit_cli.dicom.standard import elements

FREE_TEXT = re.compile(r"(Description|Comments?|Explanation|Text|Notes?|Reason|Detail)$")
"""Keywords of LO, SH and UC elements in which people write what they like."""
NAMES_A_KIND = re.compile(
    r"SOPClass|TransferSyntaxUID|CodingSchemeUID|ContextUID|MappingResourceUID|ExtensionCreator"
)
"""Keywords of UI elements whose values name kinds of things and not things."""
IDENTIFYING = frozenset(
    (
        "PatientBirthDateInAlternativeCalendar",
        "PatientDeathDateInAlternativeCalendar",
        "BreedRegistrationNumber",
        "ComponentWelderIDs",
        "FillerOrderNumberImagingServiceRequestRetired",
        "FillerOrderNumberProcedure",
        "HangingProtocolCreator",
        "OwnerID",
        "PlacerOrderNumberImagingServiceRequestRetired",
        "PlacerOrderNumberProcedure",
        "PrinterName",
        "StudyIDIssuer",
    )
)
"""Retired or newer elements that name people, devices or orders, and that the table does not have."""
NEVER_EMPTY = frozenset(
    (
        "ASLCrusherDescription",
        "BreedRegistrationNumber",
        "CalculationComment",
        "ConceptualVolumeCombinationExpression",
        "ConstraintViolationCondition",
        "ContentDescription",
        "DeviceAlternateIdentifierFormat",
        "ExposureControlModeDescription",
        "GeneticModificationsDescription",
        "HL7InstanceIdentifier",
        "HangingProtocolCreator",
        "HangingProtocolDescription",
        "InformationSummary",
        "InstructionText",
        "LUTExplanation",
        "LocalNamespaceEntityID",
        "MetaboliteMapDescription",
        "ObservationDescription",
        "PaddleDescription",
        "PatientSpeciesDescription",
        "PixelDataProviderURL",
        "PixelSpacingCalibrationDescription",
        "PositionAcquisitionTemplateID",
        "RetrieveURI",
        "RetrieveURL",
        "StorageURL",
        "TrackingID",
        "TreatmentToleranceViolationIdentification",
        "URNCodeValue",
        "UniversalEntityID",
    )
)
"""Those of type 1 in some module of PS3.3: without a value its data sets would not be valid."""
NEVER_ABSENT = frozenset(
    (
        "ASLTechniqueDescription",
        "CodingSchemeExternalID",
        "DocumentTitle",
        "EffectiveDoseCalculationMethodDescription",
        "InventoryPurpose",
        "LensDescription",
        "OverrideReason",
        "PatientBreedDescription",
        "TreatmentTerminationDescription",
    )
)
"""Those of type 2: they may be empty, not missing."""
SHORT_TEXT_VRS = frozenset(("LO", "SH", "UC"))
NUMERIC = {
    "DS": b"0123456789+-.eE \\\0",
    "IS": b"0123456789+-. \\\0",
    "TM": b"0123456789.: \\\0",
    "AS": b"0123456789DWMY \\\0",
    "CS": b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ \\\0.+-/:#&()%",
}
"""Characters that a value of such a VR can hold; anything else in it was put there against the standard."""


def rules_by_vr(options: Collection[Option]) -> Mapping[str, Rule]:
    """Return what is done, by VR, with elements that no table names."""
    text = Clean() if Option.CLEAN_DESCRIPTORS in options else Remove()
    dates = _dates(options)
    return {
        "UI": Keep() if Option.UIDS in options else NewUid(),
        "PN": Dummy(),
        "DA": dates,
        "DT": dates,
        "LT": text,
        "ST": text,
        "UT": text,
        "AE": Remove(),
        "UR": Remove(),
        "UN": Remove(),
    }


def rules_by_tag(options: Collection[Option]) -> Mapping[int, Rule]:
    """Return a rule for every standard tag, as if there were no table."""
    by_vr, kept = rules_by_vr(options), Keep()
    text = by_vr["LT"]
    return {
        tag: _valid(_rule(vr, keyword, by_vr, text) or kept, keyword) for tag, vr, keyword in _standard_tags()
    }


def _valid(rule: Rule, keyword: str) -> Rule:
    """Return the rule, or a gentler one where it would leave data sets that lack a required attribute."""
    match rule:
        case Remove() if keyword in NEVER_EMPTY:
            return Dummy()
        case Remove() if keyword in NEVER_ABSENT:
            return Empty()
        case Clean() if keyword in NEVER_EMPTY:
            return Clean(needed=True)
        case _:
            return rule


def _rule(vr: str, keyword: str, by_vr: Mapping[str, Rule], text: Rule) -> Rule | None:
    if vr in SHORT_TEXT_VRS and FREE_TEXT.search(keyword):
        return text
    if keyword in IDENTIFYING:
        return Remove()
    if vr == "UI" and NAMES_A_KIND.search(keyword):
        return Keep()
    return by_vr.get(vr)


def _dates(options: Collection[Option]) -> Rule:
    if Option.FULL_DATES in options:
        return Keep()
    return ShiftDate() if Option.MODIFIED_DATES in options else Empty()


def is_malformed(vr: str, value: bytes) -> bool:
    """Return whether a number, time, age or code holds what no such value can hold."""
    allowed = NUMERIC.get(vr)
    return allowed is not None and value.translate(None, allowed) != b""


@cache
def _standard_tags() -> tuple[tuple[int, str, str], ...]:
    return tuple((tag, entry[0].rpartition(" ")[2], entry[4]) for tag, entry in elements().items())

"""What a job's de-identification does, and what it does not claim, in sentences for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adit_cli.deid.claims import BASIC, broken_claims, claimed_codes
from adit_cli.deid.spec import DeidSpec, Masks, Option
from adit_cli.deid.stamps import MEANINGS
from adit_cli.deid.table import EDITION

OPTIONS: Mapping[Option, str] = {
    Option.CLEAN_GRAPHICS: (
        "drawings of presentation states stay, their texts do not; overlays and curves are removed"
    ),
    Option.CLEAN_STRUCTURED_CONTENT: (
        "reports may leave: names, dates, UIDs and texts in them are replaced, codes and numbers stay"
    ),
    Option.CLEAN_DESCRIPTORS: "descriptions and comments keep only words that are known to name no one",
    Option.FULL_DATES: "dates and times stay as they are",
    Option.MODIFIED_DATES: "dates move back by {low} to {high} {unit}, the same for all of a patient's files",
    Option.PATIENT_CHARACTERISTICS: "sex, size, weight and age stay, ages above 89 become 90",
    Option.DEVICE_IDENTITY: "what identifies the device stays",
    Option.UIDS: "UIDs stay as they are",
    Option.SAFE_PRIVATE: "private elements that are known to be safe stay",
    Option.INSTITUTION_IDENTITY: "what identifies the institution stays",
}
BIRTH_DATES = {
    "empty": "the birth date is emptied",
    "year": "of the birth date only the year stays",
    "shift": "the birth date moves back by as many days as the other dates would",
}


def describe_profile(spec: DeidSpec) -> list[str]:
    """Return what is done to data sets, what stays behind, and what is claimed of the result."""
    if spec.profile == "none":
        return ["data sets move byte for byte, with everything that they say of the patient"]
    return [*_done(spec), *_held_back(spec), *_claims(spec)]


def _done(spec: DeidSpec) -> Iterator[str]:
    yield (
        f"the Basic Profile of PS3.15 Annex E ({EDITION}) is applied at every depth; private elements, "
        "overlays and everything of unknown kind are removed"
    )
    if Option.UIDS not in spec.options:
        yield "every UID is replaced by one made from the key, the same wherever the old one stood"
    low, high = spec.dates.shift_days
    unit = "days in whole weeks" if spec.dates.keep_weekday else "days"
    for option in Option:
        if option in spec.options:
            yield OPTIONS[option].format(low=low, high=high, unit=unit)
    yield BIRTH_DATES[spec.dates.birth_date]
    for selector, rule in spec.rules.items():
        yield rule.describe(selector)


def _held_back(spec: DeidSpec) -> Iterator[str]:
    if spec.excluded:
        yield f"{', '.join(sorted(spec.excluded))} never leave"
    match spec.burned_in:
        case "block":
            yield "images that may show text (US, ES, XC, screen saves, burned-in annotation) never leave"
        case "allow":
            yield "images that may show text leave with their pixels as they are"
        case Masks():
            yield f"images that may show text leave only where {spec.burned_in.masks.name} blackens it"
    if spec.verify:
        yield "every header is searched for the identifiers that came in; a file with one is held back"
    else:
        yield "headers are NOT searched for identifiers that are left (verify: false)"
    if spec.evidence:
        yield f"which old IDs and UIDs became which new ones is written to {spec.evidence}: it names patients"


def _claims(spec: DeidSpec) -> Iterator[str]:
    claimed = claimed_codes(spec)
    if claimed:
        yield f"claimed: {', '.join(f'{MEANINGS[code]} ({code})' for code in claimed)}"
    for selector, code in broken_claims(spec):
        yield f"not claimed because of the rule for {selector}: {MEANINGS[code]} ({code})"
    if BASIC not in claimed:
        yield "the result does not conform to the Basic Profile"
    yield "not claimed: that faces cannot be made out of the images, or that pixels show no text"

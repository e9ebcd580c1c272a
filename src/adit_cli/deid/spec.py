"""What a job file says under `deidentify:`. Everything here is checked before anything moves."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from adit_cli.deid.rules import (
    Clean,
    ElementRule,
    Empty,
    Hash,
    Keep,
    NewUid,
    Remove,
    Replace,
    Rule,
    ShiftDate,
)
from adit_cli.deid.selectors import parse_private, parse_selector
from adit_cli.dicom.vr import standard_vr


class Option(StrEnum):
    """The options of PS3.15 §E.3 that can be had; each is a column of Table E.1-1."""

    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    FULL_DATES = "retain-longitudinal-full-dates"
    MODIFIED_DATES = "retain-longitudinal-modified-dates"
    PATIENT_CHARACTERISTICS = "retain-patient-characteristics"
    DEVICE_IDENTITY = "retain-device-identity"
    UIDS = "retain-uids"
    SAFE_PRIVATE = "retain-safe-private"
    INSTITUTION_IDENTITY = "retain-institution-identity"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


_KINDS = {
    "shift-date": frozenset(("DA", "DT", "TM", "SQ", "UN")),
    "new-uid": frozenset(("UI", "SQ", "UN")),
}
"""Rules that make sense only for some VRs; a sequence is gone through."""
_RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?")
LONGEST_SHIFT = 36500


def _as_range(value: object) -> object:
    found = _RANGE.fullmatch(str(value).strip()) if isinstance(value, int | str) else None
    return (int(found[1]), int(found[2] or found[1])) if found else value


Days: TypeAlias = Annotated[
    tuple[int, int],
    BeforeValidator(_as_range),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d+(\.\.\d+)?$", "examples": ["30..3650"]}),
]


class Dates(_Strict):
    """How dates are moved where an option or a rule moves them."""

    shift_days: Days = Field(default=(30, 3650), description="each patient's dates move back by so many days")
    keep_weekday: bool = Field(default=False, description="move by whole weeks only")
    birth_date: Literal["empty", "year", "shift"] = Field(
        default="empty", description="what is left of the birth date"
    )

    @model_validator(mode="after")
    def _some_days(self) -> Dates:
        low, high = self.shift_days
        if not 1 <= low <= high <= LONGEST_SHIFT:
            raise ValueError(f"shift_days must be a range of 1..{LONGEST_SHIFT} days, low..high")
        if self.keep_weekday and high // 7 < -(-low // 7):
            raise ValueError("shift_days holds no whole week, and keep_weekday asks for one")
        return self


class Modalities(_Strict):
    """What does not leave for its kind. SR, PR, KO, DOC and SC also mean the SOP classes of that kind."""

    exclude: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9 _]{1,16}$")], ...] = Field(
        default=("SR", "PR", "KO", "DOC", "OT", "SC"), description="modalities that stay behind"
    )

    @field_validator("exclude")
    @classmethod
    def _upper(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(modality.upper() for modality in value)


class Masks(_Strict):
    """Let images with burned-in text pass after blackening rectangles."""

    masks: Path = Field(description="YAML file of rectangles by manufacturer, model and image size")


_WORDS: dict[str, Rule] = {
    "keep": Keep(),
    "remove": Remove(),
    "empty": Empty(),
    "hash": Hash(),
    "shift-date": ShiftDate(),
    "new-uid": NewUid(),
}


def _as_rule(value: object) -> object:
    if isinstance(value, ElementRule):
        return value
    written = list(cast("dict[str, object]", value).items()) if isinstance(value, dict) else value
    match written:
        case str() if written in _WORDS:
            return _WORDS[written]
        case [("replace", str() | int() | float() as text)]:
            return Replace(value=str(text))
        case [("clean", str() | Path() as path)]:
            return Clean(allowlist=Path(path))
        case _:
            words = ", ".join(_WORDS)
            raise ValueError(f"a rule is one of {words}, {{replace: TEXT}} or {{clean: FILE}}")


WrittenRule: TypeAlias = Annotated[
    Rule,
    BeforeValidator(_as_rule),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(_WORDS)},
                {
                    "type": "object",
                    "properties": {"replace": {"type": ["string", "number"]}},
                    "required": ["replace"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"clean": {"type": "string"}},
                    "required": ["clean"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class DeidSpec(_Strict):
    """How data sets are changed on their way. The default is the Basic Profile with every check."""

    profile: Literal["basic", "none"] = Field(
        default="basic", description="PS3.15 Annex E Basic Profile, or `none` to move data sets byte for byte"
    )
    options: tuple[Option, ...] = Field(default=(), description="options of PS3.15 §E.3")
    dates: Dates = Dates()
    safe_private: tuple[str, ...] = Field(
        default=(), description="private elements to keep beside the standard's list, as gggg,ee,CREATOR"
    )
    rules: dict[str, WrittenRule] = Field(
        default_factory=dict[str, Rule],
        description="the last word: keyword, gggg,eeee, gggg,ee,CREATOR, path A/B or glob",
    )
    modalities: Modalities = Modalities()
    burned_in: Literal["block", "allow"] | Masks = Field(
        default="block", description="images that may show text: held back, let through, or masked"
    )
    verify: bool = Field(default=True, description="search what leaves for every identifier that came in")
    evidence: Path | None = Field(
        default=None,
        description="folder for tables of old and new IDs and UIDs, and of actions; they name patients",
    )

    @field_validator("safe_private")
    @classmethod
    def _private_tags(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if parse_private(text) is None:
                raise ValueError(f"{text!r} is no private element; write it as 0019,0C,SIEMENS MR HEADER")
        return value

    @field_validator("rules")
    @classmethod
    def _known_elements(cls, value: dict[str, Rule]) -> dict[str, Rule]:
        seen: dict[object, str] = {}
        for text, rule in value.items():
            steps = parse_selector(text).steps
            if steps in seen:
                raise ValueError(f"{seen[steps]!r} and {text!r} are the same element")
            seen[steps] = text
            _check_kind(text, rule, steps[-1].tags)
        return value

    @model_validator(mode="after")
    def _no_contradictions(self) -> DeidSpec:
        if self.profile == "none" and (idle := self.model_fields_set - {"profile"}):
            raise ValueError(f"profile none changes nothing, so {', '.join(sorted(idle))} cannot apply")
        if {Option.FULL_DATES, Option.MODIFIED_DATES} <= set(self.options):
            raise ValueError("dates cannot be both kept and moved: choose one of the longitudinal options")
        if self.safe_private and Option.SAFE_PRIVATE not in self.options:
            raise ValueError("safe_private needs the option retain-safe-private")
        if self._dates_idle():
            raise ValueError(
                f"dates are only moved with the option {Option.MODIFIED_DATES} or a shift-date rule"
            )
        return self

    def _dates_idle(self) -> bool:
        moved = Option.MODIFIED_DATES in self.options or any(
            isinstance(r, ShiftDate) for r in self.rules.values()
        )
        asked = "shift_days" in self.dates.model_fields_set or "keep_weekday" in self.dates.model_fields_set
        return not moved and (asked and self.dates.birth_date != "shift")

    def relative_to(self, folder: Path) -> DeidSpec:
        """Return the same with its files looked for in the job file's folder."""
        rules = {selector: _rule_relative_to(rule, folder) for selector, rule in self.rules.items()}
        burned_in = self.burned_in
        if isinstance(burned_in, Masks):
            burned_in = Masks(masks=folder / burned_in.masks)
        evidence = folder / self.evidence.expanduser() if self.evidence else None
        return self.model_copy(update={"rules": rules, "burned_in": burned_in, "evidence": evidence})

    @property
    def excluded(self) -> frozenset[str]:
        """Modalities that do not leave; asking for cleaned structured content lets reports through."""
        excluded = set(self.modalities.exclude)
        if Option.CLEAN_STRUCTURED_CONTENT in self.options and "modalities" not in self.model_fields_set:
            excluded.discard("SR")
        return frozenset(excluded)


def _check_kind(text: str, rule: Rule, tags: frozenset[int]) -> None:
    """Refuse a rule that can do nothing sensible with any element that it is for."""
    fitting = _KINDS.get(rule.action)
    if fitting and tags and fitting.isdisjoint(map(standard_vr, tags)):
        kinds = ", ".join(sorted(fitting - {"SQ", "UN"}))
        raise ValueError(f"{rule.action} is only for values of kind {kinds}, and {text!r} is none")


def _rule_relative_to(rule: Rule, folder: Path) -> Rule:
    return Clean(allowlist=folder / rule.allowlist) if isinstance(rule, Clean) and rule.allowlist else rule

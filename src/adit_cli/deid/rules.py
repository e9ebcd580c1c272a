"""What can be done to one element. Each rule is a small class that acts and says in words what it does.

`apply` gives the element back unchanged to keep it, a new one to replace it, None to remove it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, field_validator

from adit_cli.deid.context import OLDEST_AGE, Context
from adit_cli.deid.dates import shift_da, shift_dt, year_only
from adit_cli.deid.dummies import dummy, text_value
from adit_cli.deid.pseudonyms import code
from adit_cli.deid.uids import replace_uids
from adit_cli.deid.vocabulary import clean_text, own_words, standard_words
from adit_cli.dicom.elements import Element

HASH_LENGTH = 16
_AGE = re.compile(rb"\s*(\d{3})([DWMY])\s*")


class ElementRule(BaseModel):
    """What every rule is: frozen, comparable, and free of knowledge about single tags."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    discloses: ClassVar[bool] = False
    """Whether something of the original value is still there afterwards."""


class Keep(ElementRule):
    """Leave the element as it is; a sequence's items are still gone through."""

    action: Literal["keep"] = "keep"
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, _context: Context) -> Element | None:
        """Return the element itself."""
        return element

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is kept"


class Remove(ElementRule):
    """Take the element out of the data set (X of PS3.15 Table E.1-1a)."""

    action: Literal["remove"] = "remove"

    def apply(self, _element: Element, _context: Context) -> Element | None:
        """Return nothing."""
        return None

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is removed"


class Empty(ElementRule):
    """Keep the element, empty its value (Z)."""

    action: Literal["empty"] = "empty"

    def apply(self, element: Element, _context: Context) -> Element | None:
        """Return the element without value or items."""
        return Element(element.tag, element.vr, items=[] if element.vr == "SQ" else None)

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is emptied"


class Dummy(ElementRule):
    """Put a value in place that says nothing but satisfies the VR (D)."""

    action: Literal["dummy"] = "dummy"

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with a meaningless value."""
        return dummy(element, context)

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} gets a meaningless value"


class Replace(ElementRule):
    """Put a fixed value in place."""

    action: Literal["replace"] = "replace"
    value: str

    @field_validator("value")
    @classmethod
    def _encodable(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise ValueError("only printable ASCII fits every character set")
        return value

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with the fixed value."""
        return text_value(element, self.value, context.encoding)

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is replaced by {self.value!r}"


class Pseudonym(ElementRule):
    """Put the patient's pseudonym in place."""

    action: Literal["pseudonym"] = "pseudonym"

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with the pseudonym as its value."""
        return text_value(element, context.pseudonym, context.encoding)

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} becomes the pseudonym"


class Hash(ElementRule):
    """Put a code in place that is the same for the same value and cannot be had back without the key."""

    action: Literal["hash"] = "hash"
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with the value's code; an empty one stays empty."""
        value = element.value.strip(b" \0")
        if element.items is not None or not value:
            return Empty().apply(element, context)
        return text_value(element, code(context.keys.code, value, HASH_LENGTH), context.encoding)

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} becomes a keyed code"


class NewUid(ElementRule):
    """Put the keyed replacement of each UID in place, so that references hold (U)."""

    action: Literal["new-uid"] = "new-uid"

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with new UIDs; a sequence is gone through for the UIDs inside."""
        if element.items is not None:
            return element
        return Element(element.tag, "UI", replace_uids(context.keys.uid, element.value))

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} gets a new UID, the same wherever the old one stood"


class ShiftDate(ElementRule):
    """Move dates back by the patient's number of days; times of day stay."""

    action: Literal["shift-date"] = "shift-date"
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with its date moved; what is no date is emptied."""
        if element.vr in {"TM", "SQ"}:
            return element
        moved = shift_da if element.vr == "DA" else shift_dt
        return Element(element.tag, element.vr, moved(element.value, context.days))

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} moves back by the patient's number of days"


class YearOnly(ElementRule):
    """Reduce a date to the first of January of its year; of a patient over 89, to that of one who is 90."""

    action: Literal["year"] = "year"
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with the year alone."""
        return Element(element.tag, "DA", year_only(element.value, oldest=context.oldest_birth_year))

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is reduced to its year"


class CapAge(ElementRule):
    """Keep ages up to 89 and tell higher ones as 90."""

    action: Literal["cap-age"] = "cap-age"
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, _context: Context) -> Element | None:
        """Return the element with an age of at most 90; what is no age is emptied."""
        found = _AGE.fullmatch(element.value)
        if not found and element.value.strip(b" \0"):
            return Element(element.tag, "AS")
        years = int(found[1]) / {b"D": 365, b"W": 52, b"M": 12, b"Y": 1}[found[2]] if found else 0
        return Element(element.tag, "AS", b"090Y") if years > OLDEST_AGE else element

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        return f"{name} is kept up to {OLDEST_AGE} years, higher ages become 90"


class Clean(ElementRule):
    """Keep of a text only words that are known to name no one: of a file, one a line, or our own list."""

    action: Literal["clean"] = "clean"
    allowlist: Path | None = None
    needed: bool = False
    """Whether something must be left of it, since an empty value would not be valid."""
    discloses: ClassVar[bool] = True

    def apply(self, element: Element, context: Context) -> Element | None:
        """Return the element with the allowed words of its text; a sequence is gone through."""
        if element.items is not None:
            return element
        words = own_words(self.allowlist) if self.allowlist else standard_words()
        text = clean_text(element.value, words)
        return (
            dummy(element, context)
            if self.needed and not text
            else text_value(element, text, context.encoding)
        )

    def describe(self, name: str) -> str:
        """Return the rule in words."""
        words = self.allowlist.name if self.allowlist else "a list of harmless words"
        return f"{name} keeps only words of {words}"


Rule: TypeAlias = (
    Keep
    | Remove
    | Empty
    | Dummy
    | Replace
    | Pseudonym
    | Hash
    | NewUid
    | ShiftDate
    | YearOnly
    | CapAge
    | Clean
)

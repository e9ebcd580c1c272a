"""What identifies a patient, a study, and those who made it, gathered from the elements that were changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from adit_cli.deid.uids import STANDARD_ROOT
from adit_cli.deid.vocabulary import is_harmless, standard_words
from adit_cli.dicom.elements import Element
from adit_cli.dicom.text import decode_text
from adit_cli.dicom.vr import standard_vr

DEVICES = frozenset((0x00081010, 0x00181000))
IDENTIFIERS = DEVICES | frozenset(
    (0x00080050, 0x00100020, 0x00101000, 0x00101090, 0x00200010, 0x00321064, 0x00380010, 0x00380060)
)
ORDERS = frozenset((0x00400253, 0x00401001, 0x00402016, 0x00402017))
CONTACTS = frozenset((0x00080094, 0x00102154, 0x00102155, 0x00401103, 0x00401104))
WHOLE = IDENTIFIERS | ORDERS | CONTACTS
"""Attributes whose whole value identifies."""
PLACES = frozenset((0x00080080, 0x00080081, 0x00080092, 0x00081040, 0x00101040, 0x00401102))
"""Institutions and addresses: the whole value, and its less common words."""
MAKERS = (0x00080070, 0x00081090, 0x00181020)
"""Manufacturer, model and software stay; a station or institute named after them is no leak there."""
PLACEHOLDERS = frozenset(
    b"anon anonymous anonymized anonymised unknown removed none null patient doctor test "
    b"enter text name first last given family".split()
)
"""What stands in such attributes where nobody was named."""
CHARACTER_SET, BIRTH_DATE = 0x00080005, 0x00100030
SHORT, MIDDLE, LONG_DIGITS = 3, 6, 5
"""Words up to SHORT letters are searched as words of texts, below MIDDLE as words of the bytes."""
WORDS = re.compile(r"[^\W_]+")
_BYTE_WORDS = re.compile(rb"[^\s\\^=,;/()\0]+")
DAY = re.compile(rb"(?:18|19|20)\d{6}")


@dataclass(slots=True)
class Needles:
    """What to search for, by how it is compared. All lower case."""

    anywhere: set[bytes] = field(default_factory=set[bytes])
    words: set[bytes] = field(default_factory=set[bytes])
    """Not within a longer word."""
    numbers: set[bytes] = field(default_factory=set[bytes])
    """Not within a longer number: UIDs, dates, numeric IDs."""
    short: set[str] = field(default_factory=set[str])
    """Whole words of text elements only."""

    def add(self, more: Needles, *, but_in: bytes = b"") -> None:
        """Take in further needles, but none that stands in `but_in`."""
        self.anywhere.update(needle for needle in more.anywhere if needle not in but_in)
        self.words.update(needle for needle in more.words if needle not in but_in)
        self.numbers |= more.numbers
        self.short.update(word for word in more.short if word.encode() not in but_in)

    def forget(self, known: Needles) -> None:
        """Drop what is known to stay on purpose."""
        self.anywhere -= known.anywhere
        self.words -= known.words
        self.numbers -= known.numbers
        self.short -= known.short


def collect(elements: Iterable[Element], charset: bytes = b"", makers: bytes = b"") -> Needles:
    """Return what the elements tell of the patient, the study, and those who made it.

    `makers` are names of manufacturers and models that stay.
    """
    needles = Needles()
    terms = tuple(charset.decode("latin_1").strip(" \0").split("\\"))
    for element in leaves(elements):
        value = element.value.strip(b" \0")
        if value:
            _collect(needles, element, value, (terms, makers))
    return needles


def _collect(
    needles: Needles, element: Element, value: bytes, surroundings: tuple[tuple[str, ...], bytes]
) -> None:
    tag, (terms, makers) = element.tag, surroundings
    vr = standard_vr(tag) if element.vr == "UN" else element.vr
    if vr == "UI":
        uids = value.split(b"\\")
        needles.numbers.update(u for u in uids if len(u) > MIDDLE and not u.startswith(STANDARD_ROOT))
    elif vr in {"DA", "DT"}:
        days = [day[0] for day in map(DAY.match, value.replace(b" ", b"").split(b"\\")) if day]
        needles.numbers.update(days)
        if tag == BIRTH_DATE:
            needles.anywhere.update(form for day in days for form in _spellings(day))
    elif vr == "PN" or tag in WHOLE:
        if tag not in DEVICES or value.lower() not in makers:
            needles.add(_of_text(value, terms, whole=vr != "PN", common=False))
    elif tag in PLACES:
        needles.add(_of_text(value, terms, whole=True, common=True), but_in=makers)


@lru_cache(maxsize=4096)
def _of_text(value: bytes, terms: tuple[str, ...], *, whole: bool, common: bool) -> Needles:
    """Return the needles of a name, identifier or place; the same ones come with every file of a study."""
    needles = Needles()
    for part in value.split(b"\\"):
        if whole:
            _sort(needles, part.strip().lower())
        if not whole or common:
            for word in _BYTE_WORDS.findall(part.lower()):
                if not (common and (len(word) < MIDDLE or is_harmless(word.decode("latin_1"), _places()))):
                    _sort(needles, word)
    if not value.isascii() or b"\x1b" in value:
        _add_other_encodings(needles, decode_text(value, terms))
    return needles


def _sort(needles: Needles, word: bytes) -> None:
    """Put a word where it is compared as its length allows."""
    if word in PLACEHOLDERS:
        return
    if word.isdigit():
        if len(word) >= LONG_DIGITS:
            needles.numbers.add(word)
    elif not word.isascii() or len(word) >= MIDDLE:
        harmless = is_harmless(word.decode("latin_1"), standard_words())
        (needles.words if harmless else needles.anywhere).add(word)
    elif len(word) > SHORT:
        if not is_harmless(word.decode(), standard_words()):
            needles.words.add(word)
        else:
            needles.short.add(word.decode())
    elif len(word) == SHORT:
        needles.short.add(word.decode())


def _add_other_encodings(needles: Needles, text: str) -> None:
    for word in WORDS.findall(text):
        for form in {word, word.lower(), word.upper()}:
            needles.anywhere |= {form.encode("utf_8").lower(), form.encode("latin_1", "ignore").lower()}
    needles.anywhere = {needle for needle in needles.anywhere if len(needle) > SHORT}


def _spellings(day: bytes) -> Iterator[bytes]:
    """Return how people write a day in free text."""
    year, month, number = day[:4], day[4:6], day[6:]
    yield b"-".join((year, month, number))
    yield b".".join((number, month, year))
    yield b"/".join((month, number, year))
    yield b"/".join((number, month, year))


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    common = (
        "hospital clinic clinics center centre university medical radiology institute department imaging "
        "health healthineers healthcare siemens philips general electric canon toshiba hitachi fujifilm agfa "
        "carestream klinik klinikum street strasse germany"
    )
    return standard_words() | frozenset(common.split())


def leaves(elements: Iterable[Element]) -> Iterator[Element]:
    """Return every element below these that holds a value."""
    for element in elements:
        if element.items is None:
            yield element
        else:
            for item in element.items:
                yield from leaves(item.values())

"""Turn what a file says of itself into its place in a folder tree.

No value can leave the root or take another's place: a name that had to be changed to be safe carries
a hash of the value it stands for.
"""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from base64 import b32encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from adit_cli.dicom.dictionary import keyword_of, tag_of
from adit_cli.dicom.query import Attributes
from adit_cli.errors import UsageError
from adit_cli.nodes.scan import IMAGE_KEYS, PATIENT_KEYS, SERIES_KEYS, STUDY_KEYS

MODALITIES = "Modalities"
VALUE_LIMIT = 64
NAME_LIMIT = 200
"""Bytes of one name; file systems allow 255, and staging and archives add to it."""

HASH = "hash"
_SPEC = re.compile(rf"0\d{{1,2}}|\.\d{{1,3}}|{HASH}")
_TAG = re.compile(r"[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4}")
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(\..*)?", re.IGNORECASE)
_UNSAFE = frozenset('<>:"/\\|?*')
_MARK = "~"
_UID = re.compile(rf"[0-9][0-9.]{{0,{VALUE_LIMIT - 1}}}")
_USUAL = (MODALITIES, *PATIENT_KEYS, *STUDY_KEYS, *SERIES_KEYS, *IMAGE_KEYS)


@dataclass(frozen=True, slots=True)
class Field:
    """A piece of a template: literal text and, after it, a keyword with its format."""

    literal: str
    keyword: str
    spec: str


class Layout:
    """A template such as `{PatientID}/{Modalities}/{SeriesNumber:03}/{SOPInstanceUID}.dcm`."""

    def __init__(self, template: str) -> None:
        written = template.replace(f",{HASH}}}", f":{HASH}}}")  # as dcm4che writes it
        self._levels = tuple(_parse(template, level) for level in written.split("/"))
        self.keywords: frozenset[str] = frozenset(
            field.keyword for level in self._levels for field in level if field.keyword
        ) - {MODALITIES}
        """What a file must be asked for; the modalities are those of the whole study."""

    def place(self, values: Attributes, modalities: Iterable[str]) -> PurePosixPath:
        """Return where a file with these values goes, relative to the root."""
        known = {**values, MODALITIES: "-".join(sorted({m for m in modalities if m}))}
        return PurePosixPath(*(_name(level, known) for level in self._levels))


def safe_name(value: str) -> str:
    """Return a value as a name that every file system takes; different values give different names."""
    if _UID.fullmatch(value):
        return value
    value = unicodedata.normalize("NFC", value.strip())
    cleaned = "".join(map(_safe_character, value))[:VALUE_LIMIT].strip(" ")
    if value and not cleaned.strip(". "):
        cleaned = "_"  # alone it would be the folder itself, or the one above it
    return cleaned if cleaned == value and _MARK not in value else cleaned + _fingerprint(value)


def short_hash(value: str) -> str:
    """Return eight characters that every disc takes (PS3.10 §8.5), made from all of a value."""
    return b32encode(hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()[:5]).decode()


def set_apart(places: Mapping[str, PurePosixPath]) -> dict[str, PurePosixPath]:
    """Give files of one study that would share a place, also on a disk blind to case, names of their own."""
    taken: dict[str, int] = {}
    for place in places.values():
        taken[_folded(place)] = taken.get(_folded(place), 0) + 1
    return {uid: place if taken[_folded(place)] == 1 else apart(place, uid) for uid, place in places.items()}


def _folded(place: PurePosixPath) -> str:
    return str(place).casefold()


def apart(place: PurePosixPath, uid: str) -> PurePosixPath:
    """Return a place of its own for a file whose place is taken by another instance."""
    return place.with_name(place.stem + _fingerprint(uid) + place.suffix)


def _fingerprint(value: str) -> str:
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass"))
    return _MARK + digest.hexdigest()[:12]


def _safe_character(character: str) -> str:
    unsafe = character in _UNSAFE or unicodedata.category(character).startswith(("C", "Zl", "Zp"))
    return "_" if unsafe else character


def _parse(template: str, level: str) -> tuple[Field, ...]:
    try:
        pieces = list(string.Formatter().parse(level))
    except ValueError as error:
        raise UsageError(f"layout {template!r}: {error}") from error
    fields = tuple(Field(text, _keyword(name or ""), spec or "") for text, name, spec, _ in pieces)
    if any(conversion for *_, conversion in pieces):
        raise UsageError(f"layout {template!r}: write {{Keyword}} or {{Keyword:03}}, without '!'")
    for text, keyword, spec, _ in pieces:
        _check(template, text, keyword, spec or "")
    if not pieces or level.strip(" .") == "":
        raise UsageError(f"layout {template!r}: a folder name in it is empty or made of dots")
    return fields


def _keyword(name: str) -> str:
    """Return the keyword of a tag, written `00100020` as dcm4che does, or `0010,0020`."""
    return keyword_of(int(name.replace(",", ""), 16)) if _TAG.fullmatch(name) else name


def _is_known(name: str) -> bool:
    keyword = _keyword(name)
    return bool(keyword) and tag_of(keyword) is not None


def _check(template: str, text: str, keyword: str | None, spec: str) -> None:
    if any(_safe_character(character) == "_" != character for character in text):
        raise UsageError(f"layout {template!r}: {text!r} holds a character that not every disk takes")
    if keyword is None:
        return
    if keyword != MODALITIES and not _is_known(keyword):
        close = get_close_matches(keyword, _USUAL, n=1)
        hint = f"did you mean {close[0]}?" if close else "use a DICOM keyword such as PatientID"
        raise UsageError(f"layout {template!r}: {keyword!r} is no DICOM keyword", hint=hint)
    if spec and not _SPEC.fullmatch(spec):
        raise UsageError(f"layout {template!r}: format {spec!r} is not known", hint="use 03, .20 or hash")


def _name(level: tuple[Field, ...], values: Attributes) -> str:
    name = "".join(field.literal + _value(field, values) for field in level)
    shown = {field.keyword for field in level if field.keyword and field.spec != HASH}
    uid = _stand_in(shown, values)
    return _safe_as_a_whole(name + (_fingerprint(uid) if uid else ""))


def _stand_in(keywords: set[str], values: Attributes) -> str:
    """Return the UID that keeps apart what a missing value would merge.

    De-identification empties dates and descriptions: without it every study of a patient would land
    in `no-StudyDate-no-StudyTime-CT`.
    """
    missing = {keyword for keyword in keywords if not values.get(keyword, "").strip()}
    if any(keyword.startswith("Study") or keyword == "PatientID" for keyword in missing):
        return values.get("StudyInstanceUID", "")
    series = {keyword for keyword in keywords if keyword.startswith("Series")}
    return values.get("SeriesInstanceUID", "") if series and series <= missing else ""


def _value(field: Field, values: Attributes) -> str:
    if not field.keyword:
        return ""
    value = values.get(field.keyword, "").strip()
    if field.spec == HASH:
        return short_hash(value)
    if field.keyword.endswith("Time"):
        value = value.partition(".")[0]
    if not value:
        return f"no-{field.keyword}"
    name = safe_name(_formatted(value, field.spec))
    return name + _fingerprint(value) if name == f"no-{field.keyword}" else name


def _formatted(value: str, spec: str) -> str:
    if spec.startswith("0"):
        return value.zfill(int(spec)) if value.isascii() and value.isdigit() else value
    if spec.startswith("."):
        return value[: int(spec[1:])].rstrip()
    return value


def _safe_as_a_whole(name: str) -> str:
    """Mend what only shows in the joined name: dots at its ends, device names of Windows, its length.

    One that begins with a hyphen would be an option to most programs.
    """
    safe = name.rstrip(". ")
    if safe.startswith((".", "-")):
        safe = "_" + safe[1:]
    if _RESERVED.fullmatch(safe):
        safe = "_" + safe
    stem, dot, suffix = safe.rpartition(".")
    suffix = dot + suffix if stem and len(suffix) <= len("dicom") else ""
    if len(safe.encode()) > NAME_LIMIT:
        safe = safe.encode()[: NAME_LIMIT - len(suffix.encode())].decode(errors="ignore").rstrip(". ")
        return safe + _fingerprint(name) + suffix
    return safe if safe == name else safe.removesuffix(suffix) + _fingerprint(name) + suffix

"""Specific Character Set (0008,0005): turn the bytes of a text value into a string and back (PS3.5 §6.1).

Nothing here fails on bad bytes: what cannot be decoded becomes U+FFFD, since one odd name in an archive
must not stop a query.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ASCII = "ascii"
_SINGLE_BYTE = {
    "6": _ASCII,
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "144": "iso8859_5",
    "127": "iso8859_6",
    "126": "iso8859_7",
    "138": "iso8859_8",
    "148": "iso8859_9",
    "203": "iso8859_15",
    "166": "iso8859_11",
    "13": "shift_jis",
}
_WHOLE = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
_DEFINED_TERM = re.compile(r"ISO[_ ](?:2022[_ ])?IR[_ ](\d+)")
_ESCAPES = {
    b"\x1b(B": _ASCII,
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-L": "iso8859_5",
    b"\x1b-G": "iso8859_6",
    b"\x1b-F": "iso8859_7",
    b"\x1b-H": "iso8859_8",
    b"\x1b-M": "iso8859_9",
    b"\x1b-b": "iso8859_15",
    b"\x1b-T": "iso8859_11",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$@": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)C": "euc_kr",
    b"\x1b$)A": "gb2312",
}
_STATEFUL = frozenset(("iso2022_jp", "iso2022_jp_2"))
_FRAGMENT = re.compile(rb"(\x1b(?:\$[()][A-Z]|\$[A-Z@]|[()-][A-Za-z]))?([^\x1b]+|\x1b)?", re.DOTALL)
_DELIMITER = re.compile(rb"[\\^=\r\n\f\t]")


def codec_of(defined_term: str) -> str:
    """Return Python's name of one defined term; ASCII where it is empty, Latin-1 where it is unknown."""
    term = defined_term.strip()
    if not term:
        return _ASCII
    number = _DEFINED_TERM.fullmatch(term)
    codec = _WHOLE.get(term) or (number and _SINGLE_BYTE.get(number[1]))
    return codec or ("latin_1" if number is None else _ASCII)


def decode_text(value: bytes, character_sets: Sequence[str] = ()) -> str:
    """Return the text of a value under the terms of Specific Character Set, with escape sequences obeyed."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode(_ASCII)  # the same in every one of them (PS3.5 §6.1.2.1)
    initial = codec_of(character_sets[0]) if character_sets else _ASCII
    if b"\x1b" in value and initial not in _WHOLE.values():
        fragments = _FRAGMENT.finditer(value)
        return "".join(_decode_fragment(found[1], found[2] or b"", initial) for found in fragments)
    return _decode(value, initial)


def _decode(value: bytes, codec: str) -> str:
    if codec == _ASCII and not value.isascii():
        # Without a character set only ASCII is allowed; what is sent nevertheless is UTF-8 or Latin-1.
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin_1")
    return value.decode(codec, "replace")


def _decode_fragment(escape: bytes | None, value: bytes, initial: str) -> str:
    """Return the text between two escape sequences; a delimiter ends what one began (PS3.5 §6.1.2.5.3)."""
    if escape is None:
        return _decode(value, initial)
    codec = _ESCAPES.get(escape, initial)
    if codec in _STATEFUL:
        return (escape + value).decode(codec, "replace")
    end = _DELIMITER.search(value)
    if end is None or initial == _ASCII:
        return value.decode(codec, "replace")
    return value[: end.start()].decode(codec, "replace") + _decode(value[end.start() :], initial)


def encode_text(text: str) -> tuple[bytes, str]:
    """Return the bytes of a text and the narrowest character set that holds it: none, Latin-1 or UTF-8."""
    for codec, term in ((_ASCII, ""), ("latin_1", "ISO_IR 100")):
        try:
            return text.encode(codec), term
        except UnicodeEncodeError:
            continue
    return text.encode("utf_8"), "ISO_IR 192"

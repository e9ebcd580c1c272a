from __future__ import annotations

import struct

import pytest

from adit_cli.deid.parts import guess_encoding
from adit_cli.dicom.elements import (
    UNDEFINED,
    Element,
    Encoding,
    TruncatedError,
    encode,
    encode_element_header,
    parse,
)
from adit_cli.dicom.vr import standard_vr
from adit_cli.errors import DataError

EXPLICIT, IMPLICIT, BIG = Encoding(), Encoding(implicit=True), Encoding(big_endian=True)


def _explicit(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    return encode_element_header(tag, vr, len(value) if length is None else length, EXPLICIT) + value


def _item(content: bytes, *, undefined: bool = False) -> bytes:
    if undefined:
        return (
            struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED) + content + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
        )
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def test_undefined_lengths_are_read_and_become_defined() -> None:
    name = _explicit(0x00100010, "PN", b"A^B ")
    data = (
        _explicit(0x00081140, "SQ", b"", UNDEFINED) + _item(name, undefined=True) + _item(name) + SEQUENCE_END
    )

    elements, _ = parse(data, EXPLICIT)

    assert encode(elements, EXPLICIT) == _explicit(0x00081140, "SQ", _item(name) + _item(name))


def test_a_sequence_inside_of_un_is_implicit_little_endian_and_stays_so() -> None:
    inner = encode({0x00100010: Element(0x00100010, "PN", b"A^B ")}, IMPLICIT)
    data = _explicit(0x00091001, "UN", b"", UNDEFINED) + _item(inner) + SEQUENCE_END

    elements, _ = parse(data, EXPLICIT)

    assert elements[0x00091001].items == [{0x00100010: Element(0x00100010, "PN", b"A^B ")}]
    assert encode(elements, EXPLICIT) == data


def test_a_known_sequence_in_un_of_defined_length_is_opened() -> None:
    inner = encode({0x00100010: Element(0x00100010, "PN", b"A^B ")}, IMPLICIT)

    elements, _ = parse(_explicit(0x00081140, "UN", _item(inner)), EXPLICIT)

    assert elements[0x00081140].items == [{0x00100010: Element(0x00100010, "PN", b"A^B ")}]


def test_a_sequence_that_makes_no_sense_keeps_its_bytes_and_stops_nothing() -> None:
    data = _explicit(0x00081140, "SQ", b"no items here!!!") + _explicit(0x00100010, "PN", b"A^B ")

    elements, _ = parse(data, EXPLICIT)

    assert elements[0x00081140] == Element(0x00081140, "SQ", b"no items here!!!")
    assert elements[0x00100010].value == b"A^B "


def test_encapsulated_fragments_within_a_sequence_stay_as_they_are() -> None:
    fragments = _item(b"") + _item(b"\xff\xd8jpeg") + SEQUENCE_END
    icon = _explicit(0x7FE00010, "OB", fragments, UNDEFINED)
    data = _explicit(0x00880200, "SQ", _item(icon))

    elements, _ = parse(data, EXPLICIT)

    assert encode(elements, EXPLICIT) == data


def test_fragments_without_an_end_are_truncated() -> None:
    with pytest.raises(TruncatedError, match="00421011 has no end"):
        parse(_explicit(0x00421011, "OB", _item(b"data"), UNDEFINED) + b"12345678", EXPLICIT)


@pytest.mark.parametrize("form", [b"ZZ\0\0\x04\0\0\0", b"ZZ\x04\0"])
def test_an_unknown_vr_is_read_in_its_long_and_its_short_form(form: bytes) -> None:
    data = b"\x10\0\x10\0" + form + b"A^B " + _explicit(0x00100020, "LO", b"ID")

    elements, _ = parse(data, EXPLICIT)

    assert elements[0x00100010] == Element(0x00100010, "UN", b"A^B ")
    assert elements[0x00100020].value == b"ID"


def test_an_element_without_vr_amid_explicit_ones_is_read_as_implicit() -> None:
    data = encode({0x00100010: Element(0x00100010, "PN", b"A^B ")}, IMPLICIT) + _explicit(
        0x00100020, "LO", b"ID"
    )

    assert sorted(parse(data, EXPLICIT)[0]) == [0x00100010, 0x00100020]


def test_a_bomb_of_nested_sequences_is_refused() -> None:
    data = (
        _explicit(0x00081140, "SQ", b"", UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    ) * 5000

    with pytest.raises(DataError, match="deeper"):
        parse(data, EXPLICIT)


def test_something_else_where_an_item_should_be_is_refused() -> None:
    data = _explicit(0x00081140, "SQ", b"", UNDEFINED) + _explicit(0x00100020, "LO", b"IDENTIFY")

    with pytest.raises(DataError, match="00100020 stands where an item"):
        parse(data, EXPLICIT)


def test_an_item_longer_than_its_sequence_is_refused() -> None:
    data = _explicit(0x00081140, "SQ", b"", UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, 99)

    with pytest.raises(TruncatedError, match="item is longer"):
        parse(data, EXPLICIT)


def test_parsing_stops_before_pixel_data() -> None:
    head = _explicit(0x00100020, "LO", b"ID")

    elements, stop = parse(head + _explicit(0x7FE00010, "OW", b"\0\0\0\0"), EXPLICIT)

    assert (list(elements), stop) == ([0x00100020], len(head))


def test_a_value_too_long_for_its_vr_is_written_as_un() -> None:
    data = encode({0x00080070: Element(0x00080070, "LO", b"x" * 70000)}, EXPLICIT)

    assert data[4:6] == b"UN"
    assert parse(data, EXPLICIT)[0][0x00080070].value == b"x" * 70000


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, BIG])
def test_the_layout_is_guessed_from_the_first_element(encoding: Encoding) -> None:
    data = encode({0x00080005: Element(0x00080005, "CS", b"ISO_IR 100")}, encoding)

    assert guess_encoding(b"skip" + data, 4) == encoding


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00100010, "PN"),
        (0x00090010, "LO"),
        (0x00091001, "UN"),
        (0x00080000, "UL"),
        (0x60023000, "OW"),
        (0x60024001, "UN"),
        (0x00280106, "SS"),
        (0x0010AAAA, "UN"),
        (0x50000005, "US"),
    ],
)
def test_the_standard_names_the_vr_of_a_tag(tag: int, vr: str) -> None:
    assert standard_vr(tag) == vr

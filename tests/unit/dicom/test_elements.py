from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence

from adit_cli.dicom.elements import (
    Element,
    Elements,
    Encoding,
    TruncatedError,
    encode,
    encoding_of,
    parse,
)
from adit_cli.errors import DataError
from tests.support.reading import pydicom_file, read_dicom

EXPLICIT, IMPLICIT, BIG = Encoding(), Encoding(implicit=True), Encoding(big_endian=True)
TAGS = {
    "LO": 0x00080070,
    "PN": 0x00100010,
    "UI": 0x0020000D,
    "US": 0x00280010,
    "UT": 0x0040A160,
    "OB": 0x00420011,
}
SEQUENCES = [0x00081140, 0x00400275, 0x00081110]

values = st.binary(max_size=24).map(lambda v: v + b"\0" * (len(v) % 2))
leaves = st.sampled_from(sorted(TAGS.items())).flatmap(
    lambda pair: values.map(lambda value: Element(pair[1], pair[0], value))
)


def _as_elements(found: list[Element]) -> Elements:
    return {element.tag: element for element in found}


def _sequence(children: st.SearchStrategy[Elements]) -> st.SearchStrategy[Element]:
    return st.tuples(st.sampled_from(SEQUENCES), st.lists(children, max_size=3)).map(
        lambda pair: Element(pair[0], "SQ", items=pair[1])
    )


data_sets = st.recursive(
    st.lists(leaves, max_size=5).map(_as_elements),
    lambda children: st.lists(st.one_of(leaves, _sequence(children)), max_size=6).map(_as_elements),
    max_leaves=12,
)


def _assert_same(ours: Elements, theirs: Dataset) -> None:
    assert sorted(ours) == sorted(int(tag) for tag in theirs.keys())  # noqa: SIM118 - a Dataset iterates elements
    for tag, element in ours.items():
        raw = theirs.get_item(tag)
        assert raw is not None
        if element.items is not None:
            items = theirs[tag].value
            assert isinstance(items, Sequence)
            assert len(items) == len(element.items)
            for mine, other in zip(element.items, items, strict=True):
                _assert_same(mine, other)
        elif isinstance(raw, RawDataElement):
            assert (raw.value or b"") == element.value


@given(data_sets, st.sampled_from([EXPLICIT, IMPLICIT, BIG]))
def test_what_is_encoded_is_parsed_again_and_pydicom_sees_the_same(
    elements: Elements, encoding: Encoding
) -> None:
    data = encode(elements, encoding)

    again, stop = parse(data, encoding)

    assert (again, stop) == (elements, len(data))
    assert encode(again, encoding) == data
    theirs = read_dataset(BytesIO(data), encoding.implicit, not encoding.big_endian)
    _assert_same(again, theirs)


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT, IMPLICIT, BIG]))
def test_noise_is_refused_or_read_but_never_crashes(data: bytes, encoding: Encoding) -> None:
    try:
        elements, stop = parse(data, encoding)
    except DataError:
        return
    assert stop <= len(data)
    encode(elements, encoding)


@given(data_sets.filter(bool), st.data())
def test_a_data_set_cut_anywhere_inside_an_element_is_truncated(
    elements: Elements, data: st.DataObject
) -> None:
    whole = encode(elements, EXPLICIT)
    borders = {
        len(encode({t: elements[t] for t in sorted(elements)[:n]}, EXPLICIT)) for n in range(len(elements))
    }
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda n: n not in borders))

    with pytest.raises(TruncatedError):
        parse(whole[:cut], EXPLICIT)


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "JPEG2000.dcm",
        "UN_sequence.dcm",
        "examples_palette.dcm",
        "priv_SQ.dcm",
        "reportsi.dcm",
        "rtplan.dcm",
    ],
)
def test_files_of_pydicom_are_read_as_pydicom_reads_them(name: str) -> None:
    data = pydicom_file(name).read_bytes()
    theirs = read_dicom(data, pixels=False)
    start = (
        0
        if theirs.preamble is None
        else 132 + 12 + int(theirs.file_meta.get("FileMetaInformationGroupLength", 0))
    )

    ours, stop = parse(data, encoding_of(str(theirs.file_meta.TransferSyntaxUID)), offset=start)

    _assert_same(ours, theirs)
    assert stop == len(data) or data[stop : stop + 4] in {b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10"}


def test_untouched_elements_come_out_byte_for_byte_where_lengths_were_defined() -> None:
    data = pydicom_file("MR_small_bigendian.dcm").read_bytes()
    start = data.index(b"\x00\x08\x00\x08CS")

    elements, stop = parse(data, BIG, offset=start)

    assert encode(elements, BIG) == data[start:stop]

"""The multipart reader, fed in pieces of every size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.nodes.dicomweb.multipart import MultipartError, Parts, ReadInto
from tests.support.http_peer import BOUNDARY, multipart

TEMPTING = [
    b"",
    b"\r\n",
    b"\r\n--",
    f"\r\n--{BOUNDARY[:-1]}".encode(),
    f"\r\n--{BOUNDARY}x".encode(),
    b"-" * 70,
]


def in_pieces(body: bytes, size: int) -> ReadInto:
    pieces = iter([body[start : start + size] for start in range(0, len(body), size)])

    def read(view: memoryview) -> int:
        piece = next(pieces, b"")
        view[: len(piece)] = piece
        return len(piece)

    return read


def contents(body: bytes, size: int, folder: Path) -> Iterator[bytes]:
    for part in Parts(in_pieces(body, size), BOUNDARY):
        path = folder / str(part.number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        written = part.write(descriptor)
        os.close(descriptor)
        assert written == path.stat().st_size
        yield path.read_bytes()


@given(
    st.lists(st.lists(st.sampled_from(TEMPTING) | st.binary(max_size=50)).map(b"".join)), st.integers(1, 90)
)
def test_parts_come_out_as_they_went_in_however_the_body_is_cut(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], size: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")

    assert list(contents(multipart(parts, lengths=False), size, folder)) == parts


@given(cut=st.integers(1, 90), lengths=st.booleans())
def test_a_body_cut_anywhere_before_its_end_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int, *, lengths: bool
) -> None:
    body = multipart([b"first", b"second"], lengths=lengths)
    folder = tmp_path_factory.mktemp("cut")

    with pytest.raises(MultipartError):
        list(contents(body[: -min(cut, len(body) - 1) - 2], 16, folder))


def test_a_part_that_nobody_writes_is_passed_over(tmp_path: Path) -> None:
    parts = Parts(in_pieces(multipart([b"first", b"second"]), 16), BOUNDARY)

    assert [part.number for part in parts] == [1, 2]
    assert list(tmp_path.iterdir()) == []

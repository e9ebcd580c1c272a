"""Blacken rectangles of an image: the only place where pixel data is looked at, and decoded if it must be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from adit_cli.deid.masks import COLUMNS, ROWS, Rectangle, number_of
from adit_cli.deid.parts import DEFLATED, EXPLICIT, NATIVE, Parts, Tail
from adit_cli.dicom.elements import Element, Encoding
from adit_cli.errors import DataError, DeidError

PIXEL_DATA, FRAMES = 0x7FE00010, 0x00280008
SAMPLES, PHOTOMETRIC, PLANAR, BITS = 0x00280002, 0x00280004, 0x00280006, 0x00280100
DESCRIBED = {
    "samples_per_pixel": SAMPLES,
    "photometric_interpretation": PHOTOMETRIC,
    "planar_configuration": PLANAR,
    "bits_allocated": BITS,
    "bits_stored": BITS + 1,
    "pixel_representation": BITS + 3,
}
"""What may be different once an image is decoded, by pydicom's name for it."""
BYTE = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """How native pixel data lies in its bytes (PS3.3 §C.7.6.3.1)."""

    rows: int
    columns: int
    frames: int
    planes: int
    pixel: bytes
    """One black pixel, or one black sample where each plane has its own."""

    def spans(self, rectangle: Rectangle) -> Iterator[tuple[int, int]]:
        """Yield where each row of a rectangle starts, and how many pixels of it lie in the image."""
        left, top, width, height = rectangle
        across = min(width, self.columns - left)
        for plane in range(self.frames * self.planes if across > 0 else 0):
            for row in range(top, min(top + height, self.rows)):
                yield ((plane * self.rows + row) * self.columns + left) * len(self.pixel), across


def masked(source: Path, parts: Parts, rectangles: tuple[Rectangle, ...]) -> Parts:
    """Return the parts with native pixel data whose rectangles are black.

    DeidError where the image cannot be decoded or has a form that is not masked here: it may not leave then.
    """
    if parts.tail is None or parts.tail.tag != PIXEL_DATA:
        raise DeidError("The masks have nothing to blacken: there is no pixel data of integers.")
    if parts.transfer_syntax_uid not in NATIVE and parts.transfer_syntax_uid != DEFLATED:
        parts, pixels = _decoded(source, parts)
    else:
        pixels = bytearray(_native(source, parts, parts.tail))
    layout = _layout(parts, len(pixels))
    for rectangle in rectangles:
        for start, count in layout.spans(rectangle):
            pixels[start : start + count * len(layout.pixel)] = layout.pixel * count
    return replace(parts, pixels=bytes(pixels))


def _native(source: Path, parts: Parts, tail: Tail) -> bytes:
    if parts.inflated is not None:
        return parts.inflated[tail.start : tail.start + tail.size]
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, tail.size, tail.start)
    finally:
        os.close(descriptor)


def _decoded(source: Path, parts: Parts) -> tuple[Parts, bytearray]:
    """Return the parts of the same image, uncompressed; the flags of an earlier lossy compression stay."""
    from pydicom import dcmread  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType] - masks are rare, pydicom slow to load and its PathLike without argument
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - as above

    try:
        image = dcmread(source)
        pixels, described = get_decoder(parts.transfer_syntax_uid).as_buffer(image, raw=True)
    except (AttributeError, LookupError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise DeidError(
            f"The image cannot be decoded, so it cannot be masked: {type(error).__name__}.",
            hint="Its decoder may be missing: pip install 'adit-cli[codecs]'.",
        ) from error
    elements = dict(parts.elements)
    for name, tag in DESCRIBED.items():
        if name in described:
            elements[tag] = _element(tag, described[name])
    tail = Tail(PIXEL_DATA, "OW", len(pixels), 0, len(pixels))
    return Parts(parts.meta, elements, EXPLICIT, Encoding(), tail), bytearray(pixels)


def _element(tag: int, value: object) -> Element:
    if isinstance(value, int):
        return Element(tag, "US", value.to_bytes(2, "little"))
    text = str(value).encode("ascii", "replace")
    return Element(tag, "CS", text + b" " * (len(text) % 2))


def _layout(parts: Parts, size: int) -> Layout:
    elements, encoding = parts.elements, parts.encoding
    samples = number_of(elements, SAMPLES, encoding, 1)
    planes = samples if number_of(elements, PLANAR, encoding) else 1
    width = number_of(elements, BITS, encoding) // BYTE
    frames = elements.get(FRAMES)
    photometric = elements[PHOTOMETRIC].value.strip(b" \0") if PHOTOMETRIC in elements else b""
    layout = Layout(
        number_of(elements, ROWS, encoding),
        number_of(elements, COLUMNS, encoding),
        int(frames.value.strip(b" \0") or b"1") if frames else 1,
        planes,
        _black(photometric, samples // planes, width),
    )
    needed = layout.frames * layout.planes * layout.rows * layout.columns * len(layout.pixel)
    if not needed or needed > size:
        raise DataError("The pixel data does not have the size that its header says")
    return layout


def _black(photometric: bytes, samples: int, width: int) -> bytes:
    """Return one black pixel; DeidError where pixels do not stand side by side in whole bytes."""
    if photometric.endswith((b"_422", b"_420")) or not width:
        raise DeidError("Pixels that share samples or bytes with their neighbours cannot be masked.")
    if photometric.startswith(b"YBR_FULL") and samples > 1:
        return b"\0\x80\x80"
    return bytes(samples * width)

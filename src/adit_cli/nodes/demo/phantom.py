"""Pictures for the demo: ellipses in a 12-bit grey scale, drawn row by row without an array library."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

SIZE = 160


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A body in a cube from -1 to 1; a slice through it is an ellipse."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    grey: int


THORAX = (
    Ellipsoid((0.0, 0.0, 0.0), (0.86, 0.62, 1.4), 1060),
    Ellipsoid((-0.40, -0.02, 0.0), (0.32, 0.44, 0.95), 220),
    Ellipsoid((0.42, -0.02, 0.0), (0.30, 0.42, 0.95), 220),
    Ellipsoid((0.10, 0.06, 0.25), (0.22, 0.24, 0.50), 1130),
    Ellipsoid((0.0, 0.46, 0.0), (0.13, 0.11, 2.0), 1900),
    Ellipsoid((0.0, -0.50, 0.1), (0.06, 0.04, 0.8), 1700),
    Ellipsoid((-0.48, 0.10, 0.35), (0.05, 0.05, 0.10), 1090),
)
ABDOMEN = (
    Ellipsoid((0.0, 0.0, 0.0), (0.84, 0.64, 1.5), 1040),
    Ellipsoid((-0.36, -0.10, -0.2), (0.40, 0.40, 0.90), 1150),
    Ellipsoid((0.52, 0.10, -0.3), (0.16, 0.24, 0.50), 1130),
    Ellipsoid((-0.34, 0.30, 0.4), (0.14, 0.16, 0.50), 1200),
    Ellipsoid((0.34, 0.30, 0.4), (0.14, 0.16, 0.50), 1200),
    Ellipsoid((0.0, 0.46, 0.0), (0.14, 0.12, 2.0), 1900),
)
HEAD = (
    Ellipsoid((0.0, 0.0, 0.0), (0.66, 0.86, 0.98), 1900),
    Ellipsoid((0.0, 0.0, 0.0), (0.60, 0.80, 0.92), 760),
    Ellipsoid((0.0, 0.04, 0.05), (0.50, 0.68, 0.80), 980),
    Ellipsoid((-0.14, -0.06, 0.1), (0.08, 0.26, 0.40), 240),
    Ellipsoid((0.14, -0.06, 0.1), (0.08, 0.26, 0.40), 240),
    Ellipsoid((0.26, 0.30, 0.3), (0.09, 0.09, 0.15), 1500),
)
KNEE = (
    Ellipsoid((0.0, 0.0, 0.0), (0.56, 0.60, 1.6), 700),
    Ellipsoid((-0.18, 0.06, -0.6), (0.24, 0.26, 0.60), 1500),
    Ellipsoid((0.18, 0.06, -0.6), (0.24, 0.26, 0.60), 1500),
    Ellipsoid((0.0, 0.06, 0.8), (0.40, 0.30, 0.70), 1450),
    Ellipsoid((0.0, -0.42, -0.2), (0.20, 0.09, 0.30), 1300),
)


def draw(bodies: Iterable[Ellipsoid], height: float, *, brightness: float = 1.0, seed: int = 0) -> bytes:
    """Return one slice as `SIZE` by `SIZE` little-endian 16-bit pixels; later bodies cover earlier ones."""
    pixels = bytearray(SIZE * SIZE * 2)
    for body in bodies:
        _fill(pixels, body, height, round(body.grey * brightness).to_bytes(2, "little"))
    return _with_noise(pixels, seed)


def _fill(pixels: bytearray, body: Ellipsoid, height: float, grey: bytes) -> None:
    shrink = 1 - ((height - body.centre[2]) / body.radii[2]) ** 2
    if shrink <= 0:
        return
    for row in range(SIZE):
        inside = shrink - ((2 * row / SIZE - 1 - body.centre[1]) / body.radii[1]) ** 2
        if inside <= 0:
            continue
        half = body.radii[0] * sqrt(inside)
        left, right = _column(body.centre[0] - half), _column(body.centre[0] + half)
        pixels[2 * (row * SIZE + left) : 2 * (row * SIZE + right)] = grey * (right - left)


def _column(place: float) -> int:
    return min(max(round((place + 1) * SIZE / 2), 0), SIZE)


def _with_noise(pixels: bytearray, seed: int) -> bytes:
    """Add 0 to 63 to every pixel in one big addition; 12-bit greys leave room, so nothing carries over."""
    mask = int.from_bytes(b"\x3f\x00" * (SIZE * SIZE), "little")
    noise = random.Random(seed).getrandbits(8 * len(pixels)) & mask  # noqa: S311  # a picture, not a secret
    return (int.from_bytes(pixels, "little") + noise).to_bytes(len(pixels), "little")

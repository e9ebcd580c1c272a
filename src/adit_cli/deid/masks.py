"""Which rectangles of an image hide text: the `masks` file of a job, chosen by what made the image.

```yaml
- {manufacturer: "GE*", model: "LOGIQ*", rows: 480, columns: 640, rectangles: [[0, 0, 640, 40]]}
```
A rectangle is left, top, width and height in pixels.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from adit_cli.dicom.elements import Elements, Encoding
from adit_cli.errors import UsageError

Rectangle: TypeAlias = tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]
MANUFACTURER, MODEL, MODALITY = 0x00080070, 0x00081090, 0x00080060
ROWS, COLUMNS = 0x00280010, 0x00280011


class Mask(BaseModel):
    """The rectangles of images that fit all that is said of them; names are globs in any case."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    manufacturer: str = "*"
    model: str = "*"
    modality: str = "*"
    rows: PositiveInt | None = None
    columns: PositiveInt | None = None
    rectangles: tuple[Rectangle, ...] = Field(min_length=1)

    def fits(self, elements: Elements, encoding: Encoding) -> bool:
        """Return whether an image is one of those that this mask is for."""
        names = ((MANUFACTURER, self.manufacturer), (MODEL, self.model), (MODALITY, self.modality))
        sizes = ((ROWS, self.rows), (COLUMNS, self.columns))
        return all(
            fnmatchcase(_text(elements, tag).lower(), pattern.lower()) for tag, pattern in names
        ) and all(wanted in {None, number_of(elements, tag, encoding)} for tag, wanted in sizes)


_MASKS = TypeAdapter(tuple[Mask, ...], config=ConfigDict(defer_build=True))


def load_masks(path: Path) -> tuple[Mask, ...]:
    """Return the masks of a file; UsageError where it cannot be read or says something else."""
    try:
        return _MASKS.validate_python(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"The masks file {path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{path}: {place or 'the file'}: {first['msg']}") from error


def rectangles_for(masks: tuple[Mask, ...], elements: Elements, encoding: Encoding) -> tuple[Rectangle, ...]:
    """Return what is to be blackened in an image: the rectangles of every mask that fits."""
    return tuple(
        rectangle for mask in masks if mask.fits(elements, encoding) for rectangle in mask.rectangles
    )


def number_of(elements: Elements, tag: int, encoding: Encoding, default: int = 0) -> int:
    """Return the first value of a US element."""
    element = elements.get(tag)
    value = element.value[:2] if element else b""
    return int.from_bytes(value, "big" if encoding.big_endian else "little") if value else default


def _text(elements: Elements, tag: int) -> str:
    element = elements.get(tag)
    return element.value.decode("latin_1").strip(" \0") if element else ""

"""The data dictionary of the standard (PS3.6), as pydicom has it.

Its module is loaded by itself: the package around it takes a third of a second, which is longer than most
commands need for all that they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TypeAlias

Entry: TypeAlias = tuple[str, str, str, str, str]
"""VR (or several, as in "US or SS"), VM, name, `Retired` or nothing, keyword."""


def elements() -> Mapping[int, Entry]:
    """Return the elements by tag."""
    dictionary: Mapping[int, Entry] = _module().DicomDictionary
    return dictionary


def repeating_elements() -> Mapping[str, Entry]:
    """Return the elements of repeating groups by tag, written as in 60xx0010."""
    dictionary: Mapping[str, Entry] = _module().RepeatersDictionary
    return dictionary


@cache
def _module() -> ModuleType:
    package = find_spec("pydicom")
    spec = PathFinder.find_spec("_dicom_dict", package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise ImportError("pydicom has no data dictionary")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

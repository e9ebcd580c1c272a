"""Words that describe an examination and name no one: what is left of a text that is cleaned, not removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

_TOKEN = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]+")
_MEASURE = re.compile(r"\d{1,3}(?:mm|cm|ml|mg|mgy|kv|kvp|ma|mas|ms|s|sec|min|hz|mhz|t|b|d|x|%)?|[tb]\d{1,4}")
_SEPARATORS = re.compile(r"[^ +*/.,:;()_-]")


@lru_cache(maxsize=1)
def standard_words() -> frozenset[str]:
    """Return our own list of words of anatomy, modalities, sequences and orientation."""
    text = files("adit_cli.deid").joinpath("data/vocabulary.txt").read_text("utf-8")
    return _words(text.splitlines())


@lru_cache(maxsize=32)
def own_words(path: Path) -> frozenset[str]:
    """Return the words of a list of the user's, one or more a line."""
    return _words(path.read_text("utf-8").splitlines())


def clean_text(value: bytes, words: frozenset[str]) -> str:
    """Return the text with every word gone that is neither allowed nor a short measure such as `5mm` or `T2`.

    Bytes that are not ASCII separate words, so no character set has to be known.
    """
    tokens = _TOKEN.findall(value.decode("latin_1"))
    kept = (token if is_harmless(token, words) else _separator(token) for token in tokens)
    return " ".join("".join(kept).split()).strip(" +*/.,:;()_-")


def is_harmless(token: str, words: frozenset[str]) -> bool:
    """Return whether a word is in the list or a measure."""
    low = token.lower()
    return low in words or _MEASURE.fullmatch(low) is not None


def _separator(token: str) -> str:
    return " " if token.isalnum() else _SEPARATORS.sub(" ", token)


def _words(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(word.lower() for line in lines if not line.startswith("#") for word in line.split())

"""What `adit query` can look for: one option for each attribute that people ask by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from adit_cli.cli.completion import complete_keyword
from adit_cli.dicom.dictionary import keyword_of, tag_of, vr_of
from adit_cli.dicom.query import Level
from adit_cli.errors import UsageError
from adit_cli.tasks.lookup import Lookup, parse_rule

_BULK = frozenset(("OB", "OW", "OF", "OD", "OL", "OV"))
"""Value representations of binary data: Orthanc never answers who asks for its pixel data."""


class LevelName(StrEnum):
    """What `--level` accepts."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"

    @property
    def level(self) -> Level:
        """The level as Query/Retrieve calls it."""
        return Level.IMAGE if self is LevelName.INSTANCE else Level[self.name]

    def word(self, study: str, series: str) -> str:
        """Return the keyword that a study has, or the one that a series and its instances have."""
        return study if self in {LevelName.PATIENT, LevelName.STUDY} else series


def _option(name: str, metavar: str, text: str) -> object:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


LevelOption = Annotated[
    LevelName | None,
    typer.Option(
        "--level",
        "-l",
        help="What to list.  [default: study; patient where --interactive]",
        show_default=False,
    ),
]
IdOption = Annotated[str, _option("--patient-id", "ID", "Patient ID.")]
NameOption = Annotated[str, _option("--patient-name", "NAME", "As in DOE^JOHN or 'DOE*'.")]
BirthDateOption = Annotated[str, _option("--birth-date", "DATE", "Date of birth, or a range as for --date.")]
SexOption = Annotated[str, _option("--sex", "F|M|O", "The patient's sex.")]
AgeOption = Annotated[
    str, _option("--age", "YEARS", "Completed years at the time of the study: 45, 18..80 or 65..")
]
AccessionOption = Annotated[str, _option("--accession", "NUMBER", "Accession number.")]
DateOption = Annotated[
    str,
    _option(
        "--date",
        "DATE",
        "Study date: 2024-01-31, 2024-01, 2024-01-01..2024-03-31, yesterday or 'last 7 days'.",
    ),
]
TimeOption = Annotated[str, _option("--time", "TIME", "Time of the study: 0800-1730, 1800- or -0600.")]
ModalityOption = Annotated[
    list[str] | None, typer.Option("--modality", metavar="CODE", help="As in CT; repeat it for several.")
]
DescriptionOption = Annotated[
    str,
    _option(
        "--description",
        "TEXT",
        "Of the study; below study level, of the series. Also 'thorax*' or '/thin|chest/i'.",
    ),
]
StudyDescriptionOption = Annotated[str, _option("--study-description", "TEXT", "Of the study, at any level.")]
SeriesDescriptionOption = Annotated[
    str, _option("--series-description", "TEXT", "Of a series; patients and studies that have such a series.")
]
InstitutionOption = Annotated[str, _option("--institution", "TEXT", "Where it was made.")]
ReferrerOption = Annotated[str, _option("--referrer", "NAME", "Referring physician.")]
SeriesNumberOption = Annotated[str, _option("--series-number", "N", "As in 2 or 1..5.")]
BodyPartOption = Annotated[str, _option("--body-part", "TEXT", "Body part examined.")]
ProtocolOption = Annotated[str, _option("--protocol", "TEXT", "Protocol name of a series.")]
MinOption = Annotated[
    int | None,
    typer.Option(
        "--min-instances", min=0, metavar="N", help="Images that a study, or a series, has at least."
    ),
]
MaxOption = Annotated[int | None, typer.Option("--max-instances", min=0, metavar="N", help="And at most.")]
StudyOption = Annotated[str, _option("--study-uid", "UID", "Study Instance UID.")]
SeriesOption = Annotated[str, _option("--series-uid", "UID", "Series Instance UID.")]
InstanceOption = Annotated[str, _option("--instance-uid", "UID", "SOP Instance UID, at instance level.")]
KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "-k",
        metavar="KEY[=VALUE]",
        help="Any other attribute to match, or only to show: keyword or gggg,eeee; repeat it.",
        autocompletion=complete_keyword,
    ),
]


def between(low: int | None, high: int | None) -> str:
    """Return a range of numbers as a rule has it; empty where neither end is given."""
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low}..{'' if high is None else high}"


def lookup_for(level: Level, asked: Mapping[str, str], shown: tuple[str, ...]) -> Lookup:
    """Return what is looked for; the error of a text that makes no sense names how to write it."""
    today = date.today()  # noqa: DTZ011  "yesterday" is the user's own
    rules = {keyword: parse_rule(keyword, text, today) for keyword, text in asked.items() if text}
    return Lookup(level, rules, shown)


def asked_for(texts: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return what is asked by options and by `-k`, by keyword; what is only to be shown is empty."""
    asked = {keyword: text for keyword, text in texts.items() if text}
    for keyword, value in _keys_of(keys):
        if value and asked.get(keyword, value) != value:
            raise UsageError(f"-k {keyword}: is looked for as something else already", hint="name one only")
        asked[keyword] = value or asked.get(keyword, "")
    return asked


def _keys_of(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, _, value = text.partition("=")
        tag = tag_of(name)
        if tag is None:
            raise UsageError(
                f"-k {name}: no such keyword or tag", hint="as in -k PatientSex=F or -k 0010,0040=F"
            )
        if vr_of(tag) in _BULK:
            raise UsageError(f"-k {name}: is bulk data, which no query can ask for", hint="see adit header")
        yield keyword_of(tag), value

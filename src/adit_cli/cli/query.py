"""`adit query`: look things up in a node."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from adit_cli.cli.columns import SHOWN, columns
from adit_cli.cli.completion import complete_keyword
from adit_cli.cli.opening import opened_source
from adit_cli.cli.options import AetOption, FailIfEmptyOption, FormatOption, NodeArgument
from adit_cli.cli.output import show_rows
from adit_cli.cli.settings import new_app
from adit_cli.dicom.dictionary import keyword_of, tag_of
from adit_cli.dicom.query import Level
from adit_cli.errors import UsageError
from adit_cli.tasks.lookup import UNIQUE_KEYS, Lookup, look_up, parse_rule

EXAMPLES = (
    "adit query pacs --date 2024-01 --modality CT",
    "adit query pacs --patient-name 'DOE*' --date 'last 7 days'",
    "adit query pacs --level series --study-uid 1.2.840.1 --format ndjson",
    "adit query PACS@pacs.example.org:104 --accession 4711 -k InstitutionName",
    "adit query pacs --modality MR --format uid | adit get pacs - -o out",
)
app = new_app()


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


LevelOption = Annotated[LevelName, typer.Option("--level", "-l", help="What to list.")]
IdOption = Annotated[str, typer.Option("--patient-id", metavar="ID", help="Patient ID.")]
NameOption = Annotated[str, typer.Option("--patient-name", metavar="NAME", help="As in DOE^JOHN or 'DOE*'.")]
AccessionOption = Annotated[str, typer.Option("--accession", metavar="NUMBER", help="Accession number.")]
DateOption = Annotated[
    str,
    typer.Option(
        "--date",
        metavar="DATE",
        help="Study date: 2024-01-31, 2024-01, 2024-01-01..2024-03-31, yesterday or 'last 7 days'.",
    ),
]
ModalityOption = Annotated[
    list[str] | None, typer.Option("--modality", metavar="CODE", help="As in CT; repeat it for several.")
]
DescriptionOption = Annotated[
    str,
    typer.Option(
        "--description",
        metavar="TEXT",
        help="Of the study; below study level, of the series. Also 'thorax*' or '/thin|chest/i'.",
    ),
]
StudyOption = Annotated[str, typer.Option("--study-uid", metavar="UID", help="Study Instance UID.")]
SeriesOption = Annotated[str, typer.Option("--series-uid", metavar="UID", help="Series Instance UID.")]
KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "-k",
        metavar="KEY[=VALUE]",
        help="Any other attribute to match, or only to show: keyword or gggg,eeee; repeat it.",
        autocompletion=complete_keyword,
    ),
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Show at most so many.")]


@app.command()
def query(
    ctx: typer.Context,
    node: NodeArgument,
    *,
    level: LevelOption = LevelName.STUDY,
    patient_id: IdOption = "",
    patient_name: NameOption = "",
    accession: AccessionOption = "",
    study_date: DateOption = "",
    modality: ModalityOption = None,
    description: DescriptionOption = "",
    study_uid: StudyOption = "",
    series_uid: SeriesOption = "",
    key: KeyOption = None,
    limit: LimitOption = None,
    output: FormatOption = None,
    fail_if_empty: FailIfEmptyOption = False,
    aet: AetOption = "",
) -> None:
    """Look up patients, studies, series or instances in a node.

    Texts may hold DICOM wildcards (* and ?) or be a /regular expression/i, which ignores case. What the node
    does not match is matched here. `--format uid` prints UIDs for `adit get NODE -` or `transfer --uids -`.
    """
    texts = {
        "PatientID": patient_id,
        "PatientName": patient_name,
        "AccessionNumber": accession,
        "StudyDate": study_date,
        level.word("ModalitiesInStudy", "Modality"): "\\".join(modality or []),
        level.word("StudyDescription", "SeriesDescription"): description,
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": series_uid,
    }
    asked = {keyword: text for keyword, text in texts.items() if text} | dict(_keys(key or []))
    shown = tuple(dict.fromkeys([*SHOWN[level.level], *asked]))
    with opened_source(ctx, node, aet) as source:
        found = look_up(source, _lookup(level.level, asked, shown), limit)
    show_rows(found, columns(shown), output, uid=UNIQUE_KEYS[level.level])
    raise typer.Exit(4 if fail_if_empty and not found else 0)


def _lookup(level: Level, asked: dict[str, str], shown: tuple[str, ...]) -> Lookup:
    today = date.today()  # noqa: DTZ011  "yesterday" is the user's own
    rules = {keyword: parse_rule(keyword, text, today) for keyword, text in asked.items() if text}
    return Lookup(level, rules, shown)


def _keys(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, _, value = text.partition("=")
        tag = tag_of(name)
        if tag is None:
            raise UsageError(
                f"-k {name}: no such keyword or tag", hint="as in -k PatientSex=F or -k 0010,0040=F"
            )
        yield keyword_of(tag), value

"""`adit header`: print the header of one instance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.header_rows import rows_of
from adit_cli.cli.opening import opened_source
from adit_cli.cli.options import AetOption, NodeArgument
from adit_cli.cli.output import Format, default_format, show_rows, write
from adit_cli.cli.settings import new_app
from adit_cli.cli.table import Column
from adit_cli.dicom.json_model import JsonDataset
from adit_cli.errors import DataError, UsageError
from adit_cli.jobfile.values import is_uid
from adit_cli.tasks.header import Place, header_of, header_of_file

EXAMPLES = (
    "adit header pacs 1.2.840.1.2.3",
    "adit header images/CT000001.dcm",
    "adit header pacs 1.2.840.1.2.3 --study-uid 1.2.840.1 --series-uid 1.2.840.1.2 --format json",
    "adit header pacs 1.2.840.1 --format tsv | grep -i description",
)
app = new_app()
NEVER_CUT = "TM"
COLUMNS = {
    "tag": Column("Tag", NEVER_CUT),
    "vr": Column("VR", NEVER_CUT),
    "keyword": Column("Element"),
    "value": Column("Value"),
}
UidArgument = Annotated[
    str, typer.Argument(metavar="[UID]", help="Of an instance; of a series or study, its first instance.")
]
HeaderFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        help="How to print it; json is the DICOM JSON model.  [default: table on a terminal, tsv elsewhere]",
        show_default=False,
    ),
]
StudyOption = Annotated[
    str, typer.Option("--study-uid", metavar="UID", help="Its study, for archives that must know it.")
]
SeriesOption = Annotated[str, typer.Option("--series-uid", metavar="UID", help="And its series.")]


@app.command()
def header(
    ctx: typer.Context,
    node: NodeArgument,
    uid: UidArgument = "",
    *,
    study_uid: StudyOption = "",
    series_uid: SeriesOption = "",
    output: HeaderFormat = None,
    aet: AetOption = "",
) -> None:
    """Print the header of one instance of a node, or of a file: every element but pixel data.

    Over DICOMweb only the header comes; over DIMSE the instance is fetched by itself, read and removed.
    Texts are decoded in their character set, sequences and private elements are shown, long binary values
    only by their length.
    """
    if not uid and Path(node).is_file():
        _show(_of_file(Path(node)), output)
        return
    if not uid:
        raise _without_uid(node)
    place = Place(_checked(uid), _checked(study_uid), _checked(series_uid))
    with opened_source(ctx, node, aet) as source:
        found = header_of(source, place)
    _show(found, output)


def _checked(uid: str) -> str:
    if uid and not is_uid(uid):
        raise UsageError(f"{uid!r} is not a DICOM UID", hint="UIDs are at most 64 digits and dots")
    return uid


def _show(dataset: JsonDataset, output: Format | None) -> None:
    kind = output or default_format()
    match kind:
        case Format.JSON:
            write(json.dumps(dataset, ensure_ascii=False, indent=2))
        case Format.NDJSON:
            write(json.dumps(dataset, ensure_ascii=False))
        case Format.UID:
            write(
                "".join(str(row["value"]) for row in rows_of(dataset) if row["keyword"] == "SOPInstanceUID")
            )
        case Format.TABLE | Format.CSV | Format.TSV:
            show_rows(list(rows_of(dataset)), COLUMNS, kind)


def _of_file(path: Path) -> JsonDataset:
    try:
        return header_of_file(path)
    except DataError as error:
        raise UsageError(error.message, hint="name a DICOM file, or a node and a UID") from error


def _without_uid(node: str) -> UsageError:
    """Return what is wrong with a node that nobody can show the header of."""
    path = Path(node)
    if not path.exists() and (path.suffix == ".dcm" or ("/" in node and "://" not in node)):
        return UsageError(f"there is no file {node}", hint="check the path")
    return UsageError("which instance?", hint="give its UID, as `adit query NODE --level instance` shows it")

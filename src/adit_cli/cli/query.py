"""`adit query`: look things up in nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from adit_cli.cli import filters
from adit_cli.cli.asking import ask
from adit_cli.cli.columns import SHOWN
from adit_cli.cli.completion import complete_node
from adit_cli.cli.filters import LevelName, asked_for, between, lookup_for
from adit_cli.cli.options import AetOption, FailIfEmptyOption, FormatOption
from adit_cli.cli.settings import new_app
from adit_cli.tasks.lookup import Lookup

EXAMPLES = (
    "adit query pacs --date 2024-01 --modality CT",
    "adit query pacs --patient-name 'DOE*' --date 'last 7 days'",
    "adit query pacs archive --accession 4711 -k InstitutionName",
    "adit query pacs --level series --study-uid 1.2.840.1 --format ndjson",
    "adit query pacs --level patient --series-description '/lung.*thin/i' --age 18..80",
    "adit query pacs --interactive --date 'last 7 days'",
    "adit query pacs --modality MR --format uid | adit get pacs - -o out",
)
app = new_app()
NodesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="NODE",
        help="Names from your config, AET@host:port, URLs or folders; several are asked at once.",
        autocompletion=complete_node,
        show_default=False,
    ),
]
InteractiveOption = Annotated[
    bool,
    typer.Option(
        "--interactive",
        "-i",
        help="Browse the node in the terminal, mark, and hand over; needs adit-cli[tui].",
    ),
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Show at most so many.")]


@app.command()
def query(
    ctx: typer.Context,
    nodes: NodesArgument,
    *,
    level: filters.LevelOption = None,
    patient_id: filters.IdOption = "",
    patient_name: filters.NameOption = "",
    birth_date: filters.BirthDateOption = "",
    sex: filters.SexOption = "",
    age: filters.AgeOption = "",
    accession: filters.AccessionOption = "",
    study_date: filters.DateOption = "",
    study_time: filters.TimeOption = "",
    modality: filters.ModalityOption = None,
    description: filters.DescriptionOption = "",
    study_description: filters.StudyDescriptionOption = "",
    series_description: filters.SeriesDescriptionOption = "",
    institution: filters.InstitutionOption = "",
    referrer: filters.ReferrerOption = "",
    series_number: filters.SeriesNumberOption = "",
    body_part: filters.BodyPartOption = "",
    protocol: filters.ProtocolOption = "",
    min_instances: filters.MinOption = None,
    max_instances: filters.MaxOption = None,
    study_uid: filters.StudyOption = "",
    series_uid: filters.SeriesOption = "",
    instance_uid: filters.InstanceOption = "",
    key: filters.KeyOption = None,
    limit: LimitOption = None,
    output: FormatOption = None,
    interactive: InteractiveOption = False,
    fail_if_empty: FailIfEmptyOption = False,
    aet: AetOption = "",
) -> None:
    """Look up patients, studies, series or instances in one or more nodes.

    Texts may hold DICOM wildcards (* and ?) or be a /regular expression/i, which ignores case. What a node
    does not match is matched here, and what it does not say of a study is asked of its series. Rows are
    printed as they come. `--format uid` prints UIDs for `adit get NODE -` or `transfer --uids -`.
    """
    level = level or (LevelName.PATIENT if interactive else LevelName.STUDY)
    texts = {
        "PatientID": patient_id,
        "PatientName": patient_name,
        "PatientBirthDate": birth_date,
        "PatientSex": sex,
        "PatientAge": age,
        "AccessionNumber": accession,
        "StudyDate": study_date,
        "StudyTime": study_time,
        level.word("ModalitiesInStudy", "Modality"): "\\".join(modality or []),
        "InstitutionName": institution,
        "ReferringPhysicianName": referrer,
        "SeriesNumber": series_number,
        "BodyPartExamined": body_part,
        "ProtocolName": protocol,
        level.word("NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"): between(
            min_instances, max_instances
        ),
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": series_uid,
        "SOPInstanceUID": instance_uid,
        level.word("StudyDescription", "SeriesDescription"): description,
    }
    texts |= {"StudyDescription": study_description} if study_description else {}
    texts |= {"SeriesDescription": series_description} if series_description else {}
    asked = asked_for(texts, key or [])
    lookup = lookup_for(level.level, asked, tuple(dict.fromkeys([*SHOWN[level.level], *asked])))
    if interactive:
        return _browse(ctx, nodes, lookup, limit, aet)
    number, code = ask(ctx, nodes, lookup, output=output, limit=limit, aet=aet)
    raise typer.Exit(4 if fail_if_empty and not number and not code else code)


def _browse(ctx: typer.Context, nodes: list[str], lookup: Lookup, limit: int | None, aet: str) -> None:
    from adit_cli.cli.browsing import browse  # noqa: PLC0415  only here

    browse(ctx, nodes, lookup, limit, aet)

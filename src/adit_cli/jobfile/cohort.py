"""The tables of a job file, and what is left out of what they and others select."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.uids import WholeStudies
from adit_cli.jobfile.values import Names, RelativePath, as_many

ColumnName: TypeAlias = Literal[
    "patient_id",
    "study_uid",
    "accession_number",
    "series_uid",
    "study_date",
    "modality",
    "patient_name",
    "patient_birth_date",
    "pseudonym",
]
_READ = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet"})


class Cohort(Strict):
    """A table of what is wanted, one study or patient a row."""

    file: RelativePath = Field(
        description="A .csv, .tsv, .xlsx or .parquet file; every cell is read as the text that it shows.",
        examples=["cohort.csv"],
    )
    sheet: str = Field(
        default="", description="Of a workbook: the sheet; else the first one.", examples=["Patients"]
    )
    columns: dict[ColumnName, str] = Field(
        default={},
        description="The headers of columns that are not recognised by name.",
        examples=[{"patient_id": "MRN", "accession_number": "ACC"}],
    )

    @field_validator("file")
    @classmethod
    def _is_readable_kind(cls, file: Path) -> Path:
        if file.suffix.lower() not in _READ:
            raise ValueError("is no table that can be read: save it as .csv, .tsv, .xlsx or .parquet")
        return file


Cohorts: TypeAlias = Annotated[
    tuple[Cohort, ...],
    BeforeValidator(as_many, json_schema_input_type=Cohort | list[Cohort]),
    Field(min_length=1),
]
"""A table, or a list of them."""


class LeftOut(Strict):
    """Studies that are not taken, whatever selects them."""

    cohort: Cohorts = Field(
        default=(),
        description="Tables, such as one of withdrawn consents: a row leaves out each study that it matches, "
        "all studies of a patient where it names no more.",
    )
    uids: WholeStudies = Field(
        default=(),
        description="Study Instance UIDs, or `{file: uids.txt}`.",
        examples=[["1.2.840.113619.2.9"]],
    )
    delivered_by: Names = Field(
        default=(),
        description="Earlier jobs of this machine, by name: what they delivered whole is left out.",
        examples=["lung-ct-2023"],
    )

"""Which studies and series a job takes. A key names its DICOM keyword once; all else follows from that."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from adit_cli.dicom.matching import Match, all_of, any_of
from adit_cli.dicom.query import Attributes
from adit_cli.jobfile.cohort import Cohorts, LeftOut
from adit_cli.jobfile.query import Asked, Keyword, Query, Selector
from adit_cli.jobfile.rules import AtLeast, AtMost, Numbers, Text
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.uids import Uids
from adit_cli.jobfile.values import as_many

__all__ = ["Asked", "Keyword", "Query", "Select", "Selector", "SeriesRule", "SeriesRules", "Studies"]


class SeriesRule(Selector):
    """What a series must be for the rule to apply; all keys must hold."""

    modality: Annotated[Text | None, Keyword("Modality")] = Field(
        default=None, description="The series' modality; one of several.", examples=["CT"]
    )
    series_description: Annotated[Text | None, Keyword("SeriesDescription", Asked.CASELESS)] = Field(
        default=None,
        description="A literal, DICOM wildcards (`*`, `?`) or `/regex/flags`; one of several.",
        examples=["/thin/i"],
    )
    protocol_name: Annotated[Text | None, Keyword("ProtocolName", Asked.CASELESS)] = Field(
        default=None, description="The same for the protocol's name.", examples=["*lung*"]
    )
    body_part: Annotated[Text | None, Keyword("BodyPartExamined")] = Field(
        default=None, description="The same for the body part examined.", examples=["CHEST"]
    )
    institution_name: Annotated[Text | None, Keyword("InstitutionName", Asked.CASELESS)] = Field(
        default=None, description="The same for where it was made.", examples=["*Radiology*"]
    )
    series_number: Annotated[Numbers | None, Keyword("SeriesNumber")] = Field(
        default=None, description="A number, a range or a list of them.", examples=[99, "1..5"]
    )
    min_instances: Annotated[AtLeast | None, Keyword("NumberOfSeriesRelatedInstances")] = Field(
        default=None, description="The fewest images that the series has.", examples=[20]
    )
    max_instances: Annotated[AtMost | None, Keyword("NumberOfSeriesRelatedInstances")] = Field(
        default=None, description="The most images that the series has.", examples=[2000]
    )

    @model_validator(mode="after")
    def _says_something(self) -> SeriesRule:
        if not self.keys():
            raise ValueError("this rule is about every series: name at least one key, such as modality")
        return self


class SeriesRules(Strict):
    """Which series of a study are taken."""

    include: tuple[SeriesRule, ...] = Field(
        default=(),
        description="Any of these rules lets a series in; without one, every series is in.",
        examples=[[{"modality": "CT", "series_description": "/thin/i", "min_instances": 20}]],
    )
    exclude: tuple[SeriesRule, ...] = Field(
        default=(),
        description="Any of these rules keeps a series out, whatever lets it in.",
        examples=[[{"series_number": 99}, {"modality": ["SR", "PR"]}]],
    )

    def keys(self) -> Attributes:
        """Return what must be asked back at series level; rules of which any may hold narrow nothing."""
        return {name: "" for rule in (*self.include, *self.exclude) for name, _, _ in rule.rules()}

    def admits(self, series: Attributes) -> Match:
        """Return whether a series is taken, as far as the node told."""
        let_in = any_of(rule.matches(series) for rule in self.include) if self.include else Match.YES
        kept_out = any_of(rule.matches(series) for rule in self.exclude)
        return all_of((let_in, kept_out.negated()))

    def undecided(self, series: Attributes) -> set[str]:
        """Return the keywords of which more must be known to say whether a series is taken."""
        return set[str]().union(*(rule.undecided(series) for rule in (*self.include, *self.exclude)))


Queries: TypeAlias = Annotated[
    tuple[Query, ...],
    BeforeValidator(as_many, json_schema_input_type=Query | list[Query]),
    Field(min_length=1),
]
"""A query, or a list of them."""


class Studies(Strict):
    """The studies: the union of what is named here."""

    cohort: Cohorts = Field(
        default=(),
        description="A table with a row for each study or patient; several as a list.",
    )
    query: Queries = Field(
        default=(),
        description="What the source is asked for; several as a list.",
    )
    uids: Uids = Field(
        default=(),
        description="Study Instance UIDs, and series as `study/series`; in the list or in its place also "
        "`{file: uids.txt}` (one a line, or the first column), and `-` for standard input.",
        examples=[["1.2.840.113619.2.1", "1.2.840.113619.2.2"]],
    )
    exclude: LeftOut | None = Field(default=None, description="Studies that are left out of all of these.")


class Select(Strict):
    """What is taken from the source."""

    studies: Studies = Field(default=Studies(), description="Which studies; the union of the keys below.")
    series: SeriesRules = Field(default=SeriesRules(), description="Which series of them; all, if left out.")

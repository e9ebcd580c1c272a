"""Rules on single attributes, and the query for studies that is made of them.

What a server is asked never loses a study that a rule lets in: a description with letters stays on
our side, since servers compare case and people don't. Only `where` is sent as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator

from adit_cli.dicom.ages import NEEDED, age_at_study
from adit_cli.dicom.matching import Match, all_of, any_of
from adit_cli.dicom.query import Attributes
from adit_cli.jobfile.rules import AtLeast, AtMost, Dates, Numbers, Rule, Text, Where, as_sent
from adit_cli.jobfile.strict import Strict

Partition: TypeAlias = Literal["auto", "day", "week", "month"]


class Asked(Enum):
    """Whether a server may narrow its answer by a key."""

    AS_WRITTEN = auto()
    CASELESS = auto()
    """Only where case makes no difference."""
    NEVER = auto()
    """What we compare is not what the server holds."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """The attribute that a key of the job file is about."""

    name: str
    asked: Asked = Asked.AS_WRITTEN


class Selector(Strict):
    """Rules that must all hold. A new key is one annotated field of a subclass."""

    where: Where = Field(
        default={},
        description="Any other attribute, by DICOM keyword or gggg,eeee; sent to the server as written.",
        examples=[{"ReferringPhysicianName": "DOE*"}],
    )

    def keys(self) -> Attributes:
        """Return the keys of a query: what narrows the answer, and empty what only we can compare."""
        keys: Attributes = {}
        for name, asked, rule in self.rules():
            key = as_sent(name, rule)
            hidden = asked is Asked.NEVER or (asked is Asked.CASELESS and key.lower() != key.upper())
            keys[name] = keys.get(name) or ("" if hidden else key)
        return keys

    def matches(self, found: Attributes) -> Match:
        """Return whether what a node reported satisfies every rule."""
        return all_of(rule.matches(found.get(name)) for name, _, rule in self.rules())

    def rules(self) -> Iterator[tuple[str, Asked, Rule]]:
        """Yield each rule with its attribute's keyword and whether a server may apply it."""
        for field_name, field in type(self).model_fields.items():
            rule: Rule | None = getattr(self, field_name)
            for keyword in field.metadata:
                if isinstance(keyword, Keyword) and rule is not None:
                    yield keyword.name, keyword.asked, rule
        for name, rule in self.where.items():
            yield name, Asked.AS_WRITTEN, rule


class StudyRule(Selector):
    """What a study must be; all keys must hold."""

    study_date: Annotated[Dates | None, Keyword("StudyDate")] = Field(
        default=None,
        description="A day, month, year or range: DICOM's form, ISO dates, `last 7 days`, `yesterday`.",
        examples=["2024-01-01..2024-03-31"],
    )
    modality: Annotated[Text | None, Keyword("ModalitiesInStudy")] = Field(
        default=None, description="A modality that the study has; one of several.", examples=[["CT", "MR"]]
    )
    study_description: Annotated[Text | None, Keyword("StudyDescription", Asked.CASELESS)] = Field(
        default=None,
        description="A literal, DICOM wildcards (`*`, `?`) or `/regex/flags`; one of several.",
        examples=["/thorax|chest/i"],
    )
    patient_age: Annotated[Numbers | None, Keyword("PatientAge", Asked.NEVER)] = Field(
        default=None, description="Completed years at the time of the study.", examples=["18..80"]
    )
    institution_name: Annotated[Text | None, Keyword("InstitutionName", Asked.CASELESS)] = Field(
        default=None,
        description="Where the study was made; few servers tell it for a study, so its series are asked.",
        examples=["*Radiology*"],
    )

    min_instances: Annotated[AtLeast | None, Keyword("NumberOfStudyRelatedInstances", Asked.NEVER)] = Field(
        default=None, description="The fewest images that the study has.", examples=[20]
    )
    max_instances: Annotated[AtMost | None, Keyword("NumberOfStudyRelatedInstances", Asked.NEVER)] = Field(
        default=None, description="The most images that the study has.", examples=[5000]
    )

    def keys(self) -> Attributes:
        """Return the keys of a query, with those from which an age is told."""
        needed = NEEDED if self.patient_age is not None else ()
        return dict.fromkeys(needed, "") | super().keys()

    def matches(self, found: Attributes) -> Match:
        """Return whether what a node reported of a study satisfies every rule."""
        return all_of(match for _, match in self._judged(found))

    def against(self, found: Attributes) -> str:
        """Return the keyword of the first rule that a study does not satisfy, as far as the node told."""
        return next((name for name, match in self._judged(found) if match is not Match.YES), "")

    def _judged(self, found: Attributes) -> Iterator[tuple[str, Match]]:
        age = age_at_study(found)
        for name, _, rule in self.rules():
            yield name, rule.matches(age if rule is self.patient_age else found.get(name))


class Query(StudyRule):
    """Studies found by what is known of them."""

    exclude: tuple[StudyRule, ...] = Field(
        default=(),
        description="Any of these rules keeps a study out; each has the keys above.",
        examples=[[{"study_description": "/phantom|test/i"}, {"modality": "SR"}]],
    )
    partition: Partition = Field(
        default="auto",
        description="How a long range of dates is cut into queries, which are asked and moved one after the "
        "other; auto is by month.",
        examples=["week"],
    )

    @field_validator("exclude")
    @classmethod
    def _say_something(cls, rules: tuple[StudyRule, ...]) -> tuple[StudyRule, ...]:
        if not all(rule.keys() for rule in rules):
            raise ValueError("has a rule about every study: name at least one key, such as modality")
        return rules

    def keys(self) -> Attributes:
        """Return the keys of a query; what keeps studies out is only asked back."""
        ages = any(rule.patient_age is not None for rule in self.exclude)
        told = dict.fromkeys(NEEDED if ages else (), "")
        told |= {name: "" for rule in self.exclude for name, _, _ in rule.rules()}
        return told | super().keys()

    @property
    def is_everything(self) -> bool:
        """Whether it names nothing that a study must be."""
        return not super().keys()

    def kept_out_by(self, found: Attributes) -> int | None:
        """Return the number of the first rule that keeps a study out, as far as the node told."""
        matching = (at for at, rule in enumerate(self.exclude) if rule.matches(found) is Match.YES)
        return next(matching, None)

    def admits(self, found: Attributes) -> Match:
        """Return whether a study is taken, as far as the node told."""
        kept_out = any_of(rule.matches(found) for rule in self.exclude)
        return all_of((self.matches(found), kept_out.negated()))

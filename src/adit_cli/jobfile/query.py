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
from adit_cli.dicom.query import BELOW_STUDY, Attributes
from adit_cli.jobfile.rules import AtLeast, AtMost, Dates, Numbers, Rule, Text, Where, as_sent
from adit_cli.jobfile.strict import Strict

_COUNTS = ("NumberOfPatientRelated", "NumberOfStudyRelated", "NumberOfSeriesRelated")
"""What archives count while they answer, and hardly ever match by."""
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
        return all_of(match for _, match in self.judged(found))

    def undecided(self, found: Attributes) -> set[str]:
        """Return the keywords of which more must be known to say whether the rules hold."""
        judged = list(self.judged(found))
        open_yet = all_of(match for _, match in judged) is Match.UNKNOWN
        return {name for name, match in judged if match is Match.UNKNOWN} if open_yet else set()

    def judged(self, found: Attributes) -> Iterator[tuple[str, Match]]:
        """Yield each rule's keyword, and whether what a node reported satisfies it."""
        for name, _, rule in self.rules():
            yield name, rule.matches(found.get(name))

    def rules(self) -> Iterator[tuple[str, Asked, Rule]]:
        """Yield each rule with its attribute's keyword and whether a server may apply it."""
        for field_name, field in type(self).model_fields.items():
            rule: Rule | None = getattr(self, field_name)
            for keyword in field.metadata:
                if isinstance(keyword, Keyword) and rule is not None:
                    yield keyword.name, keyword.asked, rule
        for name, rule in self.where.items():
            yield name, Asked.NEVER if name.startswith(_COUNTS) else Asked.AS_WRITTEN, rule


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
        keys = dict.fromkeys(needed, "") | super().keys()
        return {name: key for name, key in keys.items() if name not in BELOW_STUDY}

    def against(self, found: Attributes) -> str:
        """Return the keyword of the first rule that a study does not satisfy, as far as the node told."""
        return next((name for name, match in self.judged(found) if match is not Match.YES), "")

    def judged(self, found: Attributes) -> Iterator[tuple[str, Match]]:
        """Yield each rule's keyword, and whether what a node reported of a study satisfies it."""
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
        if not all(any(rule.rules()) for rule in rules):
            raise ValueError("has a rule about every study: name at least one key, such as modality")
        return rules

    def keys(self) -> Attributes:
        """Return the keys of a query; what keeps studies out is only asked back."""
        told: Attributes = {}
        for rule in self.exclude:
            told |= dict.fromkeys(rule.keys(), "")
        return told | super().keys()

    def keywords(self) -> set[str]:
        """Return the attributes by which it is decided, of studies and of what is in them."""
        return {name for rule in (self, *self.exclude) for name, _, _ in rule.rules()} | self.keys().keys()

    @property
    def is_everything(self) -> bool:
        """Whether it names nothing that a study must be."""
        return not any(self.rules())

    def kept_out_by(self, found: Attributes) -> int | None:
        """Return the number of the first rule that keeps a study out, as far as the node told."""
        matching = (at for at, rule in enumerate(self.exclude) if rule.matches(found) is Match.YES)
        return next(matching, None)

    def admits(self, found: Attributes) -> Match:
        """Return whether a study is taken, as far as the node told."""
        kept_out = any_of(rule.matches(found) for rule in self.exclude)
        return all_of((self.matches(found), kept_out.negated()))

    def undecided(self, found: Attributes) -> set[str]:
        """Return the keywords of which more must be known to say whether a study is taken."""
        return super().undecided(found).union(*(rule.undecided(found) for rule in self.exclude))

"""The job as the user wrote it (`JobFile`) and as the program runs it (`Job`).

They share their parts. Only the nodes differ: a job file names them, writes them inline or leaves
them to the user's config; a job has all of them, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, SecretStr, Tag, model_validator

from adit_cli.deid.spec import DeidSpec
from adit_cli.jobfile.node import AnyNode, FolderNode, NodeSpec, ServerNode, Strict
from adit_cli.jobfile.problems import fail_at
from adit_cli.jobfile.receiver import ReceiverSpec
from adit_cli.jobfile.selector import Select
from adit_cli.jobfile.values import Duration, LongString, Name, RelativePath

MIN_KEY = 8
MAX_LO = 64
_MADE = "pseudonyms that are made: `from: key`, `from: random` or `missing: key`"


def _checked_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value().strip()) < MIN_KEY:
        raise ValueError(f"must have at least {MIN_KEY} characters: `openssl rand -hex 32` makes a good one")
    return key


class Pseudonyms(Strict):
    """Who the patients are called afterwards."""

    source: Literal["map", "column", "key", "random"] = Field(
        alias="from",
        description="`map`: a file of pairs; `column`: a column of the cohort; `key`: made from the "
        "project's secret, the same in every job with the same key; `random`: new in each job, unlinkable.",
        examples=["map"],
    )
    file: RelativePath | None = Field(
        default=None,
        description="With `map`: a CSV file with the columns patient_id and pseudonym.",
        examples=["pseudonyms.csv"],
    )
    column: str | None = Field(
        default=None, description="With `column`: its header; `pseudonym`, if left out.", examples=["CODE"]
    )
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9 ._+-]*$", max_length=32)] = Field(
        default="",
        description="With `key`, `random`: what each pseudonym begins with.",
        examples=["LUNG-"],
    )
    length: int = Field(
        default=12,
        ge=6,
        le=26,
        description="With `key`, `random`: letters and digits after the prefix.",
        examples=[12],
    )
    missing: Literal["fail", "key"] = Field(
        default="fail",
        description="With `map`, `column`: a patient not in it fails, or gets one from the key.",
        examples=["key"],
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> Pseudonyms:
        """Refuse a key that would be ignored, so that nobody believes it does something."""
        made = self.source in {"key", "random"} or self.missing == "key"
        allowed = {
            "file": (self.source == "map", "`from: map`"),
            "column": (self.source == "column", "`from: column`"),
            "prefix": (made, _MADE),
            "length": (made, _MADE),
            "missing": (self.source in {"map", "column"}, "`from: map` and `from: column`"),
        }
        wrong = {
            key: f"is only used with {use}"
            for key, (fits, use) in allowed.items()
            if key in self.model_fields_set and not fits
        }
        if self.source == "map" and self.file is None:
            wrong["from"] = "`map` needs its file: add `file: pseudonyms.csv`"
        fail_at("pseudonyms", wrong)
        return self


class Trial(Strict):
    """The clinical trial that every data set is stamped with (PS3.3 §C.7.1.3)."""

    protocol_id: LongString = Field(description="ClinicalTrialProtocolID", examples=["LUNG24"])
    protocol_name: Annotated[str, Field(max_length=MAX_LO)] = Field(
        default="", description="ClinicalTrialProtocolName", examples=["Lung screening 2024"]
    )


class Run(Strict):
    """How the job is run."""

    workers: int = Field(default=2, ge=1, le=64, description="Studies at the same time.", examples=[4])
    attempts: int = Field(
        default=3, ge=1, le=20, description="How often a study is tried before it fails.", examples=[3]
    )
    retry_after: Duration = Field(
        default=600.0,
        description="How long to wait before the next attempt.",
        examples=["10m"],
        json_schema_extra={"default": "10m"},
    )
    cache: Duration = Field(
        default=3600.0,
        description="How long a source need not be asked again which series a study has; `0` asks each time, "
        "as `--no-cache` does for one run.",
        examples=["1h"],
        json_schema_extra={"default": "1h"},
    )
    stop_after: Duration | None = Field(
        default=None,
        description="How long a run may take before nothing new starts; run the job again to go on.",
        examples=["8h"],
    )
    outside_window: Literal["stop", "wait"] = Field(
        default="stop",
        description="What a run does when only studies are left that `limits.window` of a node holds back: "
        "`stop`, with exit code 5, or `wait` until it opens.",
        examples=["wait"],
    )


def _as_number(value: object) -> object:
    if str(value) != "1":
        raise ValueError("must be 1, the only version of the format that this program knows")
    return 1


class JobParts(Strict):
    """What a job file and a job have in common."""

    adit: Annotated[Literal[1], BeforeValidator(_as_number)] = Field(
        description="The version of this format.", examples=[1]
    )
    name: Name = Field(
        description="The job's name: `adit status` shows it, and a second run under it continues the first.",
        examples=["lung-ct-2024"],
    )
    description: str = Field(
        default="", description="A line for people.", examples=["Low-dose chest CT for the LUNG trial"]
    )
    select: Select = Field(
        default=Select(), description="What is taken; from a folder, everything if left out."
    )
    key: Annotated[SecretStr, AfterValidator(_checked_key)] | None = Field(
        default=None,
        description="The project's secret behind pseudonyms, UIDs and date shifts; if neither this nor "
        "key_file is given, one is made for this job and kept in the state folder.",
        examples=["${ADIT_KEY}"],
    )
    key_file: RelativePath | None = Field(
        default=None, description="A file with the secret, instead of key.", examples=["~/.adit/lung.key"]
    )
    pseudonyms: Pseudonyms | None = Field(
        default=None,
        description="Who the patients are called afterwards; left out, they keep their identities.",
    )
    deidentify: DeidSpec | None = Field(
        default=None,
        description="What else is changed; with pseudonyms and without this block, the Basic Profile.",
    )
    trial: Trial | None = Field(default=None, description="The trial that data sets are stamped with.")
    direct: bool = Field(
        default=False,
        description="Have the source send straight to the only destination (C-MOVE), which is then asked "
        "whether all came; for jobs that change nothing.",
        examples=[True],
    )
    run: Run = Field(default=Run(), description="How the job is run.")


def _kind_of_reference(value: object) -> str | None:
    if isinstance(value, str):
        return "name"
    return "inline" if isinstance(value, Mapping | ServerNode | FolderNode) else None


NodeRef: TypeAlias = Annotated[
    Annotated[str, Tag("name")] | Annotated[AnyNode, Tag("inline")],
    Discriminator(
        _kind_of_reference,
        custom_error_type="node_reference",
        custom_error_message="must be a node's name, or a node such as {folder: out/}",
    ),
]


def _as_list(value: object) -> list[object]:
    items = list(cast("list[object]", value)) if isinstance(value, list | tuple) else [value]
    if items in ([], [None]):
        raise ValueError("must name at least one node")
    return items


NodeRefs: TypeAlias = Annotated[
    tuple[NodeRef, ...],
    BeforeValidator(_as_list, json_schema_input_type=NodeRef | list[NodeRef]),
]


class JobFile(JobParts):
    """A job as it is written."""

    nodes: dict[Name, AnyNode] = Field(
        default={},
        description="The servers and folders of this job, by name; they win over those of the user's config.",
        examples=[{"clinical": {"dimse": "CLINICAL@pacs.example.org:104"}}],
    )
    source: NodeRefs = Field(
        description="Where the studies are: a node's name, or a node.",
        examples=["clinical", {"folder": "in/"}],
    )
    destinations: NodeRefs = Field(
        description="Where every study goes: names of nodes, or nodes.",
        examples=[["research", {"folder": "out/"}]],
    )


class Job(JobParts):
    """A job with all its nodes, ready to be planned; frozen, and it can cross to another process."""

    nodes: dict[str, AnyNode]
    source: tuple[str, ...]
    destinations: tuple[str, ...]
    path: Path
    calling_ae_title: str = "ADIT"
    receiver: ReceiverSpec = ReceiverSpec()

    def node(self, name: str) -> NodeSpec:
        """Return the node of this name; `source` and `destinations` hold only names that exist."""
        return self.nodes[name]

    @property
    def deid(self) -> DeidSpec:
        """Return the rules in force: those written, else the Basic Profile where patients get pseudonyms."""
        return self.deidentify or DeidSpec(profile="basic" if self.pseudonyms else "none")

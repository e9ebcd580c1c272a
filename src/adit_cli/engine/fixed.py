"""A plan in a file: what a person looked at is what moves, and what has changed since is told.

It holds UIDs and numbers, no patient; the job file and its secrets are read again when it runs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from adit_cli.engine.transfers import Order, Parts
from adit_cli.errors import Reason, UsageError
from adit_cli.nodes.storage import storage_errors
from adit_cli.tasks.planned import Plan, PlannedStudy, joined
from adit_cli.tasks.scope import Scope
from adit_cli.tasks.task import Unresolved
from adit_cli.tasks.work import Work

FORM = 1
MARK = "adit_plan"
NAMED = 3
_MADE = "the plan was made"


@dataclass(frozen=True, slots=True)
class Pinned:
    """One study as it was planned."""

    key: str
    """Of its task; nothing where a first run would make another key, or draw another pseudonym."""
    instances: int | None


@dataclass(frozen=True, slots=True)
class FixedPlan:
    """The studies of a plan by UID."""

    job: Path
    studies: dict[str, Pinned]
    digest: str = ""
    """Of the job file when the plan was made."""

    def job_changes(self) -> Iterator[str]:
        """Yield whether the job file is another one now."""
        if self.digest not in {"", digest_of(self.job)}:
            yield f"since {_MADE}: the job file has changed"


def digest_of(job: Path) -> str:
    """Return what tells a job file from a changed one."""
    with storage_errors(str(job), UsageError):
        return hashlib.sha256(job.read_bytes()).hexdigest()


def pinned(studies: Iterable[PlannedStudy], *, keyed: bool = True) -> dict[str, Pinned]:
    """Return what is kept of planned studies."""
    return {
        study.task.study_uid: Pinned(study.task.key if keyed else "", study.task.instances)
        for study in studies
    }


def write_plan(path: Path, plan: FixedPlan, estimate: Mapping[str, object] | None = None) -> None:
    """Write a plan, whole or not at all; what it was estimated to take is for people and is not read."""
    content = {
        MARK: FORM,
        "job": str(plan.job),
        "job_sha256": plan.digest or digest_of(plan.job),
        "studies": [
            {"study_uid": uid, "instances": one.instances, "key": one.key}
            for uid, one in plan.studies.items()
        ],
        **({"estimate": estimate} if estimate else {}),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with storage_errors(str(path), UsageError):
        temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        temporary.chmod(0o600)
        temporary.rename(path)


def read_plan(path: Path) -> FixedPlan | None:
    """Return the plan in a file; None where it holds something else, such as a job."""
    plan = _content(path)
    if plan is None:
        return None
    job, studies = plan.get("job"), plan.get("studies")
    if plan[MARK] != FORM or not isinstance(job, str) or not isinstance(studies, list):
        raise UsageError(
            f"{path} is no plan of this version of ADIT", hint="make it again: adit plan --output"
        )
    pins = dict(_pinned(one, path) for one in cast("list[object]", studies))
    return FixedPlan(Path(job), pins, str(plan.get("job_sha256", "")))


def check_place(path: Path) -> None:
    """Raise UsageError where a plan cannot be written, or would take the place of something else."""
    if path.exists() and _content(path) is None:
        raise UsageError(
            f"{path} is there already and is no plan", hint="give the plan a name of its own, as plan.json"
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}", hint="make it, or name another")


def _content(path: Path) -> dict[str, object] | None:
    """Return what stands in a plan of whatever version; whoever reads job files says what else is wrong."""
    try:
        content = cast("object", json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return None
    is_plan = isinstance(content, dict) and MARK in content
    return cast("dict[str, object]", content) if is_plan else None


def _pinned(study: object, path: Path) -> tuple[str, Pinned]:
    match study:
        case {"study_uid": str(uid), "key": str(key), "instances": int() | None as instances}:
            return uid, Pinned(key, instances)
        case _:
            raise UsageError(f"{path} is damaged: a study of it cannot be read", hint="make it again")


def fixed(parts: Parts, plan: FixedPlan) -> Parts:
    """Return the parts of a run that moves just the studies of a plan."""
    return replace(parts, plan=partial(_only, parts, plan), scope=partial(_whole, parts))


def _whole(parts: Parts, work: Work) -> Scope:
    return parts.scope(work).as_one()


def _only(parts: Parts, fixed_plan: FixedPlan, order: Order) -> Iterator[Plan]:
    found = joined(parts.plan(order))
    known = {study.task.study_uid for study in found.studies}
    told = {one.label for one in found.unresolved}
    gone = [uid for uid in fixed_plan.studies if uid not in known and f"study {uid}" not in told]
    missing = [
        Unresolved(
            f"study {uid}", Reason.NOT_FOUND, "the plan has it, and it is no longer found", "plan anew"
        )
        for uid in gone
    ]
    changes = Changes.between(fixed_plan.studies, pinned(found.studies))
    yield replace(
        found,
        studies=tuple(study for study in found.studies if study.task.study_uid in fixed_plan.studies),
        unresolved=(*found.unresolved, *missing),
        notes=(
            *found.notes,
            *fixed_plan.job_changes(),
            *changes.sentences(_MADE, moves="not moved"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """How one plan differs from another, by Study Instance UID."""

    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    other_images: tuple[str, ...] = ()
    """Studies of which the source now counts another number of images."""
    other_rules: tuple[str, ...] = ()
    """Studies whose result would be another, since rules, pseudonyms or destinations have changed."""

    @staticmethod
    def between(before: dict[str, Pinned], now: dict[str, Pinned]) -> Changes:
        """Return what is different now."""
        both = [uid for uid in now if uid in before]
        return Changes(
            tuple(uid for uid in now if uid not in before),
            tuple(uid for uid in before if uid not in now),
            tuple(uid for uid in both if before[uid].instances != now[uid].instances),
            tuple(
                uid for uid in both if "" not in (keys := {before[uid].key, now[uid].key}) and len(keys) > 1
            ),
        )

    def sentences(self, since: str, moves: str = "") -> Iterator[str]:
        """Yield what changed since something happened."""
        said = f", {moves}" if moves else ""
        yield from _sentence(since, self.more, f"new{said}")
        yield from _sentence(since, self.less, "no longer found or asked for")
        yield from _sentence(since, self.other_images, "with another number of images")
        yield from _sentence(since, self.other_rules, "under rules that have changed")


def _sentence(since: str, uids: tuple[str, ...], what: str) -> Iterator[str]:
    if uids:
        more = " ..." if len(uids) > NAMED else ""
        noun = "study" if len(uids) == 1 else "studies"
        yield f"since {since}: {len(uids)} {noun} {what} ({', '.join(uids[:NAMED])}{more})"

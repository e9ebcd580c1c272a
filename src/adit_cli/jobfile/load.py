"""Read a job file: to a job that can run, or to one error that holds everything wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from adit_cli.errors import JobFileError
from adit_cli.jobfile.checks import check
from adit_cli.jobfile.config import Config, anchored, load_config
from adit_cli.jobfile.interpolate import Plain, unused
from adit_cli.jobfile.job import Job, JobFile, JobParts, Pseudonyms, Run
from adit_cli.jobfile.node import FolderNode, NodeSpec, label
from adit_cli.jobfile.problems import render_all
from adit_cli.jobfile.read import Values, Written, read
from adit_cli.jobfile.selector import Query, Select, Studies
from adit_cli.jobfile.subject import Subject
from adit_cli.jobfile.values import PIPED_LATER, Reading, folder_of

__all__ = ["load_config", "load_job"]

_STAND_IN: dict[str, Plain] = {"adit": "1", "name": "stand-in", "source": "?", "destinations": ["?"]}
"""Takes the place of required keys that are not sound, so that the checks of the others can be made."""


def load_job(
    path: Path,
    *,
    variables: Mapping[str, str] | None = None,
    config: Config | None = None,
    stdin_uids: Iterable[str] | Callable[[], Iterable[str]] | None = None,
    environment: Mapping[str, str] | None = None,
    today: date | None = None,
) -> Job:
    """Return the job in this file; raise JobFileError with everything that is wrong with it.

    `stdin_uids` are what was piped in: they take the place of the job's `uids`, which may be `-`.
    A function is called for them only where the job has a `-`. With PIPED_LATER a job file is checked that
    will get its UIDs when it runs.
    """
    config, given = config or Config(), variables or {}
    at = Reading(folder_of(path))
    if callable(stdin_uids):
        read_uids = stdin_uids
        at = replace(at, stdin=cache(lambda: tuple(dict.fromkeys(read_uids()))))
    elif stdin_uids is not None:
        at = replace(at, stdin_uids=tuple(dict.fromkeys(stdin_uids)))
    at = replace(at, today=today) if today else at
    written = read(path, JobFile, Values(given, environment), at)
    if written.is_empty:
        raise JobFileError(f"{path} is empty: begin with `adit: 1`, a name, a source and destinations")
    problems = written.problems + unused(given, {*written.used, *config.used})
    subject, unsound = _subject(written, config, at)
    problems += [written.explainer.at(*finding) for finding in check(subject, unsound)]
    if problems:
        raise JobFileError(render_all(problems, str(path)))
    return resolve(subject.job, path, config, None if subject.dash else at.stdin_uids)


def _subject(written: Written[JobFile], config: Config, at: Reading) -> tuple[Subject, frozenset[str]]:
    """Return what can be checked although other parts are not sound, and which keys those are."""
    unsound = {str(problem.loc[0]) for problem in written.problems if problem.loc}
    sound = {key: value for key, value in written.plain.items() if key not in unsound}
    job = written.model or JobFile.model_validate({**_STAND_IN, **sound}, context=at)
    nodes = written.plain.get("nodes")
    names = frozenset(config.nodes) | frozenset(nodes if isinstance(nodes, dict) else ())
    missing = frozenset(_STAND_IN) - sound.keys()
    if "nodes" in unsound and not isinstance(nodes, dict):
        missing |= {"source", "destinations"}
    subject = Subject(
        job=job,
        nodes={**config.nodes, **job.nodes},
        names=names,
        piped=at.stdin_uids not in {None, PIPED_LATER},
        dash=_says_dash(written.plain),
        folder=at.folder,
    )
    return subject, missing | unsound


def _says_dash(plain: Plain) -> bool:
    match plain:
        case {"select": {"studies": {"uids": uids}}}:
            return uids == "-" or (isinstance(uids, list) and "-" in uids)
        case _:
            return False


def resolve(written: JobFile, path: Path, config: Config, piped: tuple[str, ...] | None = None) -> Job:
    """Return the job with its nodes by name, the config's defaults, and what was left out filled in."""
    nodes = {**config.nodes, **written.nodes}
    sources = tuple(_named(nodes, node) for node in written.source)
    destinations = tuple(_named(nodes, node) for node in written.destinations)
    deid = anchored(written.deidentify, folder_of(path)) or config.defaults.deidentify
    pseudonyms = written.pseudonyms
    if pseudonyms is None and deid is not None and deid.profile != "none":
        pseudonyms = Pseudonyms.model_validate({"from": "key"})
    shared = {name: getattr(written, name) for name in JobParts.model_fields}
    return Job.model_validate(
        {
            **shared,
            "nodes": {name: _called_by(node, config.calling_ae_title) for name, node in nodes.items()},
            "source": sources,
            "destinations": destinations,
            "select": _selected(written.select, [nodes[source] for source in sources], piped),
            "pseudonyms": pseudonyms,
            "deidentify": deid,
            "run": _run(written.run, config.defaults.run),
            "path": path.absolute(),
            "calling_ae_title": config.calling_ae_title,
            "receiver": config.receiver,
        }
    )


def _named(nodes: dict[str, NodeSpec], reference: str | NodeSpec) -> str:
    """Return the node's name; one that was written inline is called what it is."""
    if isinstance(reference, str):
        return reference
    nodes[label(reference)] = reference
    return label(reference)


def _called_by(node: NodeSpec, calling_ae_title: str) -> NodeSpec:
    if isinstance(node, FolderNode) or node.dimse is None or node.dimse.calling_ae_title is not None:
        return node
    peer = node.dimse.model_copy(update={"calling_ae_title": calling_ae_title})
    return node.model_copy(update={"dimse": peer})


def _selected(select: Select, sources: list[NodeSpec], piped: tuple[str, ...] | None) -> Select:
    """Return the selection with what was piped in; folders without a selection are taken whole."""
    studies = select.studies
    if piped not in {None, PIPED_LATER}:
        studies = studies.model_copy(update={"uids": piped})
    elif all(isinstance(source, FolderNode) for source in sources) and not (
        studies.cohort or studies.query or "uids" in studies.model_fields_set
    ):
        studies = Studies(query=(Query(),))
    return select.model_copy(update={"studies": studies})


def _run(own: Run, default: Run) -> Run:
    return default.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})

"""What must fit together across a job file. Each check yields where it looks wrong, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from adit_cli.jobfile.deid_checks import evidence_beside_data, named_files
from adit_cli.jobfile.dicomweb import HTTP_URL
from adit_cli.jobfile.direct import why_not_direct
from adit_cli.jobfile.node import SHORT_DIMSE, FolderNode, NodeSpec, ServerNode
from adit_cli.jobfile.problems import Loc, did_you_mean
from adit_cli.jobfile.selector import Studies
from adit_cli.jobfile.subject import Finding, Subject
from adit_cli.jobfile.window_checks import windows_meet

_USER = re.compile(r"//[^/]*@")
"""User and password in a URL, which is never repeated."""


def known_names(subject: Subject) -> Iterator[Finding]:
    """Find names that no node has."""
    for key in ("source", "destinations"):
        for at, reference in enumerate(getattr(subject.job, key)):
            if isinstance(reference, str) and reference not in subject.names:
                shown = _USER.sub("//", reference)
                yield (key, at), f"no node is called {shown!r}{_which(shown, subject)}"


def _which(reference: str, subject: Subject) -> str:
    if SHORT_DIMSE.fullmatch(reference):
        return f": write {{dimse: {reference!r}}}"
    if HTTP_URL.match(reference):
        return f": write {{dicomweb: {reference!r}}}"
    if "/" in reference or reference.startswith("."):
        return f": write {{folder: {reference!r}}}"
    known = ", ".join(sorted(subject.names)) or "none; add it under nodes"
    return did_you_mean(reference, subject.names) or f": known are {known}"


def distinct_sources(subject: Subject) -> Iterator[Finding]:
    """Find a source that is named twice."""
    seen: list[NodeSpec] = []
    for at, node in enumerate(_sources(subject)):
        if node is not None and any(_same(node, other) for other in seen):
            yield ("source", at), "stands here twice: keep one of them"
        seen += [node] if node else []


def _sources(subject: Subject) -> list[NodeSpec | None]:
    return [subject.node(reference) for reference in subject.job.source]


def distinct_destinations(subject: Subject) -> Iterator[Finding]:
    """Find a destination that is named twice, or is the source."""
    sources = [node for node in _sources(subject) if node is not None]
    seen: list[NodeSpec] = []
    for at, reference in enumerate(subject.job.destinations):
        node = subject.node(reference)
        if node is None:
            continue
        if any(_same(node, other) for other in seen):
            yield ("destinations", at), "stands here twice: keep one of them"
        elif any(_same(node, source) for source in sources):
            yield ("destinations", at), "is the source as well: studies would be sent to where they come from"
        elif any(_inside(node, source) for source in sources):
            yield ("destinations", at), "lies inside the source folder: choose a folder beside it"
        seen.append(node)


def _same(one: NodeSpec, other: NodeSpec) -> bool:
    match one, other:
        case ServerNode(), ServerNode():
            return bool(_addresses(one) & _addresses(other))
        case FolderNode(folder=a), FolderNode(folder=b):
            return a.resolve() == b.resolve()
        case _:
            return False


def _addresses(node: ServerNode) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    if node.dimse is not None:
        found.add((node.dimse.ae_title, node.dimse.host.lower(), str(node.dimse.port)))
    if node.dicomweb is not None:
        found.add((node.dicomweb.url.lower(), node.dicomweb.wado_prefix, node.dicomweb.stow_prefix))
    return found


def _inside(one: NodeSpec, other: NodeSpec) -> bool:
    match one, other:
        case FolderNode(folder=a), FolderNode(folder=b):
            return a.resolve().is_relative_to(b.resolve())
        case _:
            return False


def piped_in_or_selected(subject: Subject) -> Iterator[Finding]:
    """Find what would add to UIDs that are piped in; whoever pipes means just these."""
    studies = subject.job.select.studies
    for key, given in (("cohort", studies.cohort), ("query", studies.query)):
        if subject.piped and given and not subject.dash:
            yield (
                ("select", "studies", key),
                'is used although UIDs are piped in: leave it out, or say that both are meant by `uids: "-"`',
            )


def something_selected(subject: Subject) -> Iterator[Finding]:
    """Find a job that would empty a server because something was left out; a folder may be taken whole."""
    studies = subject.job.select.studies
    if all(isinstance(node, FolderNode) for node in _sources(subject)) or subject.piped:
        return
    for at, query in enumerate(studies.query):
        if query.is_everything:
            yield (
                ("select", "studies", "query", at),
                "would take the whole archive: name at least one key, such as study_date",
            )
    if not (studies.cohort or studies.query or studies.uids or subject.dash):
        yield (
            ("select", "studies"),
            "the job selects nothing: name a cohort, a query or uids, or pipe UIDs in with --uids -",
        )


def one_key(subject: Subject) -> Iterator[Finding]:
    """Find a second place for the secret."""
    if subject.job.key is not None and subject.job.key_file is not None:
        yield ("key_file",), "stands here beside key: keep one of them"


def pseudonyms_are_used(subject: Subject) -> Iterator[Finding]:
    """Find what is to be written into data sets that are not changed."""
    job = subject.job
    none = job.deidentify is not None and job.deidentify.profile == "none"
    if none and job.pseudonyms is not None:
        yield (
            ("deidentify", "profile"),
            "none moves data sets as they are, without the pseudonyms: write basic, or leave pseudonyms out",
        )
    elif job.trial is not None and (none or (job.deidentify is None and job.pseudonyms is None)):
        yield (
            ("trial",),
            "is written into data sets only where they are changed: add pseudonyms, or leave trial out",
        )


def column_has_a_cohort(subject: Subject) -> Iterator[Finding]:
    """Find pseudonyms from a column of no table."""
    pseudonyms = subject.job.pseudonyms
    if pseudonyms is not None and pseudonyms.source == "column" and not subject.job.select.studies.cohort:
        yield ("pseudonyms", "from"), "column is one of the cohort's, and this job has no cohort"


def files_exist(subject: Subject) -> Iterator[Finding]:
    """Find files that are not there."""
    job = subject.job
    named: list[tuple[Loc, Path | None]] = [
        (("key_file",), job.key_file),
        (("pseudonyms", "file"), job.pseudonyms.file if job.pseudonyms else None),
        *_tables(job.select.studies),
        *named_files(job.deidentify, subject.folder),
    ]
    for loc, path in named:
        if path is not None and not path.is_file():
            yield loc, _no_file(path)


def evidence_is_apart(subject: Subject) -> Iterator[Finding]:
    """Find evidence in the reach of those who get the data."""
    destinations = map(subject.node, subject.job.destinations)
    yield from evidence_beside_data(subject.job.deidentify, subject.folder, destinations)


def direct_is_possible(subject: Subject) -> Iterator[Finding]:
    """Find a job that should not touch what it has to."""
    sources, destinations = (
        [node for node in map(subject.node, names) if node is not None]
        for names in (subject.job.source, subject.job.destinations)
    )
    why = why_not_direct(subject.job, sources, destinations) if subject.job.direct else ""
    if why:
        yield ("direct",), why


def _tables(studies: Studies) -> Iterator[tuple[Loc, Path]]:
    for at, cohort in enumerate(studies.cohort):
        yield ("select", "studies", "cohort", at, "file"), cohort.file
    for at, cohort in enumerate(studies.exclude.cohort if studies.exclude else ()):
        yield ("select", "studies", "exclude", "cohort", at, "file"), cohort.file


def others_are_left_out(subject: Subject) -> Iterator[Finding]:
    """Find a job that would leave out what it delivered itself."""
    exclude = subject.job.select.studies.exclude
    for at, name in enumerate(exclude.delivered_by if exclude else ()):
        if name == subject.job.name:
            yield (
                ("select", "studies", "exclude", "delivered_by", at),
                "is this job itself: what it has delivered stays done anyway",
            )


def _no_file(path: Path) -> str:
    if not path.exists():
        return f"there is no such file: {path}{_similar(path)}"
    return f"{'is a folder, not a file' if path.is_dir() else 'is no file that can be read twice'}: {path}"


def _similar(path: Path) -> str:
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, names)


Check: TypeAlias = Callable[[Subject], Iterator[Finding]]
CHECKS: tuple[tuple[Check, frozenset[str]], ...] = (
    (known_names, frozenset({"source", "destinations"})),
    (distinct_sources, frozenset({"source", "nodes"})),
    (distinct_destinations, frozenset({"source", "destinations", "nodes"})),
    (something_selected, frozenset({"source", "select", "nodes"})),
    (piped_in_or_selected, frozenset({"select"})),
    (others_are_left_out, frozenset({"select", "name"})),
    (one_key, frozenset({"key", "key_file"})),
    (pseudonyms_are_used, frozenset({"pseudonyms", "deidentify", "trial"})),
    (column_has_a_cohort, frozenset({"pseudonyms", "select"})),
    (files_exist, frozenset({"key_file", "pseudonyms", "select", "deidentify"})),
    (direct_is_possible, frozenset({"source", "destinations", "nodes", "deidentify", "pseudonyms", "trial"})),
    (evidence_is_apart, frozenset({"destinations", "nodes", "deidentify"})),
    (windows_meet, frozenset({"source", "destinations", "nodes"})),
)
"""Each check with the keys that it looks at; it is left out where one of them is not sound by itself."""


def check(subject: Subject, unsound: frozenset[str]) -> Iterator[Finding]:
    """Yield what the checks find that can be made."""
    for one, needed in CHECKS:
        if not needed & unsound:
            yield from one(subject)

"""A job in the words of a person: what it takes, how it changes it, and where it goes."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from adit_cli.cli.wording import duration
from adit_cli.counting import count
from adit_cli.deid.describe import describe_profile
from adit_cli.engine.shares import servers
from adit_cli.jobfile.archive import Archive
from adit_cli.jobfile.cohort import LeftOut
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import FolderNode, label
from adit_cli.jobfile.selector import Selector, SeriesRules, Studies

INDENT = 12
BACKSLASH = "\\"
SHOWN_KEYS = {
    "StudyDate": "date",
    "ModalitiesInStudy": "modality",
    "Modality": "modality",
    "StudyDescription": "description",
    "SeriesDescription": "description",
    "SeriesNumber": "number",
    "NumberOfSeriesRelatedInstances": "number of images",
    "NumberOfStudyRelatedInstances": "number of images",
}
PSEUDONYMS = {
    "map": "patients are called as in {file}",
    "column": "patients are called as in the cohort's column {column}",
    "key": "patients get a pseudonym made from the key, the same in every job with that key",
    "random": "patients get a random pseudonym, unlinkable to any other job",
}


def describe(job: Job) -> str:
    """Return a few labelled lines about a job."""
    parts = {
        "takes": _takes(job),
        "series": _series(job.select.series),
        "changes": _changes(job),
        "delivers": (f"to {_node(job, name)}" for name in job.destinations),
        "runs": [_run(job), *_limits(job)],
    }
    lines = [f"{job.name}{f': {job.description}' if job.description else ''}"]
    for title, sentences in parts.items():
        for number, sentence in enumerate(sentences):
            lines += _wrapped("" if number else title, sentence)
    return "\n".join(lines)


def _wrapped(title: str, sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence,
        shutil.get_terminal_size().columns - 1,
        initial_indent=f"  {title:<{INDENT - 2}}",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _node(job: Job, name: str) -> str:
    node = job.node(name)
    where = f"folder {_short(node.folder)}" if isinstance(node, FolderNode) else label(node)
    shown = where if name == label(node) else f"{name} ({where})"
    if isinstance(node, FolderNode) and name in job.destinations:
        form = " as NIfTI," if node.format == "nifti" else ""
        return f"{shown}, {_packed(node.archive)}filed{form} as {node.filing}"
    return shown


def _packed(archive: Archive | None) -> str:
    if archive is None:
        return ""
    secret = ", encrypted" if archive.password else ""
    return f"one {archive.format} archive a {archive.per}{secret}, in it "


def _short(path: Path) -> str:
    """Return a path as seen from here, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _takes(job: Job) -> Iterator[str]:
    studies = list(_studies(job.select.studies)) or ["every study"]
    nodes = ", else ".join(_node(job, name) for name in job.source)
    yield f"{', and '.join(studies)} from {nodes}"
    if exclude := job.select.studies.exclude:
        yield f"but not {', nor '.join(_left_out(exclude))}"


def _studies(studies: Studies) -> Iterator[str]:
    for cohort in studies.cohort:
        yield f"what the rows of {_short(cohort.file)} name"
    for query in studies.query:
        rules = _rules(query)
        yield f"every study with {rules}" if rules else "every study"
        for rule in query.exclude:
            yield f"none with {_rules(rule)}"
    if studies.uids:
        yield count(len(studies.uids), "study") + " by UID"
    elif "uids" in studies.model_fields_set:
        yield "the studies whose UIDs are piped in"


def _left_out(exclude: LeftOut) -> Iterator[str]:
    for cohort in exclude.cohort:
        yield f"what the rows of {_short(cohort.file)} match"
    if exclude.uids:
        yield count(len(exclude.uids), "study") + " by UID"
    for name in exclude.delivered_by:
        yield f"what job {name} has delivered"


def _series(series: SeriesRules) -> Iterator[str]:
    for rule in series.include:
        yield f"only those with {_rules(rule)}"
    for rule in series.exclude:
        yield f"none with {_rules(rule)}"


def _rules(selector: Selector) -> str:
    return ", ".join(
        f"{SHOWN_KEYS.get(keyword, keyword)} {' or '.join(str(rule).split(BACKSLASH))}"
        for keyword, _, rule in selector.rules()
    )


def _changes(job: Job) -> Iterator[str]:
    if job.pseudonyms:
        yield PSEUDONYMS[job.pseudonyms.source].format(
            file=_short(job.pseudonyms.file or Path()), column=job.pseudonyms.column or "pseudonym"
        )
        if job.pseudonyms.missing == "key":
            yield "patients without a pseudonym get one made from the key"
    else:
        yield (
            "patients keep their names and IDs" if job.deid.profile == "none" else "patients get no pseudonym"
        )
    yield from describe_profile(job.deid)
    if job.trial:
        yield f"every data set is stamped with trial {job.trial.protocol_id}"


def _limits(job: Job) -> Iterator[str]:
    for name, server in servers(job).items():
        if hours := ", ".join(window.text for window in server.limits.window):
            outside = "waits for it" if job.run.outside_window == "wait" else "stops outside"
            yield f"only in the window of {name}: {hours}; {outside}"
        if server.limits.studies_per_hour:
            yield f"at most {count(server.limits.studies_per_hour, 'study')} an hour with {name}"
    if job.run.stop_after is not None:
        yield f"for {duration(job.run.stop_after)} at most"


def _run(job: Job) -> str:
    again = f", a failed study up to {job.run.attempts} times, {duration(job.run.retry_after)} apart"
    return f"{count(job.run.workers, 'study')} at a time{again if job.run.attempts > 1 else ''}"

"""De-identify files on disk, many at a time. Every file that is left out is named with its reason."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.deid.evidence import Replaced
from adit_cli.deid.explain import Explained, explain_file
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.profile import Profile, compile_profile
from adit_cli.deid.spec import DeidSpec
from adit_cli.deid.uids import subkey
from adit_cli.dicom.attributes import read_attributes
from adit_cli.engine.deid_filing import draft_in, file_result, sweep_drafts
from adit_cli.engine.deid_items import IDENTITY, Item, items_of, look_at, patient_of, people_of
from adit_cli.engine.deid_journal import Journal, digest_of, open_journal
from adit_cli.engine.deid_places import BY_PATIENT, Places
from adit_cli.engine.deid_sources import Found, LeftOut
from adit_cli.engine.evidence import check_evidence_folder, write_evidence
from adit_cli.engine.worker import ORPHANED, frames
from adit_cli.errors import AditError, DataError, DeidError, Reason, UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.nodes.storage import make_private, storage_errors
from adit_cli.tasks.pseudonyms import Namer

logger = logging.getLogger(__name__)

FEW = 40
"""Up to so many files are done here: starting processes would take longer."""
CHUNK = 8


@dataclass(frozen=True, slots=True)
class Rules:
    """How files are changed."""

    spec: DeidSpec
    key: bytes = field(repr=False)
    pseudonyms: Pseudonyms
    trial: tuple[str, str] = ("", "")

    def compiled(self) -> Profile:
        """Return the rules as files are put through them."""
        return compile_profile(self.spec, self.key, trial=self.trial)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the results go."""

    folder: Path
    layout: str = BY_PATIENT
    journals: Path | None = None
    """Where it is kept what is done; None where nothing is to stay."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was de-identified."""

    target: Path
    size: int
    replaced: Replaced | None = field(default=None, repr=False)
    is_old: bool = False
    """Whether an earlier run has done it."""


@dataclass(frozen=True, slots=True)
class _Making:
    """What the making of every file needs."""

    folder: Path
    profile: Profile
    places: Places

    def one(self, item: Item) -> Written | LeftOut:
        """Return what becomes of a file. Whatever is wrong with it, it takes no other with it."""
        try:
            return self._made(item)
        except (DataError, DeidError) as error:
            return LeftOut(item.found.shown, error.reason, error.message)
        except AditError:
            raise
        except Exception as error:  # noqa: BLE001 - odd files come by the thousand; this one is named
            logger.info("%s", frames(error))
            what = f"unexpected {type(error).__name__}: a defect of ADIT, please report it"
            return LeftOut(item.found.shown, Reason.INTERNAL, what)

    def _made(self, item: Item) -> Written | LeftOut:
        noting = self.profile.spec.evidence is not None
        with draft_in(self.folder) as draft:
            result = deidentify_file(item.found.path, draft, self.profile, item.pseudonym, noting=noting)
            values = read_attributes(draft, self.places.keywords)
            place = self.places.place(values, item.original, item.modalities, item.found.folders)
            target = file_result(draft, self.folder, place, result.sop_instance_uid)
        if target is None:
            return LeftOut(item.found.shown, Reason.MISMATCH, f"{place} is there already and differs")
        return Written(target, result.size, result.replaced)


def deidentify(
    found: Iterable[Found | LeftOut], target: Target, rules: Rules, *, processes: int | None = None
) -> Generator[Written | LeftOut]:
    """Yield what becomes of each file; UsageError where a pseudonym is missing or contradicts another.

    What is left out already, such as an archive that cannot be read, is told again.
    """
    places = Places(target.layout, subkey(rules.key, "path"))
    known, left_out = look_at(found, {*IDENTITY, *places.keywords})
    yield from left_out
    with storage_errors(str(target.folder), UsageError):
        make_private(target.folder)
        sweep_drafts(target.folder)
    pseudonyms = Namer(rules.pseudonyms, rules.key, {}).assign(people_of(known))
    items = items_of(known, pseudonyms)
    settings = [target.layout, *rules.trial]
    journal = (
        open_journal(target.journals, target.folder, digest_of(rules.spec, rules.key, settings))
        if target.journals
        else nullcontext()
    )
    with journal as kept:
        yield from _going_on(
            items, _Setup(target.folder, rules, places), kept, processes or os.cpu_count() or 1
        )


@dataclass(frozen=True, slots=True)
class _Setup:
    """What a worker process makes its rules of."""

    folder: Path
    rules: Rules
    places: Places

    def making(self) -> _Making:
        return _Making(self.folder, self.rules.compiled(), self.places)


def _going_on(
    items: Sequence[Item], setup: _Setup, journal: Journal | None, processes: int
) -> Iterator[Written | LeftOut]:
    """Yield what was done before, then do the rest; the evidence tells of both, however this ends."""
    evidence = setup.rules.spec.evidence
    if journal is None:
        yield from (one for _, one in _each(items, setup, processes))
        return
    if evidence:
        check_evidence_folder(evidence)
    try:
        done = {item.found.path: _done(item, journal) for item in items}
        yield from filter(None, done.values())
        left = [item for item in items if done[item.found.path] is None]
        for item, one in _each(left, setup, processes):
            if isinstance(one, Written):
                journal.add(item.found.path, item.pseudonym, one.target, one.replaced)
            yield one
    finally:
        if evidence:
            write_evidence(journal.evidence(), evidence)


def _done(item: Item, journal: Journal) -> Written | None:
    done = journal.done(item.found.path, item.pseudonym) if item.found.lasting else None
    return Written(*done, is_old=True) if done else None


def explain(path: Path, rules: Rules) -> list[Explained]:
    """Return what the rules would change in a file, element by element."""
    with storage_errors(str(path), UsageError):
        values = read_attributes(path, IDENTITY)
        pseudonyms = Namer(rules.pseudonyms, rules.key, {}).assign(
            people_of({Found(path, str(path)): values})
        )
        return explain_file(path, rules.compiled(), pseudonyms[patient_of(values)])


def _each(items: Sequence[Item], setup: _Setup, processes: int) -> Iterator[tuple[Item, Written | LeftOut]]:
    if len(items) <= FEW or processes == 1:
        making = setup.making()
        yield from ((item, making.one(item)) for item in items)
        return
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, spawn, initializer=_prepare, initargs=(setup,)) as pool:
            for turn in _in_turns(items):
                yield from zip(turn, pool.map(_one_prepared, turn, chunksize=CHUNK), strict=True)
    except BrokenProcessPool as error:
        raise AditError(
            "a process that de-identifies was killed", hint="run the same again: it does what is left"
        ) from error


def _in_turns(items: Iterable[Item]) -> list[list[Item]]:
    """Return the files so that none of one instance are made at once: which is first is then no chance."""
    turns: list[list[Item]] = []
    seen: dict[str, int] = {}
    for item in items:
        uid = item.original.get("SOPInstanceUID") or item.found.shown
        before = seen.get(uid, 0)
        seen[uid] = before + 1
        if before == len(turns):
            turns.append([])
        turns[before].append(item)
    return turns


_makings: list[_Making] = []
"""The rules of this worker process, compiled once."""


def _prepare(setup: _Setup) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the parent decides
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    _makings[:] = [setup.making()]


def _end_with_parent() -> None:
    """Outlive nobody: a pool whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(ORPHANED)


def _one_prepared(item: Item) -> Written | LeftOut:
    return _makings[0].one(item)

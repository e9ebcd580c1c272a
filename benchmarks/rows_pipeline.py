"""The whole line, C-GET to C-STORE under pseudonyms, against what a user would write; and a slow link."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.adit import adit, python, write_config, write_job
from benchmarks.data import Made, large_object, study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import BEST, add, emptied, expect_files, fresh, timed
from benchmarks.proxy import delayed
from benchmarks.rows_network import Receiver, storescp, storescu
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import LOOPBACK

ONE_STUDY = 400
STUDIES = 8
DELAY = 0.005
SIZES = (10_000, 500_000, 5_000_000, 50_000_000, 500_000_000)
LARGE_STUDY, LARGE_OBJECT, MEMORY_LIMIT, FULL = 4000, 1 << 30, 250e6, 2000


def _of_study(settings: Settings) -> int:
    return min(ONE_STUDY, settings.instances)


@contextmanager
def _pipeline(
    studies: list[Made], workers: int, work: Path
) -> Generator[tuple[Callable[[], Sample], Callable[[], Sample]]]:
    with orthanc(work / "source", ae_title="SOURCE") as source, storescp(work, BEST) as target:
        for made in studies:
            source.upload(made.files)
        total = sum(made.instances for made in studies)
        nodes = {"source": (source.address, workers), "target": (f"SCP@{LOOPBACK}:{target[2]}", workers)}
        job = write_job(work, nodes, [made.uid for made in studies], workers=workers)
        yield (
            partial(_whole, target, total, lambda: adit(work, "transfer", job, "--progress", "none")),
            partial(
                _whole, target, total, lambda: add([_naive(source, made, target, work) for made in studies])
            ),
        )


def _whole(target: Receiver, total: int, run: Callable[[], Sample]) -> Sample:
    fresh(target[1])
    sample = run()
    expect_files(target[1], total)
    return sample


def _naive(source: Orthanc, made: Made, target: Receiver, work: Path) -> Sample:
    arguments = [str(source.port), source.ae_title, made.uid, str(target[2]), target[0]]
    return python(work, "-m", "benchmarks.naive", *arguments)


@contextmanager
def pipeline(settings: Settings) -> Generator[Row]:
    """One study, one worker."""
    work, made = emptied(settings.folder / "work-pipeline"), study(settings.folder, _of_study(settings))
    with _pipeline([made], 1, work) as (ours, theirs):
        yield Row(
            f"C-GET, pseudonymise, C-STORE: one study of {made.instances}, one worker",
            (Contender("adit transfer", ours), Contender("pynetdicom + dicognito script", theirs, rounds=2)),
            (Target(1 / 5, "pynetdicom + dicognito script"),),
        )


@contextmanager
def pipelines(settings: Settings) -> Generator[Row]:
    """Several studies, two workers."""
    work = emptied(settings.folder / "work-pipelines")
    made = [study(settings.folder, _of_study(settings), number=number) for number in range(STUDIES)]
    with _pipeline(made, 2, work) as (ours, theirs):
        yield Row(
            f"the same, {STUDIES} studies of {made[0].instances}, two workers",
            (
                Contender("adit transfer", ours),
                Contender("the script, one study after another", theirs, rounds=1),
            ),
            (Target(1 / 8, "the script, one study after another"),),
        )


@contextmanager
def distance_get(settings: Settings) -> Generator[Row]:
    """C-GET over a link with delay."""
    work, made = emptied(settings.folder / "work-distance-get"), study(settings.folder, _of_study(settings))
    out = work / "out"

    def fetched(run: Callable[[], Sample]) -> Sample:
        fresh(out)
        sample = run()
        expect_files(out, made.instances)
        return sample

    with orthanc(work / "source") as source, delayed(source.port, DELAY, work) as port:
        source.upload(made.files)
        config = write_config(work, {"far": (f"ORTHANC@{LOOPBACK}:{port}", 4)})
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.uid}"]
        getscu = ["getscu", "+B", "-S", *keys, "-od", out, "-aec", "ORTHANC", LOOPBACK, str(port)]
        yield Row(
            f"C-GET of {made.instances} slices over a link with {DELAY * 1000:g} ms each way",
            (
                Contender(
                    "adit get, 4 associations",
                    lambda: fetched(
                        lambda: adit(work, "--config", config, "get", "far", made.uid, "-o", out)
                    ),
                ),
                Contender(
                    "dcmtk getscu +B, NODELAY",
                    lambda: fetched(lambda: timed(getscu, work / "getscu.log", env=BEST)),
                ),
            ),
            (Target(1 / 3, "dcmtk getscu +B, NODELAY"),),
        )


@contextmanager
def distance_send(settings: Settings) -> Generator[Row]:
    """C-STORE over a link with delay."""
    work, made = emptied(settings.folder / "work-distance-send"), study(settings.folder, _of_study(settings))
    with storescp(work, BEST) as target, delayed(target[2], DELAY, work) as port:
        config = write_config(work, {"far": (f"SCP@{LOOPBACK}:{port}", 4)})
        ours = partial(adit, work, "--config", config, "send", "far", made.folder)
        yield Row(
            f"C-STORE of {made.instances} slices over a link with {DELAY * 1000:g} ms each way",
            (
                Contender("adit send, 4 associations", lambda: _whole(target, made.instances, ours)),
                Contender(
                    "dcmtk storescu, NODELAY",
                    lambda: _whole(target, made.instances, lambda: storescu(made.folder, port, work)),
                ),
            ),
            (Target(1 / 3, "dcmtk storescu, NODELAY"),),
        )


@contextmanager
def memory(settings: Settings) -> Generator[Row]:
    """Peak memory: a study of 2 GB from Orthanc, one object of 1 GB from a folder, both to DCMTK."""
    work = emptied(settings.folder / "work-memory")
    many = study(settings.folder, max(min(LARGE_STUDY, settings.instances * 2), 1))
    large = large_object(settings.folder, LARGE_OBJECT * min(settings.instances, FULL) // FULL)
    with orthanc(work / "source", ae_title="SOURCE") as source, storescp(work, BEST) as target:
        source.upload(many.files)
        address = (f"SCP@{LOOPBACK}:{target[2]}", 1)
        for name in ("study", "object"):
            emptied(work / name)
        first = write_job(work / "study", {"source": (source.address, 1), "target": address}, [many.uid])
        second = write_job(
            work / "object", {"source": (str(large.folder), 1), "target": address}, [large.uid]
        )
        yield Row(
            f"memory: a study of {many.instances} slices, and an object of 1 GB",
            (
                Contender(
                    "adit transfer, the study",
                    lambda: _whole(target, many.instances, lambda: adit(work / "study", "transfer", first)),
                    rounds=1,
                ),
                Contender(
                    "adit transfer, the object",
                    lambda: _whole(target, 1, lambda: adit(work / "object", "transfer", second)),
                    rounds=1,
                ),
            ),
            (
                Target(MEMORY_LIMIT, measure="memory"),
                Target(MEMORY_LIMIT, measure="memory", of="adit transfer, the object"),
            ),
            measure="memory",
        )


@contextmanager
def sizes(settings: Settings) -> Generator[Row]:
    """Cost against size: one object after the other by C-GET, from 10 KB to 500 MB."""
    work = emptied(settings.folder / "work-sizes")
    made = {size: large_object(settings.folder, size) for size in SIZES if size <= settings.instances << 18}

    def fetched(address: str, size: int) -> Sample:
        return adit(work, "get", address, made[size].uid, "-o", fresh(work / "out"))

    with orthanc(work / "source") as server:
        for one in made.values():
            server.upload(one.files)
        names = {size: f"adit get, {size / 1e6:g} MB" for size in sorted(made, reverse=True)}
        largest, *others = names.values()
        yield Row(
            "C-GET of one object of 10 KB to 500 MB",
            tuple(
                Contender(name, lambda size=size: fetched(server.address, size))
                for size, name in names.items()
            ),
            (Target(10, others[0], of=largest),),
        )

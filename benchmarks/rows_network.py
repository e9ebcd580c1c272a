"""C-GET, C-STORE and its receiver, against DCMTK and pynetdicom."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.adit import adit
from benchmarks.data import study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import ADIT, AS_SHIPPED, BEST, PYNETDICOM, emptied, expect_files, fresh, timed
from tests.support.orthanc import orthanc
from tests.support.process import LOOPBACK, free_port, listening

Receiver = tuple[str, Path, int]


@contextmanager
def get(settings: Settings) -> Generator[Row]:
    """One study from Orthanc to a folder."""
    made, work = study(settings.folder, settings.instances), emptied(settings.folder / "work-get")
    out = work / "out"

    def fetched(run: Callable[[], Sample]) -> Sample:
        fresh(out)
        sample = run()
        expect_files(out, made.instances)
        return sample

    def getscu(port: int, env: Mapping[str, str]) -> Sample:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.uid}"]
        command = ["getscu", "+B", "-S", *keys, "-od", out, "-aec", "ORTHANC", LOOPBACK, str(port)]
        return timed(command, work / "getscu.log", env=env)

    def pynetdicom(port: int) -> Sample:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.uid}"]
        command = [*PYNETDICOM, "getscu", LOOPBACK, str(port), "-S", *keys, "-od", out, "-aec", "ORTHANC"]
        return timed(command, work / "pynetdicom.log")

    def ours(address: str, *options: str) -> Sample:
        return fetched(lambda: adit(work, "get", address, made.uid, "-o", out, *options))

    with orthanc(work / "best") as best, orthanc(work / "shipped", env=AS_SHIPPED) as shipped:
        for server in (best, shipped):
            server.upload(made.files)
        yield Row(
            f"C-GET of {made.instances} CT slices from Orthanc to a folder",
            (
                Contender("adit get --no-sync", lambda: ours(best.address, "--no-sync")),
                Contender("adit get, fsync", lambda: ours(best.address)),
                Contender("dcmtk getscu +B, NODELAY", lambda: fetched(lambda: getscu(best.port, BEST))),
                Contender(
                    "dcmtk getscu +B, as shipped",
                    lambda: fetched(lambda: getscu(shipped.port, AS_SHIPPED)),
                    rounds=1,
                ),
                Contender("pynetdicom getscu", lambda: fetched(lambda: pynetdicom(best.port)), rounds=2),
            ),
            (
                Target(1.2, "dcmtk getscu +B, NODELAY"),
                Target(1.2, "dcmtk getscu +B, NODELAY", of="adit get, fsync"),
                Target(1 / 6, "pynetdicom getscu", of="adit get, fsync"),
            ),
        )


@contextmanager
def storescp(folder: Path, env: Mapping[str, str]) -> Generator[Receiver]:
    """DCMTK's storage SCP, bit by bit to disk."""
    received, port = emptied(folder / "received"), free_port()
    command = [
        "storescp",
        "+B",
        "-pm",
        "+xa",
        "--fork",
        "-pdu",
        "131072",
        "-od",
        received,
        "-aet",
        "SCP",
        str(port),
    ]
    with listening(command, [port], folder / "storescp.log", env=env):
        yield "SCP", received, port


@contextmanager
def send(settings: Settings) -> Generator[Row]:
    """One folder to DCMTK's storescp."""
    made, work = study(settings.folder, settings.instances), emptied(settings.folder / "work-send")

    def sent(receiver: Receiver, run: Callable[[], Sample]) -> Sample:
        fresh(receiver[1])
        sample = run()
        expect_files(receiver[1], made.instances)
        return sample

    emptied(work / "shipped")
    with storescp(work, BEST) as best, storescp(work / "shipped", AS_SHIPPED) as shipped:
        address = f"SCP@{LOOPBACK}:{best[2]}"
        yield Row(
            f"C-STORE of {made.instances} CT slices to DCMTK's storescp",
            (
                Contender("adit send", lambda: sent(best, lambda: adit(work, "send", address, made.folder))),
                Contender(
                    "dcmtk storescu, NODELAY",
                    lambda: sent(best, lambda: storescu(made.folder, best[2], work)),
                ),
                Contender(
                    "dcmtk storescu, as shipped",
                    lambda: sent(shipped, lambda: storescu(made.folder, shipped[2], work, AS_SHIPPED)),
                    rounds=1,
                ),
                Contender(
                    "pynetdicom storescu",
                    lambda: sent(best, lambda: pynetdicom_storescu(made.folder, best[2], work)),
                    rounds=1,
                ),
            ),
            (Target(1.2, "dcmtk storescu, NODELAY"), Target(1 / 5, "pynetdicom storescu")),
        )


def storescu(folder: Path, port: int, work: Path, env: Mapping[str, str] = BEST) -> Sample:
    """Send a folder with DCMTK."""
    command = ["storescu", "-R", "-xe", "+sd", "+r", "+sp", "*.dcm", "-pdu", "131072", "-aec", "SCP"]
    return timed([*command, LOOPBACK, str(port), folder], work / "storescu.log", env=env)


def pynetdicom_storescu(folder: Path, port: int, work: Path) -> Sample:
    """Send a folder with pynetdicom's own application."""
    command = [*PYNETDICOM, "storescu", LOOPBACK, str(port), folder, "-r", "-cx", "-aec", "SCP"]
    return timed(command, work / "pynetdicom.log")


@contextmanager
def receive(settings: Settings) -> Generator[Row]:
    """DCMTK's storescu to different receivers."""
    made, work = study(settings.folder, settings.instances), emptied(settings.folder / "work-receive")
    ours = ["receive", "--aet", "SCP"]
    receivers: dict[str, tuple[Sequence[str | Path], str, str]] = {
        "adit receive --no-sync": ([ADIT, *ours, "--no-sync"], "--port", "-o"),
        "adit receive, fsync": ([ADIT, *ours], "--port", "-o"),
        "dcmtk storescp, NODELAY": (["storescp", "+B", "-pm", "--fork", "-pdu", "131072"], "", "-od"),
        "pynetdicom storescp": ([*PYNETDICOM, "storescp"], "", "-od"),
    }

    def received(name: str) -> Sample:
        command, port_option, folder_option = receivers[name]
        out, port = fresh(work / "received"), free_port()
        where = [*([port_option] if port_option else []), str(port)]
        words = (
            [*command, folder_option, out, *where]
            if command[0] != PYNETDICOM[0]
            else [*command, *where, "-od", out]
        )
        with listening(words, [port], work / "receiver.log", env={"ADIT_STATE_DIR": str(work / "state")}):
            sample = storescu(made.folder, port, work)
            expect_files(out, made.instances)
        return sample

    yield Row(
        f"{made.instances} CT slices by DCMTK's storescu to a receiver",
        (
            Contender("adit receive --no-sync", lambda: received("adit receive --no-sync")),
            Contender("adit receive, fsync", lambda: received("adit receive, fsync")),
            Contender("dcmtk storescp, NODELAY", lambda: received("dcmtk storescp, NODELAY")),
            Contender("pynetdicom storescp", lambda: received("pynetdicom storescp"), rounds=2),
        ),
        (
            Target(1.5, "dcmtk storescp, NODELAY"),
            Target(3, "dcmtk storescp, NODELAY", of="adit receive, fsync"),
            Target(1 / 4, "pynetdicom storescp"),
        ),
    )

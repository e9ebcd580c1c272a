"""C-MOVE through a receiver that runs, against C-GET of the same study and DCMTK's movescu."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.data import study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import ADIT, BEST, emptied, expect_files, fresh, timed
from tests.support.orthanc import orthanc
from tests.support.process import LOOPBACK, free_port, listening


@contextmanager
def move(settings: Settings) -> Generator[Row]:
    """One study from Orthanc to a folder: by C-MOVE and by C-GET, which is what it is measured against."""
    made, work = study(settings.folder, settings.instances), emptied(settings.folder / "work-move")
    out, state, port, other_port = work / "out", work / "state", free_port(), free_port()
    config = work / "adit.yaml"
    own = {"ADIT_STATE_DIR": str(state), "ADIT_CONFIG": str(config)}

    def fetched(run: Callable[[], Sample]) -> Sample:
        fresh(out)
        sample = run()
        expect_files(out, made.instances)
        return sample

    def ours(way: str, *options: str) -> Sample:
        return timed([ADIT, "get", way, made.uid, "-o", out, *options], work / "adit.log", env=own)

    def movescu(server: str) -> Sample:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.uid}"]
        titles = ["-aet", "MOVESCU", "-aem", "MOVESCU", "-aec", "ORTHANC"]
        words = ["movescu", "-S", *titles, *keys, "+P", str(other_port), "-od", out, LOOPBACK, server]
        return timed(words, work / "movescu.log", env=BEST)

    with orthanc(work / "pacs", env=BEST) as server:
        server.upload(made.files)
        server.register("adit", "ADIT", port)
        server.register("movescu", "MOVESCU", other_port)
        _configure(config, server.port, port)
        receiver = [ADIT, "receive", "--config", config, "--state-dir", state]
        with listening(receiver, [port], work / "receiver.log"):
            yield Row(
                f"C-MOVE of {made.instances} CT slices from Orthanc to a folder",
                (
                    Contender("C-MOVE, --no-sync", lambda: fetched(lambda: ours("c-move", "--no-sync"))),
                    Contender("C-GET, --no-sync", lambda: fetched(lambda: ours("c-get", "--no-sync"))),
                    Contender("C-MOVE, fsync", lambda: fetched(lambda: ours("c-move"))),
                    Contender("C-GET, fsync", lambda: fetched(lambda: ours("c-get"))),
                    Contender("dcmtk movescu, NODELAY", lambda: fetched(lambda: movescu(str(server.port)))),
                ),
                (Target(1.3, "C-GET, --no-sync"), Target(1.3, "C-GET, fsync", of="C-MOVE, fsync")),
            )


def _configure(path: Path, server_port: int, port: int) -> None:
    dimse = f"dimse: ORTHANC@{LOOPBACK}:{server_port}"
    path.write_text(
        f"receiver: {{host: {LOOPBACK}, port: {port}}}\nnodes:\n"
        f"  c-move: {{{dimse}, retrieve: [c-move]}}\n  c-get: {{{dimse}, retrieve: [c-get]}}\n"
    )

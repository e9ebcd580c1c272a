"""`adit demo`: a whole job against a small PACS on this machine."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.demo_folder import LOOKED_AT, DemoFolder
from adit_cli.cli.description import describe
from adit_cli.cli.display import Style, open_display
from adit_cli.cli.options import ProgressOption
from adit_cli.cli.output import write
from adit_cli.cli.sentences import end_of_run
from adit_cli.cli.settings import new_app
from adit_cli.cli.table import Column, render
from adit_cli.engine.events import RunEnded
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.run import RunOptions, run_job
from adit_cli.jobfile.job import Job
from adit_cli.nodes.demo import DemoPacs, demo_studies

EXAMPLES = ("adit demo", "adit demo -o /tmp/adit-demo --serve")
app = new_app()
OutOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to do it in.")]
ServeOption = Annotated[
    bool,
    typer.Option("--serve", help="Keep the two PACSs running afterwards, to try things; Ctrl-C ends them."),
]
NEXT = """
Try next:
  look at {folder}/demo.yaml, cohort.csv and pseudonyms.csv: a job of yours looks the same
  adit status demo --state-dir {folder}/state        what became of each study
  adit deid {folder}/clinical --job {folder}/demo.yaml -o {folder}/clean
                                       the same rules, files on disk only
  adit demo --serve                    the same, and the PACSs stay, to query and fetch from
  adit nodes add pacs AET@host:port    your own PACS, then: adit echo pacs"""
SERVING = """
The PACSs stay until Ctrl-C. In another terminal:
  adit query DEMO@127.0.0.1:{clinical}
  adit query RESEARCH@127.0.0.1:{research} --level series
  adit get DEMO@127.0.0.1:{clinical} STUDY_UID -o {folder}/fetched
  adit transfer {folder}/demo.yaml --state-dir {folder}/state      moves nothing: all is done"""


@app.command()
def demo(
    *,
    output: OutOption = Path("adit-demo"),
    serve: ServeOption = False,
    progress: ProgressOption = Style.AUTO,
) -> None:
    """Start a small PACS of sample studies on this machine, and run a complete job against it.

    The patients are invented, the network is real: C-FIND, C-GET and C-STORE over DICOM. Everything is in one
    folder, where you can look at the job file and at what came out. It takes less than a minute.
    """
    folder = DemoFolder(output)
    folder.prepare()
    typer.echo("Making sample studies ...", err=True)
    demo_studies(output / "clinical")
    with (
        DemoPacs(output / "clinical", ae_title="DEMO") as clinical,
        DemoPacs(output / "research", ae_title="RESEARCH") as research,
    ):
        job = folder.write_job(clinical.port, research.port)
        ended = _run(folder, job, progress)
        _show(folder)
        if serve:
            _serve(folder, clinical, research)
    raise typer.Exit(ended.exit_code)


def _run(folder: DemoFolder, job: Job, progress: Style) -> RunEnded:
    write(
        f"\n{folder.path / 'demo.yaml'} says:\n{describe(job)}\n\n$ adit transfer {folder.path / 'demo.yaml'}"
    )
    sys.stdout.flush()
    display = open_display(progress)
    try:
        ended = run_job(job, RunOptions(StateFolder((folder.path / "state").absolute())), display.show)
    finally:
        display.close()
    write(end_of_run(ended))
    return ended


def _show(folder: DemoFolder) -> None:
    write("\nWhat came out:\n" + "\n".join(folder.tree()))
    columns = [Column("Element"), Column("Before"), Column("After")]
    write(
        f"\nThe header of one image, of patient {LOOKED_AT[0]}:\n{render(columns, folder.before_and_after())}"
    )
    write(NEXT.format(folder=folder.path))


def _serve(folder: DemoFolder, clinical: DemoPacs, research: DemoPacs) -> None:
    """Wait for Ctrl-C."""
    write(SERVING.format(folder=folder.path, clinical=clinical.port, research=research.port))
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        threading.Event().wait()

"""`adit deid`: de-identify files on disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.deid_rules import rules_from, rules_of_job
from adit_cli.cli.job_files import read_job
from adit_cli.cli.output import show_rows
from adit_cli.cli.settings import new_app, settings
from adit_cli.cli.table import Column
from adit_cli.cli.wording import count, size
from adit_cli.deid.explain import Explained
from adit_cli.deid.spec import Option
from adit_cli.engine.deid_batch import LeftOut, Rules, Written, deidentify, explain, files_of
from adit_cli.engine.folders import state_folder
from adit_cli.errors import DataError, DeidError, UsageError
from adit_cli.nodes.opened_archives import OpenedArchives

EXAMPLES = (
    "adit deid images/ -o clean/ --profile basic",
    "adit deid images/ -o clean/ --option retain-patient-characteristics --rule PatientSex=keep",
    "adit deid images/ -o clean/ --rule 'StudyDescription=replace:CHEST CT' --key-file lung.key",
    "adit deid images/ -o clean/ --job lung.yaml",
    "adit deid image.dcm --explain",
)
app = new_app()
EXPLAINED = {
    "keyword": Column("Element"),
    "before": Column("Before"),
    "after": Column("After"),
    "rule": Column("What was done"),
}
OutOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the changed files.")
]
ProfileOption = Annotated[str, typer.Option("--profile", help="basic: the Basic Profile of PS3.15 Annex E.")]
OptionsOption = Annotated[
    list[Option] | None,
    typer.Option(
        "--option", metavar="NAME", help=f"An option of the profile: {', '.join(Option)}; repeat it."
    ),
]
RuleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="KEY=ACTION",
        help="The last word on an element: keep, remove, empty, hash, shift-date, new-uid, replace:TEXT or "
        "clean:FILE, by keyword or gggg,eeee; repeat it.",
    ),
]
JobOption = Annotated[
    Path | None, typer.Option("--job", metavar="JOB.yaml", help="The rules, key and pseudonyms of this job.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="The secret behind pseudonyms and UIDs.  [default: one that is kept in the state folder]",
    ),
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Show each element before and after, and the rule; write nothing.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be left out; write nothing.")]


@app.command()
def deid(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, folders and archives.")],
    *,
    output: OutOption = None,
    profile: ProfileOption = "basic",
    option: OptionsOption = None,
    rule: RuleOption = None,
    job: JobOption = None,
    key_file: KeyOption = None,
    explain_each: ExplainOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """De-identify files on disk, with the Basic Profile or with a job's rules.

    Results are DIR/<pseudonym>/<new study UID>/<new instance UID>.dcm: no name, ID or UID of the originals is
    in a path. Archives (zip, 7z, tar) are read like folders, unpacked into the state folder meanwhile. What
    may not leave, or would still name its patient, is left out and named with its reason (exit code 3).
    """
    state = state_folder(settings(ctx).state_dir, os.environ)
    if job:
        rules = rules_of_job(read_job(ctx, job), state)
    else:
        rules = rules_from(profile, option or [], rule or [], key_file, state)
    if output is None and not dry_run and not explain_each:
        raise UsageError("where to?", hint="name a folder with -o DIR, or look first: --dry-run, --explain")
    with OpenedArchives(state.unpacked) as archives:
        nowhere = None if dry_run else output
        if not (_explain(paths, rules, archives) if explain_each else _run(paths, nowhere, rules, archives)):
            raise typer.Exit(3)


def _explain(paths: list[Path], rules: Rules, archives: OpenedArchives) -> bool:
    """Show what would change in each file; return whether none would be left out."""
    left_out = 0
    for path in files_of(paths, archives):
        if isinstance(path, LeftOut):
            left_out += 1
            typer.echo(f"{path.source}: {path.reason.value}: {path.message}", err=True)
            continue
        typer.echo(f"{archives.shown(path)}:", err=True)
        try:
            show_rows([_row(one) for one in explain(path, rules)], EXPLAINED, None)
        except (DataError, DeidError) as error:
            left_out += 1
            typer.echo(f"  left out: {error.reason.value}: {error.message}", err=True)
    return not left_out


def _row(one: Explained) -> dict[str, str]:
    rule = one.rule.removeprefix(one.keyword).strip()
    return {
        "keyword": one.keyword,
        "before": one.before,
        "after": one.after or "",
        "rule": rule,
        "tag": one.path,
    }


def _run(paths: list[Path], output: Path | None, rules: Rules, archives: OpenedArchives) -> bool:
    """Write the results, into nowhere without an output folder; return whether none was left out."""
    written: list[Written] = []
    left_out = 0
    with tempfile.TemporaryDirectory(prefix="adit-") as nowhere:
        for one in deidentify(files_of(paths, archives), output or Path(nowhere), rules):
            match one:
                case Written():
                    written.append(one)
                case LeftOut():
                    left_out += 1
                    typer.echo(f"{archives.shown(one.source)}: {one.reason.value}: {one.message}", err=True)
    where = f"in {output}" if output else "would be written"
    total = size(sum(one.size for one in written))
    aside = f", {count(left_out, 'file')} left out" if left_out else ""
    typer.echo(f"{count(len(written), 'file')} ({total}) {where}{aside}", err=True)
    return not left_out

"""`adit deid`: de-identify files on disk."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.deid_rules import rules_from, rules_of_job, with_evidence
from adit_cli.cli.job_files import check_job
from adit_cli.cli.loading import archive_password
from adit_cli.cli.output import Format, Row, default_format, show_rows
from adit_cli.cli.settings import new_app, settings
from adit_cli.cli.table import Column
from adit_cli.cli.wording import printable, size
from adit_cli.counting import count
from adit_cli.deid.explain import Explained
from adit_cli.deid.spec import Option
from adit_cli.engine.deid_batch import Rules, Target, Written, deidentify, explain
from adit_cli.engine.deid_places import BY_PATIENT
from adit_cli.engine.deid_sources import Found, LeftOut, files_of
from adit_cli.engine.folders import state_folder
from adit_cli.errors import DataError, DeidError, UsageError
from adit_cli.nodes.opened_archives import OpenedArchives

EXAMPLES = (
    "adit deid images/ -o clean/ --profile basic",
    "adit deid images/ -o clean/ --option retain-patient-characteristics --rule PatientSex=keep",
    "adit deid images/ -o clean/ --rule 'StudyDescription=replace:CHEST CT' --key-file lung.key",
    "adit deid images/ -o clean/ --job lung.yaml --evidence evidence/",
    "adit deid images/ -o clean/ --layout '{PatientID}/{SeriesNumber:03}/{InstanceNumber:05}.dcm'",
    "adit deid image.dcm --explain --format json",
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
LayoutOption = Annotated[
    str,
    typer.Option(
        "--layout",
        metavar="TEMPLATE",
        help="Where results go, by their new attributes, as in {PatientID}/{InstanceNumber:05}.dcm; `tree` "
        "keeps the folders under names that say nothing.",
    ),
]
EvidenceOption = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        metavar="DIR",
        help="Write uid_mapping.csv, patid_mapping.csv and actions.csv there. They name patients.",
    ),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Of --explain.  [default: table on a terminal, else tsv]")
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
    layout: LayoutOption = BY_PATIENT,
    evidence: EvidenceOption = None,
    explain_each: ExplainOption = False,
    output_format: FormatOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """De-identify files on disk, with the Basic Profile or with a job's rules.

    No name, ID or UID of the originals is in a path. Archives (zip, 7z, tar) are read like folders, unpacked
    into the state folder meanwhile; $ADIT_ARCHIVE_PASSWORD opens encrypted ones. What may not leave, or would
    still name its patient, is left out and named with its reason (exit code 3). The same again, after
    whatever interrupted it, does what is left.
    """
    state = state_folder(settings(ctx).state_dir, os.environ)
    if job:
        rules = rules_of_job(check_job(ctx, job), state)
    else:
        rules = rules_from(profile, option or [], rule or [], key_file, state)
    rules = with_evidence(rules, evidence, output)
    if output is None and not dry_run and not explain_each:
        raise UsageError("where to?", hint="name a folder with -o DIR, or look first: --dry-run, --explain")
    with OpenedArchives(state.unpacked, archive_password()) as archives:
        found = files_of(paths, archives, output)
        if explain_each:
            whole = _explain(found, rules, output_format)
        elif dry_run or output is None:
            whole = _try(found, rules, layout)
        else:
            target = Target(output, layout, state.deidentified)
            whole = _run(found, rules, target, quiet=settings(ctx).verbosity < 0)
    if not whole:
        raise typer.Exit(3)


def _explain(found: Iterable[Found | LeftOut], rules: Rules, output_format: Format | None) -> bool:
    """Show what would change in each file, one table each; return whether none would be left out."""
    left_out = 0
    rows: list[Row] = []
    chosen = output_format or default_format()
    for one in found:
        changes = _changes(one, rules)
        if isinstance(changes, LeftOut):
            left_out += 1
            _name(changes)
            continue
        _say(printable(f"{one.shown}:"))
        rows += [_row(one.shown, change) for change in changes]
        if chosen is Format.TABLE:
            show_rows(rows, EXPLAINED, chosen)
            rows.clear()
    if chosen is not Format.TABLE:
        show_rows(rows, EXPLAINED, chosen)
    return not left_out


def _changes(one: Found | LeftOut, rules: Rules) -> list[Explained] | LeftOut:
    if isinstance(one, LeftOut):
        return one
    try:
        return explain(one.path, rules)
    except (DataError, DeidError) as error:
        return LeftOut(one.shown, error.reason, error.message)


def _row(shown: str, change: Explained) -> Row:
    return {
        "keyword": change.keyword,
        "before": change.before,
        "after": change.after or "",
        "rule": change.rule.removeprefix(change.keyword).strip(),
        "tag": change.path,
        "file": shown,
    }


def _try(found: Iterable[Found | LeftOut], rules: Rules, layout: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="adit-") as nowhere:
        return _run(found, rules, Target(Path(nowhere), layout))


def _run(found: Iterable[Found | LeftOut], rules: Rules, target: Target, *, quiet: bool = False) -> bool:
    """Write the results and sum up; return whether nothing was left out."""
    tally = Counter[str]()
    with closing(deidentify(found, target, rules)) as results:
        for one in results:
            match one:
                case Written():
                    tally.update(written=1, size=one.size, before=one.is_old)
                case LeftOut():
                    tally["left out"] += 1
                    _name(one)
    if not quiet:
        _say(_summary(tally, f"in {target.folder}" if target.journals else "would be written"))
    return not tally["left out"]


def _summary(tally: Mapping[str, int], where: str) -> str:
    before = f", {tally['before']} of them by an earlier run" if tally["before"] else ""
    aside = f", {count(tally['left out'], 'file')} left out" if tally["left out"] else ""
    return f"{count(tally['written'], 'file')} ({size(tally['size'])}) {where}{before}{aside}"


def _name(one: LeftOut) -> None:
    _say(printable(f"{one.shown}: {one.reason.value}: {one.message}"))


def _say(text: str) -> None:
    typer.echo(text, err=True)

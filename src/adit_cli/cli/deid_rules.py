"""The rules of `adit deid`, from its options or from a job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adit_cli.deid.spec import DeidSpec, Option
from adit_cli.engine.deid_batch import Rules
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.keys import project_key
from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Job, Pseudonyms

FROM_KEY = Pseudonyms.model_validate({"from": "key"})
WITH_VALUE = ("replace", "clean")


def rules_from(
    profile: str, options: Iterable[Option], rules: Iterable[str], key_file: Path | None, state: StateFolder
) -> Rules:
    """Return the rules that the options say; without a key file the key is one that is kept for this user."""
    written = {"profile": profile, "options": list(options), "rules": dict(map(_rule, rules))}
    try:
        spec = DeidSpec.model_validate({name: value for name, value in written.items() if value})
    except ValidationError as error:
        raise UsageError("\n".join(map(_problem, error.errors()))) from None
    if spec.profile == "none":
        raise UsageError("profile none changes nothing", hint="copy the files instead")
    return Rules(spec, project_key(None, key_file, state.create().path / "key"), FROM_KEY)


def rules_of_job(job: Job, state: StateFolder) -> Rules:
    """Return a job's rules, with its key and its pseudonyms."""
    if job.deid.profile == "none":
        raise UsageError(f"job {job.name} changes nothing", hint="give it `pseudonyms` or `deidentify`")
    folder = state.create().job(job.name).create()
    key = project_key(job.key.get_secret_value() if job.key else None, job.key_file, folder.key)
    trial = (job.trial.protocol_id, job.trial.protocol_name) if job.trial else ("", "")
    return Rules(job.deid, key, job.pseudonyms or FROM_KEY, trial)


def with_evidence(rules: Rules, evidence: Path | None, output: Path | None) -> Rules:
    """Return the rules with the place for evidence, if the command names one."""
    place = evidence.absolute() if evidence else rules.spec.evidence
    if place and output and place.resolve().is_relative_to(output.resolve()):
        raise UsageError(
            f"--evidence {place} lies among the results, and names their patients",
            hint="choose a folder elsewhere",
        )
    return replace(rules, spec=rules.spec.model_copy(update={"evidence": place}))


def _rule(text: str) -> tuple[str, object]:
    name, equals, action = text.partition("=")
    if not equals or not action:
        raise UsageError(f"--rule {text}: write KEY=ACTION", hint="as in --rule PatientSex=keep")
    word, colon, value = action.partition(":")
    return name.strip(), {word: value} if colon and word in WITH_VALUE else action


def _problem(error: ErrorDetails) -> str:
    return f"{'='.join(map(str, error['loc'][:2]))}: {error['msg'].removeprefix('Value error, ')}"

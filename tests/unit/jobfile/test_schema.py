from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.reference import page_text, schema_text
from adit_cli.jobfile.schema import Schema, is_secret, job_schema, keys_at
from adit_cli.jobfile.values import PIPED_LATER
from tests.support.jobfiles import job_text

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "pipelines").glob("*.yaml"))
FIRST_LINE = "# yaml-language-server: $schema=../../docs/adit-job.schema.json\n"


def complaints(text: str) -> list[str]:
    validator = Draft202012Validator(job_schema())
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]  # pyright: ignore[reportUnknownMemberType]  # untyped


def blocks(schema: Schema) -> dict[str, Schema]:
    return {"": schema, **cast("dict[str, Schema]", schema["$defs"])}


def test_there_are_enough_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_job_with_its_schema_in_the_first_line(path: Path) -> None:
    text = path.read_text()

    job = load_job(path, environment={"ADIT_KEY": "an invented secret"}, stdin_uids=PIPED_LATER)

    assert text.startswith(FIRST_LINE)
    assert complaints(text) == []
    assert job.description


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(job_schema())


@pytest.mark.parametrize(
    "text",
    [
        job_text(),
        job_text(source="{dimse: {ae_title: A, host: h, port: 104}}", destinations="{folder: x}"),
        job_text("run: {workers: '${N}', retry_after: 90}"),
        job_text(select="{studies: {uids: '-', query: {study_date: 2024, where: {SeriesNumber: 3}}}}"),
        job_text(select="{studies: {uids: {file: x}}, series: {include: [{series_number: [1, '2..3']}]}}"),
        job_text("key: '${K}'", "deidentify: {rules: {PatientSex: keep, A: {replace: x}}, verify: false}"),
    ],
)
def test_the_schema_takes_every_short_form(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.parametrize(
    "text",
    [
        job_text(name=""),
        job_text("nonsense: 1"),
        job_text("run: {workers: x}"),
        job_text(nodes="{'a b': {folder: x}}"),
        job_text(source="{fodler: x}"),
        job_text("pseudonyms: {from: keys}"),
        job_text(select="{studies: {uids: {fil: x}}}"),
    ],
)
def test_the_schema_refuses_what_the_program_refuses(text: str) -> None:
    assert complaints(text) != []


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{block}.{key}"
        for block, schema in blocks(job_schema()).items()
        for key, below in cast("dict[str, Schema]", schema.get("properties", {})).items()
        if "description" not in below and "$ref" not in below
    ]

    assert silent == []


def test_known_keys_are_found_through_names_lists_and_short_forms() -> None:
    schema = job_schema()

    assert keys_at(schema, ("run",)) == [
        "workers",
        "attempts",
        "retry_after",
        "cache",
        "stop_after",
        "outside_window",
    ]
    assert "series_number" in keys_at(schema, ("select", "series", "exclude", 3))
    assert "connect" in keys_at(schema, ("nodes", "any", "dimse", "timeouts"))
    assert "folder" in keys_at(schema, ("destinations", 0))
    assert keys_at(schema, ("no", 3, "where")) == []


def test_what_is_secret_is_known_by_its_place() -> None:
    schema = job_schema()

    assert is_secret(schema, ("key",))
    assert not is_secret(schema, ("key_file",))
    assert not is_secret(schema, ("name",))


def test_the_reference_and_the_schema_file_are_current(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "adit_cli.jobfile.reference", tmp_path], check=True)

    for name in ("job-file.md", "adit-job.schema.json"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text(), (
            "run: python -m adit_cli.jobfile.reference docs"
        )


def test_the_reference_explains_every_key_of_every_block() -> None:
    page = page_text()
    documented = {
        key
        for schema in blocks(job_schema()).values()
        for key in cast("Schema", schema.get("properties", {}))
    }

    missing = [key for key in documented if f"\n| `{key}` | " not in page]

    assert missing == []
    assert "| key | type | default | meaning | example |" in page
    assert json.loads(schema_text()) == job_schema()

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.errors import JobFileError
from adit_cli.jobfile.config import Config
from tests.support.jobfiles import job_text, problems, read_job

SECRETS = ["hunter2", "xyzzy  plugh", "qqq..www..eee", "it's\\xzz", "31.12.1999", "ZoëZ", "qqz=http://wwq"]


def telling_words(secret: str, lines: list[str]) -> list[str]:
    """Return the words of a secret that the lines hold; shorter ones are in any text."""
    told = "\n".join(lines).casefold()
    return [word for word in re.findall(r"\w{3,}", secret.casefold()) if word in told]


@pytest.mark.parametrize(
    ("written", "variables", "environment", "description"),
    [
        ("${A}", {"A": "x"}, {}, "x"),
        ("${A}", {}, {"A": "x"}, "x"),
        ("${A}", {"A": "x"}, {"A": "y"}, "x"),
        ("a ${A} and ${B_1}", {"A": "x"}, {"B_1": "y"}, "a x and y"),
        ("${A:-d}", {}, {}, "d"),
        ("${A:-d}", {"A": ""}, {}, "d"),
        ("${A:-}", {}, {}, ""),
        ("${A}", {"A": ""}, {}, ""),
        ("$${A} costs $5", {}, {}, "${A} costs $5"),
        ("'${A}'", {"A": "${B}"}, {}, "${B}"),
        ("'${A}'", {"A": "null"}, {}, "null"),
    ],
)
def test_variables_are_filled_in(
    tmp_path: Path, written: str, variables: dict[str, str], environment: dict[str, str], description: str
) -> None:
    text = job_text(f"description: {written}")

    assert read_job(tmp_path, text, variables=variables, environment=environment).description == description


def test_a_variable_can_stand_in_any_value(tmp_path: Path) -> None:
    text = job_text("run: {workers: '${N}'}", destinations="['${D}']")

    job = read_job(tmp_path, text, variables={"N": "7", "D": "export"})

    assert (job.run.workers, job.destinations) == (7, ("export",))


def test_a_variable_that_is_not_set_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    text = job_text("run: {workers: '${WORKRES}'}", "description: ${Q}")

    assert problems(tmp_path, text, environment={"WORKERS": "3"}) == [
        (
            "job.yaml:10:16: run.workers: the variable WORKRES is not set (did you mean WORKERS?): "
            "set it in the environment, give --var WORKRES=VALUE, or write ${WORKRES:-default}"
        ),
        (
            "job.yaml:11:14: description: the variable Q is not set: "
            "set it in the environment, give --var Q=VALUE, or write ${Q:-default}"
        ),
    ]


@pytest.mark.parametrize("written", ["${", "${A", "${1}", "${a b}", "${A:b}"])
def test_what_only_begins_like_a_variable_is_told(tmp_path: Path, written: str) -> None:
    (found,) = problems(tmp_path, job_text(f"description: '{written}'"), environment={"A": "x"})

    assert found == (
        "job.yaml:10:14: description: ${ begins a variable: write ${NAME}, or $${ for the two characters"
    )


def test_a_variable_that_nothing_uses_is_told(tmp_path: Path) -> None:
    text = job_text("description: ${SITE}")
    config = Config(used=frozenset({"HOST"}))

    found = problems(tmp_path, text, variables={"SITES": "x", "HOST": "y", "SITE": "z"}, config=config)

    assert found == ["job.yaml: --var SITES: nothing uses ${SITES} (did you mean SITE?)"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "line",
    [
        "run: {workers: '${SECRET}'}",
        "run: {retry_after: '${SECRET}'}",
        "run: {retry_after: 'x ${SECRET}'}",
        "deidentify: {profile: '${SECRET}'}",
        "deidentify: {safe_private: ['${SECRET}']}",
        "deidentify: {rules: {PatientSex: '${SECRET}'}}",
        "key_file: '${SECRET}'",
        "trial: '${SECRET}'",
        "pseudonyms: {from: '${SECRET}'}",
        "nodes: {x: '${SECRET}'}",
    ],
)
def test_what_a_variable_holds_is_in_no_message(tmp_path: Path, line: str, secret: str) -> None:
    key = line.partition(":")[0]
    text = job_text(line) if key != "nodes" else job_text(nodes=line.partition(": ")[2])

    found = problems(tmp_path, text, environment={"SECRET": secret})

    assert not telling_words(secret, found)
    assert any("${SECRET}" in line for line in found)


@pytest.mark.parametrize("line", ["key_file: '${SECRET}'", "deidentify: {safe_private: ['${SECRET}']}"])
def test_even_a_secret_of_one_letter_is_in_no_message(tmp_path: Path, line: str) -> None:
    (found,) = problems(tmp_path, job_text(line), environment={"SECRET": "z"})

    assert found.endswith("what ${SECRET} stands for is not possible here")


def test_a_variable_in_one_place_is_masked_in_messages_about_others(tmp_path: Path) -> None:
    text = job_text("description: ${SITE}", source="berlinn")

    found = problems(tmp_path, text, environment={"SITE": "berlinn"})

    assert found[0].startswith("job.yaml:7:9: source: no node is called '${SITE}'")


@given(secret=st.text("qxzQXZ .-\\'/\"é", min_size=4, max_size=20))
@pytest.mark.parametrize("key", ["study_date", "study_description", "modality", "where"])
def test_no_secret_is_told_by_any_pattern(
    tmp_path_factory: pytest.TempPathFactory, key: str, secret: str
) -> None:
    value = "{SeriesNumber: '${SECRET}', StudyTime: '${SECRET}'}" if key == "where" else "'${SECRET}'"
    text = job_text(select=f"{{studies: {{query: {{{key}: {value}}}}}}}")

    try:
        read_job(tmp_path_factory.mktemp("any"), text, environment={"SECRET": secret})
    except JobFileError as error:
        assert not telling_words(secret, [error.message])  # noqa: PT017  # most are fine patterns

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.jobfiles import job_text, problems, read_job

NOTHING = "the job selects nothing: name a cohort, a query or uids, or pipe UIDs in with --uids -"
STAMPED = "is written into data sets only where they are changed: add pseudonyms, or leave trial out"


def only(folder: Path, text: str, stdin_uids: tuple[str, ...] | None = None) -> str:
    (found,) = problems(folder, text, stdin_uids=stdin_uids)
    return found.partition(" ")[2]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"source": "clinic"}, "source: no node is called 'clinic' (did you mean clinical?)"),
        (
            {"source": "moon"},
            "source: no node is called 'moon': known are clinical, export, research",
        ),
        (
            {"source": "PACS@localhost:104"},
            "source: no node is called 'PACS@localhost:104': write {dimse: 'PACS@localhost:104'}",
        ),
        (
            {"source": "'https://pacs/dicom-web'"},
            "source: no node is called 'https://pacs/dicom-web': write {dicomweb: 'https://pacs/dicom-web'}",
        ),
        ({"destinations": "[out/]"}, "destinations[0]: no node is called 'out/': write {folder: 'out/'}"),
        ({"destinations": "../out"}, "destinations: no node is called '../out': write {folder: '../out'}"),
        ({"source": "[clinical, clinical]"}, "source[1]: stands here twice: keep one of them"),
        ({"destinations": "[]"}, "destinations: must name at least one node"),
        ({"destinations": "[export, export]"}, "destinations[1]: stands here twice: keep one of them"),
        (
            {"destinations": "[export, {folder: ./x/../out}]"},
            "destinations[1]: stands here twice: keep one of them",
        ),
        (
            {"destinations": "[{dimse: CLINICAL@PACS.example.org:104}]"},
            "destinations[0]: is the source as well: studies would be sent to where they come from",
        ),
        (
            {"source": "{folder: .}"},
            "destinations[0]: lies inside the source folder: choose a folder beside it",
        ),
    ],
)
def test_nodes_that_do_not_fit_together_are_told(
    tmp_path: Path, changed: dict[str, str], problem: str
) -> None:
    assert only(tmp_path, job_text(**changed)) == problem


def test_without_any_node_a_name_says_where_one_is_added(tmp_path: Path) -> None:
    found = problems(tmp_path, job_text(nodes="", destinations="{folder: x}"))

    assert found == ["job.yaml:3:9: source: no node is called 'clinical': known are none; add it under nodes"]


def test_nodes_that_have_problems_of_their_own_are_still_known(tmp_path: Path) -> None:
    text = job_text(nodes="{clinical: {dimse: x}, export: {folder: out}}")

    assert only(tmp_path, text) == "nodes.clinical.dimse: write it as AE_TITLE@host:port, not 'x'"


def test_nodes_that_are_no_mapping_are_told_once(tmp_path: Path) -> None:
    assert only(tmp_path, job_text(nodes="[a]")) == "nodes: must be a mapping (key: value)"


def test_a_server_and_a_folder_are_never_the_same(tmp_path: Path) -> None:
    assert read_job(tmp_path, job_text(destinations="[research, export]")).destinations == (
        "research",
        "export",
    )


@pytest.mark.parametrize(
    ("select", "problem"),
    [
        ("", NOTHING),
        (
            "{studies: {}}",
            f"select.studies: {NOTHING}",
        ),
        (
            "{studies: {query: {}}}",
            "select.studies.query: would take the whole archive: name at least one key, such as study_date",
        ),
    ],
)
def test_a_server_is_never_emptied_by_leaving_something_out(
    tmp_path: Path, select: str, problem: str
) -> None:
    assert only(tmp_path, job_text(select=select)) == problem


def test_a_server_is_recognised_by_any_of_its_addresses(tmp_path: Path) -> None:
    url = "dicomweb: https://pacs/dicom-web"
    text = job_text(source=f"{{{url}}}", destinations=f"[{{dimse: A@pacs:104, {url}}}, export]")

    assert only(tmp_path, text).startswith("destinations[0]: is the source as well")


def test_uids_of_a_pipe_are_selection_enough(tmp_path: Path) -> None:
    assert read_job(tmp_path, job_text(select=""), stdin_uids=("1.2",)).select.studies.uids == ("1.2",)


@pytest.mark.parametrize("key", ["query: {study_date: 2024}", "cohort: {file: cohort.csv}"])
def test_a_pipe_never_adds_to_another_selection_unasked(tmp_path: Path, key: str) -> None:
    (tmp_path / "cohort.csv").touch()
    found = only(tmp_path, job_text(select=f"{{studies: {{{key}}}}}"), stdin_uids=("1.2",))
    both = read_job(tmp_path, job_text(select=f'{{studies: {{{key}, uids: "-"}}}}'), stdin_uids=("1.2",))

    assert "is used although UIDs are piped in" in found
    assert both.select.studies.uids == ("1.2",)
    assert both.select.studies.query or both.select.studies.cohort


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ['key: "a rather long secret"', "key_file: job.yaml"],
            "key_file: stands here beside key: keep one of them",
        ),
        (
            ["pseudonyms: {from: key}", "deidentify: {profile: none}"],
            (
                "deidentify.profile: none moves data sets as they are, without the pseudonyms: "
                "write basic, or leave pseudonyms out"
            ),
        ),
        (
            ["trial: {protocol_id: X}"],
            f"trial: {STAMPED}",
        ),
        (
            ["trial: {protocol_id: X}", "deidentify: {profile: none}"],
            f"trial: {STAMPED}",
        ),
        (
            ["pseudonyms: {from: column}"],
            "pseudonyms.from: column is one of the cohort's, and this job has no cohort",
        ),
        (["pseudonyms: {from: map}"], "pseudonyms.from: `map` needs its file: add `file: pseudonyms.csv`"),
        (
            ["pseudonyms: {from: key, missing: key}"],
            "pseudonyms.missing: is only used with `from: map` and `from: column`",
        ),
        (["pseudonyms: {from: key, file: job.yaml}"], "pseudonyms.file: is only used with `from: map`"),
        (["pseudonyms: {from: key, column: C}"], "pseudonyms.column: is only used with `from: column`"),
        (
            ["pseudonyms: {from: map, file: job.yaml, prefix: A}"],
            (
                "pseudonyms.prefix: is only used with pseudonyms that are made: "
                "`from: key`, `from: random` or `missing: key`"
            ),
        ),
    ],
)
def test_what_would_have_no_effect_or_contradicts_is_told(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    assert only(tmp_path, job_text(*lines)) == problem


def test_a_file_that_is_not_there_is_told_with_one_that_is(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").touch()
    text = job_text("pseudonyms: {from: map, file: codse.csv}", "key_file: other/key")

    assert problems(tmp_path, text) == [
        "job.yaml:10:31: pseudonyms.file: there is no such file: codse.csv (did you mean codes.csv?)",
        "job.yaml:11:11: key_file: there is no such file: other/key",
    ]


def test_what_is_no_file_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    text = job_text("pseudonyms: {from: map, file: codes.csv}", "key_file: pipe.csv")

    assert problems(tmp_path, text) == [
        "job.yaml:10:31: pseudonyms.file: is a folder, not a file: codes.csv",
        "job.yaml:11:11: key_file: is no file that can be read twice: pipe.csv",
    ]


@pytest.mark.parametrize("name", ["cohort.xls", "cohort.ods", "cohort"])
def test_a_cohort_is_a_table_of_a_kind_that_is_read(tmp_path: Path, name: str) -> None:
    found = only(tmp_path, job_text(select=f"{{studies: {{cohort: {{file: {name}}}}}}}"))

    assert found == (
        "select.studies.cohort.file: is no table that can be read: save it as .csv, .tsv, .xlsx or .parquet,"
        f" not '{name}'"
    )


def test_each_of_several_tables_and_queries_is_checked(tmp_path: Path) -> None:
    text = job_text(
        select="{studies: {cohort: [{file: job.yaml.csv}, {file: no.csv}], query: [{modality: CT}, {}]}}"
    )
    (tmp_path / "job.yaml.csv").write_text("patient_id\n1\n")

    assert [found.partition(": ")[0] for found in problems(tmp_path, text)] == [
        "job.yaml:9:58",
        "job.yaml:9:92",
    ]


def test_a_job_cannot_leave_out_what_it_delivers_itself(tmp_path: Path) -> None:
    text = job_text(select="{studies: {uids: [1.2], exclude: {delivered_by: [other, lung]}}}")

    assert "select.studies.exclude.delivered_by[1]: is this job itself" in only(tmp_path, text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{uids: '-'}", "uids: - stands for standard input"),
        ("{uids: [1.2/1.3]}", "uids: must be UIDs of whole studies"),
        ("{uids: [1.x]}", "uids[0]: must be a UID"),
        ("{cohort: {file: no.csv}}", "cohort.file: there is no such file"),
        ("{cohort: []}", "cohort: must have at least 1 of them"),
        ("{delivered_by: ../x}", "delivered_by: must begin with a letter"),
    ],
)
def test_what_cannot_be_left_out_is_told(tmp_path: Path, written: str, said: str) -> None:
    text = job_text(select=f"{{studies: {{uids: [1.2], exclude: {written}}}}}")

    assert f"select.studies.exclude.{said}" in only(tmp_path, text)


def test_a_trial_and_a_key_file_are_fine_where_they_have_an_effect(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    job = read_job(tmp_path, job_text("trial: {protocol_id: X}", "deidentify: {}", "key_file: key"))

    assert job.trial is not None
    assert job.key_file == tmp_path / "key"


def test_nodes_that_are_never_open_together_are_told(tmp_path: Path) -> None:
    nodes = """
  clinical: {dimse: "CLINICAL@pacs:104", limits: {window: Mon-Fri}}
  research: {dimse: "RESEARCH@research:104", limits: {window: "Sat 00:00-24:00"}}
  export: {folder: out}"""

    found = only(tmp_path, job_text(nodes=nodes, destinations="[export, research]"))

    assert found == (
        "destinations[1]: no study could ever move: its limits.window is never open while those of the "
        "source and of the other destinations are"
    )
    read_job(tmp_path, job_text(nodes=nodes.replace("Sat 00:00-24:00", "Fri 23:00-01:00")))

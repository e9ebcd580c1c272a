from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.errors import JobFileError
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import FolderNode, ServerNode
from adit_cli.jobfile.selector import Query
from adit_cli.jobfile.values import PIPED_LATER
from tests.support.jobfiles import job_text, problems, read_job


def test_a_job_file_becomes_a_job_that_can_cross_to_another_process(tmp_path: Path) -> None:
    job = read_job(tmp_path, job_text("pseudonyms: {from: key}", 'key: "a rather long secret"'))

    assert job.source == ("clinical",)
    assert job.destinations == ("export",)
    assert job.path == tmp_path / "job.yaml"
    assert job.node("export") == FolderNode(folder=tmp_path / "out")
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301  # what we have just written


def test_a_secret_is_in_no_text_of_a_job(tmp_path: Path) -> None:
    job = read_job(tmp_path, job_text("key: a rather long phrase"))

    assert job.key is not None
    assert job.key.get_secret_value() == "a rather long phrase"
    assert "phrase" not in f"{job} {job!r} {job.model_dump_json()}"


def test_nodes_may_be_written_where_they_are_used(tmp_path: Path) -> None:
    job = read_job(
        tmp_path,
        job_text(nodes="", source="{dimse: PACS@localhost:104}", destinations="{folder: x}"),
    )

    assert job.source == ("PACS@localhost:104",)
    assert job.destinations == (str(tmp_path / "x"),)
    assert set(job.nodes) == {"PACS@localhost:104", str(tmp_path / "x")}


def test_nodes_of_the_config_are_known_and_those_of_the_job_win(tmp_path: Path) -> None:
    config = Config.model_validate(
        {
            "calling_ae_title": "LAB",
            "nodes": {"clinical": {"dimse": "OTHER@other:104"}, "archive": {"dimse": "ARCHIVE@archive:104"}},
        }
    )

    job = read_job(tmp_path, job_text(destinations="[archive]"), config=config)

    clinical, archive = job.node("clinical"), job.node("archive")
    assert isinstance(clinical, ServerNode)
    assert isinstance(archive, ServerNode)
    assert clinical.dimse is not None
    assert archive.dimse is not None
    assert (clinical.dimse.host, clinical.dimse.calling_ae_title) == ("pacs.example.org", "LAB")
    assert (archive.dimse.host, archive.dimse.calling_ae_title) == ("archive", "LAB")
    assert job.calling_ae_title == "LAB"


def test_a_node_may_know_us_by_another_name(tmp_path: Path) -> None:
    source = "{dimse: {ae_title: A, host: '::1', port: 104, calling_ae_title: ONCO}}"
    node = read_job(tmp_path, job_text(source=source)).node("A@::1:104")

    assert isinstance(node, ServerNode)
    assert node.dimse is not None
    assert node.dimse.calling_ae_title == "ONCO"


def test_defaults_of_the_config_hold_where_the_job_says_nothing_else(tmp_path: Path) -> None:
    config = Config.model_validate(
        {"defaults": {"run": {"workers": 8, "attempts": 5}, "deidentify": {"options": ["clean-descriptors"]}}}
    )

    job = read_job(tmp_path, job_text("run: {attempts: 1}"), config=config)

    assert (job.run.workers, job.run.attempts, job.run.retry_after) == (8, 1, 600)
    assert [option.value for option in job.deid.options] == ["clean-descriptors"]
    assert read_job(tmp_path, job_text("deidentify: {profile: none}"), config=config).deid.profile == "none"


@pytest.mark.parametrize(
    ("lines", "profile", "pseudonyms"),
    [
        ((), "none", None),
        (("pseudonyms: {from: random}",), "basic", "random"),
        (("deidentify: {profile: basic}",), "basic", "key"),
        (("deidentify: {profile: none}",), "none", None),
    ],
)
def test_patients_lose_their_identity_where_pseudonyms_or_a_profile_say_so(
    tmp_path: Path, lines: tuple[str, ...], profile: str, pseudonyms: str | None
) -> None:
    job = read_job(tmp_path, job_text(*lines))

    assert job.deid.profile == profile
    assert (job.pseudonyms and job.pseudonyms.source) == pseudonyms


def test_files_of_the_rules_are_looked_for_beside_the_job_file(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").touch()

    job = read_job(tmp_path, job_text("deidentify: {burned_in: {masks: m.yaml}}"))

    assert str(tmp_path / "m.yaml") in repr(job.deid.burned_in)


def test_a_folder_is_taken_whole_where_nothing_is_selected(tmp_path: Path) -> None:
    job = read_job(tmp_path, job_text(source="{folder: in}", select=""))

    assert job.select.studies.query == (Query(),)


def test_last_week_is_counted_from_the_day_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(job_text(select="{studies: {query: {study_date: last 7 days}}}"))

    (fixed,) = load_job(path, today=date(2020, 1, 8)).select.studies.query
    (today,) = load_job(path).select.studies.query

    assert fixed.keys() == {"StudyDate": "20200101-20200108"}
    assert today.study_date is not None
    assert today.study_date.end == date.today()  # noqa: DTZ011  # the user's day is what is meant


def test_the_environment_is_that_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADIT_TEST_NAME", "from-outside")
    path = tmp_path / "job.yaml"
    path.write_text(job_text(name="${ADIT_TEST_NAME}"))

    assert load_job(path).name == "from-outside"


def test_a_job_that_will_get_its_uids_from_a_pipe_can_be_checked_before(tmp_path: Path) -> None:
    job = read_job(tmp_path, job_text(select='{studies: {uids: "-"}}'), stdin_uids=PIPED_LATER)

    assert job.select.studies.uids == ()


def test_a_job_without_a_pipe_to_come_still_has_to_select_something(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, job_text(select=""), stdin_uids=PIPED_LATER)

    assert "the job selects nothing" in found


def test_all_problems_of_a_file_are_told_at_once_in_their_order(tmp_path: Path) -> None:
    text = job_text(
        "pseudonyms: {from: keys}",
        "run: {wokers: 4, attempts: 0}",
        "key: s3cr3t",
        "sorce: x",
        name="",
        source="clincal",
        destinations="[export, export]",
        select="{studies: {uids: [x]}}",
    )

    assert problems(tmp_path, text) == [
        "job.yaml:1:1: the key name is missing",
        "job.yaml:6:9: source: no node is called 'clincal' (did you mean clinical?)",
        "job.yaml:7:24: destinations[1]: stands here twice: keep one of them",
        "job.yaml:8:27: select.studies.uids[0]: must be a UID: digits and dots, at most 64, not 'x'",
        (
            "job.yaml:9:20: pseudonyms.from: must be 'map', 'column', 'key' or 'random', "
            "not 'keys' (did you mean key?)"
        ),
        "job.yaml:10:7: run.wokers: unknown key (did you mean workers?)",
        "job.yaml:10:28: run.attempts: must be at least 1, not '0'",
        "job.yaml:11:6: key: must have at least 8 characters: `openssl rand -hex 32` makes a good one",
        "job.yaml:12:1: sorce: unknown key (did you mean source?)",
    ]


@pytest.mark.parametrize("key", ["notify", "stop_after", "receiver"])
def test_a_key_of_another_version_is_never_ignored(tmp_path: Path, key: str) -> None:
    (found,) = problems(tmp_path, job_text(f"{key}: x"))

    assert found.startswith(f"job.yaml:10:1: {key}: unknown key: adit, name, ")


@pytest.mark.parametrize(
    ("select", "problem"),
    [
        (
            "{studies: {query: {where: {PatientSx: M}}}}",
            (
                "9:36: select.studies.query.where.PatientSx: "
                "'PatientSx' is no DICOM keyword (did you mean PatientSex?)"
            ),
        ),
        (
            "{studies: {cohort: {file: c.csv, columns: {patientid: MRN}}}}",
            "9:52: select.studies.cohort.columns.patientid: unknown key (did you mean patient_id?)",
        ),
        (
            "{studies: {query: {modality: }}}",
            (
                "9:37: select.studies.query.modality: "
                "nothing is written here: give a value, or leave the key out"
            ),
        ),
    ],
)
def test_a_problem_of_a_key_is_told_at_the_key_and_one_of_a_value_at_the_value(
    tmp_path: Path, select: str, problem: str
) -> None:
    (tmp_path / "c.csv").touch()

    assert problems(tmp_path, job_text(select=select)) == [f"job.yaml:{problem}"]


@pytest.mark.parametrize("key", ["deidentify", "pseudonyms", "description", "run", "key"])
def test_a_key_without_a_value_never_passes_for_one_that_was_left_out(tmp_path: Path, key: str) -> None:
    assert problems(tmp_path, job_text(f"{key}:")) == [
        f"job.yaml:10:{len(key) + 2}: {key}: nothing is written here: give a value, or leave the key out"
    ]


@pytest.mark.parametrize("version", ["0", "2", "one", "1.0"])
def test_a_format_of_another_version_is_refused(tmp_path: Path, version: str) -> None:
    (found,) = problems(tmp_path, job_text(adit=version))

    assert "adit: must be 1, the only version of the format that this program knows" in found


def test_a_long_text_is_shown_in_part(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, job_text(name="x" * 500))

    assert found.endswith(f"not '{'x' * 59}…'")


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n", "---\n"])
def test_an_empty_job_file_says_how_to_begin(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == [
        "job.yaml is empty: begin with `adit: 1`, a name, a source and destinations"
    ]


@pytest.mark.parametrize("text", ["hello", "[a, b]", "patient_id,patient_name\n00471,Banana\n"])
def test_a_file_that_is_no_mapping_is_told_so_and_not_what_it_holds(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ["job.yaml:1:1: must be a mapping (key: value)"]


def test_broken_yaml_is_told_with_its_place(tmp_path: Path) -> None:
    assert problems(tmp_path, job_text("description: a: b")) == [
        (
            "job.yaml:10:15: not valid YAML: mapping values are not allowed here: "
            "quote a text that holds a colon and a blank"
        )
    ]


def test_a_second_key_is_told_beside_other_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, job_text("name: again", "run: 5")) == [
        "job.yaml:10:1: the key name stands here a second time, first in line 2: keep one of them",
        "job.yaml:11:6: run: must be a mapping (key: value), not '5'",
    ]


def test_a_file_that_is_not_there_is_told_with_one_that_is(tmp_path: Path) -> None:
    (tmp_path / "lung.yaml").touch()

    with pytest.raises(JobFileError, match=r"cannot read .*/lnug.yaml: .* \(did you mean lung.yaml\?\)"):
        load_job(tmp_path / "lnug.yaml")
    with pytest.raises(JobFileError, match=r"cannot read .*: there is no such file|No such file"):
        load_job(tmp_path / "no" / "lung.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"adit: 1\nname: L\xfcng\n", "job.yaml:2:1: not a text in UTF-8"),
        (b"#" * 1_000_001, "larger than 1000000 bytes"),
    ],
)
def test_a_file_that_is_no_job_file_is_refused_unread(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "job.yaml"
    path.write_bytes(content)

    with pytest.raises(JobFileError, match=message):
        load_job(path)


def test_a_folder_or_a_name_with_nul_is_no_job_file(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="Is a directory"):
        load_job(tmp_path)
    with pytest.raises(JobFileError, match="null"):
        load_job(tmp_path / "a\0b")


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + job_text().replace("\n", "\r\n").encode())

    assert load_job(path).name == "lung"


def test_texts_stay_as_they_are_written(tmp_path: Path) -> None:
    text = job_text("description: yes", name="no", select="{studies: {query: {where: {PatientID: 00123}}}}")
    job = read_job(tmp_path, text)

    assert (job.name, job.description) == ("no", "yes")
    (query,) = job.select.studies.query
    assert query.keys() == {"PatientID": "00123"}


@given(
    st.dictionaries(st.sampled_from(["adit", "name", "source", "nodes", "select", "run", "key"]), st.text())
)
def test_any_text_is_a_job_or_a_job_file_error(
    tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "job.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()), "utf-8")

    with pytest.raises(JobFileError) as caught:
        load_job(path)

    assert caught.value.message.startswith(str(path))


def test_a_wrong_window_is_told_with_its_place_and_an_example(tmp_path: Path) -> None:
    nodes = """
  clinical:
    dimse: CLINICAL@pacs:104
    limits:
      window: ["Sat-Sun", "Mo-Fr 19:00-06:00"]
  export: {folder: out}"""

    (found,) = problems(tmp_path, job_text(nodes=nodes))

    assert found == (
        "job.yaml:7:27: nodes.clinical.limits.window[1]: no day is called 'Mo': write Mon, Tue, Wed, Thu, "
        "Fri, Sat, Sun, such as `Mon-Fri 19:00-06:00`, `Sat-Sun` or `22:00-05:30`, not 'Mo-Fr 19:00-06:00'"
    )

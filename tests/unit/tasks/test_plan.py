from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import copy

import pytest

from adit_cli.errors import Reason, UsageError
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.desk import Desk
from adit_cli.tasks.places import Offer, Place, first_whole
from adit_cli.tasks.plan import Planning, plan, plan_parts
from adit_cli.tasks.planned import Plan, joined
from adit_cli.tasks.pseudonyms import Patient
from adit_cli.tasks.scope import scope_of
from adit_cli.tasks.windows import Cap
from tests.support.builders import BuiltStudy, build_study
from tests.support.job_texts import BASIC_JOB, KEY, job_of
from tests.support.reading import read_dicom
from tests.support.scripted_nodes import ScriptedSource

COHORT = BASIC_JOB + "select: {studies: {cohort: {file: cohort.csv}}}\n"


@dataclass
class Ward:
    """A folder of studies, asked through a source that can misbehave."""

    folder: Path
    source: ScriptedSource

    def add(self, **attributes: str) -> BuiltStudy:
        modalities = attributes.pop("modalities", "CT").split()
        made = build_study(self.folder / "in", modalities=["CT"] * len(modalities), instances=2, **attributes)  # pyright: ignore[reportArgumentType] - keywords of the header
        for series, modality in zip(made.series, modalities, strict=True):
            for path in series.files:
                _change(path, Modality=modality)
        return made

    def cohort(self, text: str) -> None:
        (self.folder / "cohort.csv").write_text(text, encoding="utf-8")

    def plan(self, text: str = BASIC_JOB, already: dict[Patient, str] | None = None) -> Plan:
        return plan(job_of(self.folder, text), self.source, KEY, already=already)


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    (tmp_path / "in").mkdir()
    return Ward(tmp_path, ScriptedSource(FolderSource("in", tmp_path / "in")))


def _change(path: Path, **attributes: str) -> None:
    ds = read_dicom(path)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def uids_of(made: Plan) -> set[str]:
    return {task.study_uid for task in made.tasks}


def why(made: Plan) -> list[tuple[str, Reason, int | None]]:
    return [(one.label, one.reason, one.row) for one in made.unresolved]


def test_a_folder_is_taken_whole_with_its_counts(ward: Ward) -> None:
    studies = [ward.add(modalities="CT MR"), ward.add()]

    made = ward.plan()

    assert uids_of(made) == {study.uid for study in studies}
    assert (made.lookups, made.series, made.instances, made.unresolved) == (1, 3, 6, ())
    assert {one.modalities for one in made.studies} == {"CT\\MR", "CT"}


def test_an_empty_list_of_uids_moves_nothing(ward: Ward) -> None:
    ward.add()
    job = job_of(ward.folder, BASIC_JOB)
    piped = load_job(job.path, stdin_uids=())

    assert plan(piped, ward.source, KEY).tasks == ()


def test_uids_are_looked_up_once_each_and_a_missing_one_is_told(ward: Ward) -> None:
    study = ward.add()

    made = ward.plan(BASIC_JOB + f"select: {{studies: {{uids: [{study.uid}, 1.2.3]}}}}\n")

    assert uids_of(made) == {study.uid}
    assert why(made) == [("study 1.2.3", Reason.NOT_FOUND, None)]
    assert (made.rows, made.lookups) == (2, 2)


def test_rows_become_studies_and_know_them(ward: Ward) -> None:
    one, other = ward.add(patient_id="007"), ward.add(patient_id="7")
    ward.cohort(f"patient_id,accession_number\n007,{one.accession_number}\n007,{one.accession_number}\n7,\n")

    made = ward.plan(COHORT)

    assert {task.study_uid: task.rows for task in made.tasks} == {one.uid: (1, 2), other.uid: (3,)}
    assert (made.rows, made.lookups) == (3, 2)


def test_several_studies_of_one_accession_number_all_move(ward: Ward) -> None:
    studies = [ward.add(patient_id="P", AccessionNumber="A1") for _ in range(2)]
    ward.cohort("accession_number\nA1\n")

    made = ward.plan(COHORT)

    assert uids_of(made) == {study.uid for study in studies}


def test_rows_that_cannot_be_found_are_told_one_by_one(ward: Ward) -> None:
    ward.add()
    ward.cohort("patient_id\nnobody\nnobody\nno one\n")

    assert why(ward.plan(COHORT)) == [
        ("cohort.csv row 1", Reason.NOT_FOUND, 1),
        ("cohort.csv row 2", Reason.NOT_FOUND, 2),
        ("cohort.csv row 3", Reason.NOT_FOUND, 3),
    ]


def test_all_columns_of_a_row_must_hold(ward: Ward) -> None:
    study = ward.add(patient_id="P", StudyDate="20240131", modalities="CT MR")
    ward.cohort("patient_id,study_date,modality\nP,2024-01-31,MR\nP,2024-01-30,\nP,,US\n")

    made = ward.plan(COHORT)

    assert [task.rows for task in made.tasks] == [(1,)]
    assert uids_of(made) == {study.uid}
    assert [row for _, _, row in why(made)] == [2, 3]


def test_a_person_is_found_by_name_and_birth_date(ward: Ward) -> None:
    study = ward.add(PatientName="Doe^Jane^^Dr", PatientBirthDate="19620201")
    ward.add(PatientName="Doe^Janet", PatientBirthDate="19620201")
    ward.cohort('patient_name,patient_birth_date\n"doe, jane",01.02.1962\n')

    assert uids_of(ward.plan(COHORT)) == {study.uid}


def test_a_source_that_tells_less_is_believed_where_it_does_not_contradict(ward: Ward) -> None:
    study = ward.add(patient_id="P", PatientName="Doe^Jane", PatientBirthDate="19620201")
    ward.source.hidden = {"PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate", "PatientID"}
    ward.cohort("patient_id,patient_name,patient_birth_date\nP,Doe^Jane,19620201\n")

    assert uids_of(ward.plan(COHORT)) == {study.uid}


def test_modalities_that_are_not_told_are_looked_up_in_the_series(ward: Ward) -> None:
    study = ward.add(patient_id="P", modalities="CT MR")
    ward.source.hidden = {"ModalitiesInStudy"}
    ward.cohort("patient_id,modality\nP,MR\nP,US\n")

    made = ward.plan(COHORT)

    assert [(task.study_uid, task.rows) for task in made.tasks] == [(study.uid, (1,))]


def test_a_merged_patient_is_found_by_the_study_uid_and_told(ward: Ward) -> None:
    study = ward.add(patient_id="NEWID")
    ward.cohort(f"patient_id,study_uid\nOLDID,{study.uid}\n")

    made = ward.plan(COHORT)

    assert uids_of(made) == {study.uid}
    (note,) = made.notes
    assert note.startswith("cohort.csv row 1: the source knows the study under another PatientID")


def test_a_study_uid_that_contradicts_its_row_is_a_mismatch(ward: Ward) -> None:
    study = ward.add(patient_id="P", AccessionNumber="A1")
    ward.cohort(f"patient_id,study_uid,accession_number\nP,{study.uid},A2\n")

    made = ward.plan(COHORT)

    assert why(made) == [("cohort.csv row 1", Reason.MISMATCH, 1)]
    assert "accession_number" in made.unresolved[0].message
    assert "A2" not in made.unresolved[0].message


def test_an_accession_number_of_another_patient_is_a_mismatch(ward: Ward) -> None:
    ward.add(patient_id="P", AccessionNumber="A1")
    ward.cohort("patient_id,accession_number\nQ,A1\nQ,A2\n")

    assert [reason for _, reason, _ in why(ward.plan(COHORT))] == [Reason.MISMATCH, Reason.NOT_FOUND]


def test_all_that_a_row_says_must_hold_and_what_does_not_is_named_by_its_column(ward: Ward) -> None:
    study = ward.add(patient_id="P", AccessionNumber="A1", StudyDate="20240131", modalities="MR")
    header = "patient_id,accession_number,study_date,modality\n"
    ward.cohort(f"{header}P,A1,31.01.2024,MR\nP,A1,2024-02-01,MR\n,A1,2024-01-31,CT\n,A1,,\n")

    made = ward.plan(COHORT)

    assert [task.rows for task in made.tasks] == [(1, 4)]
    assert uids_of(made) == {study.uid}
    assert [entry.message.partition("says of ")[2] for entry in made.unresolved] == ["study_date", "modality"]


def test_answers_that_were_not_asked_for_are_dropped(ward: Ward) -> None:
    study = ward.add(patient_id="P")
    ward.source.extra = [{"StudyInstanceUID": "9.9", "PatientID": "Q"}, {"PatientID": "P"}]
    ward.cohort(f"patient_id,study_uid\nP,{study.uid}\nP,\n")

    assert uids_of(ward.plan(COHORT)) == {study.uid}


def test_two_patients_under_one_study_uid_are_an_error_and_neither_moves(ward: Ward) -> None:
    other = ward.add()
    for patient in ("P", "Q"):
        ward.add(patient_id=patient, StudyInstanceUID="1.2.3")
    ward.cohort(f"study_uid\n1.2.3\n{other.uid}\n")

    from_rows, from_all = ward.plan(COHORT), ward.plan()

    assert uids_of(from_rows) == uids_of(from_all) == {other.uid}
    assert why(from_rows) == [("study 1.2.3", Reason.AMBIGUOUS, 1)]
    assert why(from_all) == [("study 1.2.3", Reason.AMBIGUOUS, None)]


def test_rows_restrict_a_study_to_series_until_one_wants_it_whole(ward: Ward) -> None:
    part, whole = ward.add(modalities="CT MR"), ward.add(modalities="CT MR")
    series = part.series[1].uid
    ward.cohort(
        f"study_uid,series_uid\n{part.uid},{series}\n{whole.uid},{whole.series[0].uid}\n{whole.uid},\n"
    )

    made = ward.plan(COHORT)

    tasks = {task.study_uid: task for task in made.tasks}
    assert tasks[part.uid].series_uids == (series,)
    assert tasks[part.uid].instances == 2
    assert tasks[whole.uid].series_uids == ()


def test_a_row_whose_series_is_not_there_is_told(ward: Ward) -> None:
    study = ward.add()
    ward.cohort(f"study_uid,series_uid\n{study.uid},1.2.3\n")

    made = ward.plan(COHORT)

    assert made.tasks == ()
    assert why(made) == [("cohort.csv row 1", Reason.NOT_FOUND, 1)]


def test_a_query_lets_in_what_matches_and_counts_what_does_not(ward: Ward) -> None:
    study = ward.add(StudyDescription="CT Thorax", StudyDate="20240115")
    other = ward.add(StudyDescription="CT Head", StudyDate="20240115")
    ward.add(StudyDescription="CT Thorax", StudyDate="20250115")
    query = "select: {studies: {query: {study_date: 2024, study_description: '*thorax*'}}}\n"

    made = ward.plan(BASIC_JOB + query)

    assert uids_of(made) == {study.uid}
    (excluded,) = made.excluded
    assert (excluded.rule, excluded.level, excluded.count, excluded.examples) == (
        "select.studies.query (StudyDescription)",
        "study",
        1,
        (other.uid,),
    )


def test_what_a_query_does_not_know_is_asked_one_level_deeper(ward: Ward) -> None:
    study = ward.add(modalities="CT MR", BodyPartExamined="CHEST")
    ward.add(modalities="CT", BodyPartExamined="CHEST")
    ward.source.hidden = {"ModalitiesInStudy"}
    query = "select: {studies: {query: {modality: MR, where: {BodyPartExamined: CHEST}}}}\n"

    assert uids_of(ward.plan(BASIC_JOB + query)) == {study.uid}


def test_series_rules_count_what_they_keep_out(ward: Ward) -> None:
    study = ward.add(modalities="CT MR US")
    text = BASIC_JOB + "select: {series: {include: [{modality: [CT, MR]}], exclude: [{modality: MR}]}}\n"

    made = ward.plan(text)

    assert (made.series, made.instances) == (1, 2)
    assert {(one.rule, one.examples) for one in made.excluded} == {
        ("select.series.exclude[0]", (study.series[1].uid,)),
        ("select.series.include", (study.series[2].uid,)),
    }


def test_a_rule_on_what_the_series_does_not_tell_looks_at_its_instances(ward: Ward) -> None:
    ward.add(modalities="CT MR", ProtocolName="LUNG")
    ward.source.hidden = {"NumberOfSeriesRelatedInstances"}
    text = BASIC_JOB + "select: {series: {include: [{protocol_name: lung, min_instances: 2}]}}\n"

    assert ward.plan(text).series == 2


def test_what_not_even_the_instances_tell_counts_as_empty(ward: Ward) -> None:
    study = ward.add(ProtocolName="LUNG")
    ward.source.hidden = {"ProtocolName"}
    text = BASIC_JOB + "select: {series: {include: [{protocol_name: lung}]}}\n"

    made = ward.plan(text)

    assert made.tasks == ()
    assert why(made) == [(f"study {study.uid}", Reason.NOT_FOUND, None)]


def test_modalities_that_never_leave_are_kept_out_before_they_are_fetched(ward: Ward) -> None:
    ward.add(modalities="CT SR")
    only = ward.add(modalities="SR")

    made = ward.plan(BASIC_JOB + "pseudonyms: {from: key}\n")

    assert (made.series, made.instances) == (1, 2)
    assert [(one.rule, one.count) for one in made.excluded] == [("deidentify.modalities.exclude: SR", 2)]
    assert why(made) == [(f"study {only.uid}", Reason.DEID_BLOCKED, None)]


def test_a_study_without_such_modalities_costs_no_look_at_its_series(ward: Ward) -> None:
    ward.add()

    ward.plan(BASIC_JOB + "pseudonyms: {from: key}\n")

    assert [level for level, _ in ward.source.finds] == ["STUDY"]


def test_what_a_source_does_not_count_is_not_zero(ward: Ward) -> None:
    ward.add()
    ward.source.hidden = {"NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"}

    made = ward.plan()

    assert (made.series, made.instances) == (None, None)


def test_a_series_of_another_study_or_without_a_uid_is_dropped(ward: Ward) -> None:
    ward.add()
    ward.source.extra_series = [{"SeriesInstanceUID": "9", "StudyInstanceUID": "9.9"}, {"Modality": "CT"}]

    assert ward.plan(BASIC_JOB + "select: {series: {include: [{modality: CT}]}}\n").series == 1


def test_pseudonyms_come_from_the_column_that_the_job_names(ward: Ward) -> None:
    one, other = ward.add(), ward.add()
    ward.cohort(f"study_uid,CODE\n{one.uid},X1\n{other.uid},X2\n")

    made = ward.plan(COHORT + "pseudonyms: {from: column, column: CODE}\n")

    assert {task.study_uid: task.pseudonym for task in made.tasks} == {one.uid: "X1", other.uid: "X2"}


def test_a_contradiction_of_pseudonyms_stops_the_whole_plan(ward: Ward) -> None:
    one, other = ward.add(patient_id="P"), ward.add(patient_id="P")
    ward.cohort(f"study_uid,pseudonym\n{one.uid},X1\n{other.uid},X2\n")

    with pytest.raises(UsageError, match=r"cohort\.csv row 1: two pseudonyms for one patient"):
        ward.plan(COHORT + "pseudonyms: {from: column}\n")


def test_random_pseudonyms_of_an_earlier_plan_stay(ward: Ward) -> None:
    ward.add(patient_id="P")
    ward.add(patient_id="Q")
    text = BASIC_JOB + "pseudonyms: {from: random}\n"
    first = ward.plan(text)
    already = {(task.issuer, task.patient_id): task.pseudonym or "" for task in first.tasks}

    second = ward.plan(text, already)

    assert {task.key for task in first.tasks} == {task.key for task in second.tasks}
    assert len({task.pseudonym for task in first.tasks}) == 2


def test_patients_without_an_id_are_not_taken_for_one_person(ward: Ward) -> None:
    for _ in range(2):
        study = ward.add()
        for path in study.files:
            _change(path, PatientID="")

    made = ward.plan(BASIC_JOB + "pseudonyms: {from: key}\n")

    assert len({task.pseudonym for task in made.tasks}) == 2


def test_data_sets_that_are_deidentified_get_a_name_even_if_the_job_gives_none(ward: Ward) -> None:
    ward.add()
    job = job_of(ward.folder, BASIC_JOB + "deidentify: {profile: basic}\n")
    bare = job.model_copy(update={"pseudonyms": None})

    (task,) = plan(bare, ward.source, KEY).tasks

    assert task.pseudonym


def test_the_key_of_a_task_follows_all_that_determines_its_result(ward: Ward) -> None:
    ward.add()
    ward.add(PatientID="else")
    texts = [
        BASIC_JOB,
        BASIC_JOB.replace("folder: out", "folder: other"),
        BASIC_JOB.replace("{folder: out}", "{folder: out, layout: '{SOPInstanceUID}.dcm'}"),
        BASIC_JOB.replace("{folder: out}", "{folder: out}, {dimse: 'PACS@localhost:104'}"),
        BASIC_JOB + "select: {series: {exclude: [{modality: MR}]}}\n",
        BASIC_JOB + "pseudonyms: {from: key}\n",
        BASIC_JOB + "pseudonyms: {from: key, prefix: X}\n",
        BASIC_JOB + "pseudonyms: {from: key}\ndeidentify: {rules: {PatientSex: keep}}\n",
        BASIC_JOB + "pseudonyms: {from: key}\ntrial: {protocol_id: T}\n",
    ]

    keys = [{task.key for task in ward.plan(text).tasks} for text in texts]
    again = [{task.key for task in ward.plan(text).tasks} for text in texts]
    job = job_of(ward.folder, texts[5])
    other_secret = {task.key for task in plan(job, ward.source, b"another secret").tasks}

    assert keys == again
    assert len({one for found in (*keys, other_secret) for one in found}) == 2 * (len(texts) + 1)


def test_a_job_file_is_the_same_job_by_whatever_path_it_is_named(ward: Ward, tmp_path: Path) -> None:
    ward.add()
    (first,) = ward.plan(BASIC_JOB).tasks
    linked = tmp_path / "a link to the folder"
    linked.symlink_to(ward.folder)
    detour = ward.folder / "in" / ".."

    for folder in (linked, detour):
        (task,) = plan(job_of(folder, BASIC_JOB), ward.source, KEY).tasks
        assert task.key == first.key


def test_progress_is_told_while_it_resolves(ward: Ward) -> None:
    ward.add(modalities="CT MR")
    ward.cohort("patient_id\nnobody\nno one\n")
    told: list[tuple[int, int | None]] = []

    plan(
        job_of(ward.folder, COHORT),
        ward.source,
        KEY,
        on_progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(0, 2), (1, 2), (2, 2)]


def test_what_a_source_says_of_its_files_is_told(ward: Ward) -> None:
    copy(ward.add().files[0], ward.folder / "in" / "copy")
    (ward.folder / "in" / "letter.txt").write_text("hello")

    made = plan(job_of(ward.folder), FolderSource("in", ward.folder / "in"), KEY)

    assert made.notes == ("in: skipped 1 file without a DICOM image",)


def test_an_answer_that_is_cut_in_its_shortest_window_is_a_failure_by_name(ward: Ward) -> None:
    studies = [ward.add(StudyDate="20240115", StudyTime="101500") for _ in range(3)]
    ward.source.cap = 2
    (job,) = [job_of(ward.folder, BASIC_JOB + "select: {studies: {query: {study_date: 2024-01}}}\n")]
    place = Place("in", ward.source, Cap(2))

    made = joined(plan_parts(job, Desk([place]), Planning(KEY), scope_of(job)))

    assert uids_of(made) < {study.uid for study in studies}
    assert why(made) == [
        ("select.studies.query 2024-01-15 10:00 to 10:30", Reason.INCOMPLETE, None),
    ]


def months(ward: Ward) -> tuple[list[BuiltStudy], Job]:
    """Return studies of three months, and a job that asks for a year."""
    studies = [ward.add(patient_id="P", StudyDate=f"2024{month}15") for month in ("02", "05", "06")]
    return studies, job_of(ward.folder, BASIC_JOB + "select: {studies: {query: {study_date: 2024}}}\n")


def test_a_query_is_planned_month_by_month(ward: Ward) -> None:
    studies, job = months(ward)

    parts = list(plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY), scope_of(job)))

    assert [part.part for part in parts][:2] == [
        "select.studies.query 2024-01-01 to 2024-01-31",
        "select.studies.query 2024-02-01 to 2024-02-29",
    ]
    assert [len(part.studies) for part in parts] == [0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    whole = plan(job, ward.source, KEY)
    assert uids_of(joined(parts)) == uids_of(whole) == {study.uid for study in studies}
    assert {task.key for task in joined(parts).tasks} == {task.key for task in whole.tasks}


def test_parts_that_are_to_be_skipped_are_not_asked(ward: Ward) -> None:
    _, job = months(ward)
    skip = frozenset({"select.studies.query 2024-02-01 to 2024-02-29"})

    parts = list(plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY, skip=skip), scope_of(job)))

    assert len(parts) == 11
    assert sum(len(part.studies) for part in parts) == 2


def test_a_patient_keeps_a_random_pseudonym_from_part_to_part(ward: Ward) -> None:
    _, job = months(ward)
    job = job_of(ward.folder, job.path.read_text().split("\n", 2)[2] + "pseudonyms: {from: random}\n")

    parts = plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY), scope_of(job))

    assert len({task.pseudonym for task in joined(parts).tasks}) == 1


def test_pseudonyms_from_a_table_are_planned_whole(ward: Ward) -> None:
    _, job = months(ward)
    (ward.folder / "map.csv").write_text("patient_id,pseudonym\nP,X\n")
    job = job_of(
        ward.folder, job.path.read_text().split("\n", 2)[2] + "pseudonyms: {from: map, file: map.csv}\n"
    )

    parts = list(plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY), scope_of(job)))

    assert len(parts) == 1


def test_a_study_of_another_patient_in_a_later_part_is_told(ward: Ward) -> None:
    for patient, month in (("P", "02"), ("Q", "05")):
        ward.add(patient_id=patient, StudyInstanceUID="1.2.3", StudyDate=f"2024{month}15")
    job = job_of(ward.folder, BASIC_JOB + "select: {studies: {query: {study_date: 2024}}}\n")

    made = joined(plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY), scope_of(job)))

    assert why(made) == [("study 1.2.3", Reason.AMBIGUOUS, None)]


def test_rows_of_several_batches_add_up_for_one_study(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adit_cli.tasks.scope.BATCH", 1)
    study = ward.add(patient_id="P")
    ward.cohort(f"patient_id,study_uid\nP,\n,{study.uid}\n")
    job = job_of(ward.folder, COHORT)

    parts = list(plan_parts(job, Desk([Place("in", ward.source)]), Planning(KEY), scope_of(job)))

    assert [task.rows for task in joined(parts).tasks] == [(1, 2)]
    assert (len(parts), joined(parts).rows) == (2, 2)


@dataclass
class Wards:
    """Two folders as the sources of one job."""

    first: Ward
    second: Ward
    folder: Path

    def plan(self, select: str) -> Plan:
        text = f"source: [{{folder: a/in}}, {{folder: b/in}}]\ndestinations: [{{folder: out}}]\n{select}"
        places = [Place("a", self.first.source), Place("b", self.second.source)]
        job = job_of(self.folder, text)
        return joined(plan_parts(job, Desk(places), Planning(KEY), scope_of(job)))


@pytest.fixture
def wards(tmp_path: Path) -> Wards:
    first, second = (_ward(tmp_path / name) for name in "ab")
    return Wards(first, second, tmp_path)


def _ward(folder: Path) -> Ward:
    (folder / "in").mkdir(parents=True)
    return Ward(folder, ScriptedSource(FolderSource(folder.name, folder / "in")))


@pytest.mark.parametrize("hidden", [set[str](), {"NumberOfStudyRelatedInstances"}])
@pytest.mark.parametrize("select", ["", "select: {studies: {uids: [1.2.3, 1.2.4, 1.2.5]}}\n"])
def test_a_study_comes_from_the_first_source_that_has_it_whole(
    wards: Wards, select: str, hidden: set[str]
) -> None:
    wards.first.source.hidden = wards.second.source.hidden = hidden
    for uid, first, second in (("1.2.3", "CT", "CT"), ("1.2.4", "CT", "CT MR"), ("1.2.5", "", "CT")):
        if first:
            wards.first.add(StudyInstanceUID=uid, patient_id="P", modalities=first)
        wards.second.add(StudyInstanceUID=uid, patient_id="P", modalities=second)

    made = wards.plan(select)

    assert {task.study_uid: task.source for task in made.tasks} == {"1.2.3": "a", "1.2.4": "b", "1.2.5": "b"}
    assert made.notes == ()


def test_a_study_that_sources_know_under_different_patients_is_told(wards: Wards) -> None:
    wards.first.add(StudyInstanceUID="1.2.3", patient_id="P")
    wards.second.add(StudyInstanceUID="1.2.3", patient_id="Q")

    made = wards.plan("")

    (task,) = made.tasks
    assert (task.source, task.patient_id) == ("a", "P")
    assert made.notes == (
        "study 1.2.3: a and b know it under different PatientIDs (merged patients?); that of a counts",
    )


def test_a_row_that_only_the_second_source_knows_is_found_there(wards: Wards) -> None:
    wards.second.add(StudyInstanceUID="1.2.3")

    made = wards.plan("select: {studies: {uids: [1.2.3, 1.2.4]}}\n")

    assert [task.source for task in made.tasks] == ["b"]
    assert why(made) == [("study 1.2.4", Reason.NOT_FOUND, None)]


def test_a_study_that_is_offline_at_the_first_source_comes_from_the_second() -> None:
    places = [Place(name, ScriptedSource(FolderSource(name, Path(name)))) for name in "ab"]
    counts = {"StudyInstanceUID": "1.2.3", "NumberOfStudyRelatedInstances": "2"}

    chosen = first_whole(
        [Offer(places[0], {**counts, "InstanceAvailability": "OFFLINE"}), Offer(places[1], counts)]
    )

    assert chosen.place.name == "b"


def test_rules_at_study_level_keep_studies_out_by_number(ward: Ward) -> None:
    study = ward.add(StudyDescription="CT Thorax")
    ward.add(StudyDescription="Phantom")
    ward.add(StudyDescription="CT Thorax", InstitutionName="Elsewhere")
    query = (
        "{study_description: '/./', exclude: [{study_description: /phantom/i}, {institution_name: else*}]}"
    )

    made = ward.plan(BASIC_JOB + f"select: {{studies: {{query: {query}}}}}\n")

    assert uids_of(made) == {study.uid}
    assert {(one.rule, one.count) for one in made.excluded} == {
        ("select.studies.query.exclude[0]", 1),
        ("select.studies.query.exclude[1]", 1),
    }


def test_studies_are_chosen_by_how_many_images_they_have(ward: Ward) -> None:
    ward.add(modalities="CT")
    study = ward.add(modalities="CT CT")
    text = BASIC_JOB + "select: {studies: {query: {min_instances: 3, max_instances: 4}}}\n"
    told = ward.plan(text)
    ward.source.hidden = {"NumberOfStudyRelatedInstances"}

    assert uids_of(told) == uids_of(ward.plan(text)) == {study.uid}


def test_an_age_is_asked_as_birth_dates_and_checked_to_the_day(ward: Ward) -> None:
    study = ward.add(StudyDate="20240115", PatientBirthDate="20060115")
    ward.add(StudyDate="20240114", PatientBirthDate="20060115")
    ward.add(StudyDate="20240115", PatientBirthDate="19430101")

    made = ward.plan(BASIC_JOB + "select: {studies: {query: {study_date: 2024-01, patient_age: 18..80}}}\n")

    assert uids_of(made) == {study.uid}
    (asked,) = [keys for level, keys in ward.source.finds if level == "STUDY"]
    assert asked["PatientBirthDate"] == "19430101-20060131"

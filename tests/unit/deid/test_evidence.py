from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from adit_cli.deid.evidence import Evidence
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.records import RecordFile, record_of, records_in, replaced_of
from adit_cli.deid.stamps import method_of
from adit_cli.deid.uids import new_uid
from adit_cli.errors import DeidError
from tests.support.deid import KEY, ct_data_set, profile_of, saved, spec_of


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def _evidence(
    folder: Path, *, pseudonym: str = "PSEUDO", rules: object = None, **attributes: object
) -> Evidence:
    path = saved(ct_data_set(**attributes), folder / "in.dcm")
    profile = profile_of(rules=rules or {})
    result = deidentify_file(path, folder / "out.dcm", profile, pseudonym, noting=True)
    assert result.replaced is not None
    evidence = Evidence()
    evidence.add(replaced_of(record_of(result.replaced)))
    return evidence


def test_old_and_new_identifiers_are_noted_and_written_for_the_user_alone(tmp_path: Path) -> None:
    data_set = ct_data_set()
    uids = {name: str(getattr(data_set, name)) for name in ("SOPInstanceUID", "StudyInstanceUID")}
    evidence = _evidence(
        tmp_path, **uids, SeriesInstanceUID="1.2.9.9", FailedSOPInstanceUIDList=["1.2.3.4", "1.2.3.5"]
    )

    evidence.write(tmp_path)

    mapped, patients = _rows(tmp_path / "uid_mapping.csv"), _rows(tmp_path / "patid_mapping.csv")
    old = {*uids.values(), "1.2.9.9", "1.2.3.4", "1.2.3.5"}
    assert mapped[0] == patients[0] == ["id_old", "id_new"]
    assert dict(mapped[1:]) == {uid: new_uid(KEY, uid) for uid in old}
    assert patients[1:] == [["MRN4711007", "PSEUDO"]]
    for name in ("uid_mapping.csv", "patid_mapping.csv", "actions.csv"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_report_counts_actions_and_holds_no_value(tmp_path: Path) -> None:
    evidence = _evidence(tmp_path, PatientComments="Quillhaven fell")

    evidence.write(tmp_path)

    text = (tmp_path / "actions.csv").read_text()
    assert _rows(tmp_path / "actions.csv")[0] == ["tag", "keyword", "action", "elements"]
    assert ["(0010,4000)", "PatientComments", "remove", "1"] in _rows(tmp_path / "actions.csv")
    assert ["(0010,0020)", "PatientID", "pseudonym", "1"] in _rows(tmp_path / "actions.csv")
    assert "Quillhaven" not in text
    assert "MRN4711007" not in text


def test_a_patient_without_id_is_in_no_mapping(tmp_path: Path) -> None:
    assert _evidence(tmp_path, PatientID="").patients == {}


def test_two_hospitals_patients_with_one_id_are_two_rows(tmp_path: Path) -> None:
    evidence = _evidence(tmp_path, pseudonym="ONE", IssuerOfPatientID="NORTH")
    other = _evidence(tmp_path, pseudonym="TWO", IssuerOfPatientID="SOUTH")

    evidence.patients.update(other.patients)
    evidence.write(tmp_path)

    assert _rows(tmp_path / "patid_mapping.csv")[1:] == [["MRN4711007", "ONE"], ["MRN4711007", "TWO"]]


def test_an_id_is_read_in_the_character_set_of_its_data_set(tmp_path: Path) -> None:
    evidence = _evidence(tmp_path, SpecificCharacterSet="ISO_IR 192", PatientID="患者７７")

    assert evidence.patients == {("", "患者７７"): "PSEUDO"}


@pytest.mark.parametrize("rule", ["hash", {"replace": "SUBJECT 1"}])
def test_what_a_rule_makes_of_the_id_is_noted_as_well(tmp_path: Path, rule: object) -> None:
    ((issuer, old), new) = next(iter(_evidence(tmp_path, rules={"PatientID": rule}).patients.items()))

    assert (issuer, old) == ("", "MRN4711007")
    assert new not in {"", "PSEUDO", "MRN4711007"}


def test_a_file_that_is_held_back_leaves_no_note(tmp_path: Path) -> None:
    path = saved(ct_data_set(SeriesDescription="of Quillhaven"), tmp_path / "in.dcm")
    profile = profile_of(rules={"SeriesDescription": "keep"})

    with pytest.raises(DeidError, match="0008,103E"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "PSEUDO", noting=True)


def test_asking_for_evidence_changes_no_stamp() -> None:
    assert method_of(spec_of(evidence="notes")) == method_of(spec_of())
    assert method_of(spec_of(rules={"PatientSex": "keep"})) != method_of(spec_of())


def test_half_a_line_of_a_killed_run_is_left_out_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"instance": "1.2"}\n{"insta')
    assert list(records_in(path)) == [{"instance": "1.2"}]

    file = RecordFile(path)
    file.add({"instance": "1.3"})
    file.close()

    assert list(records_in(path)) == [{"instance": "1.2"}, {"instance": "1.3"}]

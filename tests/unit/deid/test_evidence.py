from __future__ import annotations

import csv
import stat
from pathlib import Path

from adit_cli.deid.evidence import Evidence
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.uids import new_uid
from tests.support.deid import KEY, ct_data_set, profile_of, saved


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_old_and_new_identifiers_are_noted_and_written_for_the_user_alone(tmp_path: Path) -> None:
    evidence = Evidence()
    data_set = ct_data_set(OtherPatientNames="X")
    data_set.add_new(0x00080058, "UI", ["1.2.3.4", "1.2.3.5"])
    path = saved(data_set, tmp_path / "in.dcm")

    deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO", evidence=evidence)
    evidence.write(tmp_path)

    uids = _rows(tmp_path / "uid_mapping.csv")
    patients = _rows(tmp_path / "patid_mapping.csv")
    old = {str(data_set.SOPInstanceUID), str(data_set.StudyInstanceUID), str(data_set.SeriesInstanceUID)}
    assert uids[0] == patients[0] == ["id_old", "id_new"]
    assert dict(uids[1:]) == {uid: new_uid(KEY, uid) for uid in old | {"1.2.3.4", "1.2.3.5"}}
    assert patients[1:] == [["MRN4711007", "PSEUDO"]]
    assert stat.S_IMODE((tmp_path / "uid_mapping.csv").stat().st_mode) == 0o600


def test_a_patient_without_id_is_in_no_mapping(tmp_path: Path) -> None:
    evidence = Evidence()
    path = saved(ct_data_set(PatientID=""), tmp_path / "in.dcm")

    deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO", evidence=evidence)

    assert evidence.patients == {}

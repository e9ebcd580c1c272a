from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.deid.explain import explain_file
from adit_cli.errors import DeidError
from tests.support.deid import ct_data_set, profile_of, saved


def test_each_change_is_told_with_its_rule(tmp_path: Path) -> None:
    data_set = ct_data_set(
        SpecificCharacterSet="ISO_IR 192", PatientName="渡崎^美弥子", OtherPatientNames="X"
    )
    item = ct_data_set(SmallestImagePixelValue=7)
    data_set.ProcedureCodeSequence = [item]
    path = saved(data_set, tmp_path / "in.dcm")

    told = {line.path: tuple(line) for line in explain_file(path, profile_of(), "PSEUDO")}

    assert told["0010,0010"] == (
        "0010,0010",
        "PatientName",
        "渡崎^美弥子",
        "PSEUDO",
        "PatientName becomes the pseudonym",
    )
    assert told["0010,1001"][2:4] == ("X", None)
    assert told["0008,1032/0010,0020"][3] == "PSEUDO"
    assert told["0012,0062"][2:4] == ("", "YES")
    assert told["0012,0064"][3] == "1 item"
    assert "0028,0010" not in told


def test_what_was_empty_and_is_emptied_is_no_change(tmp_path: Path) -> None:
    path = saved(ct_data_set(ReferringPhysicianName=""), tmp_path / "in.dcm")

    assert "ReferringPhysicianName" not in {line.keyword for line in explain_file(path, profile_of(), "P")}


def test_values_are_shown_short_and_numbers_as_bytes(tmp_path: Path) -> None:
    data_set = ct_data_set(PatientComments="word " * 40, Rows=2)
    data_set.add_new(0x00091001, "OB", bytes(10))
    path = saved(data_set, tmp_path / "in.dcm")

    told = {line.keyword: line for line in explain_file(path, profile_of(rules={"Rows": "remove"}), "P")}

    assert told["PatientComments"].before.endswith("…")
    assert len(told["PatientComments"].before) == 64
    assert told["Rows"].before == "0200"
    assert told["00091001"].before == "10 bytes"


def test_a_file_that_would_not_leave_is_not_explained(tmp_path: Path) -> None:
    leaking = saved(ct_data_set(StudyDescription="Quillhaven"), tmp_path / "in.dcm")
    blocked = saved(ct_data_set(Modality="US"), tmp_path / "us.dcm")

    with pytest.raises(DeidError, match="would still be in"):
        explain_file(leaking, profile_of(rules={"StudyDescription": "keep"}), "P")
    with pytest.raises(DeidError, match="may show text"):
        explain_file(blocked, profile_of(), "P")
    assert explain_file(leaking, profile_of(rules={"StudyDescription": "keep"}, verify=False), "P")

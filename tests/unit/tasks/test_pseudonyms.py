from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.deid.pseudonyms import keyed_pseudonym
from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.tasks.pseudonyms import Namer, Patient, Person, read_map
from adit_cli.tasks.tables import SHOWN

KEY = b"k" * 32


def person(patient_id: str, **known: set[str]) -> Person:
    return Person(("", patient_id), f"row of {patient_id.casefold()}", **known)


def spec(**values: object) -> Pseudonyms:
    return Pseudonyms.model_validate({"from": values.pop("source"), **values})


def map_of(folder: Path, text: str) -> Path:
    path = folder / "map.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(pseudonyms: Pseudonyms, *people: Person) -> str:
    with pytest.raises(UsageError) as caught:
        Namer(pseudonyms, KEY, {}).assign(people)
    return str(caught.value)


def test_a_map_names_patients(tmp_path: Path) -> None:
    path = map_of(tmp_path, "patient_id,pseudonym\n007,BOND\n008,BILL\n")

    chosen = Namer(spec(source="map", file=path), KEY, {}).assign([person("007"), person("008")])

    assert chosen == {("", "007"): "BOND", ("", "008"): "BILL"}


def test_a_map_also_names_a_merged_patient_by_the_id_in_the_row(tmp_path: Path) -> None:
    path = map_of(tmp_path, "patient_id,pseudonym\nOLD,BOND\n")

    assert Namer(spec(source="map", file=path), KEY, {}).assign([person("NEW", asked_as={"OLD", "NEW"})]) == {
        ("", "NEW"): "BOND"
    }


def test_both_ids_of_a_merged_patient_with_two_pseudonyms_are_a_contradiction(tmp_path: Path) -> None:
    path = map_of(tmp_path, "patient_id,pseudonym\nOLD,BOND\nNEW,BILL\n")

    assert "two pseudonyms" in refused(spec(source="map", file=path), person("NEW", asked_as={"OLD"}))


def test_everything_wrong_with_a_map_is_told_at_once_and_nobody_is_named(tmp_path: Path) -> None:
    path = map_of(
        tmp_path,
        "patient_id,pseudonym\nP7,BOND\nP7,BILL\nP8,BOND\n,X1\nP9,\nP10,p-10\nP11,a*b\n",
    )

    with pytest.raises(UsageError) as caught:
        read_map(path)

    message = str(caught.value)
    assert [line.split(": row ")[1] for line in message.splitlines()] == [
        "2: is a second row for the same patient",
        "3: has the pseudonym of row 1",
        "4: has no patient_id",
        "5: has no pseudonym",
        "6: has the patient's own ID as pseudonym",
        "7: has a pseudonym that holds a wildcard or a backslash; a cohort names single patients and studies",
    ]
    assert not any(secret in message for secret in ("BOND", "P7", "P10"))


def test_an_empty_map_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs the columns"):
        read_map(map_of(tmp_path, "patient_id,pseudonym\n"))


def test_a_patient_without_a_pseudonym_fails_or_gets_one_from_the_key(tmp_path: Path) -> None:
    path = map_of(tmp_path, "patient_id,pseudonym\n007,BOND\n")

    assert refused(spec(source="map", file=path), person("008")) == "row of 008: the patient has no pseudonym"
    assert Namer(spec(source="map", file=path, missing="key", prefix="X-"), KEY, {}).assign(
        [person("008")]
    ) == {("", "008"): keyed_pseudonym(KEY, "", "008", "X-", 12)}


def test_a_column_names_patients_and_may_not_contradict_itself() -> None:
    column = spec(source="column")

    assert Namer(column, KEY, {}).assign([person("1", given={"A"})]) == {("", "1"): "A"}
    assert "two pseudonyms" in refused(column, person("1", given={"A", "B"}))
    assert "one pseudonym for two patients" in refused(
        column, person("1", given={"A"}), person("2", given={"A"})
    )


@pytest.mark.parametrize("pseudonym", ["MRN-7", "mrn 7", "Doe Jane", "OLDID"])
def test_a_pseudonym_may_not_be_the_patients_own_id_or_name(pseudonym: str) -> None:
    someone = person("MRN7", names={"Doe^Jane"}, asked_as={"OLDID"}, given={pseudonym})

    message = refused(spec(source="column"), someone)

    assert "the patient's own ID or name" in message
    assert pseudonym not in message


def test_keyed_pseudonyms_are_the_same_in_every_plan() -> None:
    keyed = spec(source="key", length=10)

    first, second = (Namer(keyed, KEY, {}).assign([person("1"), person("2")]) for _ in range(2))

    assert first == second
    assert len(set(first.values())) == 2
    assert all(len(pseudonym) == 10 for pseudonym in first.values())


def test_random_pseudonyms_stay_with_those_who_have_one() -> None:
    already: dict[Patient, str] = {("", "1"): "DRAWN"}

    chosen = Namer(spec(source="random", prefix="R"), KEY, already).assign([person("1"), person("2")])

    assert chosen["", "1"] == "DRAWN"
    assert chosen["", "2"].startswith("R")


def test_a_random_pseudonym_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = ["FREE", "TAKEN", "TAKEN"]

    def draw(_prefix: str, _length: int) -> str:
        return draws.pop()

    monkeypatch.setattr("adit_cli.tasks.pseudonyms.random_pseudonym", draw)

    assert Namer(spec(source="random"), KEY, {("", "1"): "TAKEN"}).assign([person("2")]) == {
        ("", "2"): "FREE"
    }


def test_long_lists_of_problems_are_cut() -> None:
    message = refused(spec(source="column"), *(person(str(number)) for number in range(SHOWN + 3)))

    assert message.splitlines()[-1] == "and 3 more"


def test_what_was_drawn_for_one_part_of_a_job_stays_in_the_next_and_is_nobody_elses() -> None:
    namer = Namer(spec(source="random", length=6), KEY, {})

    parts = [namer.assign(person(str(n)) for n in range(start, start + 20)) for start in range(0, 2000, 10)]

    of_patient: dict[Patient, set[str]] = {}
    for part in parts:
        for patient, pseudonym in part.items():
            of_patient.setdefault(patient, set()).add(pseudonym)
    assert {len(pseudonyms) for pseudonyms in of_patient.values()} == {1}
    assert len({one for drawn in of_patient.values() for one in drawn}) == len(of_patient) == 2010


def test_one_pseudonym_for_patients_of_two_parts_is_told() -> None:
    namer = Namer(spec(source="column"), KEY, {})
    namer.assign([person("1", given={"A"})])

    with pytest.raises(UsageError, match="one pseudonym for two patients"):
        namer.assign([person("2", given={"A"})])

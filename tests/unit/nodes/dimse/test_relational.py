from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.jobfile.node import Limits
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.tasks.listing import list_instances
from adit_cli.tasks.lookup import Lookup, look_up, parse_rule
from adit_cli.tasks.series import SeriesChoice, list_series
from tests.support.builders import BuiltStudy, build_study
from tests.support.quirky import QuirkyPacs


@pytest.fixture
def studies(tmp_path: Path) -> list[BuiltStudy]:
    made = [build_study(tmp_path / "pacs", modalities=("CT", "MR"), patient_id="P1") for _ in range(2)]
    return [*made, build_study(tmp_path / "pacs", patient_id="P2")]


@contextmanager
def source(pacs: QuirkyPacs) -> Generator[DimseSource]:
    with closing(DimseSource("pacs", pacs.as_node(), "ADIT", Limits(associations=1))) as node:
        yield node


def series_of(node: DimseSource, patient_id: str) -> list[Attributes]:
    rules = {"PatientID": parse_rule("PatientID", patient_id, date(2024, 6, 1))}
    return look_up(node, Lookup(Level.SERIES, rules, ("Modality",)))


@pytest.mark.parametrize(
    ("relational", "levels"), [(True, ["SERIES"]), (False, ["STUDY", "SERIES", "SERIES"])]
)
def test_series_are_found_by_what_stands_above_them_with_one_question_where_the_node_is_relational(
    tmp_path: Path,
    studies: list[BuiltStudy],
    relational: bool,  # noqa: FBT001 - a parameter
    levels: list[str],
) -> None:
    with QuirkyPacs(tmp_path / "pacs") as pacs:
        pacs.relational = relational
        with source(pacs) as node:
            found = series_of(node, "P1")

    assert {one["SeriesInstanceUID"] for one in found} == {
        series.uid for study in studies[:2] for series in study.series
    }
    assert {one["StudyInstanceUID"] for one in found} == {study.uid for study in studies[:2]}
    assert pacs.levels() == levels


@pytest.mark.parametrize("quirk", ["refuses", "deaf", "hides"])
def test_a_node_that_does_not_keep_its_promise_is_asked_level_by_level(
    tmp_path: Path, studies: list[BuiltStudy], quirk: str
) -> None:
    with QuirkyPacs(tmp_path / "pacs") as pacs:
        pacs.relational = True
        pacs.refuses_relational = quirk == "refuses"
        pacs.deaf_to = {"PatientID"} if quirk == "deaf" else set()
        with source(pacs) as node:
            if quirk == "hides":
                pacs.hidden = {"PatientID"}
            found = series_of(node, "P1")

    expected = {series.uid for study in studies[:2] for series in study.series}
    got = {one["SeriesInstanceUID"] for one in found}
    assert got == expected if quirk != "hides" else got >= expected


@pytest.mark.parametrize("relational", [True, False])
def test_a_study_is_listed_with_one_question_where_the_node_is_relational(
    tmp_path: Path,
    studies: list[BuiltStudy],
    relational: bool,  # noqa: FBT001 - a parameter
) -> None:
    with QuirkyPacs(tmp_path / "pacs") as pacs:
        pacs.relational = relational
        with source(pacs) as node:
            choice = SeriesChoice(tuple(list_series(node, studies[0].uid)))
            pacs.asked.clear()
            listing = list_instances(node, studies[0].uid, choice, restricted=False)
            at_once = node.find(Level.IMAGE, {"StudyInstanceUID": studies[0].uid})

    assert {ref.uid for ref in listing.refs} == set(studies[0].instance_uids)
    assert {ref.series_uid for ref in listing.refs} == {series.uid for series in studies[0].series}
    assert {one["SOPInstanceUID"] for one in at_once} == set(studies[0].instance_uids)
    assert pacs.levels() == (
        ["IMAGE", "IMAGE"] if relational else ["IMAGE"] * 2 + ["SERIES", "IMAGE", "IMAGE"]
    )

"""`adit get` from archives that tell little of what a study consists of, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.download import Downloaded, StudyRequest, download
from tests.support.builders import BuiltStudy, build_study
from tests.support.scripted_nodes import ScriptedSource

STRAY = FailedInstance("9.9.9", Reason.MISMATCH, "PACS sent 9.9.9, which was not asked for")
UNNAMED = FailedInstance("", Reason.INCOMPLETE, "PACS left something out")


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", instances=4)


@pytest.fixture
def source(study: BuiltStudy, tmp_path: Path) -> ScriptedSource:
    """A source that does not list instances."""
    del study
    refusal = NodeError("image level is not supported")
    return ScriptedSource(FolderSource("in", tmp_path / "in"), no_image_level=refusal)


def fetched(source: ScriptedSource, study: BuiltStudy, tmp_path: Path) -> Downloaded:
    return download(source, StudyRequest(study.uid), tmp_path / "out", lambda _: None)


@pytest.mark.parametrize("hidden", ["", "NumberOfSeriesRelatedInstances"], ids=["counted", "blind"])
def test_what_a_source_says_that_it_failed_to_send_is_missing(
    source: ScriptedSource, study: BuiltStudy, tmp_path: Path, hidden: str
) -> None:
    source.hidden, source.lost, source.admits = {hidden}, {study.instance_uids[1]}, True

    told = fetched(source, study, tmp_path)

    assert not told.complete
    assert [(one.uid, one.message) for one in told.missing] == [
        (study.instance_uids[1], "sub-operation failed")
    ]
    assert (told.listed, told.arrived, told.lost) == (4, 3, 0)


def test_where_nobody_tells_the_size_a_failure_without_a_name_counts_as_one_more(
    source: ScriptedSource, study: BuiltStudy, tmp_path: Path
) -> None:
    source.hidden, source.unnamed = {"NumberOfSeriesRelatedInstances"}, UNNAMED

    told = fetched(source, study, tmp_path)

    assert (told.complete, told.listed, told.arrived, told.missing) == (False, 5, 4, (UNNAMED,))


def test_a_file_in_place_of_another_is_told_where_nobody_tells_the_size(
    source: ScriptedSource, study: BuiltStudy, tmp_path: Path
) -> None:
    source.hidden, source.unnamed = {"NumberOfSeriesRelatedInstances"}, STRAY

    assert fetched(source, study, tmp_path).missing == (STRAY,)


@pytest.mark.parametrize("failure", [STRAY, UNNAMED])
def test_where_all_that_is_counted_came_nothing_is_missing(
    source: ScriptedSource, study: BuiltStudy, tmp_path: Path, failure: FailedInstance
) -> None:
    source.unnamed = failure

    told = fetched(source, study, tmp_path)

    assert (told.complete, told.listed, told.arrived) == (True, 4, 4)

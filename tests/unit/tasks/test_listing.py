from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.listing import list_instances
from adit_cli.tasks.series import SeriesChoice, list_series
from tests.support.builders import BuiltStudy, build_study
from tests.support.scripted_nodes import ScriptedSource

CT = "1.2.840.10008.5.1.4.1.1.2"
MANY = 40


def test_the_class_of_a_large_study_is_asked_for_once_and_not_of_each_instance(tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT",), instances=MANY)
    source = ScriptedSource(FolderSource("in", tmp_path))

    assert _classes(source, study) == [CT] * MANY
    assert [level for level, keys in source.finds if "SOPClassesInStudy" in keys] == [Level.STUDY]
    assert not [keys for _, keys in source.finds if "SOPClassUID" in keys]


@pytest.mark.parametrize(
    ("modalities", "hidden"), [(("CT", "MR"), set[str]()), (("CT",), {"SOPClassesInStudy"})]
)
def test_instances_are_asked_for_their_class_where_the_study_has_several_or_does_not_say(
    tmp_path: Path, modalities: tuple[str, ...], hidden: set[str]
) -> None:
    study = build_study(tmp_path, modalities=modalities, instances=MANY)
    source = ScriptedSource(FolderSource("in", tmp_path), hidden=hidden)

    classes = _classes(source, study)

    assert (len(classes), len(set(classes))) == (MANY * len(modalities), len(modalities))
    assert "" not in classes


def test_a_small_study_is_not_asked_for_its_classes(tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT",), instances=3)
    source = ScriptedSource(FolderSource("in", tmp_path))

    assert _classes(source, study) == [CT] * 3
    assert Level.STUDY not in [level for level, _ in source.finds]


def _classes(source: ScriptedSource, study: BuiltStudy) -> list[str]:
    choice = SeriesChoice(tuple(list_series(source, study.uid)))
    return [ref.sop_class_uid for ref in list_instances(source, study.uid, choice, restricted=False).refs]


def test_an_archive_that_refuses_the_question_is_asked_for_each_instance(tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT",), instances=MANY)
    source = ScriptedSource(FolderSource("in", tmp_path), no_study_level=NodeError("refused"))

    assert _classes(source, study) == [CT] * MANY

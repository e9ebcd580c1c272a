from pathlib import Path

import pytest

from adit_cli.errors import JobFileError
from adit_cli.jobfile.load import load_job

JOB = """
adit: 1
name: straight
nodes:
  pacs: {dimse: PACS@pacs.example.org:104}
  research: {dimse: RESEARCH@research.example.org:104}
  web: {dicomweb: https://web.example.org/dicom-web}
source: %s
destinations: %s
direct: true
select: {studies: {uids: [1.2.3]}}
"""


def written(folder: Path, source: str, destinations: str, more: str = "") -> Path:
    path = folder / "job.yaml"
    path.write_text(JOB % (source, destinations) + more)
    return path


def test_job_between_two_servers_that_changes_nothing_may_go_straight(tmp_path: Path) -> None:
    assert load_job(written(tmp_path, "pacs", "research")).direct
    assert load_job(written(tmp_path, "pacs", "research", "deidentify: {profile: none}\n")).direct


@pytest.mark.parametrize(
    ("source", "destinations", "more", "said"),
    [
        ("pacs", "[research, {folder: out}]", "", "single destination"),
        ("pacs", "{folder: out}", "", "C-MOVE"),
        ("web", "research", "", "C-MOVE"),
        ("pacs", "research", "pseudonyms: {from: random}\n", "changes"),
        ("pacs", "research", "deidentify: {profile: basic}\n", "changes"),
    ],
)
def test_job_that_must_touch_what_it_moves_cannot_go_straight(
    tmp_path: Path, source: str, destinations: str, more: str, said: str
) -> None:
    with pytest.raises(JobFileError, match=said) as caught:
        load_job(written(tmp_path, source, destinations, more))

    assert "direct" in caught.value.message

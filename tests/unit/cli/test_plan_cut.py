"""A plan that an archive's limit makes incomplete does not look like a whole one to a script."""

from __future__ import annotations

import pytest

from tests.support.capped import capped_archive
from tests.support.commandline import CommandLine

JOB = """\
adit: 1
name: cut
source: {{dimse: {address}}}
destinations: [{{folder: out}}]
select: {{studies: {{query: {{study_date: 2024-01-31}}}}}}
"""


@pytest.mark.parametrize(("number", "code"), [(130, 3), (90, 0)])
@pytest.mark.parametrize("command", [("plan",), ("transfer", "--dry-run")])
def test_a_plan_from_a_cut_answer_ends_with_3(
    adit: CommandLine, number: int, code: int, command: tuple[str, ...]
) -> None:
    studies = [
        {"StudyInstanceUID": f"1.2.{at}", "PatientID": "P", "StudyDate": "20240131", "StudyTime": "1015"}
        for at in range(number)
    ]
    with capped_archive(studies, 100) as capped:
        (adit.folder / "cut.yaml").write_text(JOB.format(address=capped.address))
        ended = adit.run(command[0], "cut.yaml", *command[1:])

    assert ended.code == code, ended.err
    told = "1 gap in what the sources tell: there may be more studies"
    assert (told in ended.err) == (code == 3)
    assert "without a match" not in ended.err

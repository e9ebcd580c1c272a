from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.deid.files import deidentify_file
from adit_cli.errors import DeidError, Reason
from tests.support.deid import ct_data_set, deidentified, profile_of, saved


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Modality": "SR"}, "SR does not leave"),
        ({"Modality": "OT"}, "OT does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "SC does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}, "SC does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67"}, "SR does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.59"}, "KO does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.3"}, "DOC does not leave"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"}, "PR does not leave"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "DICOMDIR"),
        ({"BurnedInAnnotation": "YES"}, "BurnedInAnnotation is YES"),
        ({"Modality": "US"}, "modality US"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen save"),
    ],
)
def test_what_a_header_cannot_vouch_for_does_not_leave(
    attributes: dict[str, object], words: str, tmp_path: Path
) -> None:
    path = saved(ct_data_set(**attributes), tmp_path / "in.dcm")

    with pytest.raises(DeidError, match=words) as refusal:
        deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO")

    assert refusal.value.reason is Reason.DEID_BLOCKED
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.parametrize(
    "attributes", [{"Modality": "SR"}, {"BurnedInAnnotation": "YES"}, {"Modality": "US"}, {"Modality": "SC"}]
)
def test_the_job_can_let_it_through(attributes: dict[str, object], tmp_path: Path) -> None:
    left = deidentified(ct_data_set(**attributes), tmp_path, modalities={"exclude": ()}, burned_in="allow")

    assert left.PatientID == "PSEUDO"

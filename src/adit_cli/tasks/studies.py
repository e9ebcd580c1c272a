"""One study that was found, as a task and what a person wants to see of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adit_cli.dicom.query import Attributes
from adit_cli.jobfile.job import Job
from adit_cli.tasks.found import FoundStudy
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.planned import PlannedStudy
from adit_cli.tasks.pseudonyms import Patient
from adit_cli.tasks.series import SeriesChoice
from adit_cli.tasks.task import TransferTask


def planned_study(
    job: Job,
    keys: TaskKeys,
    study: FoundStudy,
    choice: SeriesChoice | None,
    pseudonyms: Mapping[Patient, str],
) -> PlannedStudy:
    """Return the study as it would move; without a choice of series, all of it."""
    attributes = study.attributes
    task = TransferTask(
        "",
        study.uid,
        study.offer.place.name,
        job.destinations,
        patient_id=attributes.get("PatientID", "").strip(),
        issuer=attributes.get("IssuerOfPatientID", "").strip(),
        pseudonym=pseudonyms.get(study.patient),
        series_uids=study.series_uids,
        rows=study.row_numbers,
        instances=choice.instances if choice else _number(attributes, "NumberOfStudyRelatedInstances"),
        modalities=_modalities(attributes, choice),
    )
    return PlannedStudy(
        replace(task, key=keys.key_of(task)),
        attributes.get("StudyDate", ""),
        attributes.get("ModalitiesInStudy", ""),
        attributes.get("StudyDescription", ""),
        len(choice.taken) if choice else _number(attributes, "NumberOfStudyRelatedSeries"),
        attributes.get("InstanceAvailability", "").strip().upper(),
    )


def _modalities(attributes: Attributes, choice: SeriesChoice | None) -> str:
    """Return what moves, each modality once."""
    if choice is None:
        return "\\".join(sorted(filter(None, attributes.get("ModalitiesInStudy", "").split("\\"))))
    return "\\".join(sorted({series["Modality"] for series in choice.taken if series.get("Modality")}))


def _number(attributes: Attributes, keyword: str) -> int | None:
    value = attributes.get(keyword, "").strip()
    return int(value) if value.isdecimal() else None

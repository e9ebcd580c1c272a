"""The demo's folder: a PACS's images, a job with its cohort and pseudonym map, and what comes out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adit_cli.counting import count
from adit_cli.dicom.attributes import read_attributes
from adit_cli.errors import UsageError
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.schema import job_schema
from adit_cli.nodes.storage import storage_errors

JOB = """\
# yaml-language-server: $schema=adit-job.schema.json
adit: 1
name: demo
description: Five of six studies, under pseudonyms, to a research PACS and a folder

nodes:
  clinical: {dimse: DEMO@127.0.0.1:CLINICAL_PORT}      # stands for the hospital's archive
  research: {dimse: RESEARCH@127.0.0.1:RESEARCH_PORT}  # stands for the researchers' one
  export:
    folder: out
    layout: "{PatientID}/{StudyDate}-{Modalities}/{SeriesNumber}-{SeriesDescription}/{InstanceNumber:03}.dcm"

source: clinical
destinations: [research, export]

select:
  studies:
    cohort: {file: cohort.csv}
  series:
    exclude: [{series_description: Localizer}]

key: only-for-this-demo-and-never-for-patients   # in real jobs: "${ADIT_KEY}", or leave it out
pseudonyms: {from: map, file: pseudonyms.csv}
deidentify:
  profile: basic
  options: [retain-longitudinal-modified-dates, clean-descriptors]
  rules: {PatientSex: keep}
trial: {protocol_id: DEMO-1, protocol_name: A first look}
run: {workers: 2}
"""
COHORT = """\
patient_id,accession_number
DEMO-1001,A240112007
DEMO-1001,A240709031
DEMO-1002,
DEMO-1003,A240318002
0010042,A240501020
"""
PSEUDONYMS = """\
patient_id,pseudonym
DEMO-1001,LUNG-001
DEMO-1002,LUNG-002
DEMO-1003,LUNG-003
0010042,LUNG-004
"""
OURS = ("clinical", "research", "out", "state", "demo.yaml", "cohort.csv", "pseudonyms.csv")
COMPARED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyDescription",
    "AccessionNumber",
    "InstitutionName",
    "ReferringPhysicianName",
    "StudyInstanceUID",
    "PatientIdentityRemoved",
    "ClinicalTrialProtocolID",
)
LOOKED_AT = ("DEMO-1002", "LUNG-002")
"""The one patient of the cohort with a single study, before and after."""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where everything of the demo is."""

    path: Path

    def prepare(self) -> None:
        """Make the folder anew; one that is not the demo's own is left alone."""
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / "demo.yaml").exists():
            raise UsageError(f"{self.path} is not empty", hint="choose another folder with -o")
        with storage_errors(str(self.path), UsageError):
            for name in OURS:
                old = self.path / name
                shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
            for name in ("clinical", "research"):
                (self.path / name).mkdir(parents=True)

    def write_job(self, clinical_port: int, research_port: int) -> Job:
        """Write the job for the PACSs at these ports, and read it as any other."""
        (self.path / "cohort.csv").write_text(COHORT, "utf-8")
        (self.path / "pseudonyms.csv").write_text(PSEUDONYMS, "utf-8")
        file = self.path / "demo.yaml"
        (self.path / "adit-job.schema.json").write_text(json.dumps(job_schema(), indent=2), "utf-8")
        text = JOB.replace("CLINICAL_PORT", str(clinical_port)).replace("RESEARCH_PORT", str(research_port))
        file.write_text(text, "utf-8")
        return load_job(file, config=Config())

    def tree(self) -> Iterator[str]:
        """Yield the result's folders, with the number of files where they are."""
        root = self.path / "out"
        yield f"{root}/"
        for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
            files = sum(entry.is_file() for entry in folder.iterdir())
            depth = len(folder.relative_to(root).parts)
            number = f"   {count(files, 'file')}" if files else ""
            yield f"{'   ' * depth}{folder.name}/{number}"

    def before_and_after(self) -> list[tuple[str, str, str]]:
        """Return what the header of one image said, and what it says now."""
        before = _image_of(self.path / "clinical", LOOKED_AT[0])
        after = _image_of(self.path / "out", LOOKED_AT[1])
        return [(keyword, before.get(keyword, ""), after.get(keyword, "")) for keyword in COMPARED]


def _image_of(folder: Path, patient_id: str) -> dict[str, str]:
    for path in sorted(folder.rglob("*.dcm")):
        values = read_attributes(path, COMPARED)
        if values.get("PatientID") == patient_id:
            return values
    return {}

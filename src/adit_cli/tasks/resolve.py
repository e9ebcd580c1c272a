"""Ask a source which studies are meant. Servers match as they like, so every answer is checked again here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from adit_cli.dicom.matching import Match
from adit_cli.dicom.query import Attributes, Level, without_blanks
from adit_cli.errors import Reason
from adit_cli.jobfile.query import Query
from adit_cli.nodes.base import Source
from adit_cli.tasks.series import instances_in, list_series, untold_by
from adit_cli.tasks.wishes import Wish

ASKED = (
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "StudyDescription",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "InstanceAvailability",
)
_COUNTED = _SERIES_COUNT, _COUNT = "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"
_BELOW = {"ModalitiesInStudy": "Modality"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The studies that a wish led to, or why it led to none."""

    studies: tuple[Attributes, ...] = ()
    reason: Reason | None = None
    message: str = ""
    hint: str = ""


@dataclass(slots=True)
class Selection:
    """What a query let in, and what it did not, by rule."""

    studies: list[Attributes] = field(default_factory=list[Attributes])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """Study UIDs that the source answered and the job's rules do not let in, with the rule."""
    untold: set[str] = field(default_factory=set[str])
    """Keywords on which a rule depends, and of which the source says nothing."""


def grant(source: Source, wish: Wish) -> Answer:
    """Return the studies of one wish; several under one accession number are normal."""
    found = find_studies(source, wish.keys())
    kept = [study for study in found if not contradicted(source, wish, study)]
    if kept:
        return Answer(tuple(kept))
    if wish.asked.study_uid and found:
        return _other_patient(wish, found[0])
    against = _against_accession(source, wish)
    if against:
        whose = "belongs to another patient than the row says"
        what = f"is that of a study without what the row says of {', '.join(against)}"
        return Answer(
            reason=Reason.MISMATCH,
            message=f"the accession number {whose if against[0] == 'patient_id' else what}",
            hint="check the row; after a merge give the study_uid",
        )
    return Answer(
        reason=Reason.NOT_FOUND,
        message="the source has no such study",
        hint="check the row, and with `adit query` what the source knows",
    )


def contradicted(source: Source, wish: Wish, study: Attributes) -> list[str]:
    """Return which columns the study contradicts; unknown modalities are looked up in its series."""
    if wish.asked.modality and "ModalitiesInStudy" not in study:
        look_deeper(source, study, ("ModalitiesInStudy",))
    return wish.contradictions(study)


def _other_patient(wish: Wish, study: Attributes) -> Answer:
    """Return the study of a UID where only the patient's ID differs: after a merge it is still meant."""
    against = wish.contradictions(study)
    if against == ["patient_id"]:
        message = "the source knows the study under another PatientID than the row (merged patients?)"
        return Answer((study,), Reason.MISMATCH, message)
    return Answer(
        reason=Reason.MISMATCH,
        message=f"the study of this UID does not hold what the row says of {', '.join(against)}",
        hint="correct the row, or leave only its study_uid",
    )


def _against_accession(source: Source, wish: Wish) -> list[str]:
    """Return which columns a study contradicts that has the row's accession number; none without one."""
    accession = wish.asked.accession_number
    if not accession or wish.keys().keys() == {"AccessionNumber"}:
        return []
    found = find_studies(source, {"AccessionNumber": accession})
    same = (study for study in found if study.get("AccessionNumber", "").strip() == accession)
    return next((contradicted(source, wish, study) for study in same), list[str]())


def find_studies(source: Source, keys: Mapping[str, str]) -> list[Attributes]:
    """Return the source's studies for these keys; what answers without or with another UID is dropped."""
    wanted = keys.get("StudyInstanceUID", "")
    found = source.find(Level.STUDY, dict.fromkeys(ASKED, "") | dict(keys))
    return [
        study
        for study in (without_blanks(Level.STUDY, one) for one in found)
        if study.get("StudyInstanceUID") and wanted in {"", study["StudyInstanceUID"]}
    ]


def choose(source: Source, query: Query, found: Collection[Attributes], name: str) -> Selection:
    """Return which of the answers the rules of the query of this name let in."""
    selection = Selection()
    for answer in found:
        study = without_blanks(Level.STUDY, answer)
        match = query.admits(study)
        if match is Match.UNKNOWN:
            undecided = query.undecided(study)
            selection.untold |= undecided & look_deeper(source, study, query.keywords())
            match = query.admits(study)
        if match is Match.YES:
            selection.studies.append(study)
        else:
            selection.left_out[study["StudyInstanceUID"]] = _rule_against(query, study, name)
    return selection


def _rule_against(query: Query, study: Attributes, name: str) -> str:
    number = query.kept_out_by(study)
    if number is not None:
        return f"{name}.exclude[{number}]"
    return f"{name} ({query.against(study)})"


def look_deeper(source: Source, study: Attributes, keywords: Collection[str]) -> set[str]:
    """Add to a study what only its series tell; after that, what is not known counts as empty.

    Return what they do not tell either.
    """
    unknown = [keyword for keyword in keywords if keyword not in study]
    asked = [one for one in unknown if one not in ASKED]
    listed = list_series(source, study["StudyInstanceUID"], asked)
    for keyword in unknown:
        study[keyword] = _told_by(source, study["StudyInstanceUID"], listed, keyword)
    below = {_BELOW.get(keyword, keyword): keyword for keyword in unknown if keyword not in _COUNTED}
    return {below[keyword] for keyword in untold_by(listed, below)}


def _told_by(source: Source, study_uid: str, listed: Sequence[Attributes], keyword: str) -> str:
    if keyword == _SERIES_COUNT:
        return str(len(listed))
    if keyword == _COUNT:
        return str(sum(instances_in(source, study_uid, series) for series in listed))
    below = _BELOW.get(keyword, keyword)
    return "\\".join(dict.fromkeys(series[below] for series in listed if series.get(below)))

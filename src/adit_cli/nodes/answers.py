"""Answer Query/Retrieve finds from a folder's index, as a server would (PS3.4 §C.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.matching import Match, as_match, parse_study_date, values_of
from adit_cli.dicom.patterns import parse_text
from adit_cli.dicom.query import Attributes, Level
from adit_cli.dicom.ranges import parse_times
from adit_cli.nodes.nested import Opening
from adit_cli.nodes.packed import Place, attributes_at
from adit_cli.nodes.scan import PATIENT_KEYS, FoundInstance, FoundSeries, FoundStudy, Scan

_IDENTITY = {
    Level.PATIENT: ("PatientID", "IssuerOfPatientID"),
    Level.STUDY: ("PatientID", "IssuerOfPatientID", "StudyInstanceUID"),
    Level.SERIES: ("StudyInstanceUID", "SeriesInstanceUID"),
    Level.IMAGE: ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}


def answer(found: Scan, level: Level, keys: Mapping[str, str], opening: Opening) -> list[Attributes]:
    """Return what matches all keys, with every attribute asked for; what a file lacks is empty."""
    answers: list[Attributes] = []
    wanted = [keyword for keyword in dict.fromkeys((*keys, *_IDENTITY[level])) if not _is_control(keyword)]
    for values, place in _candidates(found, level, keys):
        _complete(values, wanted, place, opening)
        if all(_fits(keyword, keys.get(keyword, ""), values) for keyword in wanted):
            answers.append({keyword: values[keyword] for keyword in wanted})
    return answers


def _is_control(keyword: str) -> bool:
    return keyword in {"QueryRetrieveLevel", "SpecificCharacterSet"}


def _complete(values: Attributes, wanted: Iterable[str], place: Place, opening: Opening) -> None:
    lacking = [keyword for keyword in wanted if keyword not in values]
    if lacking:
        values.update(dict.fromkeys(lacking, ""))
        values.update({} if place.absent else attributes_at(place, lacking, opening))


def _fits(keyword: str, pattern: str, values: Attributes) -> bool:
    return not pattern or key_matches(keyword, pattern, values[keyword]) is not Match.NO


def key_matches(keyword: str, pattern: str, value: str) -> Match:
    """Return whether a value matches a key (PS3.4 §C.2.2.2); PatternError where it makes no sense."""
    vr = vr_of(tag_of(keyword) or 0)
    if vr == "DA":
        return parse_study_date(pattern, datetime.now(tz=UTC).date()).matches(value)
    if vr == "TM":
        return parse_times(pattern).matches(value)
    if vr == "UI":
        return as_match(matched=bool(set(values_of(pattern)) & set(values_of(value))))
    return parse_text([pattern]).matches(value)


def _candidates(found: Scan, level: Level, keys: Mapping[str, str]) -> Iterator[tuple[Attributes, Place]]:
    studies = [study for study in found.studies.values() if _asked_for(study, keys)]
    if level is Level.PATIENT:
        yield from _patients(studies)
    for study in studies if level is not Level.PATIENT else ():
        if level is Level.STUDY:
            yield _of_study(study), _file_of_study(study)
            continue
        for series in study.series.values():
            yield from _below(study, series, level)


def _below(study: FoundStudy, series: FoundSeries, level: Level) -> Iterator[tuple[Attributes, Place]]:
    above = {**study.attributes, **_of_series(series)}
    if level is Level.SERIES:
        yield above, _file_of_series(series)
        return
    for instance in series.instances.values():
        yield {**above, **_of_instance(instance)}, instance.places[0]


def _asked_for(study: FoundStudy, keys: Mapping[str, str]) -> bool:
    """Return whether a study may match, without looking further: what finds below it always name."""
    wanted = keys.get("StudyInstanceUID", "")
    return not wanted or study.attributes["StudyInstanceUID"] in values_of(wanted)


def _patients(studies: list[FoundStudy]) -> Iterator[tuple[Attributes, Place]]:
    patients: dict[tuple[str, str], list[FoundStudy]] = {}
    for study in studies:
        identity = (study.attributes["IssuerOfPatientID"], study.attributes["PatientID"])
        patients.setdefault(identity, []).append(study)
    for theirs in patients.values():
        series = [one for study in theirs for one in study.series.values()]
        values = {keyword: theirs[0].attributes[keyword] for keyword in PATIENT_KEYS}
        values["NumberOfPatientRelatedStudies"] = str(len(theirs))
        values["NumberOfPatientRelatedSeries"] = str(len(series))
        values["NumberOfPatientRelatedInstances"] = str(sum(len(one.instances) for one in series))
        yield values, _file_of_study(theirs[0])


def _of_study(study: FoundStudy) -> Attributes:
    series = study.series.values()
    classes = {instance.sop_class_uid for one in series for instance in one.instances.values()}
    modalities = {one.attributes["Modality"] for one in series} - {""}
    return {
        **study.attributes,
        "ModalitiesInStudy": "\\".join(sorted(modalities)),
        "SOPClassesInStudy": "\\".join(sorted(classes)),
        "NumberOfStudyRelatedSeries": str(len(series)),
        "NumberOfStudyRelatedInstances": str(sum(len(one.instances) for one in series)),
        "InstanceAvailability": "ONLINE",
    }


def _of_series(series: FoundSeries) -> Attributes:
    return {
        **series.attributes,
        "NumberOfSeriesRelatedInstances": str(len(series.instances)),
        "InstanceAvailability": "ONLINE",
    }


def _of_instance(instance: FoundInstance) -> Attributes:
    return {
        "SOPInstanceUID": instance.uid,
        "SOPClassUID": instance.sop_class_uid,
        "InstanceNumber": instance.number,
        "InstanceAvailability": "ONLINE",
    }


def _file_of_study(study: FoundStudy) -> Place:
    return _file_of_series(next(iter(study.series.values())))


def _file_of_series(series: FoundSeries) -> Place:
    return next(iter(series.instances.values())).places[0]

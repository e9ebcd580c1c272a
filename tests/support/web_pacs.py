"""A small DICOMweb archive of studies on disk, right in all it does: a test bends one answer of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from adit_cli.dicom.files import FileMeta, file_meta_of
from tests.support.builders import BuiltSeries, BuiltStudy
from tests.support.http_peer import MULTIPART, Reply, Seen, json_reply, multipart

Dataset: TypeAlias = dict[str, object]
ROOT = "/dicom-web"
_PLACE = re.compile(r"/studies(?:/([\d.]+))?(?:/(series))?(?:/([\d.]+))?(?:/(instances))?(?:/([\d.]+))?")


@dataclass(slots=True)
class WebPacs:
    """Answers QIDO-RS, WADO-RS and STOW-RS; `bent` may answer in its place, or say None."""

    studies: Sequence[BuiltStudy] = ()
    bent: Callable[[Seen], Reply | None] = field(default=lambda _: None)
    counts: bool = True
    stored: list[FileMeta] = field(default_factory=list[FileMeta])

    def __call__(self, seen: Seen) -> Reply:
        """Answer one request."""
        bent = self.bent(seen)
        if bent is not None:
            return bent
        return self._store(seen) if seen.method == "POST" else self._read(seen)

    def _read(self, seen: Seen) -> Reply:
        place = _PLACE.fullmatch(seen.path.removeprefix(ROOT))
        if place is None:
            return Reply(HTTPStatus.NOT_FOUND)
        study_uid, of_series, series_uid, of_instances, uid = place.groups()
        study_uid = study_uid or seen.query.get("StudyInstanceUID", [""])[0]
        studies = [study for study in self.studies if study_uid in {"", study.uid}]
        series = [(study, one) for study in studies for one in study.series if series_uid in {None, one.uid}]
        if of_instances and not uid:
            found = [instance for one in series for instance in _instances(*one)]
        elif of_series and not series_uid:
            found = [self._series(*one) for one in series]
        elif study_uid and "/studies/" in seen.path:
            return _files([one for _, one in series], uid)
        else:
            found = [self._study(study) for study in studies]
        start, limit = (int(seen.query.get(key, ["0"])[0]) for key in ("offset", "limit"))
        return json_reply(found[start : start + limit] if limit else found[start:])

    def _study(self, study: BuiltStudy) -> Dataset:
        told: dict[str, object] = {"0020000D": study.uid, "00100020": study.patient_id}
        counted = {"00201206": len(study.series), "00201208": len(study.files)} if self.counts else {}
        return _model(told | counted)

    def _series(self, study: BuiltStudy, series: BuiltSeries) -> Dataset:
        told: dict[str, object] = {
            "0020000D": study.uid,
            "0020000E": series.uid,
            "00080060": series.modality,
        }
        return _model(told | ({"00201209": len(series.files)} if self.counts else {}))

    def _store(self, seen: Seen) -> Reply:
        boundary = seen.headers["content-type"].partition("boundary=")[2]
        parts = seen.body.split(f"--{boundary}".encode())[1:-1]
        metas = [file_meta_of(part.partition(b"\r\n\r\n")[2], "part") for part in parts]
        self.stored += metas
        return stored_reply([meta.sop_instance_uid for meta in metas])


def stored_reply(
    accepted: Sequence[str], failed: Mapping[str, int] | None = None, status: int = 200
) -> Reply:
    """Return what STOW-RS says of instances: those taken, and those failed with their reason."""
    items = {
        "00081199": [_model({"00081155": uid}) for uid in accepted],
        "00081198": [_model({"00081155": uid, "00081197": reason}) for uid, reason in (failed or {}).items()],
    }
    told = {tag: {"vr": "SQ", "Value": value} for tag, value in items.items() if value}
    return json_reply(told, status)


def bending(service: str, reply: Reply | Callable[[Seen], Reply]) -> Callable[[Seen], Reply | None]:
    """Return what answers all requests of a service (qido, wado or stow) and leaves the others alone."""

    def bent(seen: Seen) -> Reply | None:
        if service_of(seen) != service:
            return None
        return reply if isinstance(reply, Reply) else reply(seen)

    return bent


def service_of(seen: Seen) -> str:
    """Return whether a request is a search, a retrieval or a store."""
    if seen.method == "POST":
        return "stow"
    return "wado" if "application/dicom;" in seen.headers["accept"].replace('"', "") else "qido"


def _files(series: Sequence[BuiltSeries], uid: str | None) -> Reply:
    wanted = [
        path.read_bytes()
        for one in series
        for path, own in zip(one.files, one.instance_uids, strict=True)
        if uid in {None, own}
    ]
    return Reply(200, multipart(wanted), MULTIPART) if wanted else Reply(HTTPStatus.NOT_FOUND)


def _instances(study: BuiltStudy, series: BuiltSeries) -> list[Dataset]:
    above = {"0020000D": study.uid, "0020000E": series.uid}
    return [_model(above | {"00080018": uid}) for uid in series.instance_uids]


def _model(values: Mapping[str, object]) -> Dataset:
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in values.items()}

"""DICOMweb with Orthanc, a real server: the same study by every way, and over HTTPS with a password."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.jobfile.node import ServerNode
from adit_cli.nodes import open_source
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, Ready, RetrieveRequest, Source
from adit_cli.nodes.dicomweb.destination import DicomwebDestination
from adit_cli.nodes.dicomweb.source import DicomwebSource
from tests.support.builders import BuiltStudy, build_study
from tests.support.closed_pacs import ClosedPacs, closed_orthanc
from tests.support.peers import Orthanc, getscu
from tests.support.program import Adit

pytestmark = pytest.mark.peers


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", modalities=("CT", "MR"), instances=6)


@pytest.fixture
def source(pacs: Orthanc) -> Generator[DicomwebSource]:
    with closing(DicomwebSource("PACS", DicomwebPeer(url=pacs.dicomweb_url))) as opened:
        yield opened


def fetch(
    source: Source, request: RetrieveRequest, spool: Path
) -> tuple[dict[str, Arrival], list[FailedInstance]]:
    spool.mkdir(parents=True, exist_ok=True)
    arrivals: list[Arrival] = []
    failed = source.retrieve(request, spool, arrivals.append)
    return {arrival.uid: arrival for arrival in arrivals}, failed


def ready(path: Path) -> Ready:
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


def dataset(path: Path) -> bytes:
    """Return the data set behind the file meta information, which each server writes its own way."""
    return path.read_bytes()[read_file_meta(path).dataset_offset :]


@pytest.mark.parametrize(
    ("level", "options"),
    [
        ("series", "--date 2024 --age 18..80"),
        ("series", "-k InstitutionName"),
        ("instance", "--patient-id P1 --modality CT"),
    ],
)
def test_what_many_studies_hold_is_told_alike_over_dicomweb_and_dimse(
    pacs: Orthanc, tmp_path: Path, level: str, options: str
) -> None:
    adit = Adit(tmp_path / "adit")
    for number in range(4):
        made = build_study(tmp_path / f"{number}", modalities=("CT", "MR"), patient_id=f"P{number % 2}")
        pacs.upload(made.files)

    web, dimse = (
        adit("query", node, "--level", level, *options.split()) for node in (pacs.dicomweb_url, pacs.address)
    )

    assert sorted(web.out.splitlines()) == sorted(dimse.out.splitlines())
    assert len(web.out.splitlines()) > 1


def test_a_study_is_found_level_by_level(pacs: Orthanc, source: DicomwebSource, study: BuiltStudy) -> None:
    pacs.upload(study.files)

    (patient,) = source.find(Level.PATIENT, {"PatientID": study.patient_id, "PatientName": ""})
    (found,) = source.find(
        Level.STUDY, {"AccessionNumber": study.accession_number, "ModalitiesInStudy": "", "StudyDate": ""}
    )
    series = source.find(Level.SERIES, {"StudyInstanceUID": study.uid, "Modality": "", "SeriesNumber": ""})
    keys = {"StudyInstanceUID": study.uid, "SeriesInstanceUID": study.series[0].uid, "SOPClassUID": ""}
    instances = source.find(Level.IMAGE, keys)

    assert patient["PatientName"].startswith("Müller^Zoë")
    assert found["StudyInstanceUID"] == study.uid
    assert {one["SeriesInstanceUID"]: one["Modality"] for one in series} == {
        one.uid: one.modality for one in study.series
    }
    assert {one["SOPInstanceUID"] for one in instances} == set(study.series[0].instance_uids)
    assert {one["SOPClassUID"] for one in instances} == {"1.2.840.10008.5.1.4.1.1.2"}


def test_a_list_of_studies_and_more_than_one_page_are_found(
    pacs: Orthanc, source: DicomwebSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adit_cli.nodes.dicomweb.qido.PAGE", 2)
    made = [build_study(tmp_path, instances=1) for _ in range(5)]
    pacs.upload([file for study in made for file in study.files])

    every = source.find(Level.STUDY, {"StudyInstanceUID": ""})
    some = source.find(Level.STUDY, {"StudyInstanceUID": "\\".join(study.uid for study in made[:3])})

    assert {one["StudyInstanceUID"] for one in every} == {study.uid for study in made}
    assert {one["StudyInstanceUID"] for one in some} == {study.uid for study in made[:3]}


@pytest.mark.parametrize(
    "transfer_syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_data_sets_arrive_as_they_are_stored(
    pacs: Orthanc, source: DicomwebSource, tmp_path: Path, transfer_syntax: str
) -> None:
    study = build_study(tmp_path / "made", instances=3, transfer_syntax=transfer_syntax)
    pacs.upload(study.files)

    arrived, failed = fetch(source, RetrieveRequest(study.uid), tmp_path / "spool")

    assert failed == []
    for uid, path in zip(study.instance_uids, study.files, strict=True):
        assert arrived[uid].path.read_bytes() == path.read_bytes()
        assert arrived[uid].transfer_syntax_uid == read_file_meta(path).transfer_syntax_uid


def test_the_same_study_by_wado_rs_and_by_c_get_is_the_same(
    pacs: Orthanc, source: DicomwebSource, study: BuiltStudy, tmp_path: Path
) -> None:
    pacs.upload(study.files)

    arrived, _ = fetch(source, RetrieveRequest(study.uid), tmp_path / "web")
    by_dimse = getscu(pacs.port, tmp_path / "dimse", study.uid, ae_title=pacs.ae_title)

    assert {uid: dataset(arrival.path) for uid, arrival in arrived.items()} == {
        read_file_meta(path).sop_instance_uid: dataset(path) for path in by_dimse
    }


def test_series_and_single_instances_are_fetched_alone(
    pacs: Orthanc, source: DicomwebSource, study: BuiltStudy, tmp_path: Path
) -> None:
    pacs.upload(study.files)
    series = study.series[1]
    ref = InstanceRef(study.uid, series.uid, series.instance_uids[2])

    whole, _ = fetch(source, RetrieveRequest(study.uid, (series.uid,)), tmp_path / "series")
    one, _ = fetch(source, RetrieveRequest(study.uid, (series.uid,), (ref,)), tmp_path / "one")

    assert set(whole) == set(series.instance_uids)
    assert set(one) == {ref.uid}


def test_a_study_that_orthanc_does_not_have(source: DicomwebSource, tmp_path: Path) -> None:
    assert source.find(Level.STUDY, {"StudyInstanceUID": "1.2.3"}) == []
    with pytest.raises(NodeError, match="404"):
        fetch(source, RetrieveRequest("1.2.3"), tmp_path)


def test_a_study_is_stored_as_it_is(pacs: Orthanc, study: BuiltStudy) -> None:
    with closing(DicomwebDestination("PACS", DicomwebPeer(url=pacs.dicomweb_url))) as server:
        delivery = server.begin("task")
        told = [*delivery.add([ready(path) for path in study.files]), *delivery.finish()]

    assert [(one.uid, one.accepted, one.message) for one in told] == [
        (uid, True, "") for uid in study.instance_uids
    ]
    assert set(pacs.files().values()) == {path.read_bytes() for path in study.files}


def test_what_is_not_dicom_is_refused_and_the_rest_is_stored(pacs: Orthanc, study: BuiltStudy) -> None:
    bad = study.files[3]
    files = [ready(path) for path in study.files]
    bad.write_bytes(b"x" * bad.stat().st_size)

    with closing(DicomwebDestination("PACS", DicomwebPeer(url=pacs.dicomweb_url))) as server:
        delivery = server.begin("task")
        told = [*delivery.add(files), *delivery.finish()]

    assert {one.uid for one in told if one.accepted} == set(study.instance_uids) - {study.instance_uids[3]}
    assert set(pacs.instances()) == set(study.instance_uids) - {study.instance_uids[3]}


@pytest.mark.parametrize(("first", "used"), [("wado-rs", "wado-rs"), ("c-get", "c-get")])
def test_a_server_with_both_is_asked_by_the_preferred_way(
    pacs: Orthanc, study: BuiltStudy, tmp_path: Path, first: str, used: str
) -> None:
    pacs.upload(study.files)
    spec = ServerNode.model_validate(
        {"dimse": pacs.address, "dicomweb": pacs.dicomweb_url, "retrieve": [first], "find": ["c-find"]}
    )

    with closing(open_source("PACS", spec, "ADIT")) as server:
        assert len(server.find(Level.STUDY, {"StudyInstanceUID": study.uid})) == 1
        refs = tuple(
            InstanceRef(study.uid, one.uid, uid, "1.2.840.10008.5.1.4.1.1.2")
            for one in study.series[:1]
            for uid in one.instance_uids
        )
        request = RetrieveRequest(study.uid, (study.series[0].uid,), refs)
        arrived, failed = fetch(server, request, tmp_path / "spool")

    assert failed == []
    assert set(arrived) == set(study.series[0].instance_uids)
    own = read_file_meta(study.files[0])
    as_stored = [arrival.path.read_bytes() for arrival in arrived.values()] == [
        path.read_bytes() for path in study.series[0].files
    ]
    assert own.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
    assert as_stored == (used == "wado-rs")


def test_where_dicomweb_is_not_there_dimse_is(
    pacs: Orthanc, study: BuiltStudy, caplog: pytest.LogCaptureFixture
) -> None:
    pacs.upload(study.files)
    wrong = pacs.dicomweb_url.replace("dicom-web", "no-such-place")
    spec = ServerNode.model_validate({"dimse": pacs.address, "dicomweb": wrong})

    with closing(open_source("PACS", spec, "ADIT")) as server:
        for _ in range(3):
            assert len(server.find(Level.STUDY, {"StudyInstanceUID": study.uid})) == 1

    assert caplog.text.count("does not offer qido-rs") == 1


@pytest.fixture(scope="module")
def closed_pacs(tmp_path_factory: pytest.TempPathFactory) -> Generator[ClosedPacs]:
    with closed_orthanc(tmp_path_factory.mktemp("closed")) as server:
        yield server


def test_a_study_goes_there_and_back_over_https_with_a_password(
    closed_pacs: ClosedPacs, study: BuiltStudy, tmp_path: Path
) -> None:
    spec = closed_pacs.spec()
    with closing(DicomwebDestination("CLOSED", spec)) as server:
        delivery = server.begin("task")
        told = [*delivery.add([ready(path) for path in study.files]), *delivery.finish()]
    with closing(DicomwebSource("CLOSED", spec)) as opened:
        arrived, failed = fetch(opened, RetrieveRequest(study.uid), tmp_path / "spool")

    assert all(one.accepted for one in told)
    assert failed == []
    assert [arrived[uid].path.read_bytes() for uid in study.instance_uids] == [
        path.read_bytes() for path in study.files
    ]


def test_a_wrong_password_is_named_and_not_repeated(closed_pacs: ClosedPacs) -> None:
    with (
        closing(DicomwebSource("CLOSED", closed_pacs.spec("guess-me"))) as opened,
        pytest.raises(NodeError, match="401 Unauthorized") as caught,
    ):
        opened.find(Level.STUDY, {"StudyInstanceUID": "1.2"})

    assert "`auth`" in caught.value.hint
    assert "guess-me" not in f"{caught.value!r} {caught.value.message} {caught.value.hint}"


def test_a_large_study_takes_little_memory(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=6, size=4096)
    pacs.upload(study.files)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from adit_cli.jobfile.dicomweb import DicomwebPeer\n"
        "from adit_cli.nodes.base import RetrieveRequest\n"
        "from adit_cli.nodes.dicomweb.source import DicomwebSource\n"
        "source = DicomwebSource('PACS', DicomwebPeer(url=sys.argv[1]))\n"
        "source.retrieve(RetrieveRequest(sys.argv[2]), Path(sys.argv[3]), lambda arrival: None)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    spool = tmp_path / "spool"
    spool.mkdir()

    arguments = [sys.executable, "-c", program, pacs.dicomweb_url, study.uid, str(spool)]
    peak = int(subprocess.run(arguments, capture_output=True, check=True, env=os.environ).stdout) * 1024

    assert sum(path.stat().st_size for path in spool.iterdir()) > 190 << 20
    assert peak < 120 << 20

"""Searches over DICOMweb, against a server that pages, caps, repeats, refuses and lies as it is told."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason, TransientNodeError, UsageError
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.http_peer import Answer, HttpPeer, Reply, Seen, http_peer, json_reply

ONCE = Tries(attempts=1)
STUDIES = {"StudyInstanceUID": "", "PatientID": ""}


def study(number: int) -> dict[str, object]:
    return {
        "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
        "00100020": {"vr": "LO", "Value": [f"P{number}"]},
    }


def paged(count: int, cap: int = 10**6) -> Answer:
    def answer(seen: Seen) -> Reply:
        start, limit = int(seen.query.get("offset", ["0"])[0]), int(seen.query.get("limit", ["1000000"])[0])
        return json_reply([study(number) for number in range(count)][start : start + min(limit, cap)])

    return answer


@contextmanager
def asking(answer: Answer) -> Generator[tuple[DicomwebSource, HttpPeer]]:
    with http_peer(answer) as peer, closing(DicomwebSource("PACS", peer.spec(), ONCE)) as source:
        yield source, peer


def found(answer: Answer, level: Level = Level.STUDY, keys: Mapping[str, str] = STUDIES) -> list[Attributes]:
    with asking(answer) as (source, _):
        return source.find(level, keys)


def test_pages_are_asked_for_until_there_are_no_more() -> None:
    with asking(paged(2300)) as (source, peer):
        studies = source.find(Level.STUDY, STUDIES)

    assert [one["StudyInstanceUID"] for one in studies] == [f"1.2.{n}" for n in range(2300)]
    assert [seen.query.get("offset", ["0"]) for seen in peer.seen] == [["0"], ["1000"], ["2000"]]


def test_a_full_page_is_never_the_last_whatever_came_before() -> None:
    with asking(paged(2000)) as (source, _):
        assert [len(source.find(Level.STUDY, STUDIES)) for _ in range(3)] == [2000] * 3


def test_a_page_as_long_as_the_cap_is_asked_on_after_shorter_answers() -> None:
    count = 30

    def answer(seen: Seen) -> Reply:
        return paged(count, cap=100)(seen)

    with asking(answer) as (source, _):
        assert len(source.find(Level.STUDY, STUDIES)) == 30
        count = 300
        assert len(source.find(Level.STUDY, STUDIES)) == 300


def test_a_server_that_caps_its_pages_without_a_word_is_asked_on() -> None:
    assert len(found(paged(250, cap=100))) == 250


def test_an_answer_no_longer_than_one_that_was_proven_whole_is_not_asked_on() -> None:
    with asking(paged(30)) as (source, peer):
        source.find(Level.STUDY, STUDIES)
        source.find(Level.STUDY, STUDIES)

    assert len(peer.seen) == 3


def test_one_study_by_its_uid_takes_one_request() -> None:
    with asking(paged(1)) as (source, peer):
        source.find(Level.STUDY, {"StudyInstanceUID": "1.2.0"})

    assert len(peer.seen) == 1


def test_a_server_that_ignores_offset_is_named_in_a_note(caplog: pytest.LogCaptureFixture) -> None:
    with asking(lambda _: json_reply([study(n) for n in range(100)])) as (source, _):
        studies = source.find(Level.STUDY, STUDIES)
        notes = source.notes()

    assert len(studies) == 100
    assert "ignores `offset`" in notes[0]
    assert "PACS" in caplog.text


def test_a_server_that_ignores_offset_and_fills_its_page_is_an_error() -> None:
    with pytest.raises(NodeError, match="has more than it gave") as caught:
        found(lambda _: json_reply([study(n) for n in range(1000)]))

    assert caught.value.reason is Reason.INCOMPLETE


def test_a_server_that_warns_of_more_and_repeats_itself_is_an_error() -> None:
    warning = {"Warning": '299 PACS: "There are 40 additional results that can be requested"'}

    def answer(_: Seen) -> Reply:
        reply = json_reply([study(n) for n in range(10)])
        return Reply(200, reply.body, reply.content_type, warning)

    with pytest.raises(NodeError, match="has more than it gave"):
        found(answer)


def test_a_server_that_refuses_limit_is_asked_without_it() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(400) if "limit" in seen.query else paged(3)(seen)

    assert len(found(answer)) == 3


def test_attributes_that_are_not_returned_stay_absent_and_empty_ones_are_empty() -> None:
    dataset = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00080050": {"vr": "SH"}}
    keys = {"StudyInstanceUID": "1.2.3", "AccessionNumber": "", "StudyDescription": ""}

    (one,) = found(lambda _: json_reply([dataset]), keys=keys)

    assert one == {"StudyInstanceUID": "1.2.3", "AccessionNumber": ""}


def test_values_become_text_as_dimse_would_have_it() -> None:
    dataset: dict[str, object] = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]},
        "00080061": {"vr": "CS", "Value": ["CT", None, "MR"]},
        "00201208": {"vr": "IS", "Value": [12]},
        "00101030": {"vr": "DS", "Value": [70.5]},
        "0008002A": {"vr": "DT", "Value": "20240101"},
        "00081032": {"vr": "SQ", "Value": [None]},
    }
    keywords = "PatientName ModalitiesInStudy NumberOfStudyRelatedInstances PatientWeight AcquisitionDateTime"
    keys = {"StudyInstanceUID": "1.2.3", **dict.fromkeys(keywords.split(), ""), "ProcedureCodeSequence": ""}

    (one,) = found(lambda _: json_reply([dataset]), keys=keys)

    assert one == {
        "StudyInstanceUID": "1.2.3",
        "PatientName": "Yamada^Tarou=山田^太郎",
        "ModalitiesInStudy": "CT\\\\MR",
        "NumberOfStudyRelatedInstances": "12",
        "PatientWeight": "70.5",
        "AcquisitionDateTime": "20240101",
    }


def test_what_is_asked_goes_into_the_query_with_fuzzy_matching_off() -> None:
    with asking(lambda _: Reply(204)) as (source, peer):
        keys = {
            "PatientName": "MÜLLER^*",
            "StudyDate": "20240101-20240131",
            "Modality": "",
            "QueryRetrieveLevel": "X",
        }
        assert source.find(Level.STUDY, keys) == []

    assert peer.seen[0].path == "/dicom-web/studies"
    assert peer.seen[0].query == {
        "PatientName": ["MÜLLER^*"],
        "StudyDate": ["20240101-20240131"],
        "includefield": ["Modality", "StudyInstanceUID"],
        "limit": ["1000"],
        "fuzzymatching": ["false"],
    }
    assert peer.seen[0].headers["accept"] == "application/dicom+json"


@pytest.mark.parametrize(
    ("level", "keys", "path"),
    [
        (Level.SERIES, {"StudyInstanceUID": "1.2"}, "/studies/1.2/series"),
        (Level.SERIES, {"SeriesInstanceUID": "3.4"}, "/series"),
        (
            Level.IMAGE,
            {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "3.4"},
            "/studies/1.2/series/3.4/instances",
        ),
        (Level.IMAGE, {"StudyInstanceUID": "1.2"}, "/studies/1.2/instances"),
        (Level.IMAGE, {"SOPInstanceUID": "5.6"}, "/instances"),
        (Level.PATIENT, {"PatientID": "P1"}, "/studies"),
    ],
)
def test_uids_above_the_level_become_the_path(level: Level, keys: dict[str, str], path: str) -> None:
    with asking(lambda _: json_reply([])) as (source, peer):
        source.find(level, keys)

    assert peer.seen[0].path == f"/dicom-web{path}"


def test_a_prefix_of_the_searches_comes_before_the_path() -> None:
    with (
        http_peer(lambda _: json_reply([])) as peer,
        closing(DicomwebSource("PACS", peer.spec(qido_prefix="/rs/qido/"), ONCE)) as source,
    ):
        source.find(Level.STUDY, STUDIES)

    assert peer.seen[0].path == "/dicom-web/rs/qido/studies"


def test_uids_of_the_path_are_known_of_every_answer() -> None:
    instance = {"00080018": {"vr": "UI", "Value": ["5.6"]}}
    keys = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "3.4", "SOPInstanceUID": ""}

    assert found(lambda _: json_reply([instance]), Level.IMAGE, keys) == [
        {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "3.4", "SOPInstanceUID": "5.6"}
    ]


def test_a_long_list_of_uids_is_asked_for_in_pieces() -> None:
    with asking(lambda _: json_reply([])) as (source, peer):
        source.find(Level.STUDY, {"StudyInstanceUID": "\\".join(f"1.2.{n}" for n in range(100))})

    assert [len(seen.query["StudyInstanceUID"][0].split(",")) for seen in peer.seen] == [40, 40, 20]


def test_studies_nobody_asked_for_are_left_out_where_the_server_ignores_a_key() -> None:
    assert [one["StudyInstanceUID"] for one in found(paged(20), keys={"StudyInstanceUID": "1.2.7"})] == [
        "1.2.7"
    ]


def test_patients_are_those_of_the_studies() -> None:
    def answer(seen: Seen) -> Reply:
        assert "PatientID" in seen.query["includefield"]
        datasets = [study(1), study(1) | {"0020000D": {"vr": "UI", "Value": ["9"]}}, study(2)]
        return json_reply(datasets if "offset" not in seen.query else [])

    patients = found(answer, Level.PATIENT, {"PatientName": ""})

    assert patients == [{"PatientID": "P1"}, {"PatientID": "P2"}]


def test_a_study_that_is_not_there_has_no_series() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(404) if "series" in seen.path else json_reply([])

    assert found(answer, Level.SERIES, {"StudyInstanceUID": "1.2"}) == []


def test_a_service_that_is_not_there_is_not_a_study_without_series() -> None:
    with pytest.raises(NodeError, match="404 Not Found") as caught:
        found(lambda _: Reply(404), Level.SERIES, {"StudyInstanceUID": "1.2"})

    assert caught.value.reason is Reason.NOT_FOUND
    assert "URL" in caught.value.hint


def test_a_web_page_in_place_of_json_is_named() -> None:
    with pytest.raises(NodeError, match="a web page in place of DICOM") as caught:
        found(lambda _: Reply(200, b"<html>Log in</html>", "text/html"))

    assert "login page" in caught.value.hint


def test_json_that_was_cut_off_is_transient() -> None:
    with pytest.raises(TransientNodeError, match="JSON that is not whole"):
        found(lambda _: Reply(200, b'[{"0020000D"', "application/dicom+json"))


def test_results_without_a_uid_are_an_error() -> None:
    with pytest.raises(NodeError, match="no UID"):
        found(lambda _: json_reply([{"00100020": {"vr": "LO", "Value": ["P"]}}]))


def test_a_keyword_that_dicom_does_not_have_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="NoSuchThing"):
        found(lambda _: json_reply([]), keys={"NoSuchThing": ""})


def test_a_search_that_fails_for_now_is_made_again() -> None:
    replies = [Reply(500), json_reply([study(1)])]

    with (
        http_peer(lambda _: replies.pop(0)) as peer,
        closing(DicomwebSource("PACS", peer.spec(), Tries(2, first_pause=0))) as source,
    ):
        assert len(source.find(Level.STUDY, {"StudyInstanceUID": "1.2.1"})) == 1

"""Searches over DICOMweb, against a server that pages, caps, repeats, refuses and lies as it is told."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import TypeAlias, cast

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason, TransientNodeError, UsageError
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.http_peer import Answer, HttpPeer, Reply, Seen, http_peer, json_reply

ONCE = Tries(attempts=1)
STUDIES = {"StudyInstanceUID": "", "PatientID": ""}
MORE = '299 PACS: "There are 40 additional results that can be requested"'
Element: TypeAlias = dict[str, list[str]]


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


@pytest.mark.parametrize("before", [30, 100], ids=["shorter", "as long and whole"])
def test_a_page_as_long_as_the_cap_is_asked_on_whatever_came_before(before: int) -> None:
    count = before

    def answer(seen: Seen) -> Reply:
        return paged(count, cap=100)(seen)

    with asking(answer) as (source, _):
        assert len(source.find(Level.STUDY, STUDIES)) == before
        count = 300
        assert len(source.find(Level.STUDY, STUDIES)) == 300


def test_a_server_that_caps_its_pages_without_a_word_is_asked_on() -> None:
    assert len(found(paged(250, cap=100))) == 250


def test_a_page_that_says_it_is_a_part_is_asked_on_however_short_it_is() -> None:
    def answer(seen: Seen) -> Reply:
        start = int(seen.query.get("offset", ["0"])[0])
        size = 200 if start == 0 else 30
        page = [study(number) for number in range(250)][start : start + size]
        return json_reply(page, 206 if start + size < 250 else 200)

    assert len(found(answer)) == 250


def test_few_answers_no_more_than_were_proven_whole_are_not_asked_on() -> None:
    with asking(paged(3)) as (source, peer):
        source.find(Level.STUDY, STUDIES)
        source.find(Level.STUDY, STUDIES)

    assert len(peer.seen) == 3


def test_one_study_by_its_uid_takes_one_request() -> None:
    with asking(paged(1)) as (source, peer):
        source.find(Level.STUDY, {"StudyInstanceUID": "1.2.0"})

    assert len(peer.seen) == 1


def dated(number: int, day: str) -> dict[str, object]:
    return study(number) | {"00080020": {"vr": "DA", "Value": [day]}}


def without_offset(datasets: Sequence[Mapping[str, object]], cap: int, warning: str = "") -> Answer:
    """A server that gives its first results only, whatever `limit` and `offset` say."""

    def answer(seen: Seen) -> Reply:
        (asked,) = seen.query.get("StudyDate", ["-"])
        first, dash, last = asked.partition("-")
        within = [
            one
            for one in datasets
            if asked == "-" or first <= day_of(one) <= ((last if dash else first) or "9")
        ]
        reply = json_reply(within[:cap])
        return Reply(200, reply.body, reply.content_type, {"Warning": warning} if warning else {})

    return answer


def day_of(dataset: Mapping[str, object]) -> str:
    (day,) = cast("Element", dataset.get("00080020", {"Value": [""]}))["Value"]
    return day


def in_days(count: int) -> list[dict[str, object]]:
    return [dated(number, f"202401{1 + number % 28:02d}") for number in range(count)]


@pytest.mark.parametrize("warning", ["", MORE])
@pytest.mark.parametrize("cap", [20, 100])
def test_a_server_that_ignores_offset_is_asked_day_by_day(cap: int, warning: str) -> None:
    studies = found(without_offset(in_days(250), cap, warning))

    assert {one["StudyInstanceUID"] for one in studies} == {f"1.2.{number}" for number in range(250)}


def test_days_that_were_asked_for_are_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adit_cli.nodes.dicomweb.qido.PAGE", 10)
    keys = {**STUDIES, "StudyDate": "20240105-20240112"}

    with asking(without_offset(in_days(250), 10)) as (source, peer):
        studies = source.find(Level.STUDY, keys)

    assert {one["StudyDate"] for one in studies} == {f"202401{day:02d}" for day in range(5, 13)}
    assert len(studies) == 8 * 9
    assert all(
        "20240105" <= day <= "20240112" for seen in peer.seen for day in seen.query["StudyDate"][0].split("-")
    )


def test_an_answer_shorter_than_others_of_the_server_was_not_cut() -> None:
    with asking(
        lambda seen: without_offset(in_days(40) if "PatientID" in seen.query else in_days(100), 100)(seen)
    ) as (
        source,
        peer,
    ):
        studies = source.find(Level.STUDY, {**STUDIES, "PatientID": "P*"})

    assert len(studies) == 40
    assert peer.seen[-1].query["limit"] == ["41"]
    assert "PatientID" not in peer.seen[-1].query


@pytest.mark.parametrize("warning", ["", MORE])
@pytest.mark.parametrize(
    "datasets",
    [
        pytest.param([dated(number, "20240101") for number in range(30)], id="all of one day"),
        pytest.param([study(number) for number in range(30)], id="without dates"),
    ],
)
def test_what_cannot_be_proven_whole_is_an_error(datasets: list[dict[str, object]], warning: str) -> None:
    with pytest.raises(NodeError, match="ignores `offset`, and may have more") as caught:
        found(without_offset(datasets, 10, warning))

    assert caught.value.reason is Reason.INCOMPLETE
    assert "Narrow the query" in caught.value.hint


def test_a_server_that_ignores_dates_too_is_an_error() -> None:
    with pytest.raises(NodeError, match="may have more"):
        found(lambda _: json_reply(in_days(30)))


def below(total: int, given: int, counts: Mapping[str, int]) -> Answer:
    """A server with one study of so many series, of which it lists only the first, and offset is nothing."""

    def answer(seen: Seen) -> Reply:
        if seen.path.endswith("/studies"):
            told = {tag: {"vr": "IS", "Value": [count]} for tag, count in counts.items()}
            return json_reply([study(1) | told])
        series = [{"0020000E": {"vr": "UI", "Value": [f"3.{number}"]}} for number in range(total)]
        return json_reply(series[:given])

    return answer


SERIES_OF_STUDY, INSTANCES_OF_STUDY = "00201206", "00201208"
IN_STUDY = {"StudyInstanceUID": "1.2.1", "Modality": ""}


def test_the_count_of_the_study_proves_that_its_series_are_all() -> None:
    with asking(below(30, 30, {SERIES_OF_STUDY: 30})) as (source, peer):
        series = source.find(Level.SERIES, IN_STUDY)

    assert len(series) == 30
    assert not any("offset" in seen.query for seen in peer.seen)


def test_series_that_a_study_counts_and_does_not_list_are_an_error() -> None:
    with pytest.raises(NodeError, match="lists 20 results at series level and counts 30") as caught:
        found(below(30, 20, {SERIES_OF_STUDY: 30}), Level.SERIES, IN_STUDY)

    assert caught.value.reason is Reason.INCOMPLETE


def test_series_of_which_there_is_no_count_may_be_cut_where_offset_is_ignored() -> None:
    with pytest.raises(NodeError, match="may have more"):
        found(below(30, 20, {}), Level.SERIES, IN_STUDY)


def test_an_empty_page_is_no_proof_where_the_count_says_otherwise() -> None:
    def answer(seen: Seen) -> Reply:
        return json_reply([]) if "offset" in seen.query else below(30, 20, {SERIES_OF_STUDY: 30})(seen)

    with pytest.raises(NodeError, match="counts 30"):
        found(answer, Level.SERIES, IN_STUDY)


def test_counts_that_were_told_before_are_not_asked_for() -> None:
    with asking(below(3, 3, {SERIES_OF_STUDY: 3})) as (source, peer):
        source.find(Level.STUDY, {"StudyInstanceUID": "1.2.1", "NumberOfStudyRelatedSeries": ""})
        assert len(source.find(Level.SERIES, IN_STUDY)) == 3

    assert len(peer.seen) == 2


def test_answers_come_page_by_page_and_no_further_than_wanted() -> None:
    with asking(paged(2300)) as (source, peer), closing(source.search(Level.STUDY, STUDIES)) as answers:
        first = [one["StudyInstanceUID"] for one in islice(answers, 5)]

    assert first == [f"1.2.{number}" for number in range(5)]
    assert len(peer.seen) == 1


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


def test_studies_of_two_patients_under_one_uid_are_both_told() -> None:
    def answer(seen: Seen) -> Reply:
        both = [study(1), study(1) | {"00100020": {"vr": "LO", "Value": ["OTHER"]}}]
        return json_reply(both if "offset" not in seen.query else [])

    assert [one["PatientID"] for one in found(answer)] == ["P1", "OTHER"]

"""Retrieval over DICOMweb: what arrives, and every way in which a server can get it wrong."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, RetrieveRequest
from adit_cli.nodes.dicomweb.multipart import BUFFER
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.builders import BuiltStudy, build_study
from tests.support.http_peer import BOUNDARY, MULTIPART, Answer, HttpPeer, Reply, Seen, http_peer, multipart


class Fetching:
    """A source, its spool and what arrived in it."""

    def __init__(self, source: DicomwebSource, peer: HttpPeer, spool: Path) -> None:
        self.source, self.peer, self.spool = source, peer, spool
        self.arrivals: list[Arrival] = []

    def retrieve(self, request: RetrieveRequest) -> list[FailedInstance]:
        return self.source.retrieve(request, self.spool, self.arrivals.append)

    @property
    def uids(self) -> list[str]:
        return [arrival.uid for arrival in self.arrivals]

    @property
    def files(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.spool.iterdir())]


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", modalities=("CT", "MR"), instances=12)


@contextmanager
def fetching(answer: Answer, tmp_path: Path, **spec: object) -> Generator[Fetching]:
    spool = tmp_path / "spool"
    spool.mkdir()
    with (
        http_peer(answer) as peer,
        closing(DicomwebSource("PACS", peer.spec(**spec), Tries(1), pause=lambda _: None)) as source,
    ):
        yield Fetching(source, peer, spool)


def contents(study: BuiltStudy) -> list[bytes]:
    return [path.read_bytes() for path in study.files]


def refs(study: BuiltStudy) -> Iterator[InstanceRef]:
    for series in study.series:
        for uid in series.instance_uids:
            yield InstanceRef(study.uid, series.uid, uid)


def listed(study: BuiltStudy, *, by_series: bool = False) -> RetrieveRequest:
    series = tuple(one.uid for one in study.series) if by_series else ()
    return RetrieveRequest(study.uid, series, tuple(refs(study)))


def served(study: BuiltStudy, **options: bool) -> Answer:
    """Answer as a server that holds the study does."""
    files = {ref: path.read_bytes() for ref, path in zip(refs(study), study.files, strict=True)}

    def answer(seen: Seen) -> Reply:
        steps = seen.path.split("/")
        found = [
            content
            for ref, content in files.items()
            if ("series" not in steps or ref.series_uid in steps)
            and ("instances" not in steps or ref.uid in steps)
        ]
        return Reply(200, multipart(found, lengths=options.get("lengths", True)), MULTIPART)

    return answer


@pytest.mark.parametrize("lengths", [True, False])
def test_a_study_arrives_byte_for_byte_in_files_of_its_owner_only(
    study: BuiltStudy, tmp_path: Path, *, lengths: bool
) -> None:
    with fetching(served(study, lengths=lengths), tmp_path) as fetch:
        assert fetch.retrieve(listed(study)) == []

    assert fetch.uids == study.instance_uids
    assert [arrival.path.read_bytes() for arrival in fetch.arrivals] == contents(study)
    assert [arrival.size for arrival in fetch.arrivals] == [len(one) for one in contents(study)]
    assert {path.stat().st_mode & 0o777 for path in fetch.spool.iterdir()} == {0o600}
    assert [path.name for path in sorted(fetch.spool.iterdir())] == sorted(
        f"{u}.dcm" for u in study.instance_uids
    )


def test_the_stored_transfer_syntax_is_asked_for(study: BuiltStudy, tmp_path: Path) -> None:
    with fetching(served(study), tmp_path) as fetch:
        fetch.retrieve(listed(study))

    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert [(seen.path, seen.headers["accept"]) for seen in fetch.peer.seen] == [
        (f"/dicom-web/studies/{study.uid}", accept)
    ]


@pytest.mark.parametrize("status", [400, 406, 415])
def test_a_server_that_does_not_know_the_star_is_asked_without_it(
    study: BuiltStudy, tmp_path: Path, status: int
) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(status) if "*" in seen.headers["accept"] else served(study)(seen)

    with fetching(answer, tmp_path) as fetch:
        assert fetch.retrieve(listed(study)) == []
        assert fetch.retrieve(listed(study)) == []

    assert fetch.uids == [*study.instance_uids] * 2
    assert ["*" in seen.headers["accept"] for seen in fetch.peer.seen] == [True, False, False]


def test_a_server_that_refuses_a_request_for_other_reasons_is_asked_with_the_star_again(
    study: BuiltStudy, tmp_path: Path
) -> None:
    replies = [Reply(400), Reply(400)]

    with fetching(lambda seen: replies.pop() if replies else served(study)(seen), tmp_path) as fetch:
        with pytest.raises(NodeError, match="400 Bad Request"):
            fetch.retrieve(listed(study))
        fetch.retrieve(listed(study))

    assert ["*" in seen.headers["accept"] for seen in fetch.peer.seen] == [True, False, True]


def test_parts_larger_than_the_buffer_arrive_whole(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=3, size=1024)
    assert study.files[0].stat().st_size > BUFFER

    for lengths in (True, False):
        folder = tmp_path / str(lengths)
        folder.mkdir()
        with fetching(served(study, lengths=lengths), folder) as fetch:
            fetch.retrieve(listed(study))
        assert [arrival.path.read_bytes() for arrival in fetch.arrivals] == contents(study)


def test_pixels_that_look_like_the_boundary_are_pixels(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=1, size=64)
    path = study.files[0]
    look_alike = f"\r\n--{BOUNDARY}-no\r\n--{BOUNDARY}x\r\n".encode()
    path.write_bytes(path.read_bytes()[: -len(look_alike)] + look_alike)

    with fetching(served(study, lengths=False), tmp_path) as fetch:
        fetch.retrieve(listed(study))

    assert fetch.files == contents(study)


def test_chunks_of_any_size_are_put_together(study: BuiltStudy, tmp_path: Path) -> None:
    def answer(_: Seen) -> Reply:
        return Reply(200, multipart(contents(study), lengths=False), MULTIPART, chunked=True)

    with fetching(answer, tmp_path) as fetch:
        fetch.retrieve(listed(study))
        fetch.retrieve(listed(study))

    assert fetch.uids == study.instance_uids * 2
    assert fetch.peer.connections == 1


def test_text_before_the_first_boundary_means_nothing(study: BuiltStudy, tmp_path: Path) -> None:
    body = b"This is a multipart message.\r\n" + multipart(contents(study))

    with fetching(lambda _: Reply(200, body, MULTIPART), tmp_path) as fetch:
        fetch.retrieve(listed(study))

    assert fetch.uids == study.instance_uids


def test_a_single_instance_may_come_without_multipart(study: BuiltStudy, tmp_path: Path) -> None:
    ref = next(refs(study))
    with fetching(lambda _: Reply(200, contents(study)[0], "application/dicom"), tmp_path) as fetch:
        fetch.retrieve(RetrieveRequest(study.uid, (ref.series_uid,), (ref,)))

    assert fetch.uids == [ref.uid]
    assert fetch.peer.seen[0].path.endswith(f"/series/{ref.series_uid}/instances/{ref.uid}")


def test_only_the_series_that_are_wanted_are_asked_for(study: BuiltStudy, tmp_path: Path) -> None:
    series = study.series[1]
    with fetching(served(study), tmp_path) as fetch:
        fetch.retrieve(RetrieveRequest(study.uid, (series.uid,)))

    assert fetch.uids == list(series.instance_uids)
    assert [seen.path for seen in fetch.peer.seen] == [f"/dicom-web/studies/{study.uid}/series/{series.uid}"]


def test_what_arrived_before_is_not_handed_out_again(study: BuiltStudy, tmp_path: Path) -> None:
    wanted = tuple(refs(study))[1:12]
    with fetching(served(study), tmp_path) as fetch:
        fetch.retrieve(RetrieveRequest(study.uid, (study.series[0].uid,), wanted))

    assert fetch.uids == [ref.uid for ref in wanted]


def test_a_part_that_comes_twice_with_other_content_never_replaces_the_first(
    study: BuiltStudy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = contents(study)
    other = files[0][:-1] + bytes([files[0][-1] ^ 1])

    def answer(_: Seen) -> Reply:
        return Reply(200, multipart([files[0], files[1], files[1], other, *files[2:]]), MULTIPART)

    with fetching(answer, tmp_path) as fetch:
        (told,) = fetch.retrieve(listed(study))

    assert (told.uid, told.reason) == (study.instance_uids[0], Reason.MISMATCH)
    assert fetch.uids == study.instance_uids
    assert [arrival.path.read_bytes() for arrival in fetch.arrivals] == files
    assert "twice, with other content" in caplog.text


def test_a_part_of_another_series_is_refused_by_name(study: BuiltStudy, tmp_path: Path) -> None:
    series = study.series[0]
    body = multipart(contents(study)[:13])

    with fetching(lambda _: Reply(200, body, MULTIPART), tmp_path) as fetch:
        failed = fetch.retrieve(RetrieveRequest(study.uid, (series.uid,)))

    assert fetch.uids == list(series.instance_uids)
    assert [(one.uid, one.reason) for one in failed] == [(study.instance_uids[12], Reason.MISMATCH)]
    assert len(list(fetch.spool.iterdir())) == 12


def test_a_part_of_another_study_is_refused_by_name(study: BuiltStudy, tmp_path: Path) -> None:
    other = build_study(tmp_path / "other", instances=1)
    body = multipart([*contents(study), other.files[0].read_bytes()])

    with fetching(lambda _: Reply(200, body, MULTIPART), tmp_path) as fetch:
        failed = fetch.retrieve(listed(study))

    assert fetch.uids == study.instance_uids
    assert [(one.uid, one.reason) for one in failed] == [(other.instance_uids[0], Reason.MISMATCH)]


def test_a_uid_that_would_lead_out_of_the_spool_is_refused(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=1)
    path = study.files[0]
    uid = study.instance_uids[0].encode()
    path.write_bytes(path.read_bytes().replace(uid, b"../" * 3 + uid[9:]))

    with fetching(lambda _: Reply(200, multipart(contents(study)), MULTIPART), tmp_path) as fetch:
        (failed,) = fetch.retrieve(RetrieveRequest(study.uid))

    assert (failed.uid, failed.reason) == ("", Reason.MISMATCH)
    assert list(fetch.spool.iterdir()) == []


@pytest.mark.parametrize("status", [206, 200])
def test_partial_content_and_warnings_mean_incomplete(study: BuiltStudy, tmp_path: Path, status: int) -> None:
    headers = {"Warning": '299 PACS: "Doe^Jane has lost one"'} if status == 200 else {}
    body = multipart(contents(study)[:-1])

    with fetching(lambda _: Reply(status, body, MULTIPART, headers), tmp_path) as fetch:
        failed = fetch.retrieve(listed(study))
        unlisted = fetch.retrieve(RetrieveRequest(study.uid))

    assert [(one.uid, one.reason) for one in failed] == [(study.instance_uids[-1], Reason.INCOMPLETE)]
    assert [(one.uid, one.reason) for one in unlisted] == [("", Reason.INCOMPLETE)]
    assert ("206" if status == 206 else "299") in failed[0].message
    assert "Doe" not in failed[0].message


def test_html_in_place_of_dicom_is_named(study: BuiltStudy, tmp_path: Path) -> None:
    with (
        fetching(lambda _: Reply(200, b"<html>", "text/html"), tmp_path) as fetch,
        pytest.raises(NodeError, match="a web page in place of DICOM") as caught,
    ):
        fetch.retrieve(listed(study))

    assert not caught.value.transient


def test_a_part_that_is_html_is_refused_and_the_others_arrive(study: BuiltStudy, tmp_path: Path) -> None:
    first, *others = contents(study)
    html = f"--{BOUNDARY}\r\nContent-Type: text/html\r\n\r\n<html>\r\n".encode()

    with fetching(lambda _: Reply(200, html + multipart(others), MULTIPART), tmp_path) as fetch:
        failed = fetch.retrieve(listed(study))

    assert fetch.uids == study.instance_uids[1:]
    assert [one.message for one in failed] == ["PACS sent part 1, which is text/html and not DICOM"]
    assert first not in fetch.files


def test_a_part_that_only_claims_to_be_dicom_is_refused(study: BuiltStudy, tmp_path: Path) -> None:
    with fetching(lambda _: Reply(200, multipart([b"<html>" * 50]), MULTIPART), tmp_path) as fetch:
        (failed,) = fetch.retrieve(RetrieveRequest(study.uid))

    assert "is not DICOM" in failed.message
    assert list(fetch.spool.iterdir()) == []


def test_an_instance_cut_off_inside_its_pixels_is_refused(study: BuiltStudy, tmp_path: Path) -> None:
    first, *others = contents(study)

    with fetching(lambda _: Reply(200, multipart([first[:-10], *others]), MULTIPART), tmp_path) as fetch:
        (failed,) = fetch.retrieve(RetrieveRequest(study.uid))

    assert failed.reason is Reason.INCOMPLETE
    assert fetch.uids == study.instance_uids[1:]


@pytest.mark.parametrize("lengths", [True, False])
def test_a_body_that_ends_inside_a_part_keeps_the_parts_before(
    study: BuiltStudy, tmp_path: Path, *, lengths: bool
) -> None:
    body = multipart(contents(study), lengths=lengths)[:-300]

    with (
        fetching(lambda _: Reply(200, body, MULTIPART, length=len(body) + 300), tmp_path) as fetch,
        pytest.raises(TransientNodeError, match="ends too early") as caught,
    ):
        fetch.retrieve(RetrieveRequest(study.uid))

    assert caught.value.reason is Reason.INCOMPLETE
    assert fetch.uids == study.instance_uids[:-1]
    assert len(list(fetch.spool.iterdir())) == len(study.instance_uids) - 1


def test_a_single_instance_that_breaks_off_is_an_error(study: BuiltStudy, tmp_path: Path) -> None:
    ref, content = next(refs(study)), contents(study)[0]
    reply = Reply(200, content[:-5], "application/dicom", length=len(content))

    with (
        fetching(lambda _: reply, tmp_path) as fetch,
        pytest.raises(TransientNodeError, match="a body that ends too early"),
    ):
        fetch.retrieve(RetrieveRequest(study.uid, (ref.series_uid,), (ref,)))

    assert list(fetch.spool.iterdir()) == []


def test_chunks_that_break_off_are_an_error(study: BuiltStudy, tmp_path: Path) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    raw = head + b"fff\r\n" + multipart(contents(study))[:1000]

    with fetching(lambda _: Reply(raw=raw), tmp_path) as fetch, pytest.raises(TransientNodeError):
        fetch.retrieve(RetrieveRequest(study.uid))

    assert list(fetch.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "without its boundary"),
        (b"no boundary anywhere", "without its boundary"),
        (f"--{BOUNDARY}".encode(), "ends in a delimiter"),
        (f"--{BOUNDARY} trash\r\n".encode(), "something behind its delimiter"),
        (f"--{BOUNDARY}\r\nContent-Type: application/dicom".encode(), "no end of its head"),
        (f"--{BOUNDARY}\r\n\r\nABC".encode(), "ends too early"),
        (
            f"--{BOUNDARY}\r\nContent-Length: 2\r\n\r\nABCDE\r\n--{BOUNDARY}--".encode(),
            "not as long as it says",
        ),
        (
            f"--{BOUNDARY}\r\nContent-Length: 6\r\n\r\nABCDE\r\n--{BOUNDARY}--".encode(),
            "not as long as it says",
        ),
    ],
)
def test_malformed_multipart_is_named(study: BuiltStudy, tmp_path: Path, body: bytes, what: str) -> None:
    with (
        fetching(lambda _: Reply(200, body, MULTIPART), tmp_path) as fetch,
        pytest.raises(TransientNodeError, match=what),
    ):
        fetch.retrieve(RetrieveRequest(study.uid))

    assert list(fetch.spool.iterdir()) == []


def test_multipart_without_a_boundary_in_its_type_is_named(study: BuiltStudy, tmp_path: Path) -> None:
    reply = Reply(200, multipart(contents(study)), 'multipart/related; type="application/dicom"')

    with fetching(lambda _: reply, tmp_path) as fetch, pytest.raises(NodeError, match="no usable boundary"):
        fetch.retrieve(RetrieveRequest(study.uid))


def test_a_study_the_server_fails_on_as_a_whole_comes_in_smaller_requests(
    study: BuiltStudy, tmp_path: Path
) -> None:
    bad = study.instance_uids[3]

    def answer(seen: Seen) -> Reply:
        first, second = (one.uid for one in study.series)
        broken = second not in seen.path and "instances" not in seen.path and first
        return Reply(500) if broken or bad in seen.path else served(study)(seen)

    with fetching(answer, tmp_path) as fetch:
        failed = fetch.retrieve(listed(study))

    assert [(one.uid, one.reason) for one in failed] == [(bad, Reason.REFUSED)]
    assert sorted(fetch.uids) == sorted(set(study.instance_uids) - {bad})


def test_a_server_that_fails_on_everything_is_given_up_soon(study: BuiltStudy, tmp_path: Path) -> None:
    with (
        fetching(lambda _: Reply(500), tmp_path) as fetch,
        pytest.raises(TransientNodeError, match="500 Internal Server Error"),
    ):
        fetch.retrieve(listed(study))

    assert len(fetch.peer.seen) == 1 + 1 + 3


def test_a_study_that_is_not_there_is_not_found(study: BuiltStudy, tmp_path: Path) -> None:
    with fetching(lambda _: Reply(404), tmp_path) as fetch, pytest.raises(NodeError, match="404") as caught:
        fetch.retrieve(RetrieveRequest(study.uid))

    assert caught.value.reason is Reason.NOT_FOUND


def test_an_answer_longer_than_the_total_timeout_is_broken_off(study: BuiltStudy, tmp_path: Path) -> None:
    with (
        fetching(served(study), tmp_path, timeouts={"total": 1e-9}) as fetch,
        pytest.raises(TransientNodeError, match=r"timeouts\.total") as caught,
    ):
        fetch.retrieve(listed(study))

    assert caught.value.reason is Reason.TIMEOUT


def test_half_written_files_of_others_are_left_alone(study: BuiltStudy, tmp_path: Path) -> None:
    with fetching(served(study), tmp_path) as fetch:
        (fetch.spool / f".{os.getpid() + 1}-1.part").write_bytes(b"someone else's")
        fetch.retrieve(listed(study))

    assert len(list(fetch.spool.glob(".*.part"))) == 1

"""What users see of a DICOMweb service that answers badly, in get, send, query and transfer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adit_cli.errors import TransientNodeError
from adit_cli.nodes.retry import Tries
from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.http_peer import BOUNDARY, MULTIPART, HttpPeer, Reply, Seen, http_peer, multipart
from tests.support.program import Ended
from tests.support.web_pacs import WebPacs, bending, stored_reply

SECRET = "hunter2-of-a-test"  # noqa: S105 - made up
LOGIN_PAGE = Reply(200, b"<html><form>Log in</form></html>", "text/html")
ELSEWHERE = "URL leads elsewhere"
LATER = {"Retry-After": "3600"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are repeated at once, and no proxy of the machine is in between."""
    monkeypatch.setattr("adit_cli.nodes.retry._again", again_at_once)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def again_at_once(call: Callable[[], object], tries: Tries, stop: object) -> object:
    del stop
    for _ in range(tries.attempts - 2):
        try:
            return call()
        except TransientNodeError:
            continue
    return call()


def redirect_to_itself(seen: Seen) -> Reply:
    return Reply(302, headers={"Location": seen.target})


BROKEN = [
    pytest.param(Reply(401), "401 Unauthorized", "`auth`", id="401"),
    pytest.param(Reply(403), "403 Forbidden", "ask for the permission", id="403"),
    pytest.param(Reply(404), "404 Not Found", "Check the URL's path", id="404"),
    pytest.param(Reply(500, b"NullPointerException of DOE^JANE"), "500 Internal", "own log", id="500"),
    pytest.param(Reply(429, headers=LATER), "429 Too Many Requests", "with fewer workers", id="429"),
    pytest.param(Reply(503, headers=LATER), "503 Service Unavailable", "with fewer workers", id="503"),
    pytest.param(redirect_to_itself, "302 Found", ELSEWHERE, id="redirect-loop"),
    pytest.param(LOGIN_PAGE, "a web page in place of DICOM", "login page", id="html"),
    pytest.param(Reply(200, content_type="application/dicom+json"), "", "", id="empty"),
    pytest.param(
        Reply(200, headers={"X-Big": "x" * 70_000}), "not whole HTTP", "a proxy in between", id="huge-header"
    ),
    pytest.param(
        Reply(200, headers={f"X-{number}": "x" for number in range(200)}),
        "not whole HTTP",
        "a proxy in between",
        id="many-headers",
    ),
    pytest.param(Reply(raw=b"220 mail.example.org ESMTP\r\n"), "not whole HTTP", "", id="no-http"),
    pytest.param(Reply(raw=b""), "broke off the connection", "", id="hangs-up"),
]


def told(ended: Ended, message: str, hint: str) -> None:
    """Check that a command ended with an error a user understands, and nothing of the server's own words."""
    assert message in ended.err, ended.err
    assert hint in ended.err, ended.err
    assert "Traceback" not in ended.err
    assert "DOE^JANE" not in ended.err


@pytest.mark.parametrize(("reply", "message", "hint"), BROKEN)
def test_a_search_that_goes_wrong_is_named(
    adit: CommandLine, reply: Reply | Callable[[Seen], Reply], message: str, hint: str
) -> None:
    with http_peer(WebPacs(bent=bending("qido", reply))) as peer:
        ended = adit.run("query", peer.url)

    assert ended.code == 6, ended.err
    assert "\t1.2" not in ended.out
    told(ended, message, hint)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"0020000D": {"vr": "UI"', "JSON that is not whole"),
        (b'"surprise"', "in place of DICOM"),
        (b"42", "in place of DICOM"),
        (b"\xff\xfe\x00", "JSON that is not whole"),
        pytest.param(b"[" * 100_000, "JSON that is not whole", id="deep"),
        (b'[{"00100020": {"vr": "LO", "Value": ["P1"]}}]', "results that have no UID"),
        (b"[1, 2]", "in place of DICOM"),
    ],
)
def test_json_that_is_none_is_named(adit: CommandLine, body: bytes, message: str) -> None:
    with http_peer(lambda _: Reply(200, body, "application/dicom+json")) as peer:
        ended = adit.run("query", peer.url)

    assert ended.code == 6, ended.err
    told(ended, message, "")


@pytest.mark.parametrize(("reply", "message", "hint"), BROKEN)
def test_a_retrieval_that_goes_wrong_is_named(
    adit: CommandLine, thorax: BuiltStudy, reply: Reply | Callable[[Seen], Reply], message: str, hint: str
) -> None:
    del hint  # of many instances, only what went wrong is told

    with http_peer(WebPacs([thorax], bent=bending("wado", reply))) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code in {3, 6}, ended.err
    assert list(Path("out").rglob("*.dcm")) == []
    told(ended, message, "")


@pytest.mark.parametrize("reply", [Reply(401), Reply(403), LOGIN_PAGE, redirect_to_itself])
def test_a_source_that_refuses_all_that_it_lists_is_told_once_and_ends_with_6(
    adit: CommandLine, thorax: BuiltStudy, reply: Reply | Callable[[Seen], Reply]
) -> None:
    with http_peer(WebPacs([thorax], bent=bending("wado", reply))) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code == 6, ended.err
    assert ended.err.count("WADO-RS") == 1


def test_a_source_that_refuses_one_study_of_two_ends_with_3_and_names_what_is_missing(
    adit: CommandLine, thorax: BuiltStudy, tmp_path: Path
) -> None:
    other = build_study(tmp_path / "other", instances=2)

    def refused(seen: Seen) -> Reply | None:
        return bending("wado", Reply(403))(seen) if other.uid in seen.path else None

    with http_peer(WebPacs([thorax, other], bent=refused)) as peer:
        ended = adit.run("get", peer.url, other.uid, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code == 3, ended.err
    assert all(f"missing {uid}" in ended.err for uid in other.instance_uids)
    assert len(list(Path("out").rglob("*.dcm"))) == len(thorax.files)


@pytest.mark.parametrize("service", ["qido", "wado"])
@pytest.mark.parametrize("reply", [Reply(500), Reply(503, headers=LATER), Reply(raw=b"")])
def test_a_study_that_cannot_be_fetched_does_not_keep_the_others_away(
    adit: CommandLine, thorax: BuiltStudy, tmp_path: Path, reply: Reply, service: str
) -> None:
    broken = build_study(tmp_path / "broken", instances=2)

    def failing(seen: Seen) -> Reply | None:
        return bending(service, reply)(seen) if broken.uid in seen.target else None

    with http_peer(WebPacs([broken, thorax], bent=failing)) as peer:
        ended = adit.run("get", peer.url, broken.uid, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code == 3, ended.err
    assert len(list(Path("out").rglob("*.dcm"))) == len(thorax.files)
    assert all(line.startswith(f"{broken.uid}: ") for line in ended.err.splitlines() if peer.url in line)
    assert peer.url in ended.err


def test_a_service_that_fails_study_after_study_is_not_asked_for_all_of_them(
    adit: CommandLine, tmp_path: Path
) -> None:
    studies = [build_study(tmp_path / "made", instances=1) for _ in range(6)]

    with http_peer(WebPacs(studies, bent=bending("wado", Reply(500)))) as peer:
        ended = adit.run("get", peer.url, *(study.uid for study in studies), "-o", "out")

    assert ended.code == 6, ended.err
    assert "500 Internal Server Error" in ended.err
    assert not any(studies[-1].uid in seen.target for seen in peer.seen)


@pytest.mark.parametrize("reply", [Reply(500), Reply(403), Reply(raw=b"")])
def test_a_study_that_a_server_fails_to_take_does_not_keep_the_others_away(
    adit: CommandLine, tmp_path: Path, reply: Reply
) -> None:
    studies = [build_study(tmp_path / "made" / str(number), instances=2) for number in range(3)]
    broken = studies[1]

    def failing(seen: Seen) -> Reply | None:
        return bending("stow", reply)(seen) if broken.uid.encode() in seen.body else None

    pacs = WebPacs(studies, bent=failing)
    with http_peer(pacs) as peer:
        ended = adit.run("send", peer.url, tmp_path / "made")

    assert ended.code == 3, ended.err
    assert len(pacs.stored) == 4
    assert all(f"{path}: " in ended.err for path in broken.files)
    assert "4 files accepted, 2 refused" in ended.err


def test_a_server_that_takes_no_study_is_not_sent_all_of_them(adit: CommandLine, tmp_path: Path) -> None:
    studies = [build_study(tmp_path / "made" / str(number), instances=1) for number in range(6)]

    with http_peer(WebPacs(studies, bent=bending("stow", Reply(403)))) as peer:
        ended = adit.run("send", peer.url, tmp_path / "made")

    assert ended.code == 6, ended.err
    assert "403 Forbidden" in ended.err
    assert len(peer.seen) == 3


def part(content: bytes, more: str = "") -> bytes:
    return f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n{more}\r\n".encode() + content


CUT: dict[str, tuple[Callable[[list[bytes]], bytes], str]] = {
    "inside a part": (lambda files: multipart(files)[:-100], "ends too early"),
    "inside a part of unknown length": (
        lambda files: multipart(files, lengths=False)[:-100],
        "ends too early",
    ),
    "no end": (lambda files: b"\r\n".join(map(part, files)), "ends too early"),
    "no boundary": (b"".join, "without its boundary"),
    "wrong length": (lambda files: part(files[0], "Content-Length: 99\r\n") + b"\r\n", "not as long"),
    "endless head": (
        lambda files: f"--{BOUNDARY}\r\n".encode() + b"X: " + b"x" * 40_000 + files[0],
        "no end of its head",
    ),
}


@pytest.mark.parametrize("cut", CUT)
def test_multipart_that_is_malformed_or_cut_is_named_and_nothing_half_stays(
    adit: CommandLine, thorax: BuiltStudy, cut: str
) -> None:
    files = [path.read_bytes() for path in thorax.files]
    body, message = CUT[cut]

    with http_peer(WebPacs([thorax], bent=bending("wado", Reply(200, body(files), MULTIPART)))) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code in {3, 6}, ended.err
    told(ended, message, "")
    left = [path for path in Path("out").rglob("*") if path.is_file() and path.name != ".adit-arriving"]
    assert all(path.read_bytes() in files for path in left)


@pytest.mark.parametrize("counts", [True, False])
def test_one_truncated_file_is_named_and_the_others_arrive(
    adit: CommandLine, thorax: BuiltStudy, *, counts: bool
) -> None:
    bad = thorax.instance_uids[1]

    def shortened(seen: Seen) -> Reply:
        reply = WebPacs([thorax])(seen)
        whole = thorax.files[1].read_bytes()
        return Reply(
            200, multipart([one if one != whole else one[:-40] for one in parts_of(reply)]), MULTIPART
        )

    with http_peer(WebPacs([thorax], bending("wado", shortened), counts=counts)) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code == 3, ended.err
    assert f"missing {bad}" in ended.err
    assert "ends too early" in ended.err
    assert {path.stem for path in Path("out").rglob("*.dcm")} == set(thorax.instance_uids) - {bad}


def parts_of(reply: Reply) -> list[bytes]:
    parts = reply.body.split(f"--{BOUNDARY}".encode())[1:-1]
    return [one.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for one in parts]


@pytest.mark.parametrize("counts", [True, False])
def test_partial_content_is_incomplete_and_names_what_is_missing(
    adit: CommandLine, thorax: BuiltStudy, *, counts: bool
) -> None:
    held_back = thorax.instance_uids[0]

    def partial(seen: Seen) -> Reply:
        whole = [one for one in parts_of(WebPacs([thorax])(seen)) if one != thorax.files[0].read_bytes()]
        return Reply(206, multipart(whole), MULTIPART) if whole else Reply(404)

    with http_peer(WebPacs([thorax], bending("wado", partial), counts=counts)) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out")

    assert ended.code == 3, ended.err
    assert f"missing {held_back}" in ended.err
    assert "1 of 6 instances did not arrive" in ended.err
    assert len(list(Path("out").rglob("*.dcm"))) == len(thorax.files) - 1


def without_listing(seen: Seen) -> Reply | None:
    """Refuse to list instances, and give no counts: what a study consists of is then not known."""
    return Reply(404) if seen.path.endswith("/instances") else None


@pytest.mark.parametrize(
    "partial", [Reply(206), Reply(200, headers={"Warning": '299 PACS "some were left out of DOE^JANE"'})]
)
def test_partial_content_without_a_listing_is_a_named_failure(
    adit: CommandLine, thorax: BuiltStudy, partial: Reply
) -> None:
    contents = [path.read_bytes() for path in thorax.files[1:]]
    reply = Reply(partial.status, multipart(contents), MULTIPART, partial.headers)

    def bent(seen: Seen) -> Reply | None:
        return bending("wado", reply)(seen) or without_listing(seen)

    with http_peer(WebPacs([thorax], bent, counts=False)) as peer:
        ended = adit.run("get", peer.url, thorax.uid, "-o", "out", "--progress", "none")

    assert ended.code == 3, ended.err
    assert "left out" in ended.err
    assert "DOE^JANE" not in ended.err


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(401), "401 Unauthorized"),
        (Reply(403), "403 Forbidden"),
        (Reply(404), "404 Not Found"),
        (Reply(405), "405 Method Not Allowed"),
        (Reply(413), "413"),
        (Reply(503, headers=LATER), "503 Service Unavailable"),
        (Reply(500), "500 Internal"),
        (redirect_to_itself, "302 Found"),
        (LOGIN_PAGE, "a web page in place of DICOM"),
        (Reply(200, b"{", "application/dicom+json"), "JSON that is not whole"),
        (Reply(200, b"[3]", "application/dicom+json"), "in place of DICOM"),
        (Reply(202), "did not confirm instance"),
        (Reply(raw=b""), "broke off the connection"),
    ],
)
def test_a_store_that_goes_wrong_is_named(
    adit: CommandLine, thorax: BuiltStudy, reply: Reply | Callable[[Seen], Reply], message: str
) -> None:
    with http_peer(WebPacs(bent=bending("stow", reply))) as peer:
        ended = adit.run("send", peer.url, str(thorax.folder), "--progress", "none")

    assert ended.code in {3, 6}, ended.err
    told(ended, message, "")


@pytest.mark.parametrize("status", [200, 202, 409])
def test_instances_that_a_store_fails_on_are_named_with_the_reason(
    adit: CommandLine, thorax: BuiltStudy, status: int
) -> None:
    refused, taken = thorax.instance_uids[0], thorax.instance_uids[1:]
    reply = stored_reply(taken, {refused: 0xA700}, status)

    with http_peer(WebPacs(bent=bending("stow", reply))) as peer:
        ended = adit.run("send", peer.url, str(thorax.folder))

    assert ended.code == 3, ended.err
    assert f"it refused instance {refused} (0xA700" in ended.err
    assert f"{len(taken)} files accepted, 1 refused" in ended.err


def job(peer: HttpPeer, *, source: str, destination: str, uid: str) -> str:
    Path("job.yaml").write_text(
        "adit: 1\nname: web\nnodes:\n"
        f"  web: {{dicomweb: {{url: {peer.url}, auth: {{bearer: {SECRET}}}}}}}\n  disk: {{folder: images}}\n"
        f"  out: {{folder: out}}\nsource: {source}\ndestinations: [{destination}]\n"
        f"select: {{studies: {{uids: [{uid}]}}}}\nrun: {{workers: 1, attempts: 1}}\n"
    )
    return "job.yaml"


def test_a_transfer_names_what_a_service_held_back(adit: CommandLine, thorax: BuiltStudy) -> None:
    contents = [path.read_bytes() for path in thorax.files[1:]]

    def bent(seen: Seen) -> Reply | None:
        partial = Reply(206, multipart(contents), MULTIPART)
        return bending("wado", partial)(seen) or without_listing(seen)

    with http_peer(WebPacs([thorax], bent, counts=False)) as peer:
        ended = adit.run(
            "transfer", job(peer, source="web", destination="out", uid=thorax.uid), "--progress", "none"
        )
        status = adit.run("status", "job.yaml", "--format", "json")

    assert ended.code == 3, ended.err
    assert '"reason": "incomplete"' in status.out, status.out
    assert SECRET not in ended.err + status.out


def test_a_transfer_to_a_service_that_refuses_some_names_them(adit: CommandLine, thorax: BuiltStudy) -> None:
    reply = stored_reply(thorax.instance_uids[1:], {thorax.instance_uids[0]: 0x0124}, 202)

    with http_peer(WebPacs(bent=bending("stow", reply))) as peer:
        ended = adit.run(
            "transfer", job(peer, source="disk", destination="web", uid=thorax.uid), "--progress", "none"
        )
        status = adit.run("status", "job.yaml", "--format", "json")

    assert ended.code == 3, ended.err
    assert '"delivered": 5' in status.out, status.out
    assert '"reason": "rejected"' in status.out, status.out
    assert SECRET not in ended.err + status.out


@pytest.mark.parametrize("reply", [Reply(200), Reply(204), stored_reply([])], ids=["empty", "204", "nothing"])
def test_a_service_that_does_not_say_what_it_took_is_named(
    adit: CommandLine, thorax: BuiltStudy, reply: Reply
) -> None:
    with http_peer(WebPacs(bent=bending("stow", reply))) as peer:
        sent = adit.run("send", peer.url, str(thorax.folder))
        moved = adit.run("transfer", job(peer, source="disk", destination="web", uid=thorax.uid))
        status = adit.run("status", "job.yaml", "--format", "json")

    assert [sent.code, moved.code] == [3, 3], sent.err + moved.err
    assert "did not list what it took" in sent.err
    assert "did not list what it took" in status.out
    assert '"delivered": 6' in status.out, status.out


def test_a_study_goes_from_service_to_service(adit: CommandLine, thorax: BuiltStudy) -> None:
    pacs, research = WebPacs([thorax]), WebPacs()

    with http_peer(pacs) as source, http_peer(research) as target:
        Path("job.yaml").write_text(
            f"adit: 1\nname: web\nsource: {{dicomweb: '{source.url}'}}\n"
            f"destinations: [{{dicomweb: '{target.url}'}}]\n"
            f"select: {{studies: {{uids: [{thorax.uid}]}}}}\nrun: {{workers: 1}}\n"
        )
        ended = adit.run("transfer", "job.yaml", "--progress", "none")

    assert ended.code == 0, ended.err
    assert {meta.sop_instance_uid for meta in research.stored} == set(thorax.instance_uids)

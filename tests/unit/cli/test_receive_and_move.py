import re
import socket
from pathlib import Path

import pytest

from adit_cli.cli.receiving import ReceiveWatch, callers, receiver_spec
from adit_cli.errors import NodeError
from adit_cli.jobfile.load import load_config, load_job
from adit_cli.jobfile.receiver import ReceiverSpec
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent
from adit_cli.tasks.download import StudyRequest
from adit_cli.tasks.forwarding import Sent
from tests.support.builders import build_study
from tests.support.commandline import CommandLine
from tests.support.process import LOOPBACK

CONFIG = """
calling_ae_title: US
receiver: {port: 11113, accept: ["SENDER@10.0.0.9"], max_associations: 7}
nodes:
  pacs: {dimse: PACS@pacs.example.org:104}
  web: {dicomweb: https://pacs.example.org/dicom-web}
  disk: {folder: out/}
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--accept", "PACS@"], "write AE_TITLE"),
        (["--layout", "{SOPInstanceUID}.dcm"], "need -o DIR"),
        (["--no-sync"], "need -o DIR"),
        (["-o", "in", "--layout", "{PatientIDD}.dcm"], "PatientIDD"),
        (["-o", "in", "--tls-key", "key.pem"], "--tls-cert"),
    ],
)
def test_receiver_that_cannot_be_as_asked_is_refused(
    adit: CommandLine, arguments: list[str], said: str
) -> None:
    ended = adit.run("receive", "--port", "0", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_port_in_use_is_told_with_who_holds_it(adit: CommandLine) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        ended = adit.run("receive", "-o", adit.folder / "in", "--host", LOOPBACK, "--port", str(port))

    assert ended.code == 2
    assert re.search(rf"Port {port} cannot be listened on: .*in use by .+ \(process \d+\)", ended.err)


def test_options_change_the_receiver_of_the_config_and_add_callers(tmp_path: Path) -> None:
    (tmp_path / "adit.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "adit.yaml")

    as_written = receiver_spec(config.receiver, "", None, [], None, None)
    changed = receiver_spec(config.receiver, LOOPBACK, 0, ["@10.1.0.0/16"], 3, None)

    assert as_written == config.receiver
    assert (changed.host, changed.port, changed.max_associations) == (LOOPBACK, 0, 3)
    assert changed.accept == ("SENDER@10.0.0.9", "@10.1.0.0/16")
    assert callers(config.nodes) == ["PACS@pacs.example.org"]


def test_job_takes_the_receiver_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "adit.yaml").write_text(CONFIG)
    (tmp_path / "job.yaml").write_text(
        "adit: 1\nname: j\nsource: pacs\ndestinations: [disk]\nselect: {studies: {uids: [1.2.3]}}\n"
    )
    config = load_config(tmp_path / "adit.yaml")

    assert load_job(tmp_path / "job.yaml", config=config).receiver == config.receiver
    assert load_job(tmp_path / "job.yaml", config=config).receiver != ReceiverSpec()


def test_watch_counts_those_who_send_and_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    with ReceiveWatch("ADIT", Path("in"), verbosity=0) as watch:
        watch.show(ReceiveEvent(Happening.LISTENING, port=104))
        watch.show(ReceiveEvent(Happening.OPENED, "PACS", "10.0.0.9"))
        watch.show(ReceiveEvent(Happening.STORED, "PACS", "10.0.0.9", "1.2", "1.2.3", 1000))
        watch.show(ReceiveEvent(Happening.REFUSED, "X", "10.0.0.8", message="not known"))
        watch.show(ReceiveEvent(Happening.ENDED, host="10.0.0.7", message="it was silent"))
        watch.show(ReceiveEvent(Happening.ENDED, "PACS", "10.0.0.9", message="released"))

    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "ADIT receives on port 104 into in; Ctrl-C ends it",
        "X@10.0.0.8: refused: not known",
    ]
    assert lines[-2] == "PACS@10.0.0.9: released; nothing new"
    assert lines[-1].startswith("received 1 instance, 1.0 kB in ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pacs", "1.2.3"], "--to"),
        (["pacs", "--to", "THERE"], "which studies"),
        (["pacs", "nonsense", "--to", "THERE"], "not a DICOM UID"),
        (["pacs", "1.2.3", "--to", "A" * 17], "at most 16"),
        (["pacs", "1.2.3", "--to", "disk"], "names neither"),
        (["pacs", "1.2.3", "--to", "web"], "names neither"),
    ],
)
def test_move_that_cannot_be_is_refused(adit: CommandLine, arguments: list[str], said: str) -> None:
    adit.config.write_text(CONFIG)

    ended = adit.run("move", *arguments)

    assert ended.code == 2, ended.err
    assert said in ended.err


class Moves:
    """Moves studies, but for those that it fails with."""

    def __init__(self, *broken: str) -> None:
        self.asked: list[str] = []
        self._broken = broken

    def __call__(self, _source: object, request: StudyRequest, _target: object, _line: object) -> Sent:
        self.asked.append(request.uid)
        if request.uid in self._broken:
            raise NodeError("pacs refused C-MOVE to THERE.", hint="See to it.")
        return Sent(2, 2, 2)


def test_a_study_that_a_server_fails_to_move_does_not_keep_the_others_away(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    adit.config.write_text(CONFIG)
    moves = Moves("1.2.1")
    monkeypatch.setattr("adit_cli.cli.moving._send", moves)

    ended = adit.run("move", "pacs", "1.2.1", "1.2.2", "--to", "THERE")

    assert ended.code == 3, ended.err
    assert moves.asked == ["1.2.1", "1.2.2"]
    assert "1.2.1: pacs refused C-MOVE to THERE. See to it." in ended.err
    assert "1.2.2: 2 of 2 instances are at THERE" in ended.err


@pytest.mark.parametrize("studies", [1, 2, 6])
def test_a_server_that_moves_no_study_is_not_asked_for_all_of_them(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch, studies: int
) -> None:
    adit.config.write_text(CONFIG)
    uids = [f"1.2.{number}" for number in range(studies)]
    moves = Moves(*uids)
    monkeypatch.setattr("adit_cli.cli.moving._send", moves)

    ended = adit.run("move", "pacs", *uids, "--to", "THERE")

    assert ended.code == 6, ended.err
    assert moves.asked == uids[:3]
    assert ended.err.endswith("adit: pacs refused C-MOVE to THERE.\n      See to it.\n")


def test_folder_cannot_be_asked_to_send(adit: CommandLine) -> None:
    study = build_study(adit.folder / "made", instances=1)

    ended = adit.run("move", f"{adit.folder / 'made'}/", study.uid, "--to", "THERE")

    assert ended.code == 6
    assert "C-MOVE" in ended.err

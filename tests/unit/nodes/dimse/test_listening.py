import socket
import threading
from pathlib import Path
from queue import Queue

import pytest

from adit_cli.errors import UsageError
from adit_cli.nodes.dimse.listening import alone_in, listen, plain_address
from adit_cli.nodes.dimse.receiver import Receiver, Reception
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent
from tests.support.process import LOOPBACK


def test_folder_that_a_receiver_files_into_is_refused_to_another_one(tmp_path: Path) -> None:
    half = tmp_path / ".incoming" / "1-1.part"
    events = Queue[ReceiveEvent]()
    first = Receiver(Reception("ADIT", 0, tmp_path, LOOPBACK), events.put)
    thread = threading.Thread(target=first.run, daemon=True)
    thread.start()
    try:
        assert events.get(timeout=30).happening is Happening.LISTENING
        half.write_bytes(b"on its way")
        with pytest.raises(UsageError, match="Another receiver files into"):
            Receiver(Reception("ADIT", 0, tmp_path, LOOPBACK), print).run()
    finally:
        first.stop()
        thread.join(30)

    assert half.read_bytes() == b"on its way"


def test_folder_is_free_again_when_its_receiver_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with alone_in(tmp_path):
            assert tmp_path.is_dir()


def test_port_in_use_makes_no_folder(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(UsageError, match="cannot be listened"):
        Receiver(Reception("ADIT", taken.getsockname()[1], tmp_path / "in", LOOPBACK), print).run()

    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8::77", "x" * 70 + ".invalid"])
def test_address_that_the_machine_does_not_have_is_named(host: str) -> None:
    with pytest.raises(UsageError, match=f"{host} is no address of this machine"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("shown", "known"),
    [("::ffff:10.1.2.3", "10.1.2.3"), ("10.1.2.3", "10.1.2.3"), ("2001:db8::1", "2001:db8::1")],
)
def test_callers_over_ipv4_keep_their_address_on_a_socket_for_both(shown: str, known: str) -> None:
    assert plain_address(shown) == known

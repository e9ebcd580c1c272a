"""User identity negotiation (PS3.7 §D.3.3.7) with pynetdicom, and with Orthanc, which ignores it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import pytest
from pydantic import SecretStr
from pynetdicom import AE, evt
from pynetdicom.events import Event

from adit_cli.errors import NodeError
from adit_cli.jobfile.node import DimsePeer, Identity, Timeouts
from adit_cli.nodes.dimse.echo import EchoReport, echo
from tests.support.peers import LOOPBACK, Orthanc, serving

pytestmark = pytest.mark.peers
PATIENT = Timeouts(connect=30, acse=30, dimse=60)


@contextmanager
def guarded_by(users: dict[bytes, bytes]) -> Generator[int]:
    """Serve C-ECHO to these users and their passwords only."""

    def check(event: Event) -> tuple[bool, bytes | None]:
        name, password = (getattr(event, field, None) for field in ("primary_field", "secondary_field"))
        return users.get(cast("bytes", name)) == (password or b""), None

    ae = AE(ae_title="PEER")
    ae.add_supported_context("1.2.840.10008.1.1")
    with serving(ae, [(evt.EVT_USER_ID, check)]) as port:
        yield port


def ask(port: int, username: str, password: str | None, ae_title: str = "PEER") -> EchoReport:
    identity = Identity(username=username, password=None if password is None else SecretStr(password))
    spec = DimsePeer(ae_title=ae_title, host=LOOPBACK, port=port, identity=identity, timeouts=PATIENT)
    return echo("pacs", spec, "ADIT")


def test_a_user_and_password_let_us_in() -> None:
    with guarded_by({"müller".encode(): b"secret"}) as port:
        report = ask(port, "müller", "secret")

    assert report.accepted


def test_a_user_without_a_password_lets_us_in() -> None:
    with guarded_by({b"reader": b""}) as port:
        report = ask(port, "reader", None)

    assert report.accepted


def test_a_refused_user_is_named_and_the_password_is_not() -> None:
    with guarded_by({b"reader": b"secret"}) as port, pytest.raises(NodeError) as caught:
        ask(port, "reader", "not-the-word")

    assert "rejected the association" in caught.value.message
    assert "`identity`" in caught.value.hint
    assert not caught.value.transient
    assert "not-the-word" not in caught.value.message + caught.value.hint


def test_a_server_that_ignores_users_is_told_apart(pacs: Orthanc) -> None:
    report = ask(pacs.port, "reader", "secret", pacs.ae_title)

    assert report.knows_user is False
    assert report.accepted

from __future__ import annotations

import logging

import pytest

from adit_cli.engine.relay import Relay


def record(text: str, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("adit_cli.nodes.ways", logging.WARNING, "", 0, text, None, None)
    made.__dict__.update(more)
    return made


def test_what_is_marked_is_said_once_and_all_else_as_often_as_it_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    relay = Relay()

    for _ in range(3):
        relay.hand_on(record("PACS does not offer wado-rs", once=True))
        relay.hand_on(record("PACS broke off"))
    relay.hand_on(record("RESEARCH does not offer wado-rs", once=True))

    assert [one.message for one in caplog.records] == [
        "PACS does not offer wado-rs",
        *["PACS broke off"] * 3,
        "RESEARCH does not offer wado-rs",
    ]

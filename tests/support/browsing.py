"""Drive the browser as a user at the keyboard does, waiting for what is to be seen and never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from textual.pilot import Pilot
from textual.widgets import Label

from adit_cli.cli.browser.app import Browser
from adit_cli.cli.browser.handover import HandOver
from adit_cli.cli.browser.listing import Listing
from adit_cli.cli.columns import SHOWN
from adit_cli.dicom.query import Level
from adit_cli.jobfile.addressing import NothingKnown, parse_node
from adit_cli.nodes import open_source
from adit_cli.nodes.base import Source
from adit_cli.tasks.lookup import Lookup

LONG = 90.0
"""Seconds after which a test has waited in vain."""


def browser(
    address: str, level: Level = Level.PATIENT, *, name: str = "clinical", limit: int = 1000
) -> Browser:
    """Return the browser of a node as it is typed."""
    node, spec = parse_node(address, NothingKnown())

    @contextmanager
    def opened() -> Generator[Source]:
        source = open_source(node, spec, "ADIT")
        try:
            yield source
        finally:
            source.close()

    return Browser(name, opened, Listing(Lookup(level, {}, SHOWN[level])), limit)


async def until(pilot: Pilot[HandOver], condition: Callable[[], bool]) -> None:
    """Let the browser go on until something is so."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await pilot.pause(0.02)


async def loaded(pilot: Pilot[HandOver], app: Browser, level: Level | None = None) -> None:
    """Wait until the list, of this level, is whole."""
    await until(pilot, lambda: not app.is_loading and level in {None, app.listing.level} and at_list(app))


async def opened_dialog(pilot: Pilot[HandOver], app: Browser) -> None:
    """Ask to hand over, and wait until one can choose what to do."""
    await pilot.press("x")
    await until(pilot, lambda: getattr(app.focused, "id", "") == "purpose")


def at_list(app: Browser) -> bool:
    """Return whether nothing is open over the list."""
    return len(app.screen_stack) == 1


def text_of(app: Browser, name: str) -> str:
    """Return what a label says; nothing where it is not there yet."""
    return "".join(str(label.render()) for label in app.screen.query(f"#{name}").results(Label))

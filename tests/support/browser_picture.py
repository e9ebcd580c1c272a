"""Take the docs' picture of the browser: `python -m tests.support.browser_picture docs/how-to/browser.svg`.

It is the real program at a demo PACS, whose patients are invented.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from adit_cli.cli.browser.app import Browser
from adit_cli.dicom.query import Level
from adit_cli.nodes.demo.pacs import DemoPacs
from adit_cli.nodes.demo.studies import demo_studies
from tests.support.browsing import browser, loaded
from tests.support.process import LOOPBACK

SIZE = (94, 14)
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""The picture's fonts would be fetched from elsewhere whenever somebody looks at it."""


def picture() -> str:
    """Return the browser with the studies of the demo, two of them marked."""
    with tempfile.TemporaryDirectory() as folder:
        demo_studies(Path(folder))
        with DemoPacs(Path(folder)) as pacs:
            return asyncio.run(_taken(browser(f"{pacs.ae_title}@{LOOPBACK}:{pacs.port}", Level.STUDY)))


async def _taken(app: Browser) -> str:
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot, app)
        app.listing.entries.sort(key=lambda one: one["StudyDate"])
        await pilot.press("slash", "m", "r")
        await loaded(pilot, app)
        await pilot.press("enter", "space", "down", "space")
        await loaded(pilot, app)
        return FONT.sub("", app.export_screenshot(title="adit query clinical --interactive", simplify=True))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), "utf-8")

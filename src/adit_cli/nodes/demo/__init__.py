"""A PACS of sample studies on this machine, to try the program without a hospital."""

from __future__ import annotations

from adit_cli.nodes.demo.pacs import DemoPacs
from adit_cli.nodes.demo.studies import demo_studies

__all__ = ["DemoPacs", "demo_studies"]

"""Results as JSON, as the page `docs/performance.md` and as a chart that needs no program to be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TypedDict, cast

from benchmarks.measure import RowResult


class KeptResult(TypedDict):
    """A contender's numbers as they stand in JSON."""

    name: str
    minimum: float
    median: float
    cpu: float
    memory: int
    rounds: int


class KeptVerdict(TypedDict):
    """A target and whether it was reached."""

    text: str
    value: float
    reached: bool


class KeptRow(TypedDict):
    """A row as it stands in JSON."""

    key: str
    title: str
    measure: str
    instances: int
    results: list[KeptResult]
    verdicts: list[KeptVerdict]


class Kept(TypedDict):
    """All that is kept of the latest measurements."""

    machine: dict[str, str]
    rows: dict[str, KeptRow]


INTRODUCTION = """# Performance

Whole processes with their start, side by side on one machine: the contenders of a row take turns, round by
round. "As shipped" is DCMTK as its packages run it; NODELAY is DCMTK at its best, with `TCP_NODELAY=1` in its
environment and in its peer's. Peers run on the same machine and share its cores. Measure on yours:
`nox -s bench -- --write` writes this page.

![Time of each contender relative to ours](performance.svg)
"""
BAR_UNIT, LONGEST_BAR = 20, 420
MEGABYTE = 1e6


def merge(path: Path, machine: dict[str, str], results: list[RowResult]) -> Kept:
    """Put new rows among those kept before; rows that were not run now stay as they are."""
    kept: Kept = (
        cast("Kept", json.loads(path.read_text())) if path.is_file() else {"machine": machine, "rows": {}}
    )
    rows = kept["rows"] | {result.key: cast("KeptRow", result.as_json()) for result in results}
    merged: Kept = {"machine": machine, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(merged, indent=1) + "\n")
    return merged


def page(kept: Kept, order: list[str]) -> str:
    """Return the performance page."""
    rows = [kept["rows"][key] for key in order if key in kept["rows"]]
    parts = [INTRODUCTION, _machine(kept["machine"]), *(_section(row) for row in rows)]
    return "\n".join(parts)


def _machine(machine: Mapping[str, str]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in machine.items())


def _section(row: KeptRow) -> str:
    ours = row["results"][0]
    lines = [
        f"## {row['title'][0].upper()}{row['title'][1:]}\n",
        "| | best | median | against ours | CPU | peak memory |",
        "|---|--:|--:|--:|--:|--:|",
        *(_line(result, ours) for result in row["results"]),
        "",
        *(_verdict(verdict) for verdict in row["verdicts"]),
        "",
    ]
    return "\n".join(lines)


def _line(result: KeptResult, ours: KeptResult) -> str:
    ratio = "" if result is ours else f"{result['median'] / ours['median']:.2f} x"
    memory = f"{result['memory'] / 2**20:.0f} MiB" if result["memory"] else ""
    times = f"{seconds(result['minimum'])} | {seconds(result['median'])}"
    cpu = seconds(result["cpu"]) if result["cpu"] else ""
    return f"| {result['name']} | {times} | {ratio} | {cpu} | {memory} |"


def _verdict(verdict: KeptVerdict) -> str:
    value = verdict["value"]
    shown = f"{value / MEGABYTE:.0f} MB" if value > MEGABYTE else f"{value:.3g}"
    if "at least" in verdict["text"] and value:
        shown = f"{1 / value:.3g}"
    return f"- {'Reached' if verdict['reached'] else '**Not reached**'}: {verdict['text']} ({shown})."


def seconds(value: float) -> str:
    """Return a time in the unit that is easiest to read."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def chart(kept: Kept, order: list[str]) -> str:
    """Return bars, one group a row, on a logarithmic scale of time relative to ours."""
    rows = [
        kept["rows"][key]
        for key in order
        if key in kept["rows"] and kept["rows"][key]["measure"] == "seconds"
    ]
    parts, y = list[str](), 30
    for row in rows:
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(row["title"])}</text>')
        for result in row["results"]:
            y += 20
            parts += _bar(result, row["results"][0], y)
        y += 36
    style = 'font-family="sans-serif" font-size="13" fill="#333"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {y}" {style}>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


def _bar(result: KeptResult, ours: KeptResult, y: int) -> list[str]:
    ratio = result["median"] / ours["median"]
    width = min(BAR_UNIT * ratio, LONGEST_BAR)
    colour = "#00897b" if result is ours else "#b0bec5"
    cut = "… " if width == LONGEST_BAR else ""
    return [
        f'<text x="290" y="{y}" text-anchor="end">{escape(result["name"])}</text>',
        f'<rect x="300" y="{y - 11}" width="{width:.0f}" height="14" fill="{colour}"/>',
        f'<text x="{306 + width:.0f}" y="{y}">{cut}{seconds(result["median"])} ({ratio:.2g} x)</text>',
    ]

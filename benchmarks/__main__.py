"""Run rows of the comparison and, with `--write`, bring `docs/performance.md` up to date."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks import (
    machine,
    report,
    rows_cohort,
    rows_local,
    rows_move,
    rows_network,
    rows_pipeline,
    rows_plan,
    rows_query,
    rows_web,
)
from benchmarks.measure import RowMaker, RowResult, Settings, run_row
from benchmarks.processes import drop_what_was_put_aside
from tests.support.process import PeerError

ROOT = Path(__file__).parents[1]
ROWS: dict[str, RowMaker] = {
    "get": rows_network.get,
    "send": rows_network.send,
    "receive": rows_network.receive,
    "move": rows_move.move,
    "wado": rows_web.wado,
    "stow": rows_web.stow,
    "deid": rows_local.deid,
    "deid-cost": rows_local.deid_cost,
    "pipeline": rows_pipeline.pipeline,
    "pipelines": rows_pipeline.pipelines,
    "distance-get": rows_pipeline.distance_get,
    "distance-send": rows_pipeline.distance_send,
    "memory": rows_pipeline.memory,
    "web-memory": rows_web.memory,
    "scale": rows_local.scale,
    "sizes": rows_pipeline.sizes,
    "state": rows_local.state,
    "query": rows_local.query,
    "query-many": rows_query.query_many,
    "cohort": rows_cohort.cohort,
    "plan": rows_plan.plan,
    "start": rows_local.start,
}


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help=f"of {', '.join(ROWS)}; default all"
    )
    parser.add_argument(
        "--instances", type=int, default=2000, help="slices of the large study (2000 are 1 GB)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "benchmarks" / "data", help="where data is made and kept"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md, .json and .svg")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; the exit code is 1 when a target was missed or a row failed."""
    asked = arguments()
    if asked.list:
        print("\n".join(f"{key:<16}{maker.__doc__}" for key, maker in ROWS.items()))
        return 0
    os.chdir(ROOT)
    settings = Settings(asked.instances, asked.rounds, asked.folder.resolve())
    rows = list(asked.rows or ROWS)
    results = [result for key in rows if (result := attempted(key, settings)) is not None]
    if asked.write:
        write(results)
    reached = all(verdict.reached for result in results for verdict in result.verdicts)
    return 0 if reached and len(results) == len(rows) else 1


def attempted(key: str, settings: Settings) -> RowResult | None:
    """Run one row; one that fails must not take the others with it."""
    try:
        return measured(key, settings)
    except PeerError as error:
        print(f"  FAILED: {error}", flush=True)
        return None


def measured(key: str, settings: Settings) -> RowResult:
    """Run one row and show it."""
    with ROWS[key](settings) as row:
        print(f"{key}: {row.title}", flush=True)
        result = run_row(key, row, settings, lambda line: print(line, flush=True))
    drop_what_was_put_aside(settings.folder)
    for verdict in result.verdicts:
        print(f"  {'reached' if verdict.reached else 'NOT REACHED'}: {verdict.text} ({verdict.value:.4g})")
    return result


def write(results: list[RowResult]) -> None:
    """Bring the page, its chart and its numbers up to date."""
    docs = ROOT / "docs"
    kept = report.merge(docs / "performance.json", machine.describe(), results)
    (docs / "performance.md").write_text(report.page(kept, list(ROWS)))
    (docs / "performance.svg").write_text(report.chart(kept, list(ROWS)))


if __name__ == "__main__":
    sys.exit(main())

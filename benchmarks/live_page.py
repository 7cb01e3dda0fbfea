"""Whether a page keeps up: twenty live series at 1,000 points a second each, in a real browser, for ten minutes.

Twenty runs log one metric each; a page of the dashboard draws them all in one chart. Each minute is a row:

    drawn   points a second that came to be drawn (in cells of the screen's width); all that are logged is 20,000
    heap    the page's JavaScript heap in MB, garbage collected before
    CPU     of the page's process and of the dashboard's server, as a share of one core
    MB      resident memory of both
    frame   the longest that a frame of the page took in that minute, in milliseconds

Flat memory over the minutes is the claim; the first minute is the warm-up.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browsers import WATCH_FRAMES, NoBrowser, browser, cpu_s, renderer, resident_mb
from benchmarks.conditions import OtherWork, conditions
from benchmarks.live_feed import RATE, SERIES, logging_apart, serving
from benchmarks.results import Document, publish
from benchmarks.table import number, table
from readers.store import Store
from tracker import ExperimentTracker

if TYPE_CHECKING:
    import psutil
    from playwright.sync_api import Page

NAME = "live_page"
_PATIENCE_S = 60.0
_WARM_MS = 2000
_CHART = '.chart[data-key="metric 0"]'


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smoke run: short, and kept only where --results says")
    parser.add_argument("--minutes", type=int, default=10, help="how long the page is watched")
    parser.add_argument("--data", type=Path, help="folder of the store (default: the temporary folder)")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    rows, row_s = (2, 3.0) if chosen.quick else (chosen.minutes, 60.0)
    others = OtherWork()
    document: Document = {"benchmark": NAME, "quick": chosen.quick, "conditions": conditions(chosen.data)}
    document |= {"peers": {}, "absent": {}, "figures": [], "row_s": row_s}
    try:
        document["figures"] = list(_watched(rows, row_s, chosen.data))
    except NoBrowser as error:
        document["absent"]["browser"] = str(error)
    document["conditions"]["other_work"] = others.share()
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One line a minute."""
    head = ("until s", "drawn/s", "heap MB", "page CPU", "page MB", "server CPU", "server MB", "frame ms")
    rows = [
        [
            f"{(nth + 1) * document['row_s']:.0f}",
            f"{row['drawn_s']:,.0f}",
            number(row["heap_mb"]),
            f"{100 * row['page_cpu']:.1f} %",
            number(row["page_mb"]),
            f"{100 * row['server_cpu']:.1f} %",
            number(row["server_mb"]),
            number(row["frame_ms"]),
        ]
        for nth, row in enumerate(document["figures"])
    ]
    return f"### A page that draws {SERIES} runs, {RATE:,} points a second each\n\n{table(head, rows)}"


def _watched(rows: int, row_s: float, data: Path | None) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=data) as folder:
        root = str(Path(folder) / "store")
        ExperimentTracker(root, auto_log=False).close()
        with (
            serving(root) as (server, address),
            browser() as opened,
            logging_apart(root, "runs", (rows + 1) * row_s) as training,
        ):
            page = opened.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"http://{address}/?runs={','.join(_runs(root))}")
            page.wait_for_selector(f"{_CHART}[data-points]")
            page.evaluate(WATCH_FRAMES)
            page.wait_for_timeout(_WARM_MS)
            drawing = renderer()
            for _ in range(rows):
                yield _row(page, drawing, server, row_s)
            training.kill()


def _runs(root: str) -> list[str]:
    """The runs' ids, as soon as all are there."""
    deadline = time.monotonic() + _PATIENCE_S
    while len(found := Store(root).run_ids()) < SERIES:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {SERIES} runs began within {_PATIENCE_S:g} s")
        time.sleep(0.1)
    return list(found)


def _row(page: "Page", drawing: "psutil.Process", server: "psutil.Process", row_s: float) -> dict[str, Any]:
    """What is seen over one row's time."""
    page.evaluate("() => { window.longest = 0; }")
    began, points, page_cpu, server_cpu = time.monotonic(), _drawn(page), cpu_s(drawing), cpu_s(server)
    page.wait_for_timeout(1000 * row_s)
    spent = time.monotonic() - began
    points, page_cpu, server_cpu = _drawn(page) - points, cpu_s(drawing) - page_cpu, cpu_s(server) - server_cpu
    frame_ms = page.evaluate("window.longest")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    session.detach()
    return {
        "drawn_s": points / spent,
        "heap_mb": heap,
        "page_cpu": page_cpu / spent,
        "page_mb": resident_mb(drawing),
        "server_cpu": server_cpu / spent,
        "server_mb": resident_mb(server),
        "frame_ms": frame_ms,
    }


def _drawn(page: "Page") -> int:
    """Points that the chart stands for by now."""
    return int(page.locator(_CHART).get_attribute("data-points") or 0)


if __name__ == "__main__":
    main()

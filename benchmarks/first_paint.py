"""How long a person waits for the dashboard's pages, in a real browser: the runs table, and long runs overlaid.

The stores are those of `dashboard`, ours: many short runs in the table, and few long ones of one metric, all drawn in
one chart. The server runs already; every visit is a new browser profile, so nothing is in its cache, and the first
visit to a store is the server's first question about it.

    paint   milliseconds from the navigation until the first row, or the chart's lines, are on the screen
    then    scroll: the whole table in 120 leaps; zoom: from the end of a drag over a tenth of the chart until the
            points of that range are drawn, asked for at full fidelity
    blank   frames of the scroll in which a row had no text
    frame   the longest frame meanwhile, in milliseconds
"""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import queries_of
from benchmarks.browsers import WATCH_FRAMES, NoBrowser, browser
from benchmarks.dashboard import TOOLS, long_store
from benchmarks.lineup import options
from benchmarks.live_feed import serving
from benchmarks.peers import OURS
from benchmarks.query_stores import filled
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

NAME = "first_paint"
_PATIENCE_MS = 120_000
_PAINTED = """(what) => {
  const look = () => {
    if (window.painted || !document.querySelector(what)) return;
    window.painted = -1;
    requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}"""
_SCROLL = """async (leaps) => {
  const grid = document.querySelector(".grid");
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const out = { blank: 0, longest: 0 };
  let before = await frame();
  for (let leap = 1; leap <= leaps; leap++) {
    grid.scrollTop = (grid.scrollHeight * leap) / leaps;
    const now = await frame();
    await new Promise((done) => setTimeout(done));
    out.longest = Math.max(out.longest, now - before);
    before = now;
    const rows = [...document.querySelectorAll(".grid-row")].filter((row) => row.offsetParent !== null);
    if (rows.length === 0 || rows.some((row) => row.textContent.trim() === "")) out.blank += 1;
  }
  return out;
}"""
_ROW, _CHART = ".grid-row .run-link", '.charts .chart[data-state="ready"][data-points]'


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, {OURS: TOOLS[OURS]})
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000], help="short runs")
    parser.add_argument("--long", type=int, nargs=2, default=[50, 1_000_000], metavar=("RUNS", "POINTS"))
    parser.add_argument("--visits", type=int, default=7, help="of each page")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.long, chosen.visits = [50], [2, 5000], 2
    with document_of(NAME, chosen, {OURS: TOOLS[OURS]}) as (document, lineup):
        document["figures"] = []
        place = lineup.places[OURS]
        try:
            with browser() as opened:
                for runs in chosen.runs:
                    store = filled(queries_of.named(OURS), place, runs, chosen.envs).folder
                    row = _Visit(store, "/", _ROW, _scrolled).pay(opened, chosen.visits)
                    document["figures"].append({"page": f"{runs:,} runs", "then": "scroll", **row})
                runs, points = chosen.long
                made = long_store(TOOLS[OURS], place, runs, points, chosen.envs)
                chosen_runs = f"/?runs={','.join(made.run_ids)}"
                row = _Visit(made.folder, chosen_runs, _CHART, _zoomed).pay(opened, chosen.visits)
                document["figures"].append({"page": made.what, "then": "zoom", **row})
        except NoBrowser as error:
            lineup.leave_out("browser", str(error))
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One line a page."""
    head = ("page", "first visit ms", "paint ms", "longest", "then", "ms", "frame ms", "blank")
    rows = [
        [
            row["page"],
            number(row["paints_ms"][0]),
            number(statistics.median(row["paints_ms"])),
            number(max(row["paints_ms"])),
            row["then"],
            number(row["took_ms"]),
            number(row["frame_ms"]),
            "-" if row["blank"] is None else str(row["blank"]),
        ]
        for row in document["figures"]
    ]
    return f"### Pages in Chromium\n\n{table(head, rows)}"


class _Visit(NamedTuple):
    """A page, and what is done there."""

    store: Path
    path: str
    what: str
    """Selects what has to be on the screen."""
    then: "Callable[[Page], dict[str, Any]]"

    def pay(self, opened: "Browser", visits: int) -> dict[str, Any]:
        """Visit it some times; and once it is there the last time, use it."""
        paints: list[float] = []
        with serving(str(self.store)) as (_, address):
            for visit in range(visits):
                context = opened.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
                page = context.new_page()
                page.add_init_script(f"({_PAINTED})({self.what!r})")
                page.goto(f"http://{address}{self.path}")
                page.wait_for_function("window.painted > 0", timeout=_PATIENCE_MS)
                paints.append(page.evaluate("window.painted"))
                if visit == visits - 1:
                    used = self.then(page)
                context.close()
        return {"paints_ms": paints, **used}


def _scrolled(page: "Page") -> dict[str, Any]:
    took = page.evaluate(f"async () => {{ const began = performance.now(); const out = await ({_SCROLL})(120); "
                         "return { ...out, took: performance.now() - began }; }")  # fmt: skip
    return {"took_ms": took["took"], "frame_ms": took["longest"], "blank": took["blank"]}


def _zoomed(page: "Page") -> dict[str, Any]:
    """Drag over a tenth of the chart; the answer's points are other ones."""
    page.evaluate(WATCH_FRAMES)
    over = page.locator(f"{_CHART} .u-over").bounding_box()
    if over is None:
        raise RuntimeError("the chart isn't on the screen")
    points = page.locator(_CHART).get_attribute("data-points")
    y = over["y"] + over["height"] / 2
    page.mouse.move(over["x"] + 0.4 * over["width"], y)
    page.mouse.down()
    page.mouse.move(over["x"] + 0.5 * over["width"], y, steps=20)
    began = page.evaluate("performance.now()")
    page.mouse.up()
    page.wait_for_function(
        "(before) => { const found = document.querySelector('.charts .chart[data-state=\"ready\"]');"
        " return found && found.dataset.points !== before; }",
        arg=points,
    )
    return {"took_ms": page.evaluate("performance.now()") - began, "frame_ms": page.evaluate("longest"), "blank": None}


if __name__ == "__main__":
    main()

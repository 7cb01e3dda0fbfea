"""steplog top: many runs at a glance, live: where each stands, how fast it logs, how its metrics go."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import ExperimentNotFound
from tracker.cli.options import DEFAULT_STORE, JsonOption, StoreOption, open_store
from tracker.cli.screen import cell, console, count_of, duration, number, print_json, status

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tracker.cli.board import Board, Row

_SPARK_WIDTH = 16
_FRAME_LINES = 4  # heading, blank line, column names, the line below


def top(
    *,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Only runs of this experiment.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", metavar="METRIC", help="Show this metric; can be repeated.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-l", min=1, max=1000, help="At most so many runs, the running ones first.")
    ] = 20,
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=0.1, max=3600, metavar="SECONDS", help="Time between two looks.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once, and stop; so it is too into a pipe.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Show the running and the newest runs, live: status, step, rate, metrics with their course; Ctrl-C ends it."""
    from tracker.cli.board import Board

    opened = open_store(store)
    if experiment is not None and experiment not in (there := opened.experiments()):
        raise ExperimentNotFound.among("experiment", experiment, there)
    with Board(opened, experiment=experiment, limit=limit, metrics=metric) as board:
        screen = console()
        if json:
            print_json([row._asdict() for row in board.refresh()])
        elif once or not sys.stdout.isatty():
            screen.print(_shown(board, board.refresh(), screen, rows=limit))
        else:
            _live(board, screen, interval)


def _live(board: "Board", screen: "Console", interval: float) -> None:
    """Show it until Ctrl-C, and leave the last look standing."""
    from rich.live import Live

    rows = board.refresh()
    try:
        with Live(console=screen, screen=True, auto_refresh=False) as live:
            while True:
                live.update(_shown(board, rows, screen, rows=screen.height - _FRAME_LINES), refresh=True)
                time.sleep(interval)
                rows = board.refresh()
    except KeyboardInterrupt:
        screen.print(_shown(board, rows, screen, rows=len(rows)))


def _shown(board: "Board", runs: "Sequence[Row]", screen: "Console", rows: int) -> "RenderableType":
    """The board as a table that fits the screen."""
    from rich.console import Group
    from rich.text import Text

    from tracker.cli.columns import Column, fitting_table
    from tracker.cli.sparks import ASCII, BLOCKS, spark

    counts = ", ".join(f"{count:,} {name.lower()}" for name, count in board.counts.most_common())
    head = Text.assemble(
        cell(count_of(board.counts.total(), "run"), "bold"), cell(f": {counts}" if counts else "", "dim")
    )
    if not runs:
        return Group(head, Text("No runs yet.", style="dim"))
    shown = runs[: max(1, rows)]
    blocks = BLOCKS if (screen.encoding or "").lower().replace("-", "") == "utf8" else ASCII
    columns = [
        Column("run", [cell(run.run_name, limit=28) for run in shown]),
        Column("experiment", [cell(run.experiment, "dim", limit=24) for run in shown]),
        Column("status", [status(run.status) for run in shown]),
        Column("for", [cell(duration(run.duration_s)) for run in shown], right=True),
        Column("step", [number(run.step) for run in shown], right=True),
        Column("points/s", [number(None if run.rate is None else round(run.rate, 1)) for run in shown], right=True),
    ]
    for key in board.metrics:
        values = [
            Text.assemble(
                spark(run.courses.get(key, []), _SPARK_WIDTH, blocks).ljust(_SPARK_WIDTH),
                " ",
                number(run.last.get(key)),
            )
            for run in shown
        ]
        columns.append(Column(key, values))
    more = f"… and {len(runs) - len(shown)} more" if len(shown) < len(runs) else ""
    return Group(head, Text(), fitting_table(columns, screen.width, always=3)[0], cell(more, "dim"))

"""steplog tail: a run's points as they arrive."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.options import DEFAULT_STORE, RunArgument, StoreOption, open_store
from tracker.cli.screen import cell, console, duration, number, print_json, status

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from readers.store import Store
    from readers.tail import Point

_INTERRUPTED = 128 + 2  # as a shell reports SIGINT


def tail(
    run: RunArgument,
    *,
    key: Annotated[
        list[str] | None, typer.Option("--key", "-k", metavar="METRIC", help="Only this metric; can be repeated.")
    ] = None,
    system: Annotated[bool, typer.Option("--system", help="Also the metrics under system/.")] = False,
    no_follow: Annotated[bool, typer.Option("--no-follow", "-n", help="Print what is there, and stop.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one a point.")] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Print a run's metrics, then follow them live until the run ends."""
    from readers.tail import follow

    opened = open_store(store)
    run_id = opened.resolve_run(run)
    points = follow(opened, run_id, key or None, wait=not no_follow)
    if key is None and not system:
        points = (point for point in points if not point.key.startswith("system/"))
    try:
        if json:
            for point in points:
                print_json({"run_id": run_id, **point._asdict()}, indent=None)
        else:
            screen = console()
            for line in lines(points):
                screen.print(line, soft_wrap=True)
            _print_end(screen, opened, run_id)
    except KeyboardInterrupt:  # how a watcher leaves a run that goes on
        raise typer.Exit(_INTERRUPTED) from None


def lines(points: "Iterable[Point]") -> "Iterator[Text]":
    """One line for each log call: its time, its step, its values."""
    from rich.text import Text

    for (_, _, moment, step), call in groupby(points, lambda point: (point.writer, point.seq, point.time, point.step)):
        at = Text(moment.astimezone().strftime("%H:%M:%S.%f")[:-3], style="dim")
        step_text = Text("" if step is None else f"step {step:g}" if isinstance(step, float) else f"step {step}")
        step_text.align("left", 11)
        values = (Text.assemble(cell(point.key, "dim"), " ", number(point.value)) for point in call)
        yield Text("  ").join([at, step_text, Text("  ").join(values)])


def _print_end(screen: "Console", store: "Store", run_id: str) -> None:
    found = store.find_run(run_id)
    if found is not None:
        took = f" after {duration(found['duration_s'])}" if found["end_time"] else ""
        screen.print(cell(found["run_name"], "bold"), ": ", status(found["status"]), cell(took), sep="")

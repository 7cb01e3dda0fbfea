"""steplog report: one HTML file about some runs, to be sent to somebody."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.options import (
    DEFAULT_STORE,
    ClusterOption,
    JsonOption,
    Mode,
    ModeOption,
    StoreOption,
    asking,
    open_store,
    run_ids,
)
from tracker.cli.screen import cell, console, print_json, size


def report(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT|RUN...]", help="An experiment, or runs; all of the store if left out."),
    ] = None,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The HTML file; folders are made.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="METRIC", help="About this; can be repeated, the first decides."),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option("--group-by", "-g", metavar="PARAM", help="Also compare groups by this param, tag or column."),
    ] = None,
    mode: ModeOption = Mode.auto,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What stands at its top.")] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    cluster: ClusterOption = None,
) -> None:
    """Write one HTML file about an experiment or some runs; it opens without a network.

    Example: steplog report mnist --to out/mnist.html --metric val_accuracy --group-by optimizer
    """
    from readers.compare import ExperimentComparator

    opened = open_store(store, cluster)
    experiment = what[0] if what and len(what) == 1 and what[0] in opened.experiments() else None
    ids = None if experiment is not None else run_ids(opened, what)
    with asking():
        written = ExperimentComparator(opened).report(
            to,
            ids,
            experiment=experiment,
            metric=metric[0] if metric else None,
            metrics=metric,
            mode=mode.value,
            group_by=group_by,
            title=title,
        )
    bytes_written = written.stat().st_size
    if json:
        print_json({"path": str(written), "size": bytes_written})
    else:
        console().print(cell(f"{written}  {size(bytes_written)}"), soft_wrap=True)

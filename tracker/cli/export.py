"""steplog export: a table of the store as one file for other programs."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.options import (
    DEFAULT_STORE,
    AskedWrongly,
    JsonOption,
    Statistic,
    StoreOption,
    asking,
    open_store,
    run_ids,
)
from tracker.cli.screen import cell, console, count_of, print_json, size

if TYPE_CHECKING:
    import polars as pl

    from readers.runtable import RunTable
    from readers.store import Store


class What(StrEnum):
    """A table, as one types it."""

    runs = "runs"
    metrics = "metrics"
    params = "params"
    tags = "tags"
    facts = "facts"
    summaries = "summaries"


def export(
    experiment: Annotated[
        str | None, typer.Argument(metavar="[EXPERIMENT]", help="The experiment; all of the store if left out.")
    ] = None,
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="Where to: .parquet, .csv, .json, or .jsonl; folders are made.")
    ],
    what: Annotated[
        What,
        typer.Option("--what", "-w", help="runs: one row a run; metrics: one row a point.", case_sensitive=False),
    ] = What.runs,
    run: Annotated[
        list[str] | None, typer.Option("--run", "-r", metavar="RUN", help="Only this run; can be repeated.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--filter", "-f", metavar="FILTER", help="Only runs that fit; as in steplog query.")
    ] = None,
    statistic: Annotated[
        list[Statistic] | None,
        typer.Option("--statistic", help="With runs: which numbers of each metric; last alone if left out."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a table of the store to one file: Parquet, CSV or JSON, as its suffix says.

    Example: steplog export mnist --what metrics --to history.parquet --filter "val_accuracy > 0.9"
    """
    from readers.export import export as write
    from readers.filters import matching
    from readers.runtable import RunTable

    opened = open_store(store)
    experiments = None if experiment is None else [experiment]
    with asking():
        table = RunTable.read(opened, run_ids(opened, run), experiments)
        if where is not None:
            table = RunTable.read(opened, matching(table, where)["run_id"].to_list(), experiments)
        try:
            written = write(_frames(opened, table, what, statistic or []), to, replace=force)
        except FileExistsError as error:
            if error.filename != str(to):  # of a folder that can't be made, as a file is in its place
                raise
            raise AskedWrongly(f"{str(to)!r} is there already; --force replaces it") from error
    if json:
        print_json({"path": str(written.path), "rows": written.rows, "size": written.size})
    else:
        rows = count_of(written.rows, "row")
        console().print(cell(f"{written.path}  {rows}, {size(written.size)}"), soft_wrap=True)


def _frames(store: "Store", table: "RunTable", what: What, statistics: list[Statistic]) -> "Iterable[pl.DataFrame]":
    """The rows of some runs, in their order."""
    from readers.export import history, of_runs

    experiments = table.runs["experiment"].unique().to_list()
    match what:
        case What.runs:
            return [table.wide(tags=None, statistics=[each.value for each in statistics] or ["last"])]
        case What.metrics:
            return history(store, table.runs)
        case What.params:
            return [of_runs(store.params(experiments=experiments), table.runs)]
        case What.tags:
            return [of_runs(store.tags(experiments=experiments), table.runs)]
        case What.facts:
            return [of_runs(store.facts(experiments=experiments), table.runs)]
        case What.summaries:
            return [of_runs(store.summaries(experiments=experiments), table.runs)]

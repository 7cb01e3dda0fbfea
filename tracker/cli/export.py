"""steplog export: a table of the store as one file for other programs, or its tables for a lakehouse."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.objects.address import is_address
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

    from readers.lakehouse.rows import LakeTable
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


class Format(StrEnum):
    """What keeps several tables, as one types it."""

    delta = "delta"
    iceberg = "iceberg"


def export(
    experiment: Annotated[
        str | None, typer.Argument(metavar="[EXPERIMENT]", help="The experiment; all of the store if left out.")
    ] = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to: .parquet, .csv, .json, or .jsonl; folders are made. With --format a folder, of delta also "
            "an address (s3://, gs://, az://).",
        ),
    ],
    what: Annotated[
        What | None,
        typer.Option(
            "--what",
            "-w",
            help="runs: one row a run; metrics: one row a point. Left out: runs; with --format all tables.",
            case_sensitive=False,
        ),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Write Delta Lake or Iceberg tables instead of a file.", case_sensitive=False),
    ] = None,
    catalog: Annotated[
        str | None,
        typer.Option(
            "--catalog",
            metavar="NAME",
            help="With iceberg: a catalog that pyiceberg is configured for; --to is a namespace of it then.",
        ),
    ] = None,
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
    force: Annotated[bool, typer.Option("--force", help="Replace what is there; a table gets a new version.")] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a table of the store to one file, Parquet, CSV or JSON as its suffix says; or its tables to a lakehouse.

    Example: steplog export mnist --what metrics --to history.parquet --filter "val_accuracy > 0.9"
    """
    from readers.filters import matching
    from readers.runtable import RunTable

    opened = open_store(store)
    experiments = None if experiment is None else [experiment]
    with asking():
        _check(to, form, catalog, statistic)
        runs = run_ids(opened, run)
        if where is not None:
            runs = matching(RunTable.read(opened, runs, experiments), where)["run_id"].to_list()
        if form is not None:
            _export_tables(
                opened,
                to=to,
                form=form,
                catalog=catalog,
                what=what,
                runs=runs,
                experiments=experiments,
                replace=force,
                json=json,
            )
            return
        table = RunTable.read(opened, runs, experiments)
        _export_file(_frames(opened, table, what or What.runs, statistic or []), to, replace=force, json=json)


def _check(to: str, form: Format | None, catalog: str | None, statistic: list[Statistic] | None) -> None:
    """Refuse what doesn't go together. Raises: AskedWrongly."""
    if form is None and is_address(to):
        raise AskedWrongly(f"a file is written on this machine, not to {to!r}; --format delta writes tables there")
    if catalog is not None and form is not Format.iceberg:
        raise AskedWrongly("--catalog is for --format iceberg")
    if form is not None and statistic:
        raise AskedWrongly("--statistic is for files; the table summaries has every number of each metric")


def _export_file(frames: "Iterable[pl.DataFrame]", to: str, *, replace: bool, json: bool) -> None:
    from readers.export import export as write

    try:
        written = write(frames, to, replace=replace)
    except FileExistsError as error:
        if error.filename != to:  # of a folder that can't be made, as a file is in its place
            raise
        raise AskedWrongly(f"{to!r} is there already; --force replaces it") from error
    if json:
        print_json({"path": str(written.path), "rows": written.rows, "size": written.size})
    else:
        rows = count_of(written.rows, "row")
        console().print(cell(f"{written.path}  {rows}, {size(written.size)}"), soft_wrap=True)


def _export_tables(
    store: "Store",
    *,
    to: str,
    form: Format,
    catalog: str | None,
    what: What | None,
    runs: list[str] | None,
    experiments: list[str] | None,
    replace: bool,
    json: bool,
) -> None:
    from readers.lakehouse.export import export_delta, export_iceberg
    from readers.lakehouse.target import TableThere

    tables: list[LakeTable] | None = None if what is None else [what.value]
    try:
        if form is Format.delta:
            done = export_delta(store, to, tables=tables, runs=runs, experiments=experiments, replace=replace)
        else:
            done = export_iceberg(
                store, to, catalog=catalog, tables=tables, runs=runs, experiments=experiments, replace=replace
            )
    except TableThere as error:
        raise AskedWrongly(f"{error.filename} is there already; --force makes a new version of it") from error
    if json:
        left_out = [{"path": str(path), "reason": reason} for path, reason in done.damaged]
        print_json({"to": to, "tables": [table._asdict() for table in done.tables], "left_out": left_out})
        return
    for table in done.tables:
        rows = count_of(table.rows, "row")
        console().print(cell(f"{table.address}  {rows}, {size(table.size)}"), soft_wrap=True)
    if done.damaged:
        files = count_of(len(done.damaged), "damaged file")
        console().print(cell(f"Left out: {files}; 'steplog check' lists them.", "yellow"), soft_wrap=True)


def _frames(store: "Store", table: "RunTable", what: What, statistics: list[Statistic]) -> "Iterable[pl.DataFrame]":
    """The rows of some runs, in their order."""
    from readers.export import history, of_all_runs

    match what:
        case What.runs:
            return [table.wide(tags=None, statistics=[each.value for each in statistics] or ["last"])]
        case What.metrics:
            return history(store, table.runs)
        case What.params:
            return of_all_runs(store.params, table.runs)
        case What.tags:
            return of_all_runs(store.tags, table.runs)
        case What.facts:
            return of_all_runs(store.facts, table.runs)
        case What.summaries:
            return of_all_runs(store.summaries, table.runs)

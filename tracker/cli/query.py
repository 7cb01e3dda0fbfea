"""steplog query: the runs that fit a filter, or the answer to an SQL query."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from readers.visible import visible
from tracker.cli.columns import Column, print_columns
from tracker.cli.options import DEFAULT_STORE, AskedWrongly, ClusterOption, JsonOption, StoreOption, asking, open_store
from tracker.cli.runs import shortened
from tracker.cli.screen import cell, console, count_of, duration, number, print_json, short_moment, status
from tracker.cli.telling import metrics_of, varying_params

if TYPE_CHECKING:
    import polars as pl

    from readers.runtable import RunTable
    from readers.store import Store

_MOST_METRICS, _MOST_PARAMS = 6, 12
_LONGEST, _LONGEST_NAME = 40, 28
_MAIN = ("run_name", "run_id", "experiment", "status", "start_time", "duration_s")


class Format(StrEnum):
    """What the answer is printed as."""

    table = "table"
    json = "json"
    csv = "csv"


def query(
    where: Annotated[
        str | None, typer.Argument(metavar="[FILTER]", help="Which runs; see the examples. All if left out.")
    ] = None,
    *,
    sql: Annotated[
        str | None,
        typer.Option(
            "--sql",
            metavar="SELECT",
            help="Ask this instead, of the tables runs, params, tags, metrics, facts, summaries, wide.",
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Only runs of this experiment.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", metavar="NAMES", help="Show these, with commas between; can be repeated."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="NAME", help="Order by this; a metric has its best first.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="Turn the order round.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-l", min=0, help="At most so many rows; 0 for all.")] = 50,
    form: Annotated[Format, typer.Option("--format", case_sensitive=False, help="How it is printed.")] = Format.table,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    cluster: ClusterOption = None,
) -> None:
    """Find runs by a filter, in SQL's or MLflow's spelling; or ask the tables in SQL (read-only, Polars' dialect).

    Examples:
    steplog query "val_accuracy > 0.9 AND params.lr <= 0.01"
    steplog query "status = 'failed' OR metrics.loss IS NAN"
    steplog query --sql "SELECT key, avg(last) FROM summaries GROUP BY key"
    """
    opened = open_store(store, cluster)
    if sql is not None and (where is not None or experiment or columns or sort or reverse):
        raise AskedWrongly("--sql stands alone: say in it which rows, columns and order you want")
    with asking():
        if sql is not None:
            found, few = _asked_in_sql(opened, sql), None
        else:
            found, few = _filtered(opened, where, experiment, columns, sort, reverse=reverse)
    shown = found.head(limit) if limit else found
    if json or form is Format.json:
        print_json(shown.to_dicts())
    elif form is Format.csv:
        _print_csv(shown)
    else:
        _print_table(opened, shown if few is None else shown.select(few), found.height, is_sql=sql is not None)


def _asked_in_sql(store: "Store", sql: str) -> "pl.DataFrame":
    from readers.sql import query as ask

    return ask(store, sql)


def _filtered(
    store: "Store",
    where: str | None,
    experiment: str | None,
    columns: list[str] | None,
    sort: str | None,
    *,
    reverse: bool,
) -> "tuple[pl.DataFrame, list[str] | None]":
    """The runs that fit, newest first unless `sort` says otherwise; and which columns a screen shows."""
    from readers.filternames import column_of
    from readers.filters import columns_there, matching
    from readers.runs import RUNS
    from readers.runtable import RunTable

    table = RunTable.read(store, experiments=None if experiment is None else [experiment])
    there = columns_there(table)
    asked = [column_of(tuple(name.split(".")), there) for name in _names(columns, there)]
    by = None if sort is None else column_of(tuple(sort.split(".")), there)
    telling = [] if asked else _telling(table)
    found = _sorted(matching(table, where, [*asked, *([by] if by else []), *telling]), by, reverse=reverse)
    if asked:
        return found.select(list(dict.fromkeys(asked))), None
    experiments = found["experiment"].n_unique() > 1
    main = [name for name in _MAIN if name != "experiment" or experiments]
    return found, [*main, *([by] if by and by not in RUNS else []), *(c for c in found.columns[12:] if c != by)]


def _names(columns: list[str] | None, there: list[str]) -> list[str]:
    """The names of a list with commas; a name that has a comma itself stands alone."""
    parts = ([text] if text in there else text.split(",") for text in columns or [])
    return [name.strip() for some in parts for name in some if name.strip()]


def _telling(table: "RunTable") -> list[str]:
    """Columns worth a look: two metrics, the params that vary, further metrics."""
    metrics = [f"metrics.{name}" for name in metrics_of(table, _MOST_METRICS)]
    params = [f"params.{name}" for name in varying_params(table)[:_MOST_PARAMS]]
    return [*metrics[:2], *params, *metrics[2:]]


def _sorted(found: "pl.DataFrame", by: str | None, *, reverse: bool) -> "pl.DataFrame":
    """A metric best first, what else by its value; what is missing, or NaN, at the end; else newest first."""
    import polars as pl

    from readers.best import direction

    if by is None:
        return found if reverse else found.reverse()
    metric = by.removeprefix("metrics.").removesuffix(".best")
    falling = by.startswith("metrics.") and direction(metric) == "maximize"
    values = pl.col(by).fill_nan(None) if found.schema[by].is_float() else pl.col(by)
    return found.sort(values, descending=falling != reverse, nulls_last=True, maintain_order=True)


def _print_table(store: "Store", shown: "pl.DataFrame", rows: int, *, is_sql: bool) -> None:
    screen = console()
    if not rows:
        screen.print(cell("no rows" if is_sql else "no run fits"))
        return
    ids = shortened(store.run_ids()) if "run_id" in shown.columns else {}
    columns = [
        Column(
            _short_name(name, shown.columns),
            [_cell(name, value, ids) for value in series.to_list()],
            right=series.dtype.is_numeric() or name == "duration_s",
        )
        for name, series in zip(shown.columns, shown.iter_columns(), strict=True)
    ]
    print_columns(screen, columns)
    more = f"; the first {shown.height:,} are shown, --limit 0 shows all" if shown.height < rows else ""
    screen.print(cell(f"{count_of(rows, 'row' if is_sql else 'run')}{more}", "dim"))


def _short_name(name: str, names: list[str]) -> str:
    """A column's name as people say it, where that is clear."""
    said = {"run_name": "run", "run_id": "id", "start_time": "started", "duration_s": "took"}
    kind, _, rest = name.partition(".")
    if kind in {"params", "metrics", "tags"} and not any(
        other.endswith(f".{rest}") for other in names if other != name
    ):
        return rest
    return said.get(name, name)


def _cell(column: str, value: object, ids: dict[str, str]) -> Text:
    """A value as it suits its column."""
    from datetime import datetime

    if value is None:
        return cell("-", "dim")
    if column == "run_id":
        return cell(ids.get(str(value), value), "dim")
    if column == "status":
        return status(str(value))
    if column == "duration_s" and isinstance(value, float):
        return cell(duration(value))
    if isinstance(value, datetime):
        return cell(short_moment(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, bool):
        return cell(str(value).lower())
    return cell(value, limit=_LONGEST_NAME if column == "run_name" else _LONGEST)


def _print_csv(shown: "pl.DataFrame") -> None:
    """CSV that spreadsheets open safely; on a terminal nothing in it acts either."""
    from readers.export import csv_of

    text = csv_of(shown)
    sys.stdout.write("\n".join(map(visible, text.split("\n"))) if sys.stdout.isatty() else text)

"""steplog best: the runs that came out best by a metric, and what they were run with."""

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.columns import Column, print_columns
from tracker.cli.options import (
    DEFAULT_STORE,
    AskedWrongly,
    ClusterOption,
    JsonOption,
    Mode,
    ModeOption,
    Statistic,
    StoreOption,
    ValueOption,
    asking,
    open_store,
)
from tracker.cli.runs import shortened
from tracker.cli.screen import cell, console, count_of, number, print_json, status
from tracker.cli.telling import headline_of, varying_params

_MOST_PARAMS = 40

if TYPE_CHECKING:
    from readers.ranking import RankedRun
    from readers.runtable import RunTable


def best(
    experiment: Annotated[
        str | None, typer.Argument(metavar="[EXPERIMENT]", help="The experiment; all of the store if left out.")
    ] = None,
    *,
    metric: Annotated[
        str | None,
        typer.Option("--metric", "-m", metavar="METRIC", help="Rank by this; if left out, by the most telling one."),
    ] = None,
    mode: ModeOption = Mode.auto,
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="So many runs at most.")] = 10,
    value: ValueOption = Statistic.last,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="CONDITION", help="By these points of the histories only: 'step >= 500'."),
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    cluster: ClusterOption = None,
) -> None:
    """Rank runs by a metric, best first, with the params in which they differ.

    Examples:
    steplog best mnist --metric val_accuracy --top 5
    steplog best mnist --metric loss --value mean --where "step >= 500"
    """
    import numpy as np

    from readers.best import resolve_mode
    from readers.ranking import rank
    from readers.runtable import RunTable

    opened = open_store(store, cluster)
    with asking():
        source = opened if where is None else opened.part(where)
        table = RunTable.read(source, experiments=None if experiment is None else [experiment])
        metric = metric or headline_of(table)
        if metric is None:
            raise AskedWrongly("no run has a metric, so none is best")
        direction = resolve_mode(mode.value, metric)
        ranked = rank(table, metric, direction, top_k=top, value=value.value)
        there = len(table) - int(np.isnan(table.metric(metric, value.value, direction)).sum())
    if json:
        print_json({"metric": metric, "direction": direction, "value": value.value, "runs": ranked})
        return
    screen = console()
    which = "" if value is Statistic.last else f" ({value.value})"
    way = "higher is better" if direction == "maximize" else "lower is better"
    left_out = f"; {count_of(len(table) - there, 'run')} without it" if there < len(table) else ""
    screen.print(cell(f"{metric}{which}", "bold"), cell(f"  {way}; {count_of(there, 'run')}{left_out}", "dim"), sep="")
    print_columns(screen, _columns(table, ranked, metric), always=4)
    if len(ranked) < there:
        screen.print(cell(f"… and {there - len(ranked):,} more; --top says how many", "dim"))


def _columns(table: "RunTable", ranked: "list[RankedRun]", metric: str) -> list[Column]:
    short = shortened(table.run_ids)
    columns = [
        Column("", [cell(run["rank"], "dim") for run in ranked], right=True),
        Column("run", [cell(run["run_name"], limit=28) for run in ranked]),
        Column(metric, [number(run["value"]) for run in ranked], right=True),
        Column("id", [cell(short[run["run_id"]], "dim") for run in ranked]),
    ]
    if len({run["experiment"] for run in ranked}) > 1:
        columns.append(Column("experiment", [cell(run["experiment"], limit=28) for run in ranked]))
    if {run["status"] for run in ranked} - {"FINISHED"}:
        columns.append(Column("status", [status(run["status"]) for run in ranked]))
    places = {run_id: place for place, run_id in enumerate(table.run_ids)}
    order = [places[run["run_id"]] for run in ranked]
    return [*columns, *(_param(table, name, order) for name in varying_params(table)[:_MOST_PARAMS])]


def _param(table: "RunTable", name: str, order: list[int]) -> Column:
    """A param of the runs at these places."""
    from readers.grid import shortened as rounded

    values = table.param(name)
    texts = [values.texts[place] for place in order]
    cells = [
        cell("-", "dim") if text is None else cell(short, limit=24)
        for text, short in zip(texts, rounded(texts), strict=True)
    ]
    return Column(name, cells, right=values.kind in {"int", "float"})

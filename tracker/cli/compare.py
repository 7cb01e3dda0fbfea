"""steplog compare: runs side by side, what differs between them, and whether groups of them differ at all."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli import groups, sidebyside
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
    run_ids,
)
from tracker.cli.screen import cell, console
from tracker.cli.telling import headline_of

if TYPE_CHECKING:
    from readers.compare import ExperimentComparator
    from readers.runtable import RunTable
    from readers.store import Store


class Kind(StrEnum):
    """A picture, as one types it."""

    curves = "curves"
    bars = "bars"
    parallel = "parallel"
    groups = "groups"


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Runs by id, beginning of an id, or name; or give --experiment."),
    ] = None,
    *,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="All runs of this experiment.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="METRIC", help="Compare by this; can be repeated, the first decides."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all/--diff", "-a", help="Also what is the same in all runs, and every metric.")
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option("--group-by", "-g", metavar="PARAM", help="Compare groups of runs by this param, tag or column."),
    ] = None,
    pair_on: Annotated[
        str | None, typer.Option("--pair-on", metavar="PARAM", help="With --group-by: what pairs runs, as seed does.")
    ] = None,
    mode: ModeOption = Mode.auto,
    value: ValueOption = Statistic.last,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also save a picture: .png, .svg or .pdf.")
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", case_sensitive=False, help="Which picture; curves, or groups of groups.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    cluster: ClusterOption = None,
) -> None:
    """Compare runs: metrics with the best marked, and what differs; with --group-by, verdicts in words.

    Examples:
    steplog compare trial-15 trial-38
    steplog compare -e mnist --group-by optimizer --pair-on seed
    """
    from readers.compare import ExperimentComparator

    if kind is Kind.groups and group_by is None:
        raise AskedWrongly("--kind groups needs --group-by PARAM: what makes the groups?")
    opened = open_store(store, cluster)
    with asking():
        table = _chosen(opened, runs, experiment)
        comparator = ExperimentComparator(opened)
        if group_by is not None:
            verdicts = comparator.compare_groups(
                group_by,
                _metric(metric, table),
                run_ids=table.run_ids,
                pair_on=pair_on,
                mode=mode.value,
                value=value.value,
            )
            groups.show(verdicts, as_json=json)
        else:
            comparison = comparator.compare_runs(table.run_ids, metric, mode=mode.value)
            sidebyside.show(comparison, table, everything=everything, chosen=metric is not None, as_json=json)
    if plot is None:
        return
    drawn = kind or (Kind.groups if group_by else Kind.curves)
    with asking():
        name = _metric(metric, table)
        _draw(comparator, drawn, table.run_ids, name, plot, by=group_by, pair_on=pair_on, mode=mode, value=value)
    if not json:
        console().print(cell(f"picture of {name}: {plot}", "dim"))


def _chosen(store: "Store", runs: list[str] | None, experiment: str | None) -> "RunTable":
    """The runs asked for, in the order asked for. Raises: AskedWrongly. RunNotFound, ExperimentNotFound."""
    from readers.runtable import RunTable

    if runs and experiment:
        raise AskedWrongly("give runs or --experiment, not both: an experiment stands for all its runs")
    if not runs and not experiment:
        raise AskedWrongly("compare what? Give two runs or more, or --experiment NAME; 'steplog ls' lists them")
    return RunTable.read(store, run_ids(store, runs), [experiment] if experiment else None)


def _metric(asked: list[str] | None, table: "RunTable") -> str:
    """The metric asked for, else the most telling one. Raises: AskedWrongly: there is none."""
    metric = asked[0] if asked else headline_of(table)
    if metric is None:
        raise AskedWrongly("these runs have no metric to be compared by")
    return metric


def _draw(
    comparator: "ExperimentComparator",
    kind: Kind,
    ids: list[str],
    metric: str,
    path: Path,
    *,
    by: str | None,
    pair_on: str | None,
    mode: Mode,
    value: Statistic,
) -> None:
    match kind:
        case Kind.curves:
            comparator.plot_curves(ids, metric, path, group_by=by)
        case Kind.bars:
            comparator.plot_metric_comparison(ids, metric, path, value=value.value, mode=mode.value)
        case Kind.parallel:
            comparator.plot_parallel_coordinates(ids, metric, None, path, value=value.value, mode=mode.value)
        case Kind.groups:
            comparator.plot_groups(
                str(by), metric, path, run_ids=ids, pair_on=pair_on, value=value.value, mode=mode.value
            )

"""steplog ls: which experiments and runs there are."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import ExperimentNotFound, MetricNotFound
from tracker.cli.columns import Column, print_columns
from tracker.cli.options import DEFAULT_STORE, JsonOption, StoreOption, open_store
from tracker.cli.screen import (
    cell,
    console,
    count_of,
    duration,
    number,
    print_json,
    short_moment,
    status,
)
from tracker.cli.telling import telling_metrics

if TYPE_CHECKING:
    from rich.console import Console

    from readers.store import Store

Run = dict[str, Any]
"""A row of the store's runs; under "metrics" the last values of the run's metrics, under "children" how many child runs
it has among those that were asked for."""

_ORDERS = ("start", "name", "status", "duration")
_MOST_METRICS = 30
_SHORTEST_ID = 8


class StatusName(StrEnum):
    """A status as one types it."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    INTERRUPTED = "interrupted"


def ls(
    *,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Only this experiment; may hold * and ?.")
    ] = None,
    only: Annotated[
        StatusName | None,
        typer.Option("--status", "-s", case_sensitive=False, metavar="STATUS", help=f"Only {', '.join(StatusName)}."),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="KEY", help="start (newest first), name, status, duration, or a metric (best first)."
        ),
    ] = "start",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="Turn the order round.")] = False,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", metavar="METRIC", help="Show this metric; can be repeated.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-l", min=0, help="At most so many runs of each experiment; 0 for all.")
    ] = 20,
    children: Annotated[
        bool, typer.Option("--children", "-c", help="Also those that are part of a listed run, as a search's trials.")
    ] = False,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """List experiments and their runs: status, start, duration, last metrics."""
    opened = open_store(store)
    runs = opened.runs().collect().to_dicts()
    short_ids = shortened([run["run_id"] for run in runs])
    chosen = _folded(_chosen(runs, experiment, only), children=children)
    groups = _grouped(opened, chosen, sort, reverse=reverse)
    shown = {name: found[:limit] if limit else found for name, found in groups.items()}
    _add_metrics(opened, [run for found in shown.values() for run in found], metric)
    if json:
        print_json([run for found in shown.values() for run in found])
        return
    screen = console()
    if not groups:
        screen.print("No runs." if not runs else "No run fits; there are runs, so ask for less.")
    first = [sort] if sort not in _ORDERS else []
    for place, (name, found) in enumerate(groups.items()):
        if place:
            screen.print()
        _print_group(screen, name, all_runs=found, runs=shown[name], short_ids=short_ids, metrics=metric or first)


def shortened(run_ids: Sequence[str]) -> dict[str, str]:
    """The shortest beginning of each id that no other id has, all about equally long."""
    ordered = sorted(run_ids)
    needed = dict.fromkeys(ordered, _SHORTEST_ID)
    for one, other in itertools.pairwise(ordered):
        apart = 1 + next((i for i in range(len(one)) if not other.startswith(one[: i + 1])), len(one))
        needed[one], needed[other] = max(needed[one], apart), max(needed[other], apart)
    common = min(max(needed.values(), default=0), 2 * _SHORTEST_ID)
    return {run_id: run_id[: max(length, common)] for run_id, length in needed.items()}


def _chosen(runs: list[Run], experiment: str | None, only: StatusName | None) -> list[Run]:
    """The runs that the filters let through. Raises: ExperimentNotFound."""
    if experiment is not None:
        there = dict.fromkeys(run["experiment"] for run in runs)
        wanted = {name for name in there if name == experiment or fnmatchcase(name, experiment)}
        if not wanted:
            raise ExperimentNotFound.among("experiment", experiment, there)
        runs = [run for run in runs if run["experiment"] in wanted]
    return [run for run in runs if only is None or run["status"] == only.name]


def _folded(runs: list[Run], *, children: bool) -> list[Run]:
    """The runs without those that are part of another of them, which has their number; all, if children are wanted."""
    parents = {run["run_id"]: run["parent_run_id"] for run in runs}
    counts = Counter(parents.values())
    for run in runs:
        run["children"] = counts[run["run_id"]]
    return [run for run in runs if children or not _is_below_another(run["run_id"], parents)]


def _is_below_another(run_id: str, parents: dict[str, str | None]) -> bool:
    """Whether a run's parents lead to one that stands by itself; in a circle (an import may bring one) none does."""
    seen = {run_id}
    above = parents[run_id]
    while above in parents and above not in seen:
        seen.add(above)
        above = parents[above]
    return len(seen) > 1 and above not in seen


def _grouped(store: "Store", runs: list[Run], sort: str, *, reverse: bool) -> dict[str, list[Run]]:
    """The runs by experiment, in order; experiments by their newest run, the newest last, next to the prompt.

    Raises: MetricNotFound: `sort` is neither an order nor a metric of these runs.
    """
    ordered = _by_metric(store, runs, sort) if sort not in _ORDERS else _by_order(runs, sort)
    if reverse:
        ordered.reverse()
    groups: dict[str, list[Run]] = {run["experiment"]: [] for run in runs}
    for run in ordered:
        groups[run["experiment"]].append(run)
    newest = {name: max(map(_started, found)) for name, found in groups.items()}
    return dict(sorted(groups.items(), key=lambda group: newest[group[0]]))


def _by_order(runs: list[Run], sort: str) -> list[Run]:
    match sort:
        case "name":
            return sorted(runs, key=lambda run: run["run_name"] or "")
        case "status":
            return sorted(runs, key=lambda run: run["status"])
        case "duration":
            return sorted(runs, key=_seconds_or_none_last, reverse=True)
        case _:
            return sorted(runs, key=_started, reverse=True)


def _by_metric(store: "Store", runs: list[Run], metric: str) -> list[Run]:
    """Best first by the metric's last value; runs without it, or with NaN, at the end."""
    from readers.best import direction

    last = _last_values(store, [run["run_id"] for run in runs], [metric])
    if not last:
        known = store.summaries(runs=[run["run_id"] for run in runs]).select("key").unique().collect()["key"]
        raise MetricNotFound.among("metric", metric, sorted(known), f"or sort by {', '.join(_ORDERS)}{_or_below(runs)}")
    sign = -1 if direction(metric) == "maximize" else 1

    def place(run: Run) -> tuple[bool, float]:
        value = last.get(run["run_id"], {}).get(metric)
        return (True, 0.0) if value is None or value != value else (False, sign * value)  # noqa: PLR0124 - NaN

    return sorted(runs, key=place)


def _add_metrics(store: "Store", runs: list[Run], metrics: list[str] | None) -> None:
    """Give each run its last values."""
    last = _last_values(store, [run["run_id"] for run in runs], metrics)
    if metrics and not last and runs:
        known = store.summaries(runs=[run["run_id"] for run in runs]).select("key").unique().collect()["key"]
        raise MetricNotFound.among("metric", metrics[0], sorted(known), _or_below(runs).removeprefix("; "))
    for run in runs:
        run["metrics"] = last.get(run["run_id"], {})


def _or_below(runs: list[Run]) -> str:
    """What to do about a metric that only child runs may have."""
    return "; --children asks the child runs too" if any(run["children"] for run in runs) else ""


def _last_values(store: "Store", runs: list[str], metrics: list[str] | None) -> dict[str, dict[str, float]]:
    rows = store.summaries(keys=metrics, runs=runs).select("run_id", "key", "last").collect().sort("run_id", "key")
    found: dict[str, dict[str, float]] = {}
    for run_id, key, value in rows.iter_rows():
        found.setdefault(run_id, {})[key] = value
    return found


def _print_group(
    screen: "Console",
    experiment: str,
    *,
    all_runs: list[Run],
    runs: list[Run],
    short_ids: dict[str, str],
    metrics: list[str],
) -> None:
    by_status = Counter(run["status"] for run in all_runs)
    counts = ", ".join(f"{count:,} {name.lower()}" for name, count in by_status.most_common())
    inside = sum(run["children"] for run in all_runs)
    shown = {run["run_id"] for run in all_runs}
    folded = inside and not any(run["parent_run_id"] in shown for run in all_runs)
    below = f"; {count_of(inside, 'child run')} in them, --children shows them" if folded else ""
    screen.print(cell(experiment, "bold"), cell(f"  {count_of(len(all_runs), 'run')}: {counts}{below}", "dim"), sep="")
    names = [*metrics, *(key for key in _telling(runs) if key not in metrics)]
    columns = [
        Column("run", [cell(run["run_name"], limit=24) for run in runs]),
        Column("id", [cell(short_ids[run["run_id"]], "dim") for run in runs]),
        Column("status", [status(run["status"]) for run in runs]),
        Column("started", [cell(short_moment(run["start_time"])) for run in runs]),
        Column("took", [cell(duration(_seconds(run))) for run in runs], right=True),
        *([Column("children", [cell(f"{run['children'] or '-'}") for run in runs], right=True)] if inside else []),
        *(Column(key, [number(run["metrics"].get(key)) for run in runs], right=True) for key in names),
    ]
    print_columns(screen, columns, always=5 + len(metrics) + bool(inside), name_hidden=False)
    if len(runs) < len(all_runs):
        screen.print(cell(f"… and {len(all_runs) - len(runs):,} more; --limit 0 shows all", "dim"))


def _telling(runs: list[Run]) -> list[str]:
    """The runs' metrics, the most telling first."""
    return telling_metrics(Counter(key for run in runs for key in run["metrics"]), _MOST_METRICS)


def _started(run: Run) -> datetime:
    """When a run started; long ago if the record of it is lost."""
    return run["start_time"] or datetime.min.replace(tzinfo=UTC)


def _seconds(run: Run) -> float | None:
    """How long a run took, or has been running so far; None if the record of its start is lost."""
    if run["start_time"] is None:
        return None
    if run["duration_s"] is not None:
        return float(run["duration_s"])
    return float((datetime.now(UTC) - run["start_time"]).total_seconds())


def _seconds_or_none_last(run: Run) -> float:
    """The same for sorting, the longest first: a run of unknown length is the last."""
    seconds = _seconds(run)
    return -1.0 if seconds is None else seconds

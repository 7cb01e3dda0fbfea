"""Comparisons: what differs between runs, and what a metric depends on, as the compare page asks for it.

The answers are those of readers.compare and readers.analyzer; here they get bounds, and their warnings become words.
What takes long is computed for one request at a time, and kept as long as the store stays as it was.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from readers.best import direction, resolve_mode
from readers.dashboard.run_view import LONGEST_NAME
from readers.dashboard.store_view import LONGEST_TEXT, StoreView
from readers.differences import Difference, differences
from readers.grouping import counted, grouped
from readers.importance import Method, parameter_importance
from readers.paramaxes import Axis, axes_of
from readers.runtable import RunTable
from readers.verdict import Group, Verdict, compare_groups

MOST_COMPARED = 1_000
MOST_VALUES = 400_000
"""Of differences, and of metrics, in one answer: of many runs fewer rows are told."""
MOST_ANALYSED = 10_000
MOST_LINES = 5_000
MOST_DIFFERENCES = 2_000
MOST_METRICS = 2_000
MOST_AXES = 40
_LONGEST_VALUE = 500
_KEPT = 64
Answer = dict[str, Any]


class Scope(NamedTuple):
    """Which runs a question is about: these, or those of an experiment and below it."""

    runs: tuple[str, ...] | None = None
    experiment: str | None = None


class Comparisons:
    """Answers the compare page. Any thread."""

    def __init__(self, view: StoreView) -> None:
        self._view = view
        self._kept: OrderedDict[Hashable, tuple[str, Answer]] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.Lock()

    def compare(self, run_ids: Sequence[str]) -> Answer:
        """The runs side by side: only what differs, and each metric's last values with the best marked.

        Raises: RunNotFound. ValueError: too many.
        """
        table = self._table(Scope(runs=tuple(run_ids)), MOST_COMPARED)
        found = differences(table)
        rows = min(MOST_DIFFERENCES, MOST_VALUES // max(len(table), 1))
        runs = table.runs.select("run_id", pl.coalesce("run_name", "run_id").alias("run_name"), "experiment", "status")
        return {
            "runs": runs.to_dicts(),
            "differences": [_difference(row) for row in found.rows[:rows]],
            "same": found.same,
            "metrics": _metrics(table),
            "truncated": _words(len(found.rows) - rows, "more differences"),
        }

    def importance(self, scope: Scope, metric: str, method: Method = "permutation") -> Answer:
        """Which params a metric depends on: see readers.importance.

        Raises: RunNotFound, ExperimentNotFound, MetricNotFound. ValueError: too many runs; an unknown method.
        """

        def compute() -> Answer:
            table = self._table(scope, MOST_ANALYSED)
            towards = direction(metric)
            found = parameter_importance(
                table, table.metric(metric, "last", towards), metric, method=method, direction=towards
            )
            rows = found.to_frame().rename({"param": "name", "rank_best": "rank_low", "rank_worst": "rank_high"})
            return {
                "metric": metric,
                "method": found.method,
                "direction": found.direction,
                "level": found.level,
                "n": found.n,
                "left_out": found.left_out,
                "r2": found.r2,
                "params": rows.to_dicts(),
                "warnings": list(found.warnings),
            }

        return self._once(("importance", scope, metric, method), compute)

    def verdicts(self, scope: Scope, by: str, metric: str, pair_on: str | None = None) -> Answer:
        """Whether groups of runs differ in a metric, in words and numbers: see readers.verdict.

        Raises: as `importance`; LookupFailed: nothing of that name to group by. ValueError: it makes no groups.
        """

        def compute() -> Answer:
            table = self._table(scope, MOST_ANALYSED)
            towards = resolve_mode("auto", metric)
            groups = grouped(table, by, table.metric(metric, "last", towards), pair_on)
            found = compare_groups(groups.values, metric=metric, by=by, direction=towards, keys=groups.keys)
            left_out = f" {counted(groups.left_out)} without {by!r} left out." if groups.left_out else ""
            return {
                "metric": metric,
                "by": by,
                "direction": found.direction,
                "level": found.level,
                "words": f"{found.words}{left_out}",
                "groups": [_group(group) for group in found.groups],
                "pairs": [_pair(pair) for pair in found.pairs],
            }

        return self._once(("verdicts", scope, by, metric, pair_on), compute)

    def parallel(self, scope: Scope, metric: str, params: Sequence[str] | None = None) -> Answer:
        """Params as axes, the metric as the last one, for parallel coordinates; without params those that vary.

        Each axis has a value for each run, in the order of `run_ids`; of a categorical one the place among its levels.

        Raises: as `importance`; LookupFailed: no run has a param of that name.
        """
        table = self._table(scope, MOST_LINES)
        values = table.metric(metric, "last", direction(metric))
        found = axes_of(table, params, np.ones(len(table), bool))
        axes = [_axis(axis) for axis in list(found.drawable.values())[:MOST_AXES]]
        said = found.why() if params is not None else []
        if len(found.drawable) > MOST_AXES:
            said.append(f"the first {MOST_AXES} of {len(found.drawable)} params; name those that you want")
        last = {"name": metric, "kind": "metric", "values": values.tolist(), "log": False}
        return {
            "axes": [*axes, last],
            "run_ids": table.run_ids,
            "names": table.names,
            "statuses": table.runs["status"].to_list(),
            "metric": metric,
            "direction": direction(metric),
            "warnings": said,
        }

    def _table(self, scope: Scope, most: int) -> RunTable:
        """The runs asked about."""
        if scope.runs is not None:
            if len(scope.runs) > most:
                raise ValueError(f"{len(scope.runs):,} runs are too many to look at here; choose at most {most:,}")
            return self._view.these(scope.runs)
        if scope.experiment is None:
            raise ValueError("neither runs nor an experiment are given; say which runs the question is about")
        table = self._view.experiment(scope.experiment)
        if len(table) > most:
            raise ValueError(
                f"experiment {scope.experiment[:80]!r} has {len(table):,} runs; at most {most:,} are looked at here; "
                "choose some of them"
            )
        return table

    def _once(self, question: Hashable, compute: Callable[[], Answer]) -> Answer:
        """The answer, from memory while the store is as it was; one is computed at a time."""
        tag = self._view.now().tag
        with self._lock:
            kept = self._kept.get(question)
            if kept is not None and kept[0] == tag:
                self._kept.move_to_end(question)
                return kept[1]
        with self._computing:
            found = compute()
        with self._lock:
            self._kept[question] = tag, found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _metrics(table: RunTable) -> list[Answer]:
    """Each metric's last value in each run, the machine's own left out."""
    names = [name for name in table.metric_names if not name.startswith("system/")]
    names = names[: min(MOST_METRICS, MOST_VALUES // max(len(table), 1))]
    last = table.wide(metrics=names, params=())
    found = []
    for name in names:
        values = last[f"metrics.{name}"]
        towards = direction(name)
        finite = values.filter(values.is_finite() & values.is_not_null())
        extreme = None if finite.is_empty() else finite.max() if towards == "maximize" else finite.min()
        best = [] if extreme is None else last.filter((values == extreme).fill_null(value=False))["run_id"].to_list()
        found.append({"key": name, "values": values.to_list(), "best": best, "direction": towards})
    return found


def _group(group: Group) -> Answer:
    lower, upper = group.interval.lower, group.interval.upper
    return {
        "name": group.name,
        "n": len(group.values),
        "missing": group.missing,
        "mean": group.mean,
        "lower": lower,
        "upper": upper,
        "values": group.values.tolist()[:MOST_LINES],
    }


def _pair(pair: Verdict) -> Answer:
    return {
        "a": pair.a,
        "b": pair.b,
        "estimate": pair.estimate,
        "lower": pair.interval.lower,
        "upper": pair.interval.upper,
        "probability": pair.probability_better,
        "p": pair.p_adjusted,
        "test": pair.test,
        "why": pair.why,
        "effect": pair.hedges_g,
        "runs_needed": pair.runs_needed,
        "conclusion": pair.conclusion,
        "words": pair.words,
    }


def _axis(axis: Axis) -> Answer:
    told = {"name": axis.name, "kind": axis.kind, "values": axis.places.tolist(), "log": axis.log}
    return told | ({"levels": [level[:_LONGEST_VALUE] for level in axis.levels]} if axis.levels else {})


def _difference(row: Difference) -> Answer:
    """A difference with long values cut; those that differ only behind the cut are numbered, so that they still do.

    "lengths" is there where something was cut: of these values in characters, 0 where the table of runs doesn't have it
    whole either; of the others None.
    """
    told: Answer = {"kind": row.kind, "name": row.name[:LONGEST_NAME], "values": list(row.values)}
    lengths = [None if value is None or len(value) <= _LONGEST_VALUE else len(value) for value in row.values]
    if any(lengths):
        lengths = [0 if length and length > LONGEST_TEXT else length for length in lengths]
        long = dict.fromkeys(value for value in row.values if value is not None and len(value) > _LONGEST_VALUE)
        alike: Counter[str] = Counter()
        short = {}
        for value in long:
            begin = value[:_LONGEST_VALUE]
            alike[begin] += 1
            short[value] = f"{begin}…" + (f" ({alike[begin]})" if alike[begin] > 1 else "")
        told["values"] = [short.get(value, value) if value is not None else None for value in row.values]
        told["lengths"] = lengths
    return told


def _words(count: int, what: str) -> str | None:
    return f"{count:,} {what}" if count > 0 else None

"""wandb.define_metric: what a run's summary says of a metric, and which metric it goes by."""

import math
from typing import Any

from readers.best import direction
from tracker.wandb.errors import Error

OPERATIONS = ("min", "max", "mean", "first", "last", "best", "copy", "none")


class Metric:
    """A definition; `name` may end in "*"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.step_metric: str | None = None
        self.step_sync = True
        self.operations: tuple[str, ...] = ()
        self.goal: str | None = None
        self.hidden = False


class Aggregate:
    """What the summary says of one metric, with the values so far in it. NaN spreads, as in wandb."""

    def __init__(self, operations: tuple[str, ...], *, maximize: bool) -> None:
        self._operations = operations
        self._maximize = maximize
        self._count, self._total = 0, 0.0
        self._first: Any = None
        self._low: Any = math.inf
        self._high: Any = -math.inf

    def add(self, value: Any) -> dict[str, Any]:
        """Take a value in, and say what the summary says now."""
        self._count += 1
        self._total += value
        if self._count == 1:
            self._first = value
        is_nan = value != value  # noqa: PLR0124 - it stays then: nothing is less or more
        if value < self._low or is_nan:
            self._low = value
        if value > self._high or is_nan:
            self._high = value
        said = {
            "min": self._low,
            "max": self._high,
            "mean": self._total / self._count,
            "first": self._first,
            "last": value,
            "best": self._high if self._maximize else self._low,
        }
        return {name: said[name] for name in self._operations if name in said}


class MetricRules:
    """The definitions of one run."""

    def __init__(self) -> None:
        self._exact: dict[str, Metric] = {}
        self._patterns: dict[str, Metric] = {}
        self._found: dict[str, Metric | None] = {}

    def define(  # noqa: PLR0917 - as wandb's
        self,
        name: Any,
        step_metric: Any = None,
        step_sync: Any = None,
        hidden: Any = None,
        summary: Any = None,
        goal: Any = None,
        overwrite: Any = None,
    ) -> Metric:
        """Define a metric; what an earlier definition said stays, unless it is said anew. Raises: Error."""
        step_metric = step_metric.name if isinstance(step_metric, Metric) else step_metric
        given = (("name", name), ("step_metric", step_metric), ("summary", summary), ("goal", goal))
        for argument, value in given:
            if value is not None and not isinstance(value, str):
                raise Error(f"define_metric: {argument} is a str, not {type(value).__name__}")
        if not name:
            raise Error("define_metric: name is empty")
        if "*" in name.removesuffix("*"):
            raise Error(f"define_metric: name is {name!r}; a '*' can only be its end")
        if goal not in (None, "minimize", "maximize"):
            raise Error(f"define_metric: goal is {goal!r}; it can be 'minimize' or 'maximize'")
        operations = tuple(word.strip().lower() for word in summary.split(",")) if summary else ()
        for operation in operations:
            if operation not in OPERATIONS:
                raise Error(f"define_metric: summary has {operation!r}; it can have {', '.join(OPERATIONS)}")
        kind = self._patterns if name.endswith("*") else self._exact
        metric = kind.get(name)
        if metric is None or overwrite:
            metric = kind[name] = Metric(name)
        metric.step_metric = step_metric or metric.step_metric
        metric.step_sync = metric.step_sync if step_sync is None else bool(step_sync)
        metric.operations += tuple(one for one in operations if one not in metric.operations)
        metric.goal = goal or metric.goal
        metric.hidden = metric.hidden if hidden is None else bool(hidden)
        self._found.clear()
        return metric

    def find(self, name: str) -> Metric | None:
        """The definition that counts for a metric: its own, else that of the longest pattern."""
        if not self._exact and not self._patterns:
            return None
        try:
            return self._found[name]
        except KeyError:
            fitting = [pattern for pattern in self._patterns if name.startswith(pattern[:-1])]
            metric = self._exact.get(name) or (self._patterns[max(fitting, key=len)] if fitting else None)
            self._found[name] = metric
            return metric

    def aggregate(self, name: str) -> Aggregate | None:
        """Begin what the summary says of a metric; None: its last value."""
        metric = self.find(name)
        if metric is None or not {*metric.operations} - {"copy"}:
            return None
        goal = metric.goal or direction(name)
        return Aggregate(metric.operations, maximize=goal == "maximize")

"""wandb.log: rows of a history, each with its step, as points of metrics.

The step goes by wandb's rules: it grows by one with each call, unless the call says commit=False or a step of its own.
But nothing waits for a row to be whole: what a call logs is safe when it returns. So a metric that is logged twice in a
row has two points at that step, of which the later one counts. A step that lies behind the current one, which wandb
drops, is logged at that step; it doesn't change the summary, nor the step.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import index
from threading import RLock
from typing import Any

from ingest.values import plain
from tracker.metrics import metric_value
from tracker.wandb.metricrules import Aggregate, MetricRules
from tracker.wandb.runsummary import Path, Summary

_NUMBERS = frozenset({int, float, bool})
_COUNTS = frozenset({int, float})
"""What a metric can be that others go by; wandb takes neither truth nor text for it."""
_STEP_BITS = 62
"""Of a step: the store has 64, one is the sign, and there is room to go on counting."""


class History:
    """The rows of one run.

    Args:
        write: logs numbers at a step.
        keep: keeps what is no number, by its name, at a step.
        step: of the first row.
    """

    def __init__(
        self,
        write: Callable[[Mapping[str, Any], int], None],
        keep: Callable[[str, Any, int], bool],
        summary: Summary,
        rules: MetricRules,
        step: int,
    ) -> None:
        self.step = step
        self._write = write
        self._keep = keep
        self._summary = summary
        self._rules = rules
        self._lock = RLock()
        """Any thread may log; a step belongs to one call."""
        self._row: dict[str, tuple[Path, Any]] = {}
        self._last: dict[str, Any] = {}
        self._aggregates: dict[str, Aggregate | None] = {}

    def log(self, data: Mapping[str, Any], step: Any, commit: bool | None) -> None:
        """Log a call's values. Raises: TypeError, ValueError: of the step."""
        with self._lock:
            self._log(data, step, commit)

    def _log(self, data: Mapping[str, Any], step: Any, commit: bool | None) -> None:
        at = self.step if step is None else _whole(step)
        if at > self.step:
            self.end_row()
            self.step = at
        numbers, paths, others = _sorted(data)
        if numbers:
            self._write(numbers, at)
        kept = [(path, value) for path, value in others if self._keep(".".join(path), value, at)]
        if at < self.step:
            return
        for name, value in numbers.items():
            self._row[name] = paths[name], value
        self._row.update({".".join(path): (path, plain(value)) for path, value in kept})
        if step is None if commit is None else commit:
            self.end_row()
            self.step += 1
        elif self._row:
            self._tell_last()

    def end_row(self) -> None:
        """Let a row be whole: fill in what it goes by, and bring the summary up to it."""
        with self._lock:
            if self._row:
                self._end_row()

    def forked(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = RLock()

    def _end_row(self) -> None:
        missing = {}
        for name in self._row:
            metric = self._rules.find(name)
            by = metric.step_metric if metric is not None and metric.step_sync else None
            if by is not None and by not in self._row and by in self._last:
                missing[by] = self._last[by]
        if missing:
            self._write(missing, self.step)
        for name, (path, value) in self._row.items():
            if name not in self._aggregates:
                self._aggregates[name] = self._rules.aggregate(name)
            aggregate = self._aggregates[name]
            if aggregate is not None and type(value) in _NUMBERS:
                said = aggregate.add(value)
                for operation, result in said.items():
                    self._summary._put((*path, operation), result)  # noqa: SLF001 - its other half
        self._tell_last()
        self._last.update({name: value for name, (_, value) in self._row.items() if type(value) in _COUNTS})
        self._row.clear()

    def forget_aggregates(self) -> None:
        """Begin them anew: a metric was defined."""
        self._aggregates = {name: found for name, found in self._aggregates.items() if found is not None}

    def _tell_last(self) -> None:
        """Bring the summary's last values up to the row."""
        for name, (path, value) in self._row.items():
            metric = self._rules.find(name)
            if metric is None or not {*metric.operations} - {"copy"}:
                self._summary._put(path, value)  # noqa: SLF001 - its other half


def _whole(step: Any) -> int:
    if isinstance(step, bool):
        raise TypeError("step is an int, not bool")
    whole = index(step)
    if whole.bit_length() > _STEP_BITS:  # else no later row could be logged
        raise ValueError(f"step {whole} is too large; it has at most {_STEP_BITS} bits")
    return whole


def _sorted(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path], list[tuple[Path, Any]]]:
    """(numbers by dotted names, their paths, everything else)."""
    if _NUMBERS.issuperset(map(type, data.values())):
        return dict(data), {name: (name,) for name in data}, []
    numbers: dict[str, Any] = {}
    paths: dict[str, Path] = {}
    others: list[tuple[Path, Any]] = []
    for path, value in _flat(data, ()):
        number = _number(value)
        if number is None:
            others.append((path, value))
        else:
            name = ".".join(path)
            numbers[name], paths[name] = number, path
    return numbers, paths, others


def _flat(data: Mapping[Any, Any], before: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in data.items():
        path = (*before, str(name))
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif value is not None:
            yield path, value


def _number(value: Any) -> float | None:
    """A value that is one number; an array or tensor of one element is."""
    if type(value) in _NUMBERS:
        return value  # type: ignore[no-any-return]
    try:
        if getattr(value, "shape", ()) and callable(getattr(value, "item", None)):
            size = value.numel() if callable(getattr(value, "numel", None)) else value.size
            value = value.item() if size == 1 else None
        found = metric_value("value", value)
    except (TypeError, ValueError, RuntimeError):
        return None
    whole = callable(getattr(value, "__index__", None))
    return int(found) if whole and found.is_integer() and abs(found) < 2**53 else found

"""Rows of numbers as metrics: which column is the step, which the time, and what a cell means.

A cell that is empty (or says None, null, NA) holds no value: rows are sparse where metrics come at different times. A
column with anything but numbers and truth values in it is no metric.
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from readers.imports.found import Floats, Ints, Series, pieces

STEPS = ("step", "_step", "global_step", "trainer/global_step", "iteration", "iter", "epoch")
"""Names of a step column, the first one that is there counts."""
TIMES = ("_timestamp", "timestamp", "wall_time", "time", "datetime", "date", "created_at")
_MISSING = {"", "none", "null", "na", "n/a", "<na>"}
_EARLIEST_S = 10**8  # 1973: what is less counts from the start of something
_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (2**63, 1))


class NotANumber(ValueError):
    """A cell that should be a number isn't."""


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING)


def number_of(cell: object) -> float:
    """A cell's value. Raises: NotANumber."""
    if isinstance(cell, bool | int | float):
        return _float(cell)
    if isinstance(cell, str):
        text = cell.strip()
        if text in {"True", "False", "true", "false"}:
            return float(text in {"True", "true"})
        if "_" not in text and text.isascii():
            try:
                return float(text)
            except ValueError:
                pass
    raise NotANumber(f"{str(cell)[:40]!r} is no number")


def _float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError as error:
        raise NotANumber("a number is larger than any float") from error


def step_of(cell: object) -> int | float | None:
    """A cell's step; 3.0 is 3, as tables turn whole numbers into fractions. Raises: NotANumber."""
    if is_missing(cell):
        return None
    try:
        whole = int(str(cell)) if "_" not in str(cell) and not isinstance(cell, bool | float) else None
    except ValueError:
        whole = None
    if whole is not None:
        return whole if -(2**63) <= whole < 2**63 else float(whole)
    value = number_of(cell)
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise NotANumber("a step is infinite")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def time_of(cell: object) -> int | None:
    """Nanoseconds since 1970 of a time: seconds, ms, us or ns since then, or ISO 8601, without a zone UTC.

    None: it counts from somewhere else. Raises: NotANumber: no time at all.
    """
    if isinstance(cell, str):
        text = cell.strip()
        try:
            found = datetime.fromisoformat(text) if not text.replace(".", "", 1).isdigit() else None
        except ValueError:
            found = None
        if found is not None:
            found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
            since = found - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 1000
    value = number_of(cell)
    if not _EARLIEST_S <= value < 2**63:
        return None
    unit = next(unit for limit, unit in _UNITS if value < limit)
    if unit == 1:
        return int(value)
    return round(value * (unit // 1000)) * 1000 if unit >= 1000 else round(value) * unit


class Column:
    """The points of one metric, as they come."""

    def __init__(self) -> None:
        self.values = array("d")
        self.steps: list[int | float | None] = []
        self.times = array("q")
        self.others = 0
        """Cells that are no numbers."""
        self.first_other = ""

    def add(self, cell: object, step: float | None, time_ns: int, where: str) -> None:
        """Take a cell; an empty one is none."""
        if is_missing(cell):
            return
        try:
            value = number_of(cell)
        except NotANumber as error:
            self.others += 1
            self.first_other = self.first_other or f"{where}: {error}"
            return
        self.values.append(value)
        self.steps.append(step)
        self.times.append(time_ns)

    def series(self, key: str, *, timed: bool) -> Iterator[Series]:
        """All of them."""
        values: Floats = np.frombuffer(self.values, np.float64)
        times: Ints = np.frombuffer(self.times, np.int64)
        if timed and not times.all():  # rows before the first that has a time
            times = np.where(times == 0, self._first(times), times)
        return pieces(key, self.steps, values, times if timed else None)

    @staticmethod
    def _first(times: Ints) -> int:
        """The first time that is known; 1970 when none is."""
        known = times[times > 0]
        return int(known[0]) if len(known) else 0


def choose(names: Sequence[str], wanted: str | None, usual: Sequence[str]) -> str | None:
    """The column of a role: the one that is wanted, else the first of the usual ones that is there.

    Raises: ValueError: the wanted one isn't there.
    """
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"there is no column {wanted!r}; there is: {', '.join(names[:30])}")
        return wanted
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in usual if name in lower), None)

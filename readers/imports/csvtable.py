"""A CSV file read as columns of metrics: rows that are odd are left out and said, one by one."""

import csv
from collections.abc import Iterator
from pathlib import Path

from readers.imports.columns import STEPS, TIMES, Column, NotANumber, choose, is_missing, step_of, time_of
from readers.imports.found import Series
from readers.imports.textfiles import lines

_MOST_COLUMNS = 20_000
_MOST_SAID = 5


class CsvTable:
    """The columns of one file, as metrics.

    Args:
        problems: where it is said what can't be read.
        step, time: the names of these columns; by default the usual ones are looked for.
    """

    def __init__(self, file: Path, problems: list[str], step: str | None, time: str | None) -> None:
        self.columns: dict[str, Column] = {}
        self.timed = False
        self._file = file
        self._problems = problems
        self._step, self._time = step, time
        self._last_ns = 0
        self._said = 0

    def read(self) -> None:
        """Read all. Raises: ValueError: no table; names the line."""
        cut = _Cut(lines(self._file))
        header = next(iter(cut), "")
        delimiter = max(",;\t|", key=header.count)
        try:
            names = next(csv.reader([header], delimiter=delimiter), [])
            self._check(names)
            try:
                step = choose(names, self._step, STEPS)
                time = choose(names, self._time, TIMES)
            except ValueError as error:
                raise ValueError(f"{self._file}: {error}") from error
            reader = csv.reader(cut, delimiter=delimiter)
            for cells in reader:
                line = reader.line_num + 1
                if len(cells) > len(names) or (cut.torn and len(cells) < len(names)):
                    what = "more" if len(cells) > len(names) else "ends in the middle: it has fewer"
                    self._say(f"line {line}: {what} cells than the header ({len(cells)}, {len(names)}); left out")
                    continue
                self._take(dict(zip(names, cells, strict=False)), step, time, line)
        except csv.Error as error:
            raise ValueError(f"{self._file}: behind line {cut.count}: {error}") from error
        if self._said > _MOST_SAID:
            self._problems.append(f"{self._file}: and {self._said - _MOST_SAID:,} more such lines")

    def series(self, notes: list[str]) -> Iterator[Series]:
        """The columns that have numbers; of one that has none, a note."""
        for name, column in self.columns.items():
            if len(column.values):
                yield from column.series(name, timed=self.timed)
                if column.others:
                    self._problems.append(
                        f"{column.first_other} in column {name!r}; {column.others:,} such cells are left out"
                    )
            elif column.others:
                notes.append(f"{self._file}: column {name!r} has no numbers ({column.first_other}), and is left out")

    def _check(self, names: list[str]) -> None:
        if not any(name.strip() for name in names):
            raise ValueError(f"{self._file}: line 1: there is no header with the columns' names")
        twice = {name for name in names if name and names.count(name) > 1} if len(names) < _MOST_COLUMNS else set()
        if twice or len(names) >= _MOST_COLUMNS:
            what = f"names {min(twice)!r} twice" if twice else f"has {len(names):,} columns"
            raise ValueError(f"{self._file}: line 1: the header {what}")

    def _take(self, cells: dict[str, str], step: str | None, time: str | None, line: int) -> None:
        """Take a row; an impossible step or time leaves it out."""
        try:
            at = None if step is None else step_of(cells.get(step))
            self._look(None if time is None else cells.get(time))
        except NotANumber as error:
            if any(cells.values()):
                self._say(f"line {line}: the row's step or time: {error}; left out")
            return
        for name, cell in cells.items():
            if name and name != step and not (name == time and self.timed):
                column = self.columns.setdefault(name, Column())
                column.add(cell, at, self._last_ns, f"{self._file}: line {line}")

    def _look(self, cell: str | None) -> None:
        """Look at a row's time; a row without one has that of the row before. Raises: NotANumber."""
        if is_missing(cell) or (self._last_ns < 0):
            return
        try:
            moment = time_of(cell)
        except NotANumber:
            if self.timed:
                raise
            moment = None
        if moment is None and not self.timed:
            self._last_ns = -1  # it counts from somewhere else, or is no time: a column as any other
        elif moment is not None:
            self.timed, self._last_ns = True, moment

    def _say(self, words: str) -> None:
        self._said += 1
        if self._said <= _MOST_SAID:
            self._problems.append(f"{self._file}: {words}")


class _Cut:
    """Lines, and whether the last one has no end: then its writer may have been in the middle of it."""

    def __init__(self, found: Iterator[str]) -> None:
        self.torn = False
        self.count = 0
        self._found = found

    def __iter__(self) -> Iterator[str]:
        for line in self._found:
            self.count += 1
            self.torn = not line.endswith(("\n", "\r"))
            yield line

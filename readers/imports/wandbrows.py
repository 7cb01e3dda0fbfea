"""Rows of a wandb history, as columns of numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from readers.imports.columns import Column, NotANumber, number_of, step_of, time_of
from readers.imports.textfiles import lines, parse_json, read_json
from readers.imports.wandbfile import RunFile

_ROLES = ("_step", "_timestamp", "_runtime")
_DEEPEST = 20
_MOST_SAID = 5


class Rows:
    """The columns of a history: rows of a run's own file, of JSON lines, in a list, or a frame's columns."""

    def __init__(
        self, file: Path, problems: list[str], left_out: "Counter[str]", run_file: RunFile | None = None
    ) -> None:
        self.columns: dict[str, Column] = {}
        self.timed = False
        self._file = file
        self._run_file = run_file
        self._problems = problems
        self._left_out = left_out
        self._last_ns = 0
        self._said = 0

    def read(self) -> None:
        """Read all. Raises: ValueError: no history."""
        for place, row in self._rows():
            try:
                self._take(row)
            except NotANumber as error:
                self._say(f"{place}: the row's step or time: {error}; left out")
        if self._said > _MOST_SAID:
            self._problems.append(f"{self._file}: and {self._said - _MOST_SAID:,} more such rows")

    def _rows(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        if self._run_file is not None:
            yield from self._run_file.rows()
            return
        if self._file.suffix.lower() == ".jsonl":
            for number, line in enumerate(lines(self._file), 1):
                try:
                    row = parse_json(line, f"line {number}") if line.strip() else {}
                except ValueError as error:
                    self._say(f"{error}; left out")
                    continue
                if isinstance(row, dict):
                    yield f"line {number}", row
                else:
                    self._say(f"line {number}: it is no row of names and values; left out")
            return
        found = read_json(self._file)
        if isinstance(found, dict):
            found = _of_columns(found)
        if not isinstance(found, list):
            raise ValueError(f"{self._file}: neither a list of rows nor a frame's columns")  # noqa: TRY004 - of the file
        for number, row in enumerate(found, 1):
            if isinstance(row, dict):
                yield f"row {number}", row
            else:
                self._say(f"row {number}: it has no names; left out")

    def _take(self, row: Mapping[str, object]) -> None:
        """Take a row. Raises: NotANumber: of its step or time."""
        step = step_of(row.get("_step"))
        stamp = row.get("_timestamp")
        moment = None if stamp is None else time_of(stamp)
        if moment is not None:
            self.timed, self._last_ns = True, moment
        for name, value in flat(row, self._left_out):
            if name and name not in _ROLES:
                self.columns.setdefault(name, Column()).add(value, step, self._last_ns, "")

    def _say(self, words: str) -> None:
        self._said += 1
        if self._said <= _MOST_SAID:
            self._problems.append(f"{self._file}: {words}")


def flat(
    row: Mapping[str, object], left_out: "Counter[str]", before: str = "", depth: int = 0
) -> Iterator[tuple[str, float]]:
    """(name, value) of each number in a row; what is none is counted by its kind."""
    for key, value in row.items():
        name = f"{before}{key}"
        if isinstance(value, dict):
            kind = value.get("_type")
            if kind is not None or depth > _DEEPEST:
                left_out[str(kind)[:40] if kind is not None else "deep dict"] += 1
            else:
                yield from flat(value, left_out, f"{name}.", depth + 1)
        elif value is not None:
            try:
                yield name, number_of(value)
            except NotANumber:
                left_out["text" if isinstance(value, str) else type(value).__name__] += 1


def _of_columns(frame: Mapping[str, object]) -> list[dict[str, object]] | None:
    """The rows of a frame that was written column by column; None when it is none."""
    rows: dict[str, dict[str, object]] = {}
    for name, column in frame.items():
        if isinstance(column, list):
            column = {str(number): value for number, value in enumerate(column)}  # noqa: PLW2901
        if not isinstance(column, dict):
            return None
        for index, value in column.items():
            rows.setdefault(index, {})[name] = value
    return list(rows.values())

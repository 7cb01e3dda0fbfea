"""Metrics in CSV files: as Lightning's CSVLogger writes them, and any others with a step column.

A folder with a metrics.csv is a run (version_0, version_1, ... below Lightning's log folder), named by its path below
the folder that was given, with hparams.yaml as its params. Of a folder without any, each CSV file is a run, named as
the file, and so is a file that is given itself. Columns are metrics; one is the step, one may be the time. Lightning
writes no times: the files' own then tell when the run was, and its end stands for the time of each point.
"""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.errors import ImportFailed
from readers.imports.columns import STEPS, TIMES, Column, NotANumber, choose, is_missing, step_of, time_of
from readers.imports.found import FoundRun, Series
from readers.imports.textfiles import lines, read_text
from readers.imports.yamltext import read_yaml

_MOST_COLUMNS = 20_000
_MOST_SAID = 5
_HPARAMS_BYTES = 16 << 20
METRICS, HPARAMS = "metrics.csv", "hparams.yaml"


class CsvLogs:
    """The runs in a file, or below a folder; `experiment` is its name by default.

    Args:
        step, time: the names of these columns; by default the usual ones are looked for.

    Raises: ImportFailed: there is nothing of that kind.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        experiment: str | None = None,
        *,
        step: str | None = None,
        time: str | None = None,
    ) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._step, self._time = step, time
        given = Path(os.path.abspath(source))  # noqa: PTH100 - its name may be a link's
        self._files = list(_found(given))
        if not self._files:
            raise ImportFailed(
                f"no {METRICS} and no other CSV file at {os.fspath(source)!r}; give a CSV file, or a folder of "
                "Lightning's CSVLogger such as lightning_logs"
            )
        self._root = given if given.is_dir() else given.parent
        alone = self._files == [given / METRICS] or given.name == METRICS
        self._root = self._root.parent if alone else self._root
        self._experiment = experiment or self._root.name or "csv"

    def count(self) -> int:
        """How many runs there are."""
        return len(self._files)

    def runs(self) -> Iterator[FoundRun]:
        """Them, by name."""
        for file in self._files:
            of_folder = file.name == METRICS
            hparams = file.with_name(HPARAMS)
            stats = [path.stat() for path in (file, hparams) if path.is_file()]
            modified = [stat.st_mtime_ns // 1000 * 1000 for stat in stats]
            run = FoundRun(
                identity=f"csv:{file}",
                source=str(file),
                version=";".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats),
                experiment=self._experiment,
                name=(file.parent if of_folder else file.with_suffix("")).relative_to(self._root).as_posix(),
            )
            if of_folder and hparams.is_file():
                run.params = self._hparams(hparams)
            run.series = lambda run=run, file=file, modified=modified: self._series(run, file, modified)  # type: ignore[misc]
            yield run

    def _hparams(self, path: Path) -> Mapping[str, object]:
        """The params in a file; what can't be read is said."""
        try:
            found = read_yaml(read_text(path, _HPARAMS_BYTES))
        except (ValueError, OSError) as error:
            words = str(error) if str(path) in str(error) else f"{path}: {error}"
            self.problems.append(f"{words}; the run comes without its params")
            return {}
        if not isinstance(found, dict):
            if found is not None:
                self.problems.append(f"{path}: it has no names; the run comes without its params")
            return {}
        return {str(name): value for name, value in found.items()}

    def _series(self, run: FoundRun, file: Path, modified: list[int]) -> Iterator[Series]:
        rows = _Rows(file, self.problems, self._step, self._time)
        rows.read()
        if not rows.timed:
            run.start_ns, run.end_ns = min(modified), modified[0]
        for name, column in rows.columns.items():
            if len(column.values):
                yield from column.series(name, timed=rows.timed)
                if column.others:
                    self.problems.append(
                        f"{column.first_other} in column {name!r}; {column.others:,} such cells are left out"
                    )
            elif column.others:
                self.notes.append(f"{file}: column {name!r} has no numbers ({column.first_other}), and is left out")


class _Rows:
    """The columns of one file."""

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


def _found(given: Path) -> Iterator[Path]:
    """The files with metrics, in order: of versions by their numbers."""
    if given.is_file():
        yield given
        return
    folders = sorted((Path(folder) for folder, _, names in os.walk(given) if METRICS in names), key=_natural)
    yield from (folder / METRICS for folder in folders)
    if not folders and given.is_dir():
        yield from sorted((path for path in given.iterdir() if path.suffix.lower() in {".csv", ".tsv"}), key=_natural)


def _natural(path: Path) -> list[tuple[str, int]]:
    """Version_10 comes after version_9."""
    parts = [(part.rpartition("_"), part) for part in path.parts]
    return [
        (stem, int(number)) if number.isdecimal() and number.isascii() and len(number) < 20 else (part, -1)
        for (stem, _, number), part in parts
    ]

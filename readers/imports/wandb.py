"""Runs that were exported from Weights & Biases: what its Python API gives, saved as files, a folder a run.

    <folder>/<run>/history.csv | .json | .jsonl     rows of run.scan_history(), or the frame of run.history()
    .../config.json | config.yaml                   run.config
    .../summary.json                                run.summary
    .../metadata.json                               id, name, state, created_at, project, entity, group, tags, notes

The names that wandb itself gives in a run's `files` folder do too (wandb-summary.json, wandb-metadata.json). A history
alone is enough. Steps are `_step`, times `_timestamp`. A metric that only the summary has comes as one point without a
step. Nested metrics get dotted names, as wandb shows them; pictures, histograms and texts are left out, and said.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.errors import ImportFailed
from readers.imports.columns import Column, NotANumber, number_of, step_of, time_of
from readers.imports.csvtable import CsvTable
from readers.imports.found import FoundRun, Series, give_span
from readers.imports.textfiles import lines, parse_json, read_json, read_text
from readers.imports.yamltext import read_yaml

_HISTORIES = ("history.jsonl", "history.json", "history.csv")
_CONFIGS = ("config.json", "config.yaml")
_SUMMARIES = ("summary.json", "wandb-summary.json")
_METADATA = ("metadata.json", "wandb-metadata.json")
_STATES = {
    "finished": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
    "crashed": "INTERRUPTED",
    "preempted": "INTERRUPTED",
    "preempting": "RUNNING",
    "running": "RUNNING",
    "pending": "RUNNING",
}
_ROLES = ("_step", "_timestamp", "_runtime")
_DEEPEST = 20
_MOST_SAID = 5


class WandbExport:
    """The runs of an exported folder, or in one history file.

    Raises: ImportFailed: there are none.
    """

    def __init__(self, source: str | os.PathLike[str], experiment: str | None = None) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        given = Path(os.path.abspath(source))  # noqa: PTH100 - its name may be a link's
        self._histories = [given] if given.is_file() else list(_found(given))
        if not self._histories:
            raise ImportFailed(
                f"no wandb export at {os.fspath(source)!r}: no folder in it has a history.jsonl, history.json or "
                "history.csv; save the rows of run.scan_history() so, and run.config as config.json beside it"
            )
        self._experiment = experiment
        self._root = given if given.is_dir() and self._histories[0].parent != given else given.parent
        self._left_out: Counter[str] = Counter()

    def count(self) -> int:
        """How many runs there are."""
        return len(self._histories)

    def runs(self) -> Iterator[FoundRun]:
        """Them, by name."""
        for history in self._histories:
            yield self._run(history)
        if self._left_out:
            what = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self._left_out.items()))
            self.notes.append(f"left out, as they are no numbers: {what}")

    def _run(self, history: Path) -> FoundRun:
        named = history.name in _HISTORIES
        folder = history.parent
        told = self._mapping(folder, _METADATA) if named else {}
        label = folder.name if named else history.stem
        files = sorted(path for path in folder.iterdir() if path.is_file()) if named else [history]
        stats = [(path.name, path.stat()) for path in files]
        run = FoundRun(
            identity=_identity(told, history),
            source=str(told.get("url") or history),
            version=";".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats),
            experiment=self._experiment or str(told.get("project") or self._root.name or "wandb"),
            name=str(told.get("name") or told.get("display_name") or label),
            status=_STATES.get(str(told.get("state") or "finished").lower(), "FINISHED"),
            group=str(told["group"]) if told.get("group") else None,
            host=str(told.get("host") or ""),
            start_ns=self._time(told, ("created_at", "createdAt", "startedAt"), folder),
            end_ns=self._time(told, ("finished_at", "heartbeatAt", "heartbeat_at"), folder),
            tags=_tags(told),
        )
        if named:
            run.params = _config(self._mapping(folder, _CONFIGS))
        summary = self._mapping(folder, _SUMMARIES) if named else {}
        modified_ns = history.stat().st_mtime_ns
        run.series = lambda: self._series(run, history, summary, modified_ns // 1000 * 1000)
        return run

    def _mapping(self, folder: Path, names: tuple[str, ...]) -> Mapping[str, object]:
        """What the first of some files says; nothing, when there is none, or it can't be read, and that is said."""
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            return {}
        try:
            found = read_json(path) if path.suffix == ".json" else read_yaml(read_text(path))
            if not isinstance(found, dict):
                raise ValueError(f"{path}: it has no names")  # noqa: TRY301, TRY004 - of the file
        except (ValueError, OSError) as error:
            words = str(error) if str(path) in str(error) else f"{path}: {error}"
            self.problems.append(f"{words}; the run comes without it")
            return {}
        return {str(name): value for name, value in found.items()}

    def _time(self, told: Mapping[str, object], names: tuple[str, ...], folder: Path) -> int | None:
        cell = next((told[name] for name in names if told.get(name)), None)
        try:
            return None if cell is None else time_of(cell)
        except NotANumber as error:
            self.problems.append(f"{folder}: its metadata has a time that is none: {error}")
            return None

    def _series(
        self, run: FoundRun, history: Path, summary: Mapping[str, object], modified_ns: int
    ) -> Iterator[Series]:
        if history.suffix.lower() == ".csv":
            table = CsvTable(history, self.problems, None, None)
            table.read()
            columns, timed = table.columns, table.timed
            table.columns.pop("_runtime", None)
            table.columns.pop("", None)
            rest = list(table.series(self.notes))
        else:
            rows = _JsonRows(history, self.problems, self._left_out)
            rows.read()
            columns, timed = rows.columns, rows.timed
            rest = [one for name, column in columns.items() for one in column.series(name, timed=timed)]
        if not timed:
            run.start_ns = run.start_ns or modified_ns
            run.end_ns = run.end_ns or modified_ns
        give_span(run, rest)
        yield from rest
        last = Counter[str]()
        for name, value in _flat(summary, last):
            if name not in columns and not name.startswith("_"):
                yield from _one(name, value)


class _JsonRows:
    """The columns of a history in JSON: rows, one a line or in a list, or a frame's columns."""

    def __init__(self, file: Path, problems: list[str], left_out: "Counter[str]") -> None:
        self.columns: dict[str, Column] = {}
        self.timed = False
        self._file = file
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
        for name, value in _flat(row, self._left_out):
            if name and name not in _ROLES:
                self.columns.setdefault(name, Column()).add(value, step, self._last_ns, "")

    def _say(self, words: str) -> None:
        self._said += 1
        if self._said <= _MOST_SAID:
            self._problems.append(f"{self._file}: {words}")


def _flat(
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
                yield from _flat(value, left_out, f"{name}.", depth + 1)
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


def _one(name: str, value: float) -> Iterator[Series]:
    column = Column()
    column.add(value, None, 0, "")
    return column.series(name, timed=False)


def _config(found: Mapping[str, object]) -> dict[str, object]:
    """The params; wandb keeps each in a dict with its description, in some of its forms."""
    return {
        name: value["value"]
        if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"}
        else value
        for name, value in found.items()
        if name not in {"_wandb", "wandb_version"}
    }


def _tags(told: Mapping[str, object]) -> dict[str, object]:
    tags: dict[str, object] = {
        f"wandb.{name}": told[name] for name in ("id", "entity", "project", "job_type") if told.get(name)
    }
    if told.get("tags"):
        tags["wandb.tags"] = told["tags"]
    return {"note": told["notes"], **tags} if told.get("notes") else tags


def _identity(told: Mapping[str, object], history: Path) -> str:
    run_id = told.get("id") or told.get("run_id")
    if not run_id:
        return f"wandb:{history}"
    return f"wandb:{told.get('entity') or ''}/{told.get('project') or ''}/{run_id}"


def _found(folder: Path) -> Iterator[Path]:
    """One history of each folder that has any."""
    for below, folders, names in os.walk(folder):
        folders.sort()
        name = next((name for name in _HISTORIES if name in names), None)
        if name is not None:
            yield Path(below, name)

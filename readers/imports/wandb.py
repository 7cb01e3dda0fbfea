"""Runs of Weights & Biases: what its Python API gives, saved as files, a folder a run; and files of offline runs.

    <folder>/<run>/history.csv | .json | .jsonl     rows of run.scan_history(), or the frame of run.history()
    .../config.json | config.yaml                   run.config
    .../summary.json                                run.summary
    .../metadata.json                               id, name, state, created_at, project, entity, group, tags, notes
    wandb/offline-run-*/run-*.wandb                 all of that in one file (see wandbfile)

The names that wandb itself gives in a run's `files` folder do too (wandb-summary.json, wandb-metadata.json). A history
alone is enough. Steps are `_step`, times `_timestamp`. A metric that only the summary has comes as one point without a
step. Nested metrics get dotted names, as wandb shows them; pictures, histograms and texts are left out, and said.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ingest.errors import ImportFailed
from readers.imports.columns import Column, NotANumber, time_of
from readers.imports.csvtable import CsvTable
from readers.imports.found import FoundRun, Series, give_span
from readers.imports.textfiles import read_json, read_text
from readers.imports.wandbfile import SUFFIX, RunFile
from readers.imports.wandbrows import Rows, flat
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


class WandbExport:
    """The runs of an exported folder, of a `wandb` folder of offline runs, or in one file.

    Raises: ImportFailed: there are none.
    """

    def __init__(self, source: str | os.PathLike[str], experiment: str | None = None) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        given = Path(os.path.abspath(source))  # noqa: PTH100 - its name may be a link's
        self._histories = [given] if given.is_file() else list(_found(given))
        if not self._histories:
            raise ImportFailed(
                f"no wandb runs at {os.fspath(source)!r}: no folder in it has a history.jsonl, history.json, "
                "history.csv, or the .wandb file of an offline run; save the rows of run.scan_history() so, and "
                "run.config as config.json beside it"
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
            try:
                run_file = RunFile(history, self.problems) if history.suffix == SUFFIX else None
            except (ValueError, OSError) as error:
                self.problems.append(str(error) if str(history) in str(error) else f"{history}: {error}")
                continue
            yield self._run(history, run_file)
        if self._left_out:
            what = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self._left_out.items()))
            self.notes.append(f"left out, as they are no numbers: {what}")

    def _run(self, history: Path, run_file: RunFile | None) -> FoundRun:
        named = history.name in _HISTORIES
        folder = history.parent
        told = run_file.told if run_file is not None else self._mapping(folder, _METADATA) if named else {}
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
        summary: Mapping[str, object] = {}
        if run_file is not None:
            run.start_ns, summary = run_file.start_ns, run_file.summary
            run.params = _config(run_file.config)
        elif named:
            run.params, summary = _config(self._mapping(folder, _CONFIGS)), self._mapping(folder, _SUMMARIES)
        modified_ns = history.stat().st_mtime_ns
        run.series = lambda: self._series(run, history, run_file, summary, modified_ns // 1000 * 1000)
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
        self,
        run: FoundRun,
        history: Path,
        run_file: RunFile | None,
        summary: Mapping[str, object],
        modified_ns: int,
    ) -> Iterator[Series]:
        columns: Collection[str]
        if history.suffix.lower() == ".csv":
            table = CsvTable(history, self.problems, None, None)
            table.read()
            columns, timed = table.columns, table.timed
            table.columns.pop("_runtime", None)
            table.columns.pop("", None)
            rest = list(table.series(self.notes))
        else:
            rows = Rows(history, self.problems, self._left_out, run_file)
            rows.read()
            columns, timed = rows.columns, rows.timed
            rest = [one for name, column in columns.items() for one in column.series(name, timed=timed)]
        if not timed:
            run.start_ns = run.start_ns or modified_ns
            run.end_ns = run.end_ns or modified_ns
        give_span(run, rest)
        yield from rest
        last = Counter[str]()
        for name, value in flat(summary, last):
            if name not in columns and not name.startswith("_"):
                yield from _one(name, value)


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
    if history.suffix == SUFFIX:  # of a run that was resumed there are several
        return f"wandb:{history.parent.name}/{history.name}"
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
        yield from (Path(below, name) for name in sorted(names) if name.endswith(SUFFIX))

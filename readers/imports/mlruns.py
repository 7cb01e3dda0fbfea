"""Old `mlruns` folders, read as files, as MLflow itself refuses them by now.

    mlruns/<experiment id>/meta.yaml                  name, lifecycle_stage
    mlruns/<experiment id>/<run id>/meta.yaml         run_id, run_name, status, start_time, end_time, lifecycle_stage
    .../params/<name>, .../tags/<name>                one file each, its whole text
    .../metrics/<name>                                a line a point: time in ms, value, step
    .../artifacts/                                    files

Names with slashes are folders. What was deleted in MLflow stays out. Artifacts that MLflow kept elsewhere (a bucket)
stay there. Links are not followed: a folder from elsewhere could name any file of this machine.
"""

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ingest.errors import ImportFailed
from ingest.sources import open_plain
from readers.imports.columns import NotANumber, number_of
from readers.imports.found import FoundArtifact, FoundRun, Series
from readers.imports.mlflowruns import STATUSES, Known, nanoseconds
from readers.imports.textfiles import lines, read_text
from readers.imports.yamltext import read_yaml
from readers.mlflow.names import original

_META = "meta.yaml"
_MOST_BYTES = 16 << 20
_MOST_SAID = 5
_NUMBERED = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


class MlrunsFolder:
    """The runs of a folder; of one experiment, when it is named.

    Raises: ImportFailed: there is none of that kind.
    """

    def __init__(self, folder: str | os.PathLike[str], experiment: str | None = None) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._known = Known()
        self._left_out: Counter[str] = Counter()
        root = Path(os.path.abspath(folder))  # noqa: PTH100 - its name may be a link's
        found = list(_folders_with_meta(root)) or list(_folders_with_meta(root / "mlruns"))
        if not found:
            raise ImportFailed(
                f"no mlruns folder at {str(root)!r}: no folder in it has a {_META}; give the folder named mlruns, or "
                "the address of a server (http://..., sqlite:///...)"
            )
        self._experiments = list(self._named(found, experiment))
        if experiment is not None and not self._experiments:
            raise ImportFailed(f"no experiment {experiment!r} in {str(root)!r}")

    def count(self) -> int:
        """How many runs there may be."""
        return sum(len(list(_folders_with_meta(folder))) for folder, _ in self._experiments)

    def runs(self) -> Iterator[FoundRun]:
        """Them, by experiment, first started first."""
        for folder, name in self._experiments:
            read = [(self._meta(run), run) for run in _folders_with_meta(folder)]
            for meta, path in sorted(read, key=lambda pair: str(pair[0].get("start_time") or "").zfill(20)):
                if meta.get("lifecycle_stage") == "deleted":
                    self._left_out["deleted runs"] += 1
                    continue
                try:
                    run = self._run(meta, path, name)
                except (ValueError, OSError) as error:
                    if meta:
                        self.problems.append(f"{path}: the run is left out: {error}")
                    continue
                yield run
        self.notes += [f"left out: {count:,} {what}" for what, count in sorted(self._left_out.items())]

    def _named(self, folders: list[Path], wanted: str | None) -> Iterator[tuple[Path, str]]:
        for folder in folders:
            meta = self._meta(folder)
            name = str(meta.get("name") or folder.name)
            if meta.get("lifecycle_stage") == "deleted":
                self._left_out["deleted experiments"] += 1
            elif wanted in {None, name}:
                yield folder, name

    def _meta(self, folder: Path) -> dict[object, object]:
        """What a folder's meta.yaml says; nothing, when it can't be read, and that is said."""
        path = folder / _META
        try:
            found = read_yaml(read_text(path, _MOST_BYTES))
            if not isinstance(found, dict):
                raise ValueError("it has no names")  # noqa: TRY301, TRY004 - of the file
        except (ValueError, OSError) as error:
            words = str(error) if str(path) in str(error) else f"{path}: {error}"
            self.problems.append(f"{words}; what lies in its folder is left out")
            return {}
        return found

    def _run(self, meta: dict[object, object], path: Path, experiment: str) -> FoundRun:
        run_id = str(meta.get("run_id") or meta.get("run_uuid") or path.name)
        params, tags = self._texts(path / "params"), self._texts(path / "tags")
        run = FoundRun(
            identity=f"mlflow:{run_id}",
            source=str(path),
            version=_version(path),
            experiment=experiment,
            name=str(meta.get("run_name") or tags.get("mlflow.runName") or meta.get("name") or run_id),
            status=_status(meta.get("status")),
            start_ns=nanoseconds(meta.get("start_time"), "start_time"),
            end_ns=nanoseconds(meta.get("end_time"), "end_time"),
        )
        ours = self._known.shape(run, run_id, params, tags)
        run.series = lambda: self._series(path / "metrics", original if ours else str)
        run.artifacts = lambda: self._artifacts(path / "artifacts")
        return run

    def _texts(self, folder: Path) -> dict[str, str]:
        """Texts by name, of params or tags."""
        texts: dict[str, str] = {}
        for name, path in _files(folder):
            try:
                texts[name] = read_text(path, _MOST_BYTES)
            except (ValueError, OSError) as error:
                self.problems.append(f"{error}; it is left out" if str(path) in str(error) else f"{path}: {error}")
        return texts

    def _series(self, folder: Path, rename: Callable[[str], str]) -> Iterator[Series]:
        for name, path in _files(folder):
            yield self._points(path, rename(name))

    def _points(self, path: Path, name: str) -> Series:
        """The points in a file; a line that is none is said and left out."""
        times, values, steps = array("q"), array("d"), array("q")
        wrong = 0
        for number, line in enumerate(lines(path), 1):
            parts = line.split()
            try:
                if len(parts) < 2 or not line.endswith("\n"):
                    raise NotANumber("it ends in the middle" if parts else "it is empty")
                step = int(parts[2]) if len(parts) > 2 else 0
                if not -(2**63) <= step < 2**63:
                    raise NotANumber("its step is no int64")
                row = nanoseconds(parts[0], "time") or 0, number_of(parts[1]), step
            except ValueError as error:
                wrong += 1
                if wrong <= _MOST_SAID:
                    self.problems.append(f"{path}: line {number}: {error}; left out")
                continue
            for column, value in zip((times, values, steps), row, strict=True):
                column.append(value)  # type: ignore[attr-defined]
        if wrong > _MOST_SAID:
            self.problems.append(f"{path}: and {wrong - _MOST_SAID:,} more such lines")
        columns = np.frombuffer(values, np.float64), np.frombuffer(steps, np.int64), np.frombuffer(times, np.int64)
        return Series(name, *columns)

    def _artifacts(self, folder: Path) -> Iterator[FoundArtifact]:
        if not folder.is_dir():
            return
        for name, path in _files(folder):
            stat = path.stat()
            yield FoundArtifact(name, f"{stat.st_size} {stat.st_mtime_ns}", lambda path=path: open_plain(path))  # type: ignore[misc]


def _folders_with_meta(folder: Path) -> Iterator[Path]:
    """The folders in a folder that have a meta.yaml; no links, nothing hidden (.trash)."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    yield from (folder / name for name in names if not name.startswith(".") and (folder / name / _META).is_file())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) of each plain file below a folder, no links."""
    for below, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(below, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def _status(said: object) -> str:
    """MLflow writes its number; older ones wrote the word. Raises: ValueError: neither."""
    word = _NUMBERED.get(said) if isinstance(said, int) else STATUSES.get(str(said))
    if word is None:
        raise ValueError(f"its status is {said!r}; it can be a number from 1 to 5")
    return STATUSES[word]


def _version(folder: Path) -> str:
    """Changes when any file of a run does: how many there are, their sizes, the newest."""
    count = total = newest = 0
    for _, path in _files(folder):
        stat = path.lstat()
        count, total, newest = count + 1, total + stat.st_size, max(newest, stat.st_mtime_ns)
    return f"{count} {total} {newest}"

"""TensorBoard event files, without TensorFlow: each folder with event files below the log folder is a run.

Runs are named as TensorBoard names them, by their path below the log folder ("." for the folder itself). Scalars come
over, of the old form (a float) and the new one (a tensor with the plugin "scalars"), with the wall time of each; so do
the hparams plugin's params, group, start, end and status. Points that TensorBoard hides because a training restarted
at an earlier step are kept, as all were logged. Histograms, images, texts and graphs are left out, and said.

A run whose hparams don't say how it ended counts as FINISHED: event files don't tell.
"""

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ingest.errors import ImportFailed
from ingest.sources import open_plain
from readers.imports.found import FoundRun, Series, give_span
from readers.imports.tbevents import Decoder
from readers.imports.tbhparams import Hparams
from readers.imports.tfrecords import records

_LARGEST_NS = 9.2e18
_MOST_SAID = 20


class TensorBoardLogs:
    """The runs below a log folder; `experiment` is its name by default.

    Raises: ImportFailed: it is no folder, or there are no event files in it.
    """

    def __init__(self, folder: str | os.PathLike[str], experiment: str | None = None) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        given = Path(os.path.abspath(folder))  # noqa: PTH100 - its name may be a link's
        self._root = given.parent if given.is_file() and _is_events(given.name) else given
        if not self._root.is_dir():
            raise ImportFailed(f"no folder at {os.fspath(folder)!r}; give the log folder that TensorBoard is given")
        self._experiment = experiment or self._root.name or "tensorboard"
        self._folders = dict(self._found(given))
        if not self._folders:
            raise ImportFailed(
                f"no event files below {str(self._root)!r}: files with 'tfevents' in their names; give the log folder "
                "that TensorBoard is given"
            )
        self._left_out: Counter[str] = Counter()

    def count(self) -> int:
        """How many runs there are."""
        return len(self._folders)

    def runs(self) -> Iterator[FoundRun]:
        """Them, by name."""
        for folder, files in self._folders.items():
            name = folder.relative_to(self._root).as_posix()
            stats = [(file.name, file.stat()) for file in files]
            run = FoundRun(
                identity=f"tensorboard:{folder}",
                source=str(folder),
                version=";".join(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in stats),
                experiment=self._experiment,
                name=name,
                tags={"tensorboard.run": name},
            )
            run.series = lambda run=run, files=files: self._series(run, files)  # type: ignore[misc]
            yield run
        if self._left_out:
            what = ", ".join(f"{count:,} {plugin}" for plugin, count in sorted(self._left_out.items()))
            self.notes.append(f"left out, as they are no scalars: {what}")

    def _found(self, given: Path) -> Iterator[tuple[Path, list[Path]]]:
        """Each folder with its event files, both by name: that is the order in which they were begun."""
        if given.is_file():
            yield given.parent, [given]
            return
        for folder, folders, names in os.walk(given):
            folders.sort()
            files = [Path(folder, name) for name in sorted(names) if _is_events(name)]
            if files:
                yield Path(folder), files

    def _series(self, run: FoundRun, files: list[Path]) -> Iterator[Series]:
        """Read a run's files; what they say of hparams goes into `run`."""
        decoder = Decoder()
        tags: dict[str, _Points] = {}
        for file in files:
            self._read(file, decoder, tags)
        _apply(run, decoder.hparams)
        self._left_out += decoder.left_out
        if "" in tags:
            self.problems.append(f"{run.source}: {len(tags.pop('').values):,} values without a tag are left out")
        found = [points.series(tag) for tag, points in tags.items()]
        give_span(run, found)
        yield from found

    def _read(self, file: Path, decoder: Decoder, tags: "dict[str, _Points]") -> None:
        said = 0

        def problem(words: str) -> None:
            nonlocal said
            said += 1
            if said <= _MOST_SAID:
                self.problems.append(f"{file}: {words}")

        with open_plain(file) as opened:
            for offset, data in records(opened, problem):
                try:
                    found = decoder.decode(data)
                except (ValueError, RecursionError) as error:
                    problem(f"offset {offset}: a record is no event ({error}), and is left out")
                    continue
                for tag, step, wall_time, value in found:
                    if not math.isfinite(wall_time) or abs(wall_time) * 1e9 > _LARGEST_NS:
                        problem(f"offset {offset}: a value of {tag!r} has the time {wall_time}, and is left out")
                        continue
                    points = tags.get(tag)
                    if points is None:
                        points = tags[tag] = _Points()
                    points.steps.append(step)
                    points.walls.append(wall_time)
                    points.values.append(value)
        if said > _MOST_SAID:
            self.problems.append(f"{file}: and {said - _MOST_SAID:,} more such places")


class _Points:
    """The points of one tag, 24 bytes each."""

    __slots__ = ("steps", "values", "walls")

    def __init__(self) -> None:
        self.steps, self.walls, self.values = array("q"), array("d"), array("d")

    def series(self, tag: str) -> Series:
        # A double of seconds since 1970 is exact to 0.2 microseconds; the store keeps microseconds.
        times = np.rint(np.frombuffer(self.walls, np.float64) * 1e6).astype(np.int64) * 1000
        steps, values = np.frombuffer(self.steps, np.int64), np.frombuffer(self.values, np.float64)
        return Series(tag, values, steps, times)


def _is_events(name: str) -> bool:
    return "tfevents" in name


def _apply(run: FoundRun, found: list[Hparams]) -> None:
    """Put what the hparams plugin says into the run; what was said last counts."""
    params: dict[str, object] = {}
    for one in found:
        params |= one.params
        run.group = one.group or run.group
        run.status = one.status or run.status
        run.start_ns = _ns(one.start_s) or run.start_ns
        run.end_ns = _ns(one.end_s) or run.end_ns
    run.params = params


def _ns(seconds: float | None) -> int | None:
    if not seconds or not math.isfinite(seconds) or not 0 < seconds * 1e9 < _LARGEST_NS:
        return None
    return round(seconds * 1e6) * 1000

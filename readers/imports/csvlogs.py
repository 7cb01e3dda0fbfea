"""Metrics in CSV files: as Lightning's CSVLogger writes them, and any others with a step column.

A folder with a metrics.csv is a run (version_0, version_1, ... below Lightning's log folder), named by its path below
the folder that was given, with hparams.yaml as its params. Of a folder without any, each CSV file is a run, named as
the file, and so is a file that is given itself. Columns are metrics; one is the step, one may be the time. Lightning
writes no times: the files' own then tell when the run was, and its end stands for the time of each point.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.errors import ImportFailed
from readers.imports.csvtable import CsvTable
from readers.imports.found import FoundRun, Series, give_span
from readers.imports.textfiles import read_text
from readers.imports.yamltext import read_yaml

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
        table = CsvTable(file, self.problems, self._step, self._time)
        table.read()
        if not table.timed:
            run.start_ns, run.end_ns = min(modified), modified[0]
        found = list(table.series(self.notes))
        give_span(run, found)
        yield from found


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

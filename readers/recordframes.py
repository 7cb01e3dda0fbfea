"""RecordFrames: the records of get_experiment_runs turned back into the frames that a store would give.

A user may have filtered the records, changed them, or written them by hand, so their values may be of any type: what a
log call accepts is accepted here. It goes the way of a logged value, through JSON, and so comes out the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, SupportsFloat

import polars as pl

from ingest.jsontext import from_json, to_json
from readers.params import flat
from readers.runs import RUNS
from readers.summaries import SUMMARIES
from readers.texts import as_number, storable

_NEEDED = ("run_id", "params", "metrics")
_LOGGED = ("run_id", "experiment", "key", "value")
_LAST = {name: SUMMARIES[name] for name in ("run_id", "key", "last")}
_Record = Mapping[str, Any]


class RecordFrames:
    """Runs, params, tags and metrics; see readers.runs, readers.params, readers.summaries for their columns.

    Args:
        records: of two with one run id the first counts.

    Raises: TypeError, ValueError: not such records, saying which one and what it lacks.
    """

    def __init__(self, records: Sequence[_Record]) -> None:
        self._records: dict[str, tuple[str, _Record]] = {}
        for place, record in enumerate(_checked(records)):
            self._records.setdefault(str(record["run_id"]), (f"runs[{place}]", record))
        columns = {name: [record.get(name) for _, record in self._records.values()] for name in RUNS}
        columns["run_id"] = list(self._records)
        self.runs = pl.DataFrame([pl.Series(name, columns[name], kind, strict=False) for name, kind in RUNS.items()])
        self.logged = {
            "param": self._values("params"),
            "tag": self._values("tags"),
        }
        """run_id, experiment, key, value: as they were logged, nested ones whole."""

    @cached_property
    def params(self) -> pl.DataFrame:
        """Rows of readers.params.VALUES."""
        return flat(self.logged["param"])

    @cached_property
    def tags(self) -> pl.DataFrame:
        """Rows of readers.params.VALUES."""
        return flat(self.logged["tag"])

    @cached_property
    def last(self) -> pl.DataFrame:
        """run_id, key, last: all that records know of a metric; one that is None counts as not logged."""
        rows = [
            (run_id, str(key), value if type(value) is float else _number(value, f"{place}['metrics']", key))
            for run_id, (place, record) in self._records.items()
            for key, value in record["metrics"].items()
            if value is not None
        ]
        columns = zip(*rows, strict=True) if rows else ([] for _ in _LAST)
        series = zip(_LAST.items(), columns, strict=True)
        return pl.DataFrame([pl.Series(name, found, kind) for (name, kind), found in series])

    def _values(self, what: str) -> pl.DataFrame:
        """Column by column: row by row takes twice as long."""
        run_ids: list[str] = []
        experiments: list[str | None] = []
        keys: list[str] = []
        texts: list[str] = []
        for run_id, (place, record) in self._records.items():
            found = record.get(what) or {}
            run_ids += [run_id] * len(found)
            experiments += [record.get("experiment")] * len(found)
            keys += map(str, found)
            where = f"{place}[{what!r}]"
            texts += [to_json(value, where=where) for value in found.values()]
        names = {key: storable(key) for key in set(keys)}
        columns: tuple[Sequence[str | None], ...] = (run_ids, experiments, [names[key] for key in keys], texts)
        return pl.DataFrame([pl.Series(name, found, pl.String()) for name, found in zip(_LOGGED, columns, strict=True)])


def _checked(records: Sequence[_Record]) -> Iterator[_Record]:
    """The records, if that is what they are."""
    if isinstance(records, str | Mapping):
        raise TypeError(f"runs is a {type(records).__name__}; it is a list of the dicts that get_experiment_runs gives")
    for place, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise TypeError(f"runs[{place}] is {record!r}; runs are the dicts that get_experiment_runs gives")
        lacking = [key for key in _NEEDED if key not in record]
        if lacking:
            raise ValueError(f"runs[{place}] has no {lacking[0]!r}; it has: {', '.join(map(str, record))}")
        for what in ("params", "metrics", "tags"):
            if what in record and not isinstance(record[what], Mapping):
                raise TypeError(f"runs[{place}][{what!r}] is {record[what]!r}; it is a dict of names and values")
        yield record


def _number(value: object, where: str, key: object) -> float:
    found = as_number(from_json(to_json(value)))
    if found is None and isinstance(value, SupportsFloat):  # a Fraction is text in JSON, and a number all the same
        found = float(value)
    if found is None:
        raise TypeError(f"{where}[{key!r}] is {value!r}; a metric is one number")
    return found

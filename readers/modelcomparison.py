"""Versions of a model side by side: metrics, params, size, data, code, packages, signature, and what differs."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ingest.errors import MetricNotFound
from ingest.values import flatten
from readers.best import Direction, better, direction
from readers.grid import Grid, number, unique_names
from readers.modelinfo import ModelEntry, form_text
from readers.modellineage import run_code, run_data
from readers.models import Models
from readers.visible import visible

if TYPE_CHECKING:
    import polars as pl

    from readers.store import Store

Kind = Literal["file", "metric", "param", "data", "code", "signature", "package", "tag"]
KINDS: tuple[Kind, ...] = ("file", "metric", "param", "data", "code", "signature", "package", "tag")
_FILE = ("time", "run_id", "experiment", "class_name", "format", "size", "aliases", "derived_from")
_ALWAYS = {"run_id", "time"}
"""They differ always, and that says nothing."""
_SIDE_BY_SIDE, _MOST_ROWS, _LONGEST = 8, 100, 32
_CUT: dict[str, Callable[[str], str]] = {
    "class_name": lambda text: text.rpartition(".")[2],
    "sha256": lambda text: text[:12],
    "commit": lambda text: text[:12],
}
"""What a table shows of texts that are long and told by a part."""


class ComparedValue(NamedTuple):
    """One thing, as it is in each version."""

    kind: Kind
    name: str
    values: tuple[Any, ...]
    """In the order of the versions; None where a version doesn't have it."""
    differs: bool
    best: tuple[int, ...] = ()
    """Of a metric: the versions with the best value; none where all are alike."""


class ModelComparison(NamedTuple):
    """Some versions of a model, compared."""

    name: str
    versions: tuple[int, ...]
    rows: tuple[ComparedValue, ...]

    @property
    def differences(self) -> tuple[ComparedValue, ...]:
        """The rows that differ."""
        return tuple(row for row in self.rows if row.differs)

    def to_frame(self) -> "pl.DataFrame":
        """One row a version: version, then `file.size`, `metric.accuracy`, `param.C` and so on.

        A column is of numbers, truth values or text, where all that have it are; else the values are JSON texts.
        """
        import polars as pl

        columns: dict[str, list[Any]] = {"version": list(self.versions)}
        names = unique_names([f"{row.kind}.{row.name}" for row in self.rows], taken=("version",))
        columns |= {name: _column(row.values) for name, row in zip(names, self.rows, strict=True)}
        return pl.DataFrame({name: pl.Series(values, strict=False) for name, values in columns.items()})

    def grid(self) -> Grid:
        """As a table for people: what differs, and all metrics; the best of each metric has a star."""
        shown = self.versions[-_SIDE_BY_SIDE:]
        places = range(len(self.versions) - len(shown), len(self.versions))
        listed = [row for row in self.rows if row.differs or row.kind == "metric"]
        rows = tuple(
            (row.kind, visible(row.name, _LONGEST), *(_cell(row, place, self.versions[place]) for place in places))
            for row in listed[:_MOST_ROWS]
        )
        heads = tuple(f"version {version}" for version in shown)
        left_out = [
            (len(self.versions) - len(shown), "older versions"),
            (len(listed) - len(rows), "more things that differ"),
        ]
        said = [f"{count:,} {what}" for count, what in left_out if count > 0]
        notes = [f"... and {', '.join(said)}; to_frame() has them all."] if said else []
        same = len(self.rows) - len(listed)
        notes += [f"Compared too, and the same in all: {same:,}."] if same and len(self.versions) > 1 else []
        count = len(self.versions)
        title = f"Model {self.name!r}: {count:,} version{'s' * (count != 1)}"
        return Grid(title, ("", "name", *heads) if rows else (), rows, notes=tuple(notes))

    def _repr_html_(self) -> str:
        return self.grid().html()

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return self.grid()


def compare_versions(
    store: "Store", name: str, versions: Sequence[int | str] | None = None, metrics: Sequence[str] | None = None
) -> ModelComparison:
    """Compare versions of a model, in the order given.

    Args:
        versions: numbers or aliases; None for all.
        metrics: only these; None for all but those of the machine.

    Raises: ModelNotFound: no such model or version. MetricNotFound: no version has it. TypeError: versions is one, not
        several.
    """
    if isinstance(versions, (str, int)):
        raise TypeError(f"versions is {versions!r}; it is a list, as in [{versions!r}, 'latest']")
    models = Models(store.layout)
    if versions is None:
        entries = list(models.entries(name))
    else:
        entries = [models.entry(name, number) for number in dict.fromkeys(models.resolve(name, v) for v in versions)]
    run_ids = [entry["run_id"] for entry in entries]
    codes, data = run_code(store, run_ids), run_data(store, run_ids)
    told: dict[Kind, Callable[[ModelEntry], Mapping[str, Any]]] = {
        "file": lambda entry: {key: entry[key] for key in _FILE},  # type: ignore[literal-required]
        "metric": lambda entry: _metrics(entry, metrics),
        "param": lambda entry: entry["params"],
        "data": lambda entry: entry["data"] or data.get(entry["run_id"], {}),
        "code": lambda entry: codes.get(entry["run_id"], {}),
        "signature": lambda entry: _forms(entry["signature"]),
        "package": lambda entry: entry["packages"],
        "tag": lambda entry: entry["tags"],
    }
    numbers = tuple(entry["version"] for entry in entries)
    rows = [row for kind in KINDS for row in _rows(kind, numbers, [flatten(told[kind](entry)) for entry in entries])]
    known = {metric: None for entry in entries for metric in entry["metrics"]}
    for metric in metrics or ():
        if metric not in known:
            raise MetricNotFound.among("metric", metric, known, f"of the versions of model {name!r}")
    return ModelComparison(name, numbers, tuple(rows))


def _rows(kind: Kind, versions: tuple[int, ...], told: Sequence[Mapping[str, Any]]) -> Iterator[ComparedValue]:
    names = dict.fromkeys(name for of_version in told for name in of_version)
    for name in names if kind in {"file", "signature"} else sorted(names):
        values = tuple(of_version.get(name) for of_version in told)
        differs = name not in _ALWAYS and len({_json(value) for value in values}) > 1
        best = _best(versions, values, direction(name)) if kind == "metric" else ()
        yield ComparedValue(kind, name, values, differs, best)


def _forms(signature: Mapping[str, Any] | None) -> dict[str, str]:
    told = signature or {}
    return {name: form_text(told[name]) for name in ("inputs", "outputs") if told.get(name) is not None}


def _metrics(entry: ModelEntry, wanted: Sequence[str] | None) -> dict[str, float]:
    if wanted is None:
        return {name: value for name, value in entry["metrics"].items() if not name.startswith("system/")}
    return {name: entry["metrics"][name] for name in wanted if name in entry["metrics"]}


def _best(versions: tuple[int, ...], values: tuple[Any, ...], towards: Direction) -> tuple[int, ...]:
    there = [value for value in values if isinstance(value, (int, float)) and math.isfinite(value)]
    if len(set(there)) < 2:
        return ()
    best = there[0]
    for value in there:
        best = value if better(value, best, towards) else best
    return tuple(version for version, value in zip(versions, values, strict=True) if value == best)


def _column(values: Sequence[Any]) -> list[Any]:
    """Values that one column can hold."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and kinds.isdisjoint({dict, list}):
        return list(values)
    return [None if value is None else _json(value) for value in values]


def _json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)


def _cell(row: ComparedValue, place: int, version: int) -> str:
    value = row.values[place]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        text = value if isinstance(value, str) else _json(value)
        if row.name in _CUT:
            text = _CUT[row.name](text)
        return visible(text, _LONGEST)
    text = number(float(value)) if isinstance(value, float) else f"{value:,}"
    return f"{text} *" if version in row.best else text

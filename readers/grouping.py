"""Grouping: runs apart by what a param, a tag or a column says of them, with a metric's value of each.

Groups are called as people wrote the value. Numbers that are equal are one group ("1" and "1.0"), and so are a number
and a text that read the same; true is not 1. Runs that lack what the groups are made by belong to none.
"""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.errors import LookupFailed
from ingest.jsontext import from_json
from readers.runtable import RunTable
from readers.runvalues import Values

if TYPE_CHECKING:
    from readers.runtable import Floats

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

MOST_GROUPS = 50
"""More can't be compared pair by pair: fifty make 1,225 comparisons."""
_FEW_GROUPS = 10
_LISTED = 8
_LONGEST = 40


class Grouping(NamedTuple):
    """The values of a metric, group by group; numbers in their order, then texts in theirs."""

    by: str
    values: "dict[str, Floats]"
    """NaN for a run without the metric."""
    keys: dict[str, list[Hashable]] | None
    """What each run is paired by; a run that lacks it has a key that no other has."""
    left_out: int
    """Runs that lack what the groups are made by."""

    def group(self, asked: object) -> str:
        """The name of the group that is meant, by its name or its value. Raises: LookupFailed: there is none."""
        name = str(asked).lower() if isinstance(asked, bool) else str(asked)
        for own in self.values:
            if own == name or (type(asked) in {int, float} and _is_number(own, asked)):
                return own
        raise LookupFailed.among(f"group of {self.by!r}", name, self.values)


def grouped(table: RunTable, by: str, values: "Floats", pair_on: str | None = None) -> Grouping:
    """The runs of a table, grouped to be compared.

    Args:
        by: a param, a tag or a column of runs; see RunTable.value.
        values: of the metric, one a run, shape (n_runs,).
        pair_on: what says which runs of two groups belong together, as "seed" does; likewise.

    Raises: LookupFailed: no run has such a thing. ValueError: it doesn't make groups that can be compared; the message
        says why, and what does.
    """
    if not len(table):
        raise ValueError(f"there are no runs to group by {by!r}")
    found = table.value(by)
    names = labels(found)
    order = _in_order(found, names)
    _check(table, by, names, order)
    places = {name: [place for place, own in enumerate(names) if own == name] for name in order}
    keys = None
    if pair_on is not None:
        paired = labels(table.value(pair_on))
        own_keys: list[Hashable] = [
            (run_id,) if key is None else key for run_id, key in zip(table.run_ids, paired, strict=True)
        ]
        keys = {name: [own_keys[place] for place in places[name]] for name in order}
    return Grouping(by, {name: values[places[name]] for name in order}, keys, names.count(None))


def scores(table: RunTable, method: str, dataset: str, values: "Floats") -> "tuple[Matrix, list[str], list[str]]":
    """The mean of each method (column) on each data set (row); NaN where it has no value there."""
    if not len(table):
        raise ValueError(f"there are no runs to rank {method!r} over {dataset!r}")
    of_method, of_dataset = labels(table.value(method)), labels(table.value(dataset))
    methods, datasets = (list(dict.fromkeys(name for name in found if name)) for found in (of_method, of_dataset))
    cells: dict[tuple[str, str], list[float]] = {}
    for name, on, value in zip(of_method, of_dataset, values.tolist(), strict=True):
        if name is not None and on is not None and np.isfinite(value):
            cells.setdefault((on, name), []).append(value)
    rows = [[float(np.mean(cells.get((on, name), [np.nan]))) for name in methods] for on in datasets]
    return np.array(rows, np.float64).reshape(len(datasets), len(methods)), methods, datasets


def labels(values: Values) -> list[str | None]:
    """What the group of each run is called; None where the run lacks the value."""
    called: dict[float, str] = {}
    return [
        None if text is None else text if np.isnan(number) else _of_number(number, text, called)
        for number, text in zip(values.numbers.tolist(), map(_readable, values.texts), strict=True)
    ]


def _of_number(number: float, text: str, called: dict[float, str]) -> str:
    """The first, or a shorter, way in which an equal number was written."""
    return text if text in {"true", "false"} else called.setdefault(number, text)


def _is_number(text: str, number: Any) -> bool:
    try:
        return bool(float(text) == number)
    except ValueError:
        return False


def _readable(text: str | None) -> str | None:
    """NaN and infinities as people write them; JSON has no word for them."""
    return str(from_json(text)) if text is not None and text.startswith('{"__float__": ') else text


def _in_order(values: Values, names: Sequence[str | None]) -> list[str]:
    """The groups, each once: by number, then by name."""
    first: dict[str, float] = {}
    for name, number in zip(names, values.numbers.tolist(), strict=True):
        if name is not None:
            first.setdefault(name, number)
    return sorted(first, key=lambda name: (np.isnan(first[name]), 0.0 if np.isnan(first[name]) else first[name], name))


def _check(table: RunTable, by: str, names: Sequence[str | None], groups: Sequence[str]) -> None:
    """Refuse, in words, what makes no groups to compare."""
    runs = len(names) - list(names).count(None)
    if len(groups) == 1:
        raise ValueError(
            f"{by!r} is {_cut(groups[0])!r} in every run that has it ({counted(runs)}): there is nothing to compare; "
            f"{_what_varies(table)}"
        )
    if len(groups) > MOST_GROUPS or (len(groups) > _FEW_GROUPS and len(groups) > runs // 2):
        raise ValueError(
            f"{by!r} makes {len(groups)} groups of {runs} runs, too many to compare with each other; "
            f"{_what_varies(table)}; for a number that takes many values see HyperparameterAnalyzer"
        )


def _what_varies(table: RunTable) -> str:
    """The params and tags that make a few groups."""
    found = []
    for prefix, rows in (("", table.params), ("tags.", table.tags)):
        counts = rows.group_by("key").n_unique().select("key", "value").iter_rows()
        found += [f"{prefix}{name} ({count})" for name, count in counts if 1 < count <= MOST_GROUPS]
    few = ", ".join(map(_cut, sorted(found)[:_LISTED]))
    return f"these make groups (how many): {few}" if few else "no param and no tag of these runs makes groups"


def counted(runs: int) -> str:
    """So many runs, in words."""
    return "1 run" if runs == 1 else f"{runs:,} runs"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."

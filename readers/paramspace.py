"""ParameterSpace: the params of some runs as numbers: which of them vary, of what kind, and a design matrix.

A param is numeric when the runs that have it hold numbers (or texts that all read as numbers), with at most a few words
among many numbers (`max_depth` of None, 3, 4, ...); else categorical: texts, booleans, lists by their JSON. One that is
the same in all runs is constant, one that no run has is missing, and a text that is different in nearly every run is
unique: like a name it tells runs apart and explains nothing.

Conditional params: a run that lacks a param says something by that, so presence counts as part of the param - unless
another param's value tells whether it is there (`optimizer` decides whether there is a `momentum`). Then what presence
does is the other one's (`decided_by`), and only the values speak for the param itself.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from readers.runtable import RunTable
from readers.runvalues import Values

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]

Kind = Literal["numeric", "categorical", "constant", "missing", "unique"]
MOST_LEVELS = 31
"""Levels of a categorical param that count one by one; the rarer ones count as one more level together."""
_FEW = 10
"""Up to so many different values, words among numbers make a param categorical, and texts are never names."""
_WIDE = 100.0
"""Positive numbers that span more than this factor are looked at by their logarithm."""


class Parameter(NamedTuple):
    """One param over the runs; arrays have shape (n_runs,)."""

    name: str
    kind: Kind
    log: bool
    """Numeric, all positive, spanning more than two decades, and lying more evenly by the logarithm than without."""
    columns: slice
    """Its columns in the matrix; none for a param that doesn't vary, or is unique."""
    levels: tuple[str, ...]
    """Of a categorical param: its values as texts, numbers first in their order; empty for the others."""
    present: "Bools"
    """Which runs have it."""
    values: "Floats"
    """Numeric: the number. Categorical: the place in `levels`. NaN where there is none."""
    decided_by: str | None
    """The param whose value tells which runs have this one; None when all have it, or no param tells."""

    @property
    def varies(self) -> bool:
        """Whether it can explain anything: numeric or categorical."""
        return self.kind in ("numeric", "categorical")


class ParameterSpace(NamedTuple):
    """Params of some runs."""

    parameters: tuple[Parameter, ...]
    """In the order asked; by name when all were."""
    matrix: "Matrix"
    """Shape (n_runs, n_columns), for linear things. A numeric param's column is its number (log10 where `log`), the
    median for a run that has none, and then one more column of 0 and 1 that says so (not when another param tells). A
    categorical one has a column of 0 and 1 for each level, all 0 where it is missing."""

    def parameter(self, name: str) -> Parameter:
        """The param of that name."""
        return next(parameter for parameter in self.parameters if parameter.name == name)

    @property
    def varying(self) -> tuple[Parameter, ...]:
        """Those that are numeric or categorical."""
        return tuple(parameter for parameter in self.parameters if parameter.varies)

    def scaled(self, name: str) -> "Floats":
        """A param's values from 0 to 1, shape (n_runs,), by the logarithm where `log`; NaN where there is none."""
        parameter = self.parameter(name)
        values = np.log10(parameter.values) if parameter.log else parameter.values
        known = values[np.isfinite(values)]
        if not len(known) or known.min() == known.max():
            return np.where(np.isfinite(values), 0.5, np.nan)
        found: Floats = (values - known.min()) / (known.max() - known.min())
        return found


def parameter_space(
    table: RunTable, names: Sequence[str] | None = None, *, rows: "Bools | None" = None
) -> ParameterSpace:
    """Look at the params of runs.

    Args:
        names: those wanted; None for all that any run has.
        rows: shape (n_runs,), the runs to look at (those with a finite metric); None for all. Arrays then have as many
            entries as there are such runs.
    """
    wanted = table.param_names if names is None else list(dict.fromkeys(names))
    found = [_parameter(_chosen(table.param(name), rows)) for name in wanted]
    found = [parameter._replace(decided_by=_decided_by(parameter, found)) for parameter in found]
    found = [_without_own_presence(parameter) for parameter in found]
    n = len(table) if rows is None else int(rows.sum())
    blocks, start = [np.empty((n, 0))], 0
    for place, parameter in enumerate(found):
        block = _block(parameter)
        found[place] = parameter._replace(columns=slice(start, start + block.shape[1]))
        blocks.append(block)
        start += block.shape[1]
    return ParameterSpace(tuple(found), np.hstack(blocks))


def _chosen(values: Values, rows: "Bools | None") -> Values:
    if rows is None:
        return values
    texts = [text for text, chosen in zip(values.texts, rows, strict=True) if chosen]
    return values._replace(numbers=values.numbers[rows], texts=texts)


def _parameter(found: Values) -> Parameter:
    """What one param is; who decides over it isn't known yet."""
    present = np.array([text is not None for text in found.texts], dtype=bool)
    counts = Counter(text for text in found.texts if text is not None)
    numbers = found.numbers if found.kind != "text" else _read_as_numbers(found.texts, counts)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    known = numbers[~np.isnan(numbers)]
    kind: Kind = "categorical"
    if not counts:
        kind = "missing"
    elif len(counts) == 1 and present.all():
        kind = "constant"
    elif found.kind != "bool" and len(known) and _mostly_numbers(known, len(counts), int(present.sum())):
        kind = "numeric"
    elif found.kind != "bool" and len(counts) > max(_FEW, present.sum() / 2):
        kind = "unique"
    if kind == "numeric" and len(known) == present.sum() and known.min() == known.max():  # 1 and 1.0, or not everywhere
        kind = "constant" if present.all() else "categorical"
    if kind == "numeric":
        return Parameter(found.name, kind, _wide(known), slice(0), (), present, numbers, None)
    levels = tuple(sorted(counts, key=_in_order)) if kind == "categorical" else ()
    place = {level: index for index, level in enumerate(levels)}
    values = np.array(
        [place.get(text, math.nan) if text is not None else math.nan for text in found.texts], dtype=float
    )
    return Parameter(
        found.name, kind, log=False, columns=slice(0), levels=levels, present=present, values=values, decided_by=None
    )


def _mostly_numbers(known: "Floats", distinct: int, present: int) -> bool:
    """Whether to take it as numeric: numbers alone, or many different ones and a few words."""
    return len(known) == present or (distinct > _FEW and 2 * len(known) >= present)


def _wide(known: "Floats") -> bool:
    """Whether to look at numbers by their logarithm.

    That they span decades is not enough: evenly spread numbers from 0 to 1 do so too. The middle one tells.
    """
    values = np.unique(known)
    low, middle, high = values[0], values[(len(values) - 1) // 2], values[-1]
    if low <= 0 or high <= _WIDE * low:
        return False
    by_logarithm = np.log(middle / low) / np.log(high / low)
    return bool(abs(by_logarithm - 0.5) <= abs((middle - low) / (high - low) - 0.5))


def _read_as_numbers(texts: Sequence[str | None], counts: Counter[str]) -> "Floats":
    """Texts as numbers if all of them are (trackers that keep params as texts write so); else NaN."""
    try:
        read = {text: float(text) for text in counts}
    except ValueError:
        return np.full(len(texts), np.nan)
    return np.array([math.nan if text is None else read[text] for text in texts], dtype=float)


def _in_order(level: str) -> tuple[bool, float, str]:
    """Numbers first, by size; then words."""
    try:
        return (False, float(level), level)
    except ValueError:
        return (True, 0.0, level)


def _decided_by(parameter: Parameter, others: Sequence[Parameter]) -> str | None:
    """The param of few values that more runs have and whose value tells which runs have this one; of the fewest values.

    That more runs must have it keeps two params from deciding over each other; that its values are few, and each has
    some runs, that it decides by chance.
    """
    n_present = int(parameter.present.sum())
    if n_present in (0, len(parameter.present)):
        return None
    deciding = []
    for other in others:
        if other.varies and other.present.sum() > n_present:
            levels, codes = np.unique(other.values, return_inverse=True)  # NaN, that is missing, is one of them
            counts, having = np.bincount(codes), np.bincount(codes, parameter.present)
            if len(levels) <= min(_FEW, len(codes) / 3) and np.all((having == 0) | (having == counts)):
                deciding.append((len(levels), other.name))
    return min(deciding)[1] if deciding else None


def _without_own_presence(parameter: Parameter) -> Parameter:
    """One value wherever it is there, and there is where another param says: nothing of its own varies."""
    known = parameter.values[parameter.present]
    if parameter.decided_by is not None and parameter.kind == "categorical" and len(set(known.tolist())) == 1:
        return parameter._replace(kind="constant", levels=())
    return parameter


def _block(parameter: Parameter) -> "Matrix":
    """A param's columns."""
    n = len(parameter.present)
    if not parameter.varies:
        return np.empty((n, 0))
    if parameter.kind == "numeric":
        values = np.log10(parameter.values) if parameter.log else parameter.values
        lacking = np.isnan(values)
        column = np.where(lacking, np.nanmedian(values), values)
        own = lacking if parameter.decided_by is None else lacking & parameter.present
        return np.column_stack([column, own]) if own.any() else column[:, None]
    codes = grouped(parameter)
    one_hot: Matrix = (codes[:, None] == np.arange(codes.max() + 1)).astype(np.float64)
    return one_hot


def grouped(parameter: Parameter) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """A categorical param's level of each run, from 0, the rare ones beyond MOST_LEVELS as the last; -1 for missing."""
    codes = np.where(parameter.present, np.nan_to_num(parameter.values), -1).astype(np.intp)
    if len(parameter.levels) <= MOST_LEVELS:
        return codes
    counts = np.bincount(codes[parameter.present], minlength=len(parameter.levels))
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_LEVELS])
    place = np.full(len(parameter.levels) + 1, MOST_LEVELS)  # the last entry is for -1
    place[kept], place[-1] = np.arange(MOST_LEVELS), -1
    return place[codes]

"""Values: one param or tag over runs, as numbers and as texts."""

from typing import TYPE_CHECKING, Literal, NamedTuple

import polars as pl

from readers.texts import parsed_all

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Kind = Literal["int", "float", "bool", "text", "mixed"]
_NUMBER, _WHOLE = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$", r"^-?\d+$"


class Values(NamedTuple):
    """One param or tag over the runs: shape (n_runs,) each."""

    name: str
    numbers: "Floats"
    """Numbers and booleans as floats; NaN where there is none."""
    texts: list[str | None]
    """What a string says, the JSON of anything else; None where the run doesn't have it."""
    kind: Kind
    """What all runs that have it hold: whole numbers, numbers, booleans or strings; "mixed" when neither."""

    @classmethod
    def of(cls, rows: pl.DataFrame, runs: pl.DataFrame, name: str) -> "Values":
        """Those of a name.

        Args:
            rows: one row for each run and name: see readers.params.
            runs: the runs, in the order that is wanted.
        """
        found = rows.filter(pl.col("key") == name).select("run_id", "value", "number", "text")
        joined = runs.select("run_id").join(found, on="run_id", how="left", maintain_order="left")
        numbers = joined["number"].fill_null(float("nan")).to_numpy().copy()
        return cls(name, numbers, joined["text"].to_list(), _kind(found["value"]))


def _kind(values: pl.Series) -> Kind:
    """What JSON texts hold, all of them."""
    distinct = values.unique()
    if len(distinct) and distinct.str.contains(_NUMBER).all():  # a float has many values: no Python call for each
        return "int" if distinct.str.contains(_WHOLE).all() else "float"
    kinds = {type(value) for value in parsed_all(distinct)}
    if kinds == {int}:
        return "int"
    if kinds == {bool}:
        return "bool"
    if kinds and kinds <= {int, float}:
        return "float"
    return "text" if kinds <= {str} else "mixed"

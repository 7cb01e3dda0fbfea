"""A table as one matrix of numbers, in a way that needs no labels: what every model's preprocessing starts from.

    numbers     as they are; missing is NaN
    categories  a code 0, 1, ... each, in the frame's own order, else by their text; missing, and unseen later, is NaN;
                text that is a number in each of more than 20 different values is taken as numbers, with a warning
    times       seconds since 1970, and the month, weekday and hour where they vary (Kuhn & Johnson 2019, section 3.7)
    texts       of several words, mostly distinct: their numbers of words and characters, and their words' counts hashed
                into 32 (Weinberger et al. 2009, "Feature hashing for large scale multitask learning")

Left out, with the reason in `dropped`: columns without any value, of one value only, and identifiers (text of one word,
distinct in nearly each row; a warning says so). The codes depend on no label, and on no other row but for which
categories there are; so a matrix that was made once may be split into folds.
"""

import copy
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import HashingVectorizer

from tracker.training.column import Array, Column, numbers_of
from tracker.training.columns import read_columns

HASHED = 32
"""Numbers that a text's words become."""
_FEW_ROWS = 20  # below it, distinct values say nothing
_DISTINCT = 0.95  # of the rows that have a value: an identifier
_TEXT_WORDS = 3.0  # a value, on average: a text
_TEXT_DISTINCT = 0.5
_PARTS = {"month": (1, 12), "weekday": (0, 6), "hour": (0, 23)}


class TableCoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns a table's columns, and turns tables that have them into matrices.

    Attributes (after fit):
        columns_: names of the table's columns, in order.
        dropped_: name -> why it is left out.
        kinds_: name -> "number", "category", "time", "text", of those that are not.
        categories_: name -> its categories' texts, by code.
        features_: names of the matrix's columns.
        cardinalities_: of each of these the number of categories; 0 for a number.
    """

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002
        """Learn the columns.

        Raises: TypeError, ValueError: as `read_columns`; ValueError: no row, no column, or none that varies.
        """
        self._learn(read_columns(X))
        return self

    def fit_transform(self, X: Any, y: object = None, **_: Any) -> Array:  # noqa: ARG002
        """Learn the columns and give their matrix; reads the table once."""
        columns = read_columns(X)
        self._learn(columns)
        return self._matrix(columns)

    def transform(self, X: Any) -> Array:
        """Give the matrix: shape (rows, len(features_)), float64.

        Columns are found by name, in any order, and more of them do no harm; without names by their place.

        Raises: TypeError, ValueError: as `read_columns`; ValueError: columns are missing, or have become text.
        """
        matrix = self._matrix(self._same_columns(read_columns(X), named=_has_names(X)))
        return matrix if self.kept_ is None else matrix[:, self.kept_]

    def select(self, features: Sequence[str]) -> "TableCoder":
        """Give one like it that makes some of its matrix's columns only, in the matrix's order."""
        kept = [place for place, name in enumerate(self.features_) if name in set(features)]
        fewer = copy.copy(self)
        fewer.features_ = [self.features_[place] for place in kept]
        fewer.cardinalities_ = [self.cardinalities_[place] for place in kept]
        fewer.kept_ = kept if self.kept_ is None else [self.kept_[place] for place in kept]
        return fewer

    def get_feature_names_out(self, input_features: object = None) -> Array:  # noqa: ARG002
        """Names of the matrix's columns."""
        return np.array(self.features_, dtype=object)

    def _learn(self, columns: list[Column]) -> None:
        if not columns or not len(columns[0].values):
            rows = len(columns[0].values) if columns else 0
            raise ValueError(f"X is empty: {rows} rows, {len(columns)} columns")
        lengths = {column.name: len(column.values) for column in columns}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"X has columns of several lengths: {lengths}")
        self.columns_ = [column.name for column in columns]
        self.dropped_: dict[str, str] = {}
        self.kinds_: dict[str, str] = {}
        self.categories_: dict[str, list[str]] = {}
        self.parts_: dict[str, list[str]] = {}
        self.kept_: list[int] | None = None
        for column in columns:
            self._learn_column(column)
        if not self.kinds_:
            raise ValueError(f"no column of X can tell anything: {_reasons(self.dropped_)}")
        made = [feature for column in columns for feature in self._features(column.name)]
        self.features_ = [name for name, _ in made]
        self.cardinalities_ = [cardinality for _, cardinality in made]
        self._warn([column.name for column in columns if column.kind == "category"])

    def _warn(self, texts: list[str]) -> None:
        """Tell what was made of text that its owner may not expect."""
        identifiers = [name for name in texts if self.dropped_.get(name) == _IDENTIFIER]
        if identifiers:
            warnings.warn(
                f"left out {', '.join(map(repr, identifiers))}: text that differs in nearly each row names a row and "
                "says nothing about another; make numbers or categories of it if it does",
                UserWarning,
                stacklevel=5,
            )
        numbers = [name for name in texts if self.kinds_.get(name) == "number"]
        if numbers:
            warnings.warn(
                f"{', '.join(map(repr, numbers))}: numbers written as text, taken as numbers; make categories of them "
                "(pandas' category, Polars' Enum) if they are none",
                UserWarning,
                stacklevel=5,
            )

    def _learn_column(self, column: Column) -> None:
        gone = column.missing
        there = column.values[~gone]
        distinct = list(dict.fromkeys(there.tolist())) if column.kind == "category" else np.unique(there)
        if not len(there):
            self.dropped_[column.name] = "it has no value"
            return
        if len(distinct) == 1 and not gone.any():
            self.dropped_[column.name] = "all its values are the same"
            return
        kind: str = column.kind
        if kind == "category" and len(there) >= _FEW_ROWS:
            if column.order is None and len(distinct) > _FEW_ROWS and numbers_of(map(str, distinct)) is not None:
                self.kinds_[column.name] = "number"
                return
            words = sum(len(text.split()) for text in there) / len(there)
            if words >= _TEXT_WORDS and len(distinct) > _TEXT_DISTINCT * len(there):
                kind = "text"
            elif len(distinct) > _DISTINCT * len(there):
                self.dropped_[column.name] = _IDENTIFIER
                return
        self.kinds_[column.name] = kind
        if kind == "category":
            known = set(distinct)
            ordered = sorted(known) if column.order is None else [text for text in column.order if text in known]
            self.categories_[column.name] = ordered
        elif kind == "time":
            parts = _time_parts(there)
            self.parts_[column.name] = [name for name in _PARTS if len(np.unique(parts[name])) > 1]

    def _features(self, name: str) -> list[tuple[str, int]]:
        """Names and cardinalities of the matrix's columns that come of one of the table's."""
        kind = self.kinds_.get(name)
        if kind == "number":
            return [(name, 0)]
        if kind == "category":
            return [(name, len(self.categories_[name]))]
        if kind == "time":
            return [(name, 0), *((f"{name}#{part}", 0) for part in self.parts_[name])]
        if kind == "text":
            return [(f"{name}#{part}", 0) for part in ("words", "characters", *range(HASHED))]
        return []

    def _same_columns(self, columns: list[Column], *, named: bool) -> list[Column]:
        """Find the columns that were learned."""
        by_name = {column.name: column for column in columns}
        if not named and len(columns) == len(self.columns_):
            by_name = dict(zip(self.columns_, columns, strict=True))
        missing = [name for name in self.kinds_ if name not in by_name]
        if missing:
            raise ValueError(
                f"X lacks {len(missing)} of the {len(self.kinds_)} columns that the model was trained on: "
                f"{', '.join(map(repr, missing[:10]))}{', ...' if len(missing) > 10 else ''}; it has "
                f"{len(columns)}: {', '.join(repr(column.name) for column in columns[:10])}"
            )
        return [by_name[name] for name in self.columns_ if name in self.kinds_]

    def _matrix(self, columns: list[Column]) -> Array:
        blocks = [
            self._block(name, column)
            for name, column in zip(self._kept(columns), columns, strict=True)
            if name in self.kinds_
        ]
        return np.column_stack(blocks)

    def _kept(self, columns: list[Column]) -> list[str]:
        """The learned names of columns that stand in the learned order."""
        return self.columns_ if len(columns) == len(self.columns_) else list(self.kinds_)

    def _block(self, name: str, column: Column) -> Array:
        kind = self.kinds_[name]
        if kind == "category":
            return self._codes(name, column)
        if kind == "text":
            return _hashed([text or "" for text in column.texts()])
        gone = column.missing
        if kind == "number" and column.kind == "category":
            read = numbers_of([text for text, missing in zip(column.values, gone, strict=True) if not missing])
            if read is not None:
                numbers = np.full(len(column.values), np.nan)
                numbers[~gone] = read
                return numbers
        if column.kind != kind and not gone.all():
            there = next(value for value in column.values if value is not None)
            raise ValueError(
                f"column {name!r} held a {kind} when the model was trained; now it holds a {column.kind}: {there!r}"
            )
        if kind == "number":
            return column.values if column.kind == "number" else np.full(len(gone), np.nan)
        stamps = column.values if column.kind == "time" else np.full(len(column.values), np.datetime64("NaT", "us"))
        parts = _time_parts(stamps)
        return np.column_stack([parts[part] for part in ("seconds", *self.parts_[name])])

    def _codes(self, name: str, column: Column) -> Array:
        codes: dict[str | None, float] = {text: float(code) for code, text in enumerate(self.categories_[name])}
        return np.array([codes.get(text, np.nan) for text in column.texts()], dtype=np.float64)


_IDENTIFIER = "it differs in nearly each row, as an identifier does"


def _has_names(X: Any) -> bool:
    return isinstance(X, dict) or hasattr(X, "columns") or hasattr(X, "collect_schema")


def _reasons(dropped: dict[str, str]) -> str:
    shown = [f"{name!r}: {why}" for name, why in list(dropped.items())[:5]]
    return "; ".join(shown) + ("; ..." if len(dropped) > 5 else "")


def _time_parts(stamps: Array) -> dict[str, Array]:
    """Numbers of datetimes: each of shape (rows,), NaN where missing."""
    gone = np.isnat(stamps)
    seconds = np.where(gone, np.nan, stamps.astype(np.int64) / 1e6)
    months = stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    days = np.floor(seconds / 86_400)
    return {
        "seconds": seconds,
        "month": np.where(gone, np.nan, months),
        "weekday": (days + 3) % 7,  # 1970-01-01 was a Thursday
        "hour": np.floor(seconds / 3600) % 24,
    }


def _hashed(texts: list[str]) -> Array:
    """Word count, character count, and hashed words of texts; shape (rows, 2 + HASHED)."""
    counts = np.array([(len(text.split()), len(text)) for text in texts], dtype=np.float64)
    words = HashingVectorizer(n_features=HASHED).transform(texts).toarray()
    return np.column_stack([counts, words])

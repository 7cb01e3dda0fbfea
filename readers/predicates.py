"""Predicates: conditions on rows, made and taken apart.

Of a filter's conditions those that concern only some columns can be applied early.
"""

import functools
import operator
from collections.abc import Collection, Iterable

import polars as pl

_SLOW_FROM, _SLOW_TO = 16, 100


def one_of(column: str, values: Iterable[object]) -> pl.Expr:
    """The rows whose column has one of the values.

    Polars (2.1) plans a scan with a list of up to 100 values in time that grows with its square: 30 ms for each scan,
    and a query is many. So a list of that length is made longer, by repeating a value.
    """
    listed = list(values)
    if _SLOW_FROM < len(listed) <= _SLOW_TO:
        listed += [listed[-1]] * (_SLOW_TO + 1 - len(listed))
    return pl.col(column).is_in(listed)


def only(predicate: pl.Expr | None, columns: Collection[str]) -> pl.Expr | None:
    """The conditions of `predicate` (joined by "and") that need no other columns; None when there are none.

    What it gives is implied by the whole predicate: to apply it first never loses a row.
    """
    if predicate is None:
        return None
    names = [({*part.meta.root_names()}, part) for part in _conjuncts(predicate)]
    early = [part for needed, part in names if needed and needed <= {*columns}]
    return functools.reduce(operator.and_, early) if early else None


def _conjuncts(predicate: pl.Expr) -> list[pl.Expr]:
    """The conditions that an "and" joins; the predicate itself when it is none."""
    inputs = predicate.meta.pop()
    if len(inputs) != 2:
        return [predicate]
    right, left = inputs
    if not (left & right).meta.eq(predicate):
        return [predicate]
    return [*_conjuncts(left), *_conjuncts(right)]

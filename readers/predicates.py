"""Predicates taken apart: which of a filter's conditions concern only some columns, and can be applied early."""

import functools
import operator
from collections.abc import Collection

import polars as pl


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

"""Which of many metrics and params tell most, where a line has room for a few."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from readers.best import headline, words

if TYPE_CHECKING:
    from readers.runtable import RunTable

_NUMBER, _PARTS = re.compile(r"\d+"), re.compile(r"[/.]")
_HOW_IT_WENT = """
    time times latency duration elapsed runtime seconds secs sec ms minutes hours throughput speed
    lr learning epoch epochs step steps iteration iterations batch samples tokens grad norm memory mem bytes
"""
_BESIDES = frozenset(_HOW_IT_WENT.split())
"""Words of metrics that say how a run went, and not what it came to."""


def telling_metrics(counts: Mapping[str, int], limit: int) -> list[str]:
    """The metrics that tell most, best first.

    Those that half as many runs have as have the commonest come first; of these, those of the test split, of a
    validation split, others, of the train split, and in each scores before losses; then times, rates and the like. Of
    metrics that differ in a number only (epoch_1/loss, epoch_2/loss) one is taken: the last that most runs have. Those
    of the machine ("system/...") are left out.

    Args:
        counts: metric to the number of runs that have it.
    """
    own = _one_of_each(counts)
    most = max(own.values(), default=0)
    ranked: list[str] = []
    for rare in (False, True):
        some = [name for name in own if (2 * own[name] < most) == rare]
        for besides in (False, True):
            ranked += _in_order([name for name in some if _is_besides(name) == besides], limit - len(ranked))
    return ranked


def metrics_of(table: "RunTable", limit: int) -> list[str]:
    """The same of some runs."""
    return telling_metrics(dict(table.summaries["key"].value_counts().iter_rows()), limit)


def headline_of(table: "RunTable") -> str | None:
    """The one metric that speaks for some runs; None when they have none. Values of NaN don't count."""
    import polars as pl

    found = table.summaries.filter(pl.col("last").is_not_nan())
    return headline(dict(found["key"].value_counts().iter_rows()))


def varying_params(table: "RunTable") -> list[str]:
    """The params that aren't the same in all runs, those that most runs have first; without those that few have."""
    import polars as pl

    told = table.params.group_by("key").agg(pl.len().alias("runs"), pl.col("value").n_unique().alias("distinct"))
    common = told.filter(2 * pl.col("runs") >= len(table))
    varying = common.filter((pl.col("distinct") > 1) | (pl.col("runs") < len(table)))
    order = varying.sort(["runs", pl.col("distinct") == 1, "key"], descending=[True, False, False])
    return order["key"].to_list()


def _is_besides(name: str) -> bool:
    """Whether the last part of a name says how the run went."""
    return not _BESIDES.isdisjoint(words(_PARTS.split(name)[-1]))


def _one_of_each(counts: Mapping[str, int]) -> dict[str, int]:
    """The metrics with, of those that differ in a number only, one."""
    own = {name: count for name, count in counts.items() if not name.startswith("system/")}
    sizes = Counter(_NUMBER.sub("#", name) for name in own)
    chosen: dict[str, str] = {}
    for name, count in own.items():
        family = _NUMBER.sub("#", name)
        family = family if sizes[family] > 2 else name
        best = chosen.setdefault(family, name)
        if (count, _numbers(name)) > (own[best], _numbers(best)):
            chosen[family] = name
    return {name: own[name] for name in chosen.values()}


def _numbers(name: str) -> list[int]:
    return [int(digits[:18]) for digits in _NUMBER.findall(name)]


def _in_order(names: Sequence[str], limit: int) -> list[str]:
    left = dict.fromkeys(names, 1)
    ordered: list[str] = []
    while len(ordered) < limit and (first := headline(left)) is not None:
        ordered.append(first)
        del left[first]
    return ordered

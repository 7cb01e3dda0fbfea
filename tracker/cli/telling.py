"""Which of many metrics and params tell most, where a line has room for a few."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from readers.best import headline, numbers, series, words

if TYPE_CHECKING:
    from readers.runtable import RunTable

_PARTS = re.compile(r"[/.]")
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
    a series (epoch_1/loss, epoch_2/loss, ...) one is taken, the last that most runs have, and it comes after those that
    are none. Those of the machine ("system/...") are left out.

    Args:
        counts: metric to the number of runs that have it.
    """
    own = {name: count for name, count in counts.items() if not name.startswith("system/")}
    numbered = series(own)
    alone = {name: count for name, count in own.items() if name not in numbered} | _last_of_each(own, numbered)
    most = max(alone.values(), default=0)
    places = {name: (2 * alone[name] < most, _is_besides(name), name in numbered) for name in alone}
    ranked: list[str] = []
    for place in sorted(set(places.values())):
        ranked += _in_order([name for name in alone if places[name] == place], limit - len(ranked))
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


def _last_of_each(own: Mapping[str, int], numbered: Mapping[str, str]) -> dict[str, int]:
    """Of each series the last that most runs have."""
    chosen: dict[str, str] = {}
    for name, family in numbered.items():
        best = chosen.setdefault(family, name)
        if (own[name], numbers(name)) > (own[best], numbers(best)):
            chosen[family] = name
    return {name: own[name] for name in chosen.values()}


def _in_order(names: Sequence[str], limit: int) -> list[str]:
    left = dict.fromkeys(names, 1)
    ordered: list[str] = []
    while len(ordered) < limit and (first := headline(left)) is not None:
        ordered.append(first)
        del left[first]
    return ordered

"""The bodies of requests: what may be asked, within which bounds. What isn't named here is refused."""

from typing import Annotated

import msgspec

from readers.importance import Method

MOST_IDS = 20_000
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]
_Ids = Annotated[list[Annotated[str, msgspec.Meta(max_length=1_000)]], msgspec.Meta(max_length=MOST_IDS)]


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some runs."""

    runs: _Ids


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chart."""

    runs: _Ids
    key: _Text
    x: _Text = "step"
    lower: float | None = msgspec.field(default=None, name="from")
    upper: float | None = msgspec.field(default=None, name="to")
    buckets: int = 1000


class ScopeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Some runs, or all of an experiment."""

    runs: _Ids | None = None
    experiment: _Text | None = None


class ImportanceQuery(ScopeQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a metric depends on."""

    metric: _Text
    method: Method = "permutation"


class VerdictsQuery(ScopeQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether groups differ."""

    by: _Text
    metric: _Text
    pair_on: _Text | None = None


class ParallelQuery(ScopeQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Params as axes."""

    metric: _Text
    params: Annotated[list[_Text], msgspec.Meta(max_length=200)] | None = None

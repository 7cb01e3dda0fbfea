"""Which column a name means: params.lr, metrics."val/loss".min, lr, attributes.start_time, "Run name"."""

from collections.abc import Collection
from typing import Any, get_args

from ingest.errors import LookupFailed
from readers.runs import RUNS
from readers.runtable import Statistic

STATISTICS: tuple[str, ...] = get_args(Statistic)
_RUN = "run"
_KINDS = {
    "params": ("params", "param", "parameters", "parameter"),
    "metrics": ("metrics", "metric"),
    "tags": ("tags", "tag"),
    _RUN: ("attributes", "attribute", "attr", "run", "runs"),
}
_KIND_OF = {spelling: kind for kind, spellings in _KINDS.items() for spelling in spellings}
_OTHER_WORDS = {
    "id": "run_id",
    "run": "run_name",
    "name": "run_name",
    "run name": "run_name",
    "tags.mlflow.runname": "run_name",
    "tags.mlflow.parentrunid": "parent_run_id",
    "created": "start_time",
    "started": "start_time",
    "ended": "end_time",
    "duration": "duration_s",
    "took": "duration_s",
}
"""What MLflow and `steplog ls` call a column of runs; it counts where nothing else has that name."""


def column_of(parts: tuple[str, ...], there: Collection[str]) -> str:
    """The column that a name means.

    With its kind it is that kind's; a bare name is a column of runs where there is one, else the param, metric or tag
    that has it, if only one does. Of a metric the last value is meant, or with one of STATISTICS behind it, that one.

    Args:
        parts: the name, taken apart at its dots; a part that was quoted may hold dots.
        there: the columns, named as RunTable.wide names them; of metrics the last values suffice.

    Raises: LookupFailed: none, or several.
    """
    kind = _KIND_OF.get(parts[0]) if len(parts) > 1 else None
    whole, rest = ".".join(parts), ".".join(parts[1:])
    direct = [rest] if kind == _RUN else [f"{kind}.{rest}"] if kind else [whole]
    if kind in {None, _RUN}:
        direct = [name for name in direct if name in RUNS or name in there]
    for candidates in (direct, [f"{of_kind}.{whole}" for of_kind in ("params", "metrics", "tags")]):
        found = [name for name in candidates if name in there or _base(name) in there]
        if len(found) > 1:
            raise LookupFailed(f"{whole!r} may be {' or '.join(found)}; write it so")
        if found:
            return found[0]
    word = (rest if kind == _RUN else f"{kind}.{rest}" if kind else whole).lower()
    other = _OTHER_WORDS.get(word)
    if other is not None and other in there:
        return other
    raise LookupFailed.among("param, metric, tag or column", whole, _like(kind, there))


def metric_of(column: str, there: Collection[str]) -> tuple[str, Statistic] | None:
    """(metric, statistic) of a metric's column, None of any other."""
    if not column.startswith("metrics."):
        return None
    if column in there:
        return column.removeprefix("metrics."), "last"
    statistic: Any = column.rpartition(".")[2]
    return _base(column).removeprefix("metrics."), statistic


def _base(column: str) -> str:
    """The metric's own column, where the name ends in a statistic; else ""."""
    base, _, statistic = column.rpartition(".")
    return base if column.startswith("metrics.") and statistic in STATISTICS else ""


def _like(kind: str | None, there: Collection[str]) -> list[str]:
    """What is there to be meant; of a bare name without the kinds, so that near names are found."""
    if kind == _RUN:
        return [name for name in there if name in RUNS]
    if kind:
        return [name for name in there if name.startswith(f"{kind}.")]
    own = [name for name in there if name not in RUNS]
    bare = [name.partition(".")[2] if name.startswith(("params.", "metrics.", "tags.")) else name for name in own]
    return list(dict.fromkeys([*bare, *(name for name in there if name in RUNS)]))

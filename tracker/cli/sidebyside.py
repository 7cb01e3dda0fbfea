"""Runs side by side: few of them as columns, many as rows; metrics with the best marked, then what differs."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from ingest.values import flatten
from readers.best import better, direction
from readers.visible import visible
from tracker.cli.columns import Column, print_columns, shortened, unique
from tracker.cli.runs import shortened as short_ids
from tracker.cli.screen import cell, console, count_of, duration, number, print_json, status, table
from tracker.cli.telling import metrics_of

if TYPE_CHECKING:
    from rich.console import Console

    from readers.comparison import Comparison
    from readers.differences import Difference
    from readers.runtable import RunTable

_FEW_METRICS, _FEW_DIFFERENCES, _FEW_ALONE = 10, 30, 3
_MOST_RUNS = 50
_NAME_WIDTH, _RUN_WIDTH, _LEAST, _LONGEST = 30, 16, 12, 40
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_BEST = "bold green"
_TITLES = {"param": "params", "tag": "tags", "code": "code", "environment": "environment", "model": "models"}


class Section(NamedTuple):
    """Lines under a title: a name, and a cell for each run."""

    title: str
    lines: Sequence[tuple[Text, Sequence[Text]]]


def show(comparison: "Comparison", runs: "RunTable", *, everything: bool, chosen: bool, as_json: bool) -> None:
    """Print a comparison.

    Args:
        everything: also what is the same, and all metrics.
        chosen: the metrics were asked for, so all of them are shown, in that order.
    """
    if as_json:
        print_json(data(comparison))
        return
    screen = console()
    metrics = list(comparison.metrics)
    if not chosen:
        telling = [name for name in metrics_of(runs, _FEW_METRICS) if name in metrics]
        metrics = [*telling, *(name for name in metrics if everything and name not in telling)]
    if len(comparison) <= max(2, (screen.width - _NAME_WIDTH) // _RUN_WIDTH):
        _print_side_by_side(screen, comparison, metrics, everything=everything)
    else:
        _print_as_rows(screen, comparison, metrics)
    if left_out := len(comparison.metrics) - len(metrics):
        screen.print(cell(f"… and {count_of(left_out, 'more metric')}; --all shows them", "dim"))


def data(comparison: "Comparison") -> dict[str, Any]:
    """The comparison as plain data."""
    differences = comparison.differences
    return {
        "metric": comparison.metric,
        "direction": comparison.direction,
        "runs": [{"run_id": run_id, **run} for run_id, run in comparison.items()],
        "differences": [
            {"kind": row.kind, "name": row.name, "values": dict(zip(differences.run_ids, row.values, strict=True))}
            for row in differences.rows
        ],
        "same": differences.same,
    }


def marked(values: Sequence[float], metric: str) -> list[Text]:
    """The values, the best with a star, unless all are alike; room for the star beside the others."""
    there = [value for value in values if not math.isnan(value)]
    if len(set(there)) <= 1:
        return [_value(value) for value in values]
    best = there[0]
    for value in there:
        best = value if better(value, best, direction(metric)) else best
    return [
        Text.assemble(_value(value), " *", style=_BEST) if value == best else Text.assemble(_value(value), "  ")
        for value in values
    ]


def _print_side_by_side(
    screen: "Console", comparison: "Comparison", metrics: Sequence[str], *, everything: bool
) -> None:
    runs = list(comparison.values())
    found = comparison.differences.rows
    alone = {} if everything else _alone(found)
    there = [row for row in found if row not in alone]
    shown = there if everything else there[:_FEW_DIFFERENCES]
    room = max(_LEAST, (screen.width - _NAME_WIDTH) // max(1, len(runs)) - 2)
    heads = unique([cell(run["run_name"], limit=min(room, _LONGEST)).plain for run in runs])
    rows = table("", *heads, right=tuple(heads))
    same = _same(comparison) if everything else ()
    for section in (*_about(comparison, metrics), *_differing(shown), *same):
        if section.title:
            rows.add_row()
            rows.add_row(cell(section.title, "bold"))
        for name, cells in section.lines:
            rows.add_row(name, *(_cut(text, room) for text in cells))
    screen.print(rows)
    screen.print()
    for place, count in Counter(alone.values()).items():
        names = [visible(row.name, 40) for row, at in alone.items() if at == place]
        line = f"only in {visible(runs[place]['run_name'], 24)}: {names[0]} … {names[-1]} ({count:,}); --all shows them"
        screen.print(cell(line, "dim"))
    if left_out := len(there) - len(shown):
        screen.print(cell(f"… and {count_of(left_out, 'more difference')}; --all shows them", "dim"))
    if not everything:
        screen.print(cell(f"{comparison.differences.same:,} more things are the same in all these runs", "dim"))


def _about(comparison: "Comparison", metrics: Sequence[str]) -> Iterator[Section]:
    runs, ids = list(comparison.values()), short_ids(list(comparison))
    lines = [
        (cell("id", "dim"), [cell(ids[run_id], "dim") for run_id in comparison]),
        (cell("status", "dim"), [status(run["status"]) for run in runs]),
        (cell("took", "dim"), [cell(duration(run["duration_s"])) for run in runs]),
    ]
    if len({run["experiment"] for run in runs}) > 1:
        lines.append((cell("experiment", "dim"), [cell(run["experiment"], limit=24) for run in runs]))
    yield Section("", lines)
    if metrics:
        values = {name: [run["metrics"][name] for run in runs] for name in metrics}
        yield Section("metrics", [(cell(shortened(name)), marked(values[name], name)) for name in metrics])


def _differing(rows: "Sequence[Difference]") -> Iterator[Section]:
    for kind, title in _TITLES.items():
        lines = [(cell(shortened(row.name)), _cells(row)) for row in rows if row.kind == kind]
        if lines:
            yield Section(title, lines)


def _same(comparison: "Comparison") -> Iterator[Section]:
    """The params that are the same in all runs."""
    differing = {row.name for row in comparison.differences.rows if row.kind == "param"}
    first: Mapping[str, Any] = next(iter(comparison.values()))["params"] if comparison else {}
    flat = {f"{key}.{rest}" if rest else key: leaf for key in first for rest, leaf in flatten(first[key]).items()}
    lines = [
        (cell(shortened(name), "dim"), [cell(value, "dim", _LONGEST)] * len(comparison))
        for name, value in flat.items()
        if name not in differing
    ]
    if lines:
        yield Section("params that are the same", lines)


def _alone(rows: "Sequence[Difference]") -> "dict[Difference, int]":
    """The differences that only say that one run has something, where they are many, with that run's place."""
    alone = {}
    for row in rows:
        having = [place for place, value in enumerate(row.values) if value is not None]
        if len(having) == 1:
            alone[row] = having[0]
    many = Counter((row.kind, place) for row, place in alone.items())
    return {row: place for row, place in alone.items() if many[row.kind, place] > _FEW_ALONE}


def _print_as_rows(screen: "Console", comparison: "Comparison", metrics: Sequence[str]) -> None:
    """One row a run, best first."""
    order = sorted(range(len(comparison)), key=lambda place: _rank(comparison, list(comparison)[place]))[:_MOST_RUNS]
    runs, ids, short = list(comparison.values()), list(comparison), short_ids(list(comparison))
    ranked = f"  by {comparison.metric}, the best first" if comparison.metric else ""
    screen.print(cell(count_of(len(comparison), "run"), "bold"), cell(ranked, "dim"), sep="")
    columns = [
        Column("run", [cell(run["run_name"], limit=24) for run in runs]),
        Column("id", [cell(short[run_id], "dim") for run_id in ids]),
    ]
    if {run["status"] for run in runs} - {"FINISHED"}:
        columns.append(Column("status", [status(run["status"]) for run in runs]))
    names = sorted(metrics, key=lambda name: name != comparison.metric)
    values = [Column(name, marked([run["metrics"][name] for run in runs], name), right=True) for name in names]
    columns += values[:2]
    for row in comparison.differences.rows:
        if row.kind == "param" and 2 * row.values.count(None) <= len(comparison):
            right = all(value is None or _NUMBER.fullmatch(value) for value in row.values)
            columns.append(Column(row.name, _cells(row), right))
    columns += values[2:]
    few = [column._replace(cells=[column.cells[place] for place in order]) for column in columns]
    print_columns(screen, few, always=3)
    if len(order) < len(comparison):
        screen.print(cell(f"… and {len(comparison) - len(order):,} more runs; --json has them all", "dim"))


def _rank(comparison: "Comparison", run_id: str) -> tuple[bool, float]:
    """Where a run stands by the metric's last value; those without one are last."""
    value = comparison[run_id]["metrics"].get(comparison.metric or "", math.nan)
    return math.isnan(value), 0.0 if math.isnan(value) else -value if comparison.direction == "maximize" else value


def _cut(text: Text, limit: int) -> Text:
    if text.cell_len > limit:
        text.truncate(limit, overflow="ellipsis")
    return text


def _value(value: float) -> Text:
    return cell("-", "dim") if math.isnan(value) else number(value)


def _cells(row: "Difference") -> list[Text]:
    from readers.grid import shortened as rounded

    texts = zip(rounded(row.values), row.values, strict=True)
    return [cell("-", "dim") if value is None else cell(text, limit=_LONGEST) for text, value in texts]

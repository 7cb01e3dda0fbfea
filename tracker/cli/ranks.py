"""The ranks of a run, as `steplog show` has them: a line each, the odd ones first where there are many."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracker.cli.screen import cell, count_of, duration, number, short_moment, status, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from readers.store import Store

_MOST = 16
_STYLES = {"ok": "green", "straggler": "red", "dead": "yellow", "ended early": "yellow", "no steps": "yellow"}


def read(store: "Store", run_id: str, metric: str | None, step_time: str | None) -> dict[str, Any]:
    """What `Store.ranks` tells, for JSON."""
    found = store.ranks(run_id, metric=metric, step_time=step_time)
    return {
        "metric": found.metric,
        "step_time": step_time,
        "stragglers": list(found.stragglers),
        "ranks": [one._asdict() for one in found.ranks],
        "notes": list(found.notes),
    }


def print_ranks(screen: "Console", found: Mapping[str, Any], *, everything: bool) -> None:
    """Print a line a rank; of many, those that aren't well and the first others."""
    ranks: Sequence[Mapping[str, Any]] = found["ranks"]
    odd_first = sorted(ranks, key=lambda one: one["verdict"] in {"ok", "unknown"})
    shown = ranks if everything or len(ranks) <= _MOST else odd_first[:_MOST]
    screen.print()
    title = f"  progress by {found['metric']!r}" if found["metric"] is not None else ""
    screen.print(cell("ranks", "bold"), cell(title, "dim"), sep="")
    screen.print(_rows(sorted(shown, key=lambda one: one["rank"]), found["step_time"]))
    if len(shown) < len(ranks):
        more = count_of(len(ranks) - len(shown), "more rank")
        odd = sum(one["verdict"] not in {"ok", "unknown"} for one in odd_first[_MOST:])
        screen.print(cell(f"… and {more}, {odd or 'none'} of them odd; --all shows them", "dim"))
    for note in found["notes"]:
        screen.print(cell(note, "dim"))


def _rows(ranks: Sequence[Mapping[str, Any]], step_time: str | None) -> "Table":
    own = () if step_time is None else (step_time,)
    numbers = ("rank", "points", "last step", "steps/s", *own, "behind", "in time")
    rows = table(
        "rank", "host", "status", *numbers[1:4], *own, "last seen", "behind", "in time", "verdict", right=numbers
    )
    for one in ranks:
        lag = one["lag_steps"]
        rows.add_row(
            cell(one["rank"]),
            cell(one["host"], limit=28),
            status(one["status"]) if one["status"] else cell("-", "dim"),
            cell(f"{one['points']:,}"),
            number(one["last_step"]),
            number(one["steps_per_s"]),
            *((number(one["step_time"]),) if own else ()),
            cell(short_moment(one["last_time"])),
            number(lag) if lag else cell("-", "dim"),
            cell(duration(one["lag_s"]) if lag else "-", "" if lag else "dim"),
            cell(": ".join(filter(None, [one["verdict"], one["reason"]])), _STYLES.get(one["verdict"], "dim")),
        )
    return rows

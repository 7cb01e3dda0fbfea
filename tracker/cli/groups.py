"""Verdicts on groups of runs, for a person and for a program."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracker.cli.columns import Column, print_columns
from tracker.cli.screen import cell, console, number, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from readers.verdict import Verdicts

_MOST_PAIRS = 12


def show(verdicts: "Verdicts", *, as_json: bool) -> None:
    """Print the groups, best first, then what can be said of each pair."""
    if as_json:
        print_json(data(verdicts))
        return
    screen = console()
    way = "higher is better" if verdicts.direction == "maximize" else "lower is better"
    screen.print(cell(f"{verdicts.metric} by {verdicts.by}", "bold"), cell(f"  {way}", "dim"), sep="")
    level = f"{verdicts.level:.0%} interval"
    columns = [
        Column(verdicts.by, [cell(group.name, limit=40) for group in verdicts.groups]),
        Column("runs", [cell(f"{len(group.values):,}") for group in verdicts.groups], right=True),
        Column("mean", [number(group.mean) for group in verdicts.groups], right=True),
        Column(level, [cell(_interval(*group.interval[:2])) for group in verdicts.groups], right=True),
    ]
    if any(group.missing for group in verdicts.groups):
        missing = [cell(group.missing or "", "yellow") for group in verdicts.groups]
        columns.append(Column("without a value", missing, right=True))
    print_columns(screen, columns, always=3)
    screen.print()
    screen.print(cell(verdicts.words))
    if len(verdicts.pairs) > 1:
        screen.print()
        screen.print(_list([pair.words for pair in verdicts.pairs[:_MOST_PAIRS]]))
    if len(verdicts.pairs) > _MOST_PAIRS:
        screen.print(cell(f"… and {len(verdicts.pairs) - _MOST_PAIRS:,} more pairs; --json has them all", "dim"))


def data(verdicts: "Verdicts") -> dict[str, Any]:
    """The verdicts as plain data."""
    groups = [
        {**group._asdict(), "values": group.values.tolist(), "interval": group.interval._asdict()}
        for group in verdicts.groups
    ]
    pairs = [
        {name: value._asdict() if hasattr(value, "_asdict") else value for name, value in pair._asdict().items()}
        for pair in verdicts.pairs
    ]
    return {**verdicts._asdict(), "groups": groups, "pairs": pairs}


def _list(texts: Sequence[str]) -> "Table":
    """The texts as a list, their lines indented."""
    from rich.table import Table

    rows = Table.grid(padding=(0, 1, 0, 0))
    for text in texts:
        rows.add_row("·", cell(text))
    return rows


def _interval(lower: float, upper: float) -> str:
    return f"{number(lower).plain} to {number(upper).plain}" if lower == lower else "-"  # noqa: PLR0124 - NaN

"""Columns: a table that fits its screen; columns that don't are named below it, not squeezed."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from tracker.cli.screen import cell, plain, table

_GAP = 2
_LONGEST_NAME = 28


class Column(NamedTuple):
    """A column, with a cell for each row."""

    name: str
    cells: Sequence[Text]
    right: bool = False


def print_columns(screen: Console, columns: Sequence[Column], *, always: int = 2, name_hidden: bool = True) -> None:
    """Print as many columns as the screen has room for, and the names of the others.

    Args:
        always: so many of the first are printed in any case.
        name_hidden: False where nobody misses them.
    """
    shown = columns[: max(always, _fitting(columns, screen.width))]
    heads = unique([shortened(column.name) for column in shown])
    rows = table(*heads, right=tuple(head for head, column in zip(heads, shown, strict=True) if column.right))
    for cells in zip(*(column.cells for column in shown), strict=True):
        rows.add_row(*cells)
    screen.print(rows)
    hidden = [plain(column.name, 40) for column in columns[len(shown) :]]
    if hidden and name_hidden:
        few = ", ".join(hidden[:8]) + (f" and {len(hidden) - 8} more" if len(hidden) > 8 else "")
        screen.print(cell(f"no room for: {few}", "dim"))


def shortened(name: str) -> str:
    """The name with its middle left out if it is long: names of metrics and params differ at their ends."""
    shown = plain(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:8]}…{shown[9 - _LONGEST_NAME :]}"


def unique(names: Sequence[str]) -> list[str]:
    """The names, a repeated one with spaces behind it, which don't show."""
    return [name + " " * names[:place].count(name) for place, name in enumerate(names)]


def _fitting(columns: Sequence[Column], width: int) -> int:
    used = -_GAP
    for count, column in enumerate(columns):
        widest = max((text.cell_len for text in column.cells), default=0)
        used += _GAP + max(widest, Text(shortened(column.name)).cell_len)
        if used > width:
            return count
    return len(columns)

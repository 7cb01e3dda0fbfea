"""Columns: a table that fits its screen; columns that don't are named below it, not squeezed."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from readers.visible import visible
from tracker.cli.screen import cell, table

_GAP = 2
_LONGEST_NAME, _SHORTEST_NAME = 28, 16


class Column(NamedTuple):
    """A column, with a cell for each row."""

    name: str
    cells: Sequence[Text]
    right: bool = False


def print_columns(screen: Console, columns: Sequence[Column], *, always: int = 2, name_hidden: bool = True) -> None:
    """Print the columns that the screen has room for, and the names of the others.

    A long name is cut before its column is left out, and a narrow column may come in where a wide one couldn't.

    Args:
        always: so many of the first are printed in any case.
        name_hidden: False where nobody misses them.
    """
    rows, hidden = fitting_table(columns, screen.width, always=always)
    screen.print(rows)
    if hidden and name_hidden:
        few = ", ".join(hidden[:8]) + (f" and {len(hidden) - 8} more" if len(hidden) > 8 else "")
        screen.print(cell(f"no room for: {few}", "dim"))


def fitting_table(columns: Sequence[Column], width: int, *, always: int = 2) -> tuple[Table, list[str]]:
    """A table of the columns that there is room for, and the names of the others; see `print_columns`."""
    heads = _fitting(columns, width, always)
    names = unique([heads[place] for place in heads])
    rows = table(*names, right=tuple(name for name, place in zip(names, heads, strict=True) if columns[place].right))
    for cells in zip(*(columns[place].cells for place in heads), strict=True):
        rows.add_row(*cells)
    return rows, [visible(column.name, 40) for place, column in enumerate(columns) if place not in heads]


def shortened(name: str, limit: int = _LONGEST_NAME) -> str:
    """The name with its middle left out if it is long: names of metrics and params differ at their ends."""
    shown = visible(name)
    start = limit // 3
    return shown if len(shown) <= limit else f"{shown[: start - 1]}…{shown[start - limit :]}"


def unique(names: Sequence[str]) -> list[str]:
    """The names, a repeated one with spaces behind it, which don't show."""
    return [name + " " * names[:place].count(name) for place, name in enumerate(names)]


def _fitting(columns: Sequence[Column], width: int, always: int) -> dict[int, str]:
    """The places of the columns that fit, each with its heading."""
    heads: dict[int, str] = {}
    used = -_GAP
    for place, column in enumerate(columns):
        widest = max((text.cell_len for text in column.cells), default=0)
        for limit in (_LONGEST_NAME, max(widest, _SHORTEST_NAME)):
            head = shortened(column.name, limit)
            needed = _GAP + max(widest, Text(head).cell_len)
            if used + needed <= width:
                break
        if used + needed <= width or place < always:
            heads[place] = head
            used += needed
    return heads

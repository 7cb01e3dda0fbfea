"""Grid: a small table of texts, for a notebook as HTML, for a terminal by rich.

Names and values come from users and from foreign stores, so nothing in them acts: what is invisible or moves a cursor
is written as an escape, HTML is escaped, and rich gets text, never markup.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from readers.visible import escaped, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.table import Table

_DECIMAL = re.compile(r"-?\d+\.\d{4,}(e[+-]?\d+)?")
_FOLDED = 24  # characters of a text that still read well below each other
_STYLE = "text-align:{side};padding:2px 12px 2px 0;vertical-align:top;white-space:nowrap"


class Grid(NamedTuple):
    """Rows of texts under column names."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()
    """The columns that are aligned right: numbers."""
    notes: tuple[str, ...] = ()
    """Sentences below the table: what it leaves out."""

    def html(self) -> str:
        """One table element in a div, styled by itself, without scripts."""
        heads = "".join(self._cell("th", name, name) for name in self.columns)
        rows = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        notes = "".join(f"<div><em>{escaped(note)}</em></div>" for note in self.notes)
        title = f"<div><strong>{escaped(self.title)}</strong></div>" if self.title else ""
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if self.columns else ""
        return f'<div style="overflow-x:auto">{title}{table}{notes}</div>'

    def rich(self) -> "Table":
        """The same as one of rich's tables, all columns."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in self.columns:
            right = name in self.right
            side: Literal["left", "right"] = "right" if right else "left"
            table.add_column(Text(visible(name)), justify=side, overflow="fold", no_wrap=right)
        for row in self.rows:
            table.add_row(*(Text(visible(text)) for text in row))
        return table

    def fitting(self, width: int) -> "Grid":
        """The first columns that fit so many characters, at least two; a note names the others. Texts may fold."""
        from rich.cells import cell_len

        cells = [(name, *(row[place] for row in self.rows)) for place, name in enumerate(self.columns)]
        most = [width if name in self.right else _FOLDED for name in self.columns]
        needed = [max(cell_len(visible(text)) for text in column) for column in cells]
        ends = list(accumulate(min(pair) + 2 for pair in zip(needed, most, strict=True)))
        fits = max(2, sum(end - 2 <= width for end in ends))
        if fits >= len(self.columns):
            return self
        note = f"... and {len(self.columns) - fits} more columns: {', '.join(self.columns[fits:])}"
        rows = tuple(row[:fits] for row in self.rows)
        return self._replace(columns=self.columns[:fits], rows=rows, notes=(note, *self.notes))

    def __rich_console__(self, _console: "Console", options: "ConsoleOptions") -> "Iterator[Any]":
        """What rich's print shows."""
        from rich.text import Text

        grid = self.fitting(options.max_width)
        if grid.title:
            yield Text(visible(grid.title), style="bold")
        if grid.columns:
            yield grid.rich()
        yield from (Text(visible(note), style="dim") for note in grid.notes)

    def _row(self, row: tuple[str, ...]) -> str:
        return "".join(self._cell("td", name, text) for name, text in zip(self.columns, row, strict=True))

    def _cell(self, tag: str, column: str, text: str) -> str:
        side = "right" if column in self.right else "left"
        return f'<{tag} style="{_STYLE.format(side=side)}">{escaped(text)}</{tag}>'


def number(value: float | None) -> str:
    """A number to five significant digits; nothing where there is none."""
    if value is None:
        return ""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.5g}"


def shortened(texts: Sequence[str | None]) -> list[str]:
    """Long decimals with as few digits, five at least, as tell them apart; other texts as they are; "" for None."""
    found: list[str] = []
    for digits in (5, 8, 17):
        found = ["" if text is None else _rounded(text, digits) for text in texts]
        if len({*found}) == len({*texts}):
            break
    return found


def unique_names(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The names, those that occur twice with a number behind them: what a table's columns are called."""
    seen = set(taken)
    found = []
    for name in names:
        unique, place = name, 2
        while unique in seen:
            unique, place = f"{name} ({place})", place + 1
        seen.add(unique)
        found.append(unique)
    return found


def _rounded(text: str, digits: int) -> str:
    return f"{float(text):.{digits}g}" if digits < 17 and _DECIMAL.fullmatch(text) else text

"""Grid: a small table of texts, for a notebook as HTML, for a terminal by rich.

Names and values come from users and from foreign stores, so nothing in them acts: what is invisible or moves a cursor
is written as an escape, HTML is escaped, and rich gets text, never markup.
"""

import html
import math
import unicodedata
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format (as RTL override), surrogate, private, separators
_JOINER = "\u200d"  # holds emoji together, and shows nothing by itself
_STYLE = "text-align:{side};padding:2px 12px 2px 0;vertical-align:top"


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
        """The same for rich's print; it fits the terminal's width."""
        from rich.table import Table
        from rich.text import Text

        caption = Text(visible(" ".join(self.notes)), style="dim") if self.notes else None
        title = Text(visible(self.title), style="bold")
        table = Table(
            box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left", caption=caption,
            caption_justify="left", header_style="bold",
        )  # fmt: skip
        for name in self.columns:
            table.add_column(Text(visible(name)), justify="right" if name in self.right else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(visible(text)) for text in row))
        return table

    def _row(self, row: tuple[str, ...]) -> str:
        return "".join(self._cell("td", name, text) for name, text in zip(self.columns, row, strict=True))

    def _cell(self, tag: str, column: str, text: str) -> str:
        side = "right" if column in self.right else "left"
        return f'<{tag} style="{_STYLE.format(side=side)}">{escaped(text)}</{tag}>'


def visible(text: object, limit: int | None = None) -> str:
    """The text with everything invisible or active written as an escape; cut to `limit` characters."""
    said = str(text)
    said = said if limit is None or len(said) <= limit else f"{said[: limit - 1]}\N{HORIZONTAL ELLIPSIS}"
    return said if said.isascii() and said.isprintable() else "".join(map(_shown, said))


def escaped(text: object) -> str:
    """The text as HTML that shows it."""
    return html.escape(visible(text))


def number(value: float | None) -> str:
    """A number to five significant digits; nothing where there is none."""
    if value is None:
        return ""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.5g}"


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


def _shown(character: str) -> str:
    if character == _JOINER or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")

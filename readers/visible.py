"""Visible: any text so that nothing in it acts: on a terminal, in a table, in a notebook.

Names and values come from users and from foreign stores. A control character can move the cursor, an override can turn
the direction of what follows, a format character can hide. Each is written as an escape instead.
"""

import html
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format (as RTL override), surrogate, private, separators
_JOINER = "\u200d"  # holds emoji together, and shows nothing by itself


def visible(text: object, limit: int | None = None) -> str:
    """The text with everything invisible or active written as an escape; cut to `limit` characters."""
    said = str(text) if limit is None else str(text)[: limit + 1]
    if not (said.isascii() and said.isprintable()):
        said = "".join(map(_shown, said))
    return said if limit is None or len(said) <= limit else f"{said[: limit - 1]}\N{HORIZONTAL ELLIPSIS}"


def escaped(text: object) -> str:
    """The text as HTML that shows it."""
    return html.escape(visible(text))


def _shown(character: str) -> str:
    if character == _JOINER or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")

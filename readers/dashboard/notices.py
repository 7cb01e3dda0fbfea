"""Notices: plain documents for people, where the dashboard's own page can't be shown: no script, nothing to load."""

import re
from html import escape

from starlette.datastructures import Headers
from starlette.types import Scope

_CODE = re.compile(r"`([^`]*)`")


def wants_page(scope: Scope) -> bool:
    """Whether a person looks at the answer: browsers ask for HTML when an address is opened, and only then."""
    return scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "").lower()


def notice(title: str, *parts: str, head: str = "") -> str:
    """A document.

    Args:
        title: its heading; any text.
        parts: what stands below, as markup.
        head: markup for its head.
    """
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>steplog</title>{head}</head>
<body><h1>{escape(title)}</h1>
{body}
</body></html>
"""


def paragraph(text: str) -> str:
    """Text as markup; what stands in backticks is code."""
    marked = _CODE.sub(r"<code>\1</code>", escape(text))
    return f"<p>{marked}</p>"


def link(url: str, words: str) -> str:
    """A way on, as markup."""
    return f'<p><a href="{escape(url)}">{escape(words)}</a></p>'

"""Media: something that is kept as one file under its name."""

from collections.abc import Callable
from pathlib import Path

Content = bytes | str | Path
"""Bytes, text, or a file that is to be copied."""


class Media:
    """Something that is kept as one file under its name.

    Args:
        suffix: of the file.
        content: of the file.
        caption: kept as a PNG's title; else not.
    """

    def __init__(self, suffix: str, content: Content, caption: str | None = None) -> None:
        self.suffix = suffix
        self.content = content
        self.caption = caption

    def content_with(self, put: Callable[["Media"], str]) -> Content:  # noqa: ARG002 - a table needs it
        """Give the file's content; `put` keeps what is inside of it, and gives its name."""
        return self.content

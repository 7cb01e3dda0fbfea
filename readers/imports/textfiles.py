"""Text files of other programs: their encoding, their lines, their JSON, within limits, and what is wrong by its place.

A byte order mark says the encoding; without one it is UTF-8. Anything else is refused with the line, as to guess could
turn names into others.
"""

import codecs
import io
import json
from collections.abc import Iterator
from pathlib import Path

from ingest.sources import open_plain

MAX_TEXT = 256 << 20
"""Bytes of the largest file that is read as a whole."""
MAX_LINE = 64 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DEEP = "it is nested too deep"


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file, with their ends. Raises: ValueError: not text; names the line. OSError."""
    with open_plain(path) as file:
        head = file.read(4)
        file.seek(0)
        encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
        if encoding != "utf-8":
            with io.TextIOWrapper(file, encoding, newline="") as wrapped:
                yield from _of_wrapped(path, wrapped)
            return
        number = 0
        while raw := file.readline(MAX_LINE + 1):
            number += 1
            if len(raw) > MAX_LINE:
                raise ValueError(f"{path}: line {number} has more than {MAX_LINE >> 20} MiB; this is no text file")
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}: line {number} is not UTF-8 at its byte {error.start} ({raw[error.start]:#04x}); save the "
                    "file as UTF-8"
                ) from error


def _of_wrapped(path: Path, wrapped: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    try:
        while line := wrapped.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise ValueError(f"{path}: line {number} has more than {MAX_LINE >> 20} MiB; this is no text file")
            yield line
    except UnicodeError as error:
        raise ValueError(f"{path}: not {wrapped.encoding} behind line {number}; save the file as UTF-8") from error


def read_text(path: Path, most: int = MAX_TEXT) -> str:
    """The whole of a text file. Raises: ValueError: not text, or too large. OSError."""
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{path}: it has {size:,} bytes, and at most {most:,} are read")
    return "".join(lines(path))


def read_json(path: Path) -> object:
    """The JSON in a file; NaN and Infinity are read, as Python writes them. Raises: ValueError: none. OSError."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> object:
    """The same of a text. Raises: ValueError: beginning with `where`."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{where}: {_DEEP}") from error
    except ValueError as error:
        raise ValueError(f"{where}: not JSON: {error}") from error

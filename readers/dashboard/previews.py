"""Previews: the beginning of an artifact in a form that a page can show as text and tables.

Nothing is unpickled and nothing of a file is run. Text, JSON and CSV are read here, their first `MOST_TEXT_BYTES`.
Binary tables and arrays go through parsers written in C, which a made-up file may crash: these run in a process of
their own, with little memory and little time (see readers.dashboard.tables_apart). Pictures are left to the browser.
"""

import csv
import io
import os
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import msgspec

MOST_TEXT_BYTES = 256 << 10
MOST_LINES = 2_000
MOST_ROWS = 200
MOST_COLUMNS = 50
LONGEST_CELL = 200
_MOST_IMAGE_BYTES = 32 << 20
_MOST_TABLE_BYTES = 1 << 30
_APART_S = 10.0
_MOST_ANSWER_BYTES = 8 << 20
_IMAGES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"}
_TEXT_ENDINGS = """
    .txt .log .md .yaml .yml .toml .ini .cfg .py .js .ts .css .html .htm .xml .diff .patch .sh .tex .rst .out .err
    .ipynb
"""
_TEXTS = frozenset(_TEXT_ENDINGS.split())
_JSON = {".json", ".jsonl"}
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_APART = {".parquet", ".arrow", ".feather", ".npy"}
Preview = dict[str, Any]


def is_previewable(path: str, size: int) -> bool:
    """Whether `preview` is likely to have something to show."""
    suffix = _suffix(path)
    if suffix in _IMAGES:
        return size <= _MOST_IMAGE_BYTES
    return suffix in _TEXTS or suffix in _JSON or suffix in _DELIMITERS or suffix in _APART or suffix == ""


def preview(path: str, file: BinaryIO) -> Preview:
    """What a page can show of a file, by its kind; the front end's api.ts names the fields of each."""
    size = os.fstat(file.fileno()).st_size
    return {**_of_kind(_suffix(path), file, size), "path": path, "size": size}


def _of_kind(suffix: str, file: BinaryIO, size: int) -> Preview:
    if suffix in _IMAGES:
        return {"kind": "image"} if size <= _MOST_IMAGE_BYTES else nothing(f"a picture of {size:,} bytes isn't shown")
    if suffix in _APART:
        return _apart(suffix, file, size)
    data = file.read(MOST_TEXT_BYTES + 1)
    whole = len(data) <= MOST_TEXT_BYTES
    data = data[:MOST_TEXT_BYTES]
    if b"\0" in data or (suffix not in _TEXTS | _JSON | {*_DELIMITERS} and not _is_utf8(data)):
        return nothing("it isn't text; save it to look into it")
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    if suffix in _DELIMITERS:
        return _table(text, _DELIMITERS[suffix], whole=whole)
    if suffix == ".json":
        return {"kind": "json", "text": text, "truncated": not whole}
    return _lines(text, whole=whole)


def nothing(words: str) -> Preview:
    """There is no preview, and why."""
    return {"kind": "none", "words": words}


def _lines(text: str, *, whole: bool) -> Preview:
    lines = text.split("\n", MOST_LINES)
    kept = lines[:MOST_LINES]
    return {"kind": "text", "text": "\n".join(kept), "truncated": not whole or len(lines) > MOST_LINES}


def _table(text: str, delimiter: str, *, whole: bool) -> Preview:
    """The first rows and columns of delimited text; as text where it doesn't make rows."""
    if not whole:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    try:
        rows = []
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if len(rows) > MOST_ROWS + 1:
                break
    except csv.Error:
        return _lines(text, whole=whole)
    if not rows:
        return _lines(text, whole=whole)
    head, *body = rows
    columns = max(map(len, rows))
    cut = not whole or len(body) > MOST_ROWS or columns > MOST_COLUMNS
    return {
        "kind": "table",
        "columns": [cell[:LONGEST_CELL] for cell in head[:MOST_COLUMNS]],
        "rows": [[cell[:LONGEST_CELL] for cell in row[:MOST_COLUMNS]] for row in body[:MOST_ROWS]],
        "truncated": cut,
        "words": f"the first {min(len(body), MOST_ROWS):,} rows, {min(columns, MOST_COLUMNS)} of {columns} columns",
    }


def _apart(suffix: str, file: BinaryIO, size: int) -> Preview:
    """Read by a process of its own, so that a file which crashes its parser crashes no server."""
    if size > _MOST_TABLE_BYTES:
        return nothing(f"a table of {size:,} bytes isn't shown; save it to look into it")
    command = [sys.executable, "-m", "readers.dashboard.tables_apart", suffix, str(file.fileno())]
    try:
        done = subprocess.run(
            command,
            pass_fds=[file.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_APART_S,
            check=True,
        )
        if len(done.stdout) > _MOST_ANSWER_BYTES:
            return nothing("its first rows are too long to show")
        found: Preview = msgspec.json.decode(done.stdout, type=dict[str, Any])
        return found
    except subprocess.TimeoutExpired:
        return nothing(f"reading it took longer than {_APART_S:.0f} s")
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return nothing("it can't be read as what its name says; it may be damaged")


def _is_utf8(data: bytes) -> bool:
    """Whether bytes, cut anywhere, are UTF-8 text."""
    try:
        data[:-4].decode()
    except UnicodeDecodeError:
        return False
    return True


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()

"""The binary file of a wandb run, as `wandb offline` leaves it: `wandb/offline-run-*/run-*.wandb`.

A header, then records in LevelDB's log format, each a message of Protocol Buffers: the run, its config and summary as
they changed, a row of history a step, and at the end how it ended. Only these are looked at. The numbers of the fields
are those of wandb_internal.proto, wandb 0.12 to 0.31.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingest.sources import open_plain
from readers.imports.leveldblog import records
from readers.imports.protobuf import BYTES, double, fields, integer, nested, text
from readers.imports.textfiles import parse_json

SUFFIX = ".wandb"
HEADER = b":W&B\xe1\xbe\x00"
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18
_RUN_CONFIG, _RUN_SUMMARY, _RUN_TAGS, _RUN_START = 4, 5, 10, 17
_TOLD = {1: "id", 2: "entity", 3: "project", 6: "group", 7: "job_type", 8: "name", 9: "notes", 13: "host"}
_KEY, _NESTED_KEY, _NONE, _TRUTH, _WHOLE, _NUMBER, _TEXT, _JSON, _VALUE_JSON = 1, 2, 3, 4, 5, 6, 7, 8, 16
_UPDATE, _REMOVE = 1, 2
_MOST_SAID, _DEEPEST = 5, 100

Item = tuple[tuple[str, ...], object]
"""(name, part by part where it is nested; value)."""


class RunFile:
    """What one file says of its run; the history is read again when it is asked for.

    Raises: ValueError: it is no such file. OSError.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.told: dict[str, Any] = {"state": "running"}
        """Under the names that wandb's API has for them; a run without an end is running, or was killed."""
        self.config: dict[str, object] = {}
        self.summary: dict[str, object] = {}
        self.start_ns: int | None = None
        self._path = path
        self._problems = problems
        self._said = 0
        for offset, data in self._records(self._say):
            try:
                self._take(data)
            except ValueError as error:
                self._say(f"offset {offset}: a record that wandb doesn't write: {error}; left out")
        if self._said > _MOST_SAID:
            problems.append(f"{path}: and {self._said - _MOST_SAID:,} more such records")

    def rows(self) -> Iterator[tuple[str, dict[str, object]]]:
        """(place, names and values) of each row of the history; nested names with dots."""
        for offset, data in self._records(lambda _words: None):  # said before
            try:
                for number, kind, value in fields(data):
                    if number == _HISTORY and kind == BYTES:
                        yield f"offset {offset}", _row(nested(value))
            except ValueError:
                continue

    def _records(self, problem: Callable[[str], None]) -> Iterator[tuple[int, bytes]]:
        with open_plain(self._path) as file:
            if file.read(len(HEADER)) != HEADER:
                raise ValueError(f"{self._path}: no file of a wandb run, or of a version that isn't known")
            file.seek(0)
            yield from records(file, len(HEADER), problem)

    def _take(self, data: bytes) -> None:
        """Take a record in. Raises: ValueError: it is none."""
        for number, _, value in fields(data):
            if number == _RUN:
                self._take_run(nested(value))
            elif number == _CONFIG:
                _change(self.config, nested(value))
            elif number == _SUMMARY:
                _change(self.summary, nested(value))
            elif number == _EXIT:
                codes = [integer(code) for field, _, code in fields(nested(value)) if field == 1]
                self.told["state"] = "failed" if any(codes) else "finished"
            elif number == _HISTORY:
                _row(nested(value))  # so that what is wrong with it is said

    def _take_run(self, data: bytes) -> None:
        tags = []
        for number, _, value in fields(data):
            if number in _TOLD:
                self.told[_TOLD[number]] = text(value)
            elif number == _RUN_TAGS:
                tags.append(text(value))
            elif number == _RUN_CONFIG:
                _change(self.config, nested(value))
            elif number == _RUN_SUMMARY:
                _change(self.summary, nested(value))
            elif number == _RUN_START:
                parts = {field: integer(part) for field, _, part in fields(nested(value))}
                self.start_ns = parts.get(1, 0) * 10**9 + parts.get(2, 0)
        self.told["tags"] = tags

    def _say(self, words: str) -> None:
        self._said += 1
        if self._said <= _MOST_SAID:
            self._problems.append(f"{self._path}: {words}")


def _row(data: bytes) -> dict[str, object]:
    row: dict[str, object] = {}
    for number, _, value in fields(data):
        if number == 1:
            path, found = _item(nested(value))
            row[".".join(path)] = found
        elif number == 2:
            for field, _, step in fields(nested(value)):
                if field == 1:
                    row.setdefault("_step", integer(step))
    return row


def _change(whole: dict[str, object], data: bytes) -> None:
    """Make the changes of a config or summary record."""
    for number, _, value in fields(data):
        if number not in {_UPDATE, _REMOVE}:
            continue
        path, found = _item(nested(value))
        inner: Any = whole
        for name in path[:-1]:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        if number == _REMOVE:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = found


def _item(data: bytes) -> Item:
    """A name and its value. Raises: ValueError: it has no name, or no such value."""
    path: list[str] = []
    found: object = None
    for number, _, value in fields(data):
        if number in {_KEY, _NESTED_KEY}:
            path.append(text(value))
        elif number in {_JSON, _VALUE_JSON}:
            found = parse_json(text(value), "a value")
        elif number == _NUMBER:
            found = double(value)
        elif number == _WHOLE:
            found = _unfolded(integer(value))
        elif number == _TRUTH:
            found = bool(integer(value))
        elif number == _TEXT:
            found = text(value)
    if not any(path) or len(path) > _DEEPEST:
        raise ValueError("a value has no name" if not any(path) else "a value is nested too deep")
    return tuple(path), found


def _unfolded(value: int) -> int:
    """A signed number whose sign is in its lowest bit."""
    value &= (1 << 64) - 1
    return (value >> 1) ^ -(value & 1)

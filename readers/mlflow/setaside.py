"""What a server doesn't take: kept with the reason, so that one record neither stops the rest nor is forgotten.

The store itself has everything still; `steplog sync --again` tries once more.
"""

import os
from pathlib import Path
from typing import Literal

import msgspec

from ingest.layout import FILE_MODE

LONGEST = 2_000


class Aside(msgspec.Struct, omit_defaults=True):
    """A record that was set aside."""

    run_id: str
    kind: Literal["metric", "param", "tag", "artifact", "run", "status"]
    key: str
    why: str
    value: str = ""
    step: int | None = None
    time_ms: int | None = None


class AsideFile:
    """Appends them to a file, each once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all = _read(path)
        self._said = {_same(record) for record in self.all}

    def add(self, record: Aside) -> bool:
        """Keep a record, unless it is there already; whether it is new. Raises: OSError."""
        record = msgspec.structs.replace(record, key=record.key[:LONGEST], value=record.value[:LONGEST])
        if _same(record) in self._said:
            return False
        self._said.add(_same(record))
        self.all.append(record)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")
        return True

    def forget(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)
        self.all, self._said = [], set()


def _same(record: Aside) -> tuple[object, ...]:
    return record.run_id, record.kind, record.key, record.value, record.step, record.time_ms


def _read(path: Path) -> list[Aside]:
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(msgspec.json.decode(line, type=Aside))
        except ValueError:  # torn by a crash; the forwarder comes by it again
            continue
    return found

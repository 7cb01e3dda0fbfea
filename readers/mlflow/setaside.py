"""What a server doesn't take: kept with the reason, so that one record neither stops the rest nor is forgotten.

The store itself has everything still; `steplog sync --again` tries once more. A run that the server refuses is one
record, whatever it holds. However much is refused, at most `MOST` records are kept; the rest is counted.
"""

import logging
import os
from pathlib import Path
from typing import Literal

import msgspec

from ingest.layout import FILE_MODE
from readers.mlflow.attempts import Attempts
from readers.mlflow.batches import Request

LONGEST = 2_000
MOST = 10_000
SAID = 20
"""Records that are said one by one."""
_log = logging.getLogger("steplog.mlflow")


class Aside(msgspec.Struct, omit_defaults=True):
    """A record that was set aside."""

    run_id: str
    kind: Literal["metric", "param", "tag", "artifact", "run", "status"]
    key: str
    why: str
    value: str = ""
    step: int | None = None
    time_ms: int | None = None


class Refusals:
    """What one server doesn't take: kept, counted, and said. One thread."""

    def __init__(self, path: Path, attempts: Attempts) -> None:
        self.file = AsideFile(path)
        self.runs = self.file.runs
        """Runs that are refused as a whole."""
        self._attempts = attempts
        self._said = 0

    def begin_anew(self) -> None:
        """Forget all."""
        self.file.forget()
        self.runs.clear()

    def retry(self, run_id: str) -> None:
        """Let a run be asked for again."""
        self.runs.discard(run_id)

    def made(self, run_id: str) -> None:
        """Forget that a run was refused."""
        if run_id in self.file.runs:
            self.file.forget(run_id)
            self._attempts.change(aside=len(self.file))

    def refuse(self, run_id: str, name: str, why: str) -> None:
        """Set a run aside, with all that it has and will have."""
        self.runs.add(run_id)
        self.add(Aside(run_id, "run", name, why))

    def add_all(self, request: Request, why: str) -> None:
        """Set aside what is in a request."""
        run_id = request.run_id
        for point in request.points:
            self.add(Aside(run_id, "metric", point.key, why, repr(point.value), point.step, point.time_ms))
        for key, value in request.params:
            self.add(Aside(run_id, "param", key, why, value))
        for tag, text in request.tags:
            self.add(Aside(run_id, "tag", tag, why, text or ""))

    def add(self, record: Aside) -> None:
        """Set a record aside."""
        try:
            new = self.file.add(record)
        except OSError as error:
            _log.warning("what the server refused can't be kept in %s: %s", self.file.path, error)
            return
        self._said += new
        if new and self._said <= SAID:
            what = f"{record.kind} {record.key[:100]!r} of run {record.run_id}"
            _log.warning("%s doesn't take %s: %s; it was set aside", self._attempts.state.target, what, record.why)
            if self._said == SAID:
                _log.warning("what else it doesn't take stands in %s", self.file.path)
        self._attempts.change(aside=len(self.file))


class AsideFile:
    """Appends them to a file, each once.

    Args:
        most: records that are kept at most.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        self.path = path
        self.all = _read(path)
        self._most = most
        self._said = {_same(record) for record in self.all}
        self._more = 0

    def __len__(self) -> int:
        return len(self.all) + self._more

    def add(self, record: Aside) -> bool:
        """Keep a record, unless it is there already, or there are too many; whether it is new. Raises: OSError."""
        record = msgspec.structs.replace(record, key=record.key[:LONGEST], value=record.value[:LONGEST])
        if _same(record) in self._said:
            return False
        if len(self.all) >= self._most:
            self._more += 1
            return True
        self._said.add(_same(record))
        self.all.append(record)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")
        return True

    @property
    def runs(self) -> set[str]:
        """The runs that were refused as a whole."""
        return {record.run_id for record in self.all if record.kind == "run"}

    def forget(self, run_id: str | None = None) -> None:
        """Begin anew, or forget that a run was refused. Raises: OSError."""
        kept = [] if run_id is None else [one for one in self.all if (one.run_id, one.kind) != (run_id, "run")]
        self.path.unlink(missing_ok=True)
        self.all, self._said, self._more = [], set(), 0
        for record in kept:
            self.add(record)


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

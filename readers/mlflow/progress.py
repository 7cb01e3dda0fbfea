"""Progress: how far forwarding to one server has come, on disk, so that it goes on where it stopped.

    <store>/forward/<target>/
      lock            held by the one forwarder of this store and server (flock: the kernel frees it)
      cursor.json     the Watcher's cursor, the last points' places (see moments), counters
      runs.jsonl      our run ids and the server's; appended, the last line of a run counts
      aside.jsonl     what the server doesn't take (see setaside)

Argument: `cursor.json` is replaced by rename after everything up to it was delivered, so it is never ahead of the
server. It may be behind, as after a kill: what is sent again then changes nothing there. A run's line is synced before
anything is sent to it, so that it is never created twice; and if it was lost all the same, the server knows our run id.
"""

import fcntl
import os
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ingest.errors import ForwardingError
from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout, write_atomically
from readers.mlflow.address import target_id, without_credentials


class KnownRun(msgspec.Struct, omit_defaults=True):
    """A run that is forwarded."""

    run_id: str
    mlflow_id: str
    experiment_id: str
    whole: bool = True
    """False while a run from before the cursor is being caught up with."""
    unsure: bool = False
    """Whether creating it was tried more than once, so that there may be a second one at the server."""
    status: str = "RUNNING"
    """What the server was told last."""
    end_ms: int | None = None


class Kept(msgspec.Struct):
    """The content of cursor.json."""

    target: str
    cursor: dict[str, dict[str, int]] | None = None
    places: list[tuple[str, str, int, int, float | None]] = []
    points: int = 0
    """Points that the server has taken, repeats included."""
    facts: int = 0


class Progress:
    """The files above; opened for one forwarder, until `close`.

    Raises: ForwardingError: another forwarder sends this store there already, or the folder can't be written.
    """

    def __init__(self, layout: Layout, uri: str) -> None:
        self.folder = layout.root / "forward" / target_id(uri)
        self._tmp = layout.tmp
        try:
            self.folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            self._lock = _locked(self.folder / "lock", uri)
            self.kept = self._read(uri)
            self.runs = {run.run_id: run for run in self._lines()}
            self._runs_file = _appended(self.folder / "runs.jsonl")
        except OSError as error:
            raise ForwardingError(
                f"forwarding keeps its place in {str(self.folder)!r}, which can't be used: {error.strerror or error}"
            ) from error

    @property
    def fresh(self) -> bool:
        """Whether nothing was read yet."""
        return self.kept.cursor is None

    def save(self) -> None:
        """Keep the cursor and what goes with it. Raises: OSError."""
        write_atomically(self.folder / "cursor.json", msgspec.json.encode(self.kept), self._tmp)

    def keep(self, run: KnownRun, *, sync: bool = False) -> None:
        """Keep what is known of a run; with `sync` safe from power cuts. Raises: OSError."""
        self.runs[run.run_id] = run
        self._runs_file.write(msgspec.json.encode(run) + b"\n")
        self._runs_file.flush()
        if sync:
            os.fdatasync(self._runs_file.fileno())

    def begin_anew(self) -> None:
        """Forget the place, so that everything is sent once more."""
        self.kept = Kept(self.kept.target)

    def close(self) -> None:
        """Let another forwarder go on."""
        self._runs_file.close()
        self._lock.close()

    def _read(self, uri: str) -> Kept:
        try:
            return msgspec.json.decode((self.folder / "cursor.json").read_bytes(), type=Kept)
        except (FileNotFoundError, ValueError):  # none yet, or spoilt: what is sent again changes nothing
            return Kept(without_credentials(uri))

    def _lines(self) -> list[KnownRun]:
        """Every line that is whole."""
        try:
            lines = (self.folder / "runs.jsonl").read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [run for line in lines if (run := _decoded(line)) is not None]


def _decoded(line: bytes) -> KnownRun | None:
    try:
        return msgspec.json.decode(line, type=KnownRun)
    except ValueError:  # torn by a crash
        return None


def _appended(path: Path) -> BinaryIO:
    """A file to append lines to; a torn last line is ended first."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE), "ab")
    if file.tell():
        file.write(b"\n")
    return file


def _locked(path: Path, uri: str) -> Any:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    file = os.fdopen(descriptor, "r+b")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Busy(
            f"another process forwards this store to {without_credentials(uri)} already: a training with "
            "backend='mlflow' or 'both', or steplog sync"
        ) from error
    return file


class Busy(ForwardingError):
    """Another forwarder is at work; what is logged here it sends, too."""

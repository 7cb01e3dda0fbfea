"""Control: what people do to a run from outside. Ask it to stop, set its tags, write a note.

Each is a fact, written as a tracker writes it: it survives the death of this process, is in the history, and the last
one counts, whoever wrote it. An edit is a writer of its own that opens, writes, seals and leaves, so that nothing of
ours stays open in the store between two edits. It never attaches to the run (see readers.runs): what is edited keeps
its status, its end and its duration. Edits of one server are made one after the other, with times that grow.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ingest.control import KIND, request_stop
from ingest.errors import PipelineError, RunNotFound, RunStateError, StoreUnavailable, TrackerError
from ingest.events import FactEvent, FactLogged, TagsSet
from ingest.jsontext import REMOVED, to_json
from ingest.keys import checked_key
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.redact import mask
from ingest.settings import PipelineSettings
from readers.store import Store

NOTE = "note"
"""The tag that holds a run's note."""
MAX_TAGS = 100
MAX_VALUE_BYTES = 64 << 10
"""Of one tag's JSON text, or of a note: people type it. A tracker takes longer ones."""
_WAIT_S = 10.0
_SETTINGS = PipelineSettings(first_segment_bytes=256 << 10)


class ReadOnly(TrackerError):
    """Something was to be changed through a server that only shows."""


class Controls:
    """Edits the runs of one store. Any thread.

    Args:
        store: where they lie.
        read_only: refuse every edit.
        by: who asks, as the history tells it.
    """

    def __init__(self, store: Store, *, read_only: bool = False, by: str = "dashboard") -> None:
        self.read_only = read_only
        self._store = store
        self._by = by
        self._lock = threading.Lock()
        self._last_ns = 0

    def stop(self, run_id: str) -> None:
        """Ask a running run to stop: `tracker.should_stop()` becomes true in each of its processes.

        Raises: ReadOnly. RunNotFound. RunStateError: it has ended. StoreUnavailable: the store can't be written.
        """
        run = self._run(run_id)
        if run["status"] != "RUNNING":
            raise RunStateError(f"run {run_id!r} is {run['status']}: only a running run can be asked to stop")
        layout = self._writable()
        try:
            request_stop(layout, run_id, self._by)
        except OSError as error:
            raise _unwritable(layout, error) from error
        items = {"stop": to_json({"by": self._by, "host": socket.gethostname()})}
        self._write(lambda now: FactLogged(run_id, run["experiment"], now, KIND, items))

    def set_tags(self, run_id: str, tags: object) -> None:
        """Set tags, by the rules of a log call: values of any kind, secrets masked; None removes a tag.

        Raises: as `stop`. TypeError, ValueError: they aren't tags, or too many, or too long.
        """
        run = self._run(run_id)
        texts = _texts(tags)
        if texts:
            self._write(lambda now: TagsSet(run_id, run["experiment"], now, texts))

    def set_note(self, run_id: str, text: object) -> None:
        """Write the run's note, in place of what it said; an empty one removes it. Raises: as `set_tags`."""
        if not isinstance(text, str):
            raise TypeError(f"a note is a text, not {type(text).__name__}")
        self.set_tags(run_id, {NOTE: text or None})

    def tell(self, run_id: str, kind: str, items: Mapping[str, object]) -> None:
        """Write facts of one kind about a run. Raises: ReadOnly. RunNotFound. StoreUnavailable."""
        run = self._run(run_id)
        texts = {key: to_json(value) for key, value in items.items()}
        self._write(lambda now: FactLogged(run_id, run["experiment"], now, kind, texts))

    def _run(self, run_id: str) -> dict[str, Any]:
        if self.read_only:
            raise ReadOnly("this dashboard is read-only: nothing can be changed through it")
        found = self._store.find_run(run_id)
        if found is None:
            raise RunNotFound(f"no run {run_id!r} in this store")
        return found

    def _writable(self) -> Layout:
        """The layout, if it can be written. Raises: StoreUnavailable."""
        layout = self._store.layout
        if not layout.adopts:
            raise StoreUnavailable(
                f"the store {layout.place!r} is only read here; tags, notes and stops of runs on object storage are "
                "made by the tracker that writes them: nothing was changed"
            )
        for folder in (layout.root, layout.live, layout.tmp):
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
                raise _unwritable(layout, PermissionError(13, "no permission to write", str(folder)))
        return layout

    def _write(self, made_at: Callable[[int], FactEvent]) -> None:
        """Append a fact; every reader sees it on return, as Parquet if the disk lets it. Raises: StoreUnavailable."""
        layout = self._writable()
        with self._lock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1_000)  # tables keep microseconds
            pipeline = Pipeline(layout, _SETTINGS)
            try:
                pipeline.append(made_at(self._last_ns))
                pipeline.flush(_WAIT_S)
            except (PipelineError, TimeoutError, OSError) as error:
                raise _unwritable(layout, error) from error
            finally:
                with suppress(PipelineError, TimeoutError):  # said by the writer; who opens the store next seals it
                    pipeline.close(_WAIT_S)


def _texts(tags: object) -> dict[str, str]:
    """Tags as JSON texts, by name."""
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags are an object of name to value, not {type(tags).__name__}")
    if len(tags) > MAX_TAGS:
        raise ValueError(f"{len(tags)} tags at once; at most {MAX_TAGS}")
    texts = {}
    for key, value in tags.items():
        name = checked_key(key, "tag")
        text = REMOVED if value is None else to_json(mask(name, value), where=f"tag {name!r}")
        if len(text.encode()) > MAX_VALUE_BYTES:
            raise ValueError(f"tag {name[:40]!r} has {len(text.encode()):,} bytes; at most {MAX_VALUE_BYTES:,}")
        texts[name] = text
    return texts


def _unwritable(layout: Layout, error: Exception) -> StoreUnavailable:
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    return StoreUnavailable(f"the store {str(layout.root)!r} can't be written: {why}; nothing was changed")

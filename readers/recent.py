"""Recent parts: what is read again and again is kept in memory, decoded.

Parts never change, so what was read of them stays right; which of them count is still looked up at every query. Only
the small tables come here (facts, summaries), and only from the second reading on: a process that asks once reads no
more than it needs, and one that watches a store of hundreds of small files doesn't open them for each look.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import polars as pl

MOST_BYTES = 64 << 20
"""Memory that one store's recent parts may take."""
_MOST_KEYS = 1024


class Recent:
    """Frames by what they were read from; the least recently used go first. Any thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._frames: OrderedDict[Hashable, tuple[pl.DataFrame, int]] = OrderedDict()
        self._asked: OrderedDict[Hashable, None] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], pl.DataFrame]) -> pl.DataFrame | None:
        """The frame, read when it is asked for the second time; None the first time."""
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key][0]
            again = key in self._asked
            self._asked[key] = None
            self._asked.move_to_end(key)
            if len(self._asked) > _MOST_KEYS:
                self._asked.popitem(last=False)
        return self._keep(key, read()) if again else None

    def _keep(self, key: Hashable, frame: pl.DataFrame) -> pl.DataFrame:
        size = frame.estimated_size()
        with self._lock:
            if key not in self._frames and size <= self._most_bytes:
                self._frames[key] = frame, int(size)
                self._bytes += int(size)
                while self._bytes > self._most_bytes:
                    _, (_, freed) = self._frames.popitem(last=False)
                    self._bytes -= freed
        return frame

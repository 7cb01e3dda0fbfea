"""The ring: frames kept in memory while no file takes them.

It is bounded: over its limit the oldest metrics are dropped and counted. Params, tags and lifecycle events are never
dropped, whatever that costs. Thread rule: under the queue's lock.
"""

from collections import deque
from contextlib import suppress

from ingest.queuefile import QueueFile

_KEPT = 0.9  # of the limit: a trim makes room for many calls, so that it is rarely done


class Ring:
    """Frames in the order of their coming."""

    def __init__(self, limit_bytes: int) -> None:
        self.size = 0
        """Bytes of all frames."""
        self.dropped = 0
        """Metrics given up so far."""
        self._limit = limit_bytes
        self._frames: deque[tuple[bytes, bool]] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def next_size(self) -> int:
        """Bytes of the frame that is next to be handed over; 0 when there is none."""
        return len(self._frames[0][0]) if self._frames else 0

    def add(self, data: bytes, *, fact: bool) -> None:
        """Keep a frame."""
        self._frames.append((data, fact))
        self.size += len(data)
        if self.size > self._limit:
            self._trim()

    def move_to(self, file: QueueFile) -> bool:
        """Hand over as many frames as the file takes, oldest first; False when it takes none of them."""
        before = len(self._frames)
        with suppress(ValueError):  # it is full
            while self._frames:
                data, _ = self._frames[0]
                file.write(data)
                self._frames.popleft()
                self.size -= len(data)
        return not before or len(self._frames) < before

    def give_up(self) -> int:
        """Count everything as dropped, at the very end; returns how many that were."""
        lost = len(self._frames)
        self.dropped += lost
        self._frames.clear()
        self.size = 0
        return lost

    def _trim(self) -> None:
        """Drop the oldest metrics."""
        facts: list[tuple[bytes, bool]] = []
        while self._frames and self.size > self._limit * _KEPT:
            data, fact = self._frames.popleft()
            if fact:
                facts.append((data, fact))
            else:
                self.size -= len(data)
                self.dropped += 1
        self._frames.extendleft(reversed(facts))

"""Clients: one browser's end of the wire, with a bounded queue.

The hub's thread offers messages; the connection's task takes them, as fast as the browser does. Guarantee (bounded): a
client never holds more than `QUEUE_BYTES`. Who is too slow for that loses the queue whole and is told to fetch anew
("resync"); what comes after that, it gets again.
"""

import asyncio
import threading
from collections import deque

from readers.dashboard.ticks import Tick, TooMany, Wanted

QUEUE_BYTES = 8 << 20
_HELLO = '{"type":"hello"'


class Client:
    """One connection. `offer` and `deliver` on the hub's thread; `take` in the connection's task."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: Wanted, queue_bytes: int = QUEUE_BYTES) -> None:
        self.wanted = wanted
        self.closed: tuple[int, str] | None = None
        """Why the server ends the connection: a code and a reason."""
        self.resyncs = 0
        self._loop = loop
        self._queue_bytes = queue_bytes
        self._lock = threading.Lock()
        self._queue: deque[str] = deque()
        self._size = 0
        self._tick: Tick | None = None
        self._ready = asyncio.Event()

    def greet(self, tick: Tick, *, resumed: bool = False) -> None:
        """Say where the client stands; `resumed`: what it missed comes next."""
        said = "true" if resumed else "false"
        self._put(f'{_HELLO},"cursor":{_text(tick)},"resumed":{said}}}', tick)

    def deliver(self, tick: Tick) -> None:
        """Offer what the client wants of a tick."""
        try:
            message = tick.message(self.wanted)
        except TooMany:
            self.resync(tick)
            return
        if not all(self._put(said, self._tick) for said in tick.said):
            self.resync(tick)
        elif message is None:
            self._stand_at(tick)
        elif not self._put(message, tick):
            self.resync(tick)

    def resync(self, tick: Tick) -> None:
        """Let go of the queue but for a greeting, and say so."""
        with self._lock:
            self._queue = deque(message for message in self._queue if message.startswith(_HELLO))
            self._size = sum(map(len, self._queue))
        self.resyncs += 1
        self._put(f'{{"type":"resync","cursor":{_text(tick)}}}', tick, always=True)

    def _put(self, message: str, tick: Tick | None, *, always: bool = False) -> bool:
        """Queue a message; with it the client stands at a tick. False where there is no room, unless it must be."""
        with self._lock:
            if self._queue and not always and self._size + len(message) > self._queue_bytes:
                return False
            self._queue.append(message)
            self._size += len(message)
            self._tick = tick
        self._wake()
        return True

    def _stand_at(self, tick: Tick) -> None:
        with self._lock:
            self._tick = tick

    def close(self, code: int, reason: str) -> None:
        """End the connection at once. Any thread."""
        self.closed = code, reason
        self._wake()

    async def take(self, patience_s: float) -> str | None:
        """The next message, or a heartbeat when none came in time; None when the connection is to end."""
        try:
            async with asyncio.timeout(patience_s):
                while self.closed is None:
                    self._ready.clear()
                    message = self._next()
                    if message is not None:
                        return message
                    await self._ready.wait()
        except TimeoutError:
            return self._next() or self._heartbeat()
        return None

    def _next(self) -> str | None:
        with self._lock:
            if not self._queue:
                return None
            message = self._queue.popleft()
            self._size -= len(message)
            return message

    def _heartbeat(self) -> str:
        """Where the client stands: behind all that was queued, which it has got."""
        with self._lock:
            return f'{{"type":"heartbeat","cursor":{"null" if self._tick is None else _text(self._tick)}}}'

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:  # the server's loop is closed: nobody is there to take anything
            self.closed = self.closed or (1001, "the server has ended")


def _text(tick: Tick) -> str:
    return bytes(tick.cursor).decode()

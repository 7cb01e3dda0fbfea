"""A TCP proxy before a server: by a seed it cuts connections, is late; told so, it refuses or swallows everything.

Unlike the one before MLflow's server it knows nothing of requests: a cut is anywhere in the bytes of one, or of its
answer. So a server may have done what nobody was told of.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Self

PIECE = 1 << 16
DELAY_S = 0.02
_RESET = struct.pack("ii", 1, 0)


class LossyProxy:
    """Hands connections on to a port of this machine. `cut` and `late` are chances of each piece, either way.

    It listens on loopback, or on another address of this machine: `on`.
    """

    def __init__(self, to: int, seed: int = 0, *, cut: float = 0.0, late: float = 0.0, on: str = "127.0.0.1") -> None:
        self.cut = cut
        self.late = late
        self.cuts = 0
        self.pieces = 0
        self._to = to
        self._on = on
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = socket.socket()  # held while connections are refused, so that nobody else gets it
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind((on, 0))
        self.port = self._port.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.accept()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://{self._on}:{self.port}"

    def refuse(self) -> None:
        """Cut everything, and refuse connections."""
        self._told(self._close)

    def accept(self) -> None:
        """Take connections, on the same port as before."""
        self._told(self._open)

    def swallow(self) -> None:
        """Hand nothing on any more, though connections are taken: a firewall that drops, a network that is gone."""
        self._told(self._hold)

    def let_through(self) -> None:
        """Hand on what was held back, and all that comes."""
        self._told(self._go_on)

    def close(self) -> None:
        """End."""
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _told(self, what: Callable[[], Coroutine[None, None, None]]) -> None:
        asyncio.run_coroutine_threadsafe(what(), self._loop).result()

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, self._on, self.port, reuse_address=True)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self) -> None:
        self._passing.clear()

    async def _go_on(self) -> None:
        self._passing.set()

    async def _take(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError):
                server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
                try:
                    await self._between(client, to_client, server, to_server)
                finally:
                    _reset(to_server)
        except asyncio.CancelledError:  # refused, or closing: the end of this connection, no fault
            pass
        finally:
            _reset(to_client)
            self._tasks.discard(task)

    async def _between(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        ways = [asyncio.ensure_future(self._way(*one)) for one in ((client, to_server), (server, to_client))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _way(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(PIECE):
            self.pieces += 1
            if self._chance.random() < self.late:
                await asyncio.sleep(DELAY_S)
            await self._passing.wait()
            cut = self._chance.random() < self.cut
            target.write(piece[: self._chance.randrange(len(piece) + 1)] if cut else piece)
            await target.drain()
            if cut:
                self.cuts += 1
                return


def _reset(connection: asyncio.StreamWriter) -> None:
    """End it as a cable that was pulled does, not politely."""
    held: socket.socket | None = connection.get_extra_info("socket")
    if held is not None:
        with suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.transport.abort()

"""The server: uvicorn on a socket that we bound, ended at once when told to.

Ending: open live connections are told to go, what is being answered gets a second, and what hangs after `END_S` (a
query in a thread can't be stopped) ends with the process. Nothing is lost by that: a change is in a queue file before
anybody is told that it was made.

uvicorn and the application are imported when a Dashboard is made: `DashboardProcess`, which is this module's other
name to outsiders, is for programs that never make one.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from readers.dashboard.binding import address, bind
from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

__all__ = ["Dashboard", "DashboardProcess", "address", "bind"]
END_S = 4.0
MESSAGE_BYTES = 1 << 20
"""Of one message that a page sends over its live connection."""


class Dashboard:
    """A server in this process.

    Args:
        settings: what it shows and who may look.
        bound: the listening socket (see `bind`); closed at the end.
        on_ready: called when it answers.
        app: in place of `create_app(settings)`.

    Raises: StoreUnavailable, FormatTooNew: there is no store to show.
    """

    def __init__(
        self,
        settings: DashboardSettings,
        bound: socket.socket,
        *,
        on_ready: Callable[[], None] = lambda: None,
        app: "ASGIApp | None" = None,
    ) -> None:
        from readers.dashboard.app import create_app

        self._bound = bound
        self._asked, self._ended = threading.Event(), threading.Event()
        self._server = _server(app or create_app(settings), on_ready, self._asked.set)

    def run(self, *, hard_end: bool = True) -> None:
        """Serve until told to end, by `end`, Ctrl-C or SIGTERM; returns after Ctrl-C and after `end`.

        Args:
            hard_end: end the whole process when something still hangs `END_S` after the end was asked for.
        """
        _log_to_stderr()
        if hard_end:
            threading.Thread(target=self._end_at_last, daemon=True).start()
        try:
            self._server.run(sockets=[self._bound])
        except KeyboardInterrupt:  # uvicorn ends in order, and then raises the signal again
            pass
        finally:
            self._ended.set()
            self._asked.set()

    def end(self) -> None:
        """Tell it to end. Any thread, more than once."""
        self._server.should_exit = True
        self._asked.set()

    def _end_at_last(self) -> None:
        """Wait for the end to be asked for, then for it to come; no longer than it may take."""
        self._asked.wait()
        if not self._ended.wait(END_S):
            os._exit(0)


def _server(app: "ASGIApp", on_ready: Callable[[], None], on_end: Callable[[], None]) -> "uvicorn.Server":
    import uvicorn

    from readers.dashboard.connections import HEAD_BYTES, HttpConnection, SocketConnection

    class Server(uvicorn.Server):
        """Says when it answers, and when it is told to end."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            on_end()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        http=HttpConnection,
        ws=SocketConnection,
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody's word is taken for who asks
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # costs more than it saves where the line is a loopback
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def _log_to_stderr() -> None:
    """Show warnings and worse, where nobody has set up logging."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)

"""The server: uvicorn on a socket that we bound.

Binding it ourselves tells at once which port it is and whether it is taken; uvicorn would exit the process over it.
"""

import asyncio
import socket
from contextlib import suppress

from readers.dashboard.settings import DashboardSettings


def bind(settings: DashboardSettings, *, next_free: bool = False) -> socket.socket:
    """A listening socket on the settings' host and port. Raises: OSError: taken, or not ours to take."""
    infos = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = infos[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(address)
    bound.listen(128)
    return bound


def serve(settings: DashboardSettings, bound: socket.socket) -> None:
    """Serve until the process is told to end, by Ctrl-C or SIGTERM."""
    import uvicorn

    from readers.dashboard.app import create_app

    config = uvicorn.Config(
        create_app(settings),
        http="h11",
        ws="websockets-sansio",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvicorn.Server(config).run(sockets=[bound])

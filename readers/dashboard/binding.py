"""The socket a dashboard listens on: bound here, by whoever starts it, so that port and trouble are known at once."""

import errno
import os
import socket
from contextlib import suppress

from ingest.errors import DashboardError, PortTaken
from readers.dashboard.settings import DashboardSettings

NEXT_PORTS = 100
"""How far `next_free` looks."""
_BACKLOG = 128


def bind(settings: DashboardSettings, *, next_free: bool = False) -> socket.socket:
    """A listening socket on the settings' host and port.

    Args:
        next_free: where the port is taken, take the first of the next hundred that isn't.

    Raises: PortTaken. DashboardError: a port or an address that this process may not listen on.
    """
    last = min(settings.port + NEXT_PORTS, 65535) if next_free and settings.port else settings.port
    for port in range(settings.port, last + 1):
        try:
            return _listening(settings.host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise DashboardError(_refused(settings.host, port, error)) from error
    asked = f"port {settings.port}" if last == settings.port else f"each of the ports {settings.port} to {last}"
    raise PortTaken(
        f"{asked} on {settings.host} is taken by another program (another dashboard?); "
        "give another port, 0 for any free one, or ask for the next free one"
    )


def address(settings: DashboardSettings, bound: socket.socket) -> str:
    """What a visitor types, the token in it where there is one."""
    port = bound.getsockname()[1]
    host = _reachable(settings.host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}" + (f"/?token={settings.token}" if settings.token else "")


def _listening(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address_ = min(found, key=lambda info: info[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        # A port that a dashboard left a moment ago can be had again; one that somebody listens on can't.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host == "::":
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address_)
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def _refused(host: str, port: int, error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"this user may not listen on port {port}; ports from 1024 on are free to all"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine; 127.0.0.1 is for this machine only, 0.0.0.0 for all networks"
    return f"can't listen on {host}:{port}: {error.strerror or os.strerror(error.errno or 0)}"


def _reachable(host: str) -> str:
    """The address itself; of a wildcard, the one by which this machine goes out."""
    if host not in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared with, not bound
        return host
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # a datagram socket's connect sends nothing; it only chooses a route
        return str(probe.getsockname()[0])
    return "127.0.0.1"

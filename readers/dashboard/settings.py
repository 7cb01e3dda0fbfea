"""DashboardSettings: what a dashboard shows, where it listens, and who may look.

Rule: a dashboard that others on the network can reach always has a token; where none was given, one is made.
"""

import ipaddress
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ingest.objects.address import Address, is_address

SHORTEST_TOKEN = 16
"""Characters. Who guesses is slowed down too, but a token is the only thing between a network and the store."""
_LOOPBACK_NAMES = frozenset({"localhost", "localhost."})
_TOKEN_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """What a dashboard is started with.

    Args:
        store: the store's folder; made absolute, so that a later change of directory doesn't matter. Or its address on
            object storage, where nothing can be changed through the page.
        host: the address to listen on. Other machines reach it only if it isn't a loopback address.
        port: 0 to 65535; 0 takes a free one.
        read_only: refuse every change: stopping runs, tags, notes.
        token: what a visitor must know. None: on a loopback address nobody is asked; on others one is made.
        names: further names by which browsers reach this server, as a reverse proxy's.
        alerts: rules on metrics that the server watches (see readers.alertrules).
        webhook: an http(s) address that alerts are sent to, too.

    Raises: ValueError, TypeError: a port, a host, a name or a token that can't be one.
    """

    store: str | os.PathLike[str]
    host: str = "127.0.0.1"
    port: int = 8080
    read_only: bool = False
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    webhook: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", _place(self.store))
        if is_address(self.store):
            object.__setattr__(self, "read_only", True)
        if type(self.port) is not int:  # True is none
            raise TypeError(f"port must be a whole number from 0 to 65535, not {self.port!r}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be from 0 (any free one) to 65535, not {self.port}")
        if not self.host or not str(self.host).isprintable() or {" ", "/"} & set(str(self.host)):
            raise ValueError(f"host must be an address or a name to listen on, as 127.0.0.1, not {self.host!r}")
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "alerts", tuple(self.alerts))
        for name in self.names:
            if not name or not set(name.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._"):
                raise ValueError(f"a name of this server is a plain host name without port or *, not {name!r}")
        if self.token is None:
            if not self.is_loopback:
                object.__setattr__(self, "token", secrets.token_urlsafe(32))
        elif len(self.token) < SHORTEST_TOKEN or not set(self.token) <= _TOKEN_CHARACTERS:
            raise ValueError(
                f"the token must have {SHORTEST_TOKEN} or more characters, of letters, digits and -._~ (it is part of "
                "an address); leave it out, and one is made where one is needed"
            )

    @property
    def place(self) -> str:
        """Where the store is: its folder, absolute, or its address."""
        return str(self.store)

    @property
    def name(self) -> str:
        """What the page calls the store."""
        return self.place if is_address(self.place) else Path(self.place).name

    @property
    def exposure(self) -> str | None:
        """What whoever starts it has to know of who may look, in words; None where it is for this machine only."""
        if self.is_loopback:
            return None
        may = "see" if self.read_only else "see and stop"
        return (
            f"others on the network can reach it, and whoever has this address can {may} runs; the connection isn't "
            "encrypted. An SSH tunnel to 127.0.0.1 is safer."
        )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def to_json(self) -> str:
        """For the process that runs it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "DashboardSettings":
        """What `to_json` gave. Raises: ValueError, TypeError."""
        return cls(**json.loads(text))


def _place(store: str | os.PathLike[str]) -> str:
    return Address.of(store).url if is_address(store) else str(Path(store).absolute())


def is_loopback(host: str) -> bool:
    """Whether an address or name can only mean this machine."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

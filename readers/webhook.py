"""Webhook: alerts, sent by POST to an address of the user's, such as a chat's.

Guarantee: an alert waits for nobody. `Webhook(url)` puts it into a bounded queue; a thread sends what is in it, one
after the other, tries again with growing pauses where that may help, and gives up after `ATTEMPTS`. What was not sent
is counted and said.

Safety: http and https only. A redirect is followed only to the very host that was asked, so that nobody there can make
this machine ask another; at most `REDIRECTS` times, and never from https to http. The answer's content isn't looked at.
The address is a secret (whoever has it can write to the chat), so messages show its host alone.
"""

import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import IO, Any, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from readers.alert import Alert

ATTEMPTS = 5
FIRST_PAUSE_S = 1.0
"""Between the first two attempts; doubled each time."""
TIMEOUT_S = 10.0
REDIRECTS = 3
WAITING = 100
"""Alerts that may wait to be sent; what comes on top is not sent, and counted."""
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_log = logging.getLogger("steplog")


class Waits(Protocol):
    """What a pause is made of; a threading.Event's own."""

    def __call__(self, timeout: float) -> bool:
        """Wait, or return True at once when it is time to end."""


class Webhook:
    """Sends alerts to an address; call it with each.

    Args:
        url: http or https. The body is JSON: "text" with the alert in words, as chats show it, and "alert" with its
            fields (see readers.alert.Alert.as_dict).
        timeout_s: how long one attempt may take to connect, and to answer.
        wait: how to pause between attempts; for tests.

    Raises: ValueError: no such address. TypeError: not text.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, wait: Waits | None = None) -> None:
        self._url = check_url(url)
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._queue: queue.Queue[Alert | None] = queue.Queue(WAITING)
        self._opener = _opener()
        self.sent = 0
        self.failed = 0
        """Alerts that could not be sent, or that there was no room for."""
        self._thread = threading.Thread(target=self._run, name="steplog-webhook", daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """Where it sends to; the rest of the address is a secret."""
        return urlsplit(self._url).netloc

    def __call__(self, alert: Alert) -> None:
        """Send an alert, soon."""
        try:
            self._queue.put_nowait(alert)
        except queue.Full:
            self._fail(f"{WAITING} alerts wait already")

    def close(self, timeout_s: float = 2 * TIMEOUT_S) -> None:
        """Send what waits, within so many seconds, and end. Twice is once."""
        deadline = time.monotonic() + timeout_s
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            _log.debug("steplog: the webhook's queue is full at its end")
        self._thread.join(max(0.0, deadline - time.monotonic()))
        self._closing.set()  # no more pauses
        if self._thread.is_alive():
            self._fail(f"it was not done within {timeout_s:g} s")

    def _run(self) -> None:
        while (alert := self._queue.get()) is not None:
            body = json.dumps({"text": str(alert), "alert": alert.as_dict()}).encode()
            try:
                self._send(body)
            except (
                OSError,
                ValueError,
            ) as error:  # URLError and HTTPError are OSErrors; a hostile answer is a ValueError
                self._fail(_told(error))
            else:
                self.sent += 1

    def _send(self, body: bytes) -> None:
        """Post, again and again where that may help. Raises: OSError, ValueError: it didn't."""
        pause = FIRST_PAUSE_S
        for left in reversed(range(ATTEMPTS)):
            try:
                _post(self._opener, self._url, body, self._timeout_s)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in _AGAIN or not left:
                    raise
            except OSError:
                if not left:
                    raise
            else:
                return
            if self._wait(pause):
                raise TimeoutError("the watch ended before it was sent")
            pause *= 2

    def _fail(self, why: str) -> None:
        self.failed += 1
        _log.warning("steplog: an alert could not be sent to the webhook at %s: %s", self.host, why)


def check_url(url: object) -> str:
    """The address, if alerts can be sent there. Raises: ValueError, TypeError."""
    if not isinstance(url, str):
        raise TypeError(f"a webhook is an address such as 'https://chat.example/hook', not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the webhook's address can't be read: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"a webhook is an http or https address with a host, not {parts.scheme or 'none'}://...")
    if parts.username is not None or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise ValueError("a webhook's address has no user name, spaces or control characters in it")
    return url


def _post(opener: urllib.request.OpenerDirector, url: str, body: bytes, timeout_s: float) -> None:
    """Post once, and follow redirects that stay on the host. Raises: OSError, ValueError."""
    for left in reversed(range(REDIRECTS + 1)):
        headers = {"Content-Type": "application/json", "User-Agent": "steplog"}
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - check_url looked at it
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                answer.read(1)
            return
        except urllib.error.HTTPError as error:
            onward = error.headers.get("Location") if error.code in {307, 308} else None
            if onward is None or not left:
                raise
            error.close()
            url = _on_the_same_host(url, onward)


def _on_the_same_host(url: str, onward: str) -> str:
    """Where a redirect leads. Raises: ValueError: to another host, or from https to http."""
    there = urljoin(url, onward)
    old, new = urlsplit(url), urlsplit(check_url(there))
    if _place(old) != _place(new):
        raise ValueError(f"it redirects to another place ({new.scheme}://{new.netloc}), which is not followed")
    return there


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to `_post`."""

    def redirect_request(  # noqa: PLR0917 - the library's signature
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None: it is an error then, with its headers."""


def _opener() -> urllib.request.OpenerDirector:
    """What can do HTTP and nothing else: no files, no FTP, no data addresses."""
    opener = urllib.request.OpenerDirector()
    handlers: list[Callable[[], Any]] = [
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _NoRedirects,
    ]
    for handler in handlers:
        opener.add_handler(handler())
    return opener


def _told(error: Exception) -> str:
    """An error without the address in it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    return str(getattr(error, "reason", None) or error)

"""Live: the socket that pushes what is new to a browser.

The socket /api/live speaks JSON texts. A client begins, within `FIRST_S`, with

    {"token": "…", "subscribe": {"runs": [ids] | null, "keys": [metrics] | null}, "cursor": {…} | null}

(null: all; [] none) and may send another "subscribe" at any time. The cursor is that of the last message that it got on
an earlier connection, as it was; null for who has just fetched, or will fetch when greeted. The server sends

    {"type": "hello", "cursor": {…}, "resumed": bool}        first; resumed: what was missed comes next
    {"type": "points", "cursor": {…}, "runs": [ids], "keys": [metrics], "writers": [[name, seq], …],
     "rows": [[run, key, step, time_ms, value, writer, n], …]}      n: the point's seq less that of its writer here
    {"type": "runs", "changed": [{"run_id": id, column: value, …}, …]}      cells of the table of runs, once a second
    {"type": "alert", …}
    {"type": "resync", "cursor": {…}}       something was let go: fetch anew what is shown
    {"type": "heartbeat", "cursor": {…}}    nothing is new; every `HEARTBEAT_S`

Whoever doesn't keep to it is told why as the socket closes: 1003 not text, 1007 not such a message, 1008 wrong token or
too many messages, 1009 too long, 1013 too many connections, 1001 the server ends.
"""

import asyncio
import hmac
import time
from collections import deque
from typing import Any

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from readers.dashboard.clients import Client
from readers.dashboard.edits import edit_routes
from readers.dashboard.hub import MOST_CLIENTS, Hub
from readers.dashboard.resume import LiveCursor
from readers.dashboard.ticks import Wanted

FIRST_S = 10.0
HEARTBEAT_S = 15.0
SEND_S = 30.0
"""How long one message may take to go out, before the client counts as gone."""
MOST_MESSAGE_BYTES = 1 << 20
MOST_RUNS, MOST_KEYS = 20_000, 5_000
MOST_MESSAGES, WITHIN_S = 100, 10.0
MOST_BODY_BYTES = 1 << 20
_NO_CURSOR = msgspec.Raw(b"null")
_UNKNOWN = LiveCursor("", 0, 0)


class Subscription(msgspec.Struct, forbid_unknown_fields=True):
    """What a client wants to see."""

    runs: list[str] | None = None
    keys: list[str] | None = None

    def __post_init__(self) -> None:
        for what, names, most in (("runs", self.runs, MOST_RUNS), ("keys", self.keys, MOST_KEYS)):
            if names is not None and len(names) > most:
                raise ValueError(f"{len(names):,} {what}; at most {most:,}, or null for all")

    @property
    def wanted(self) -> Wanted:
        """The same, to be asked often."""
        return Wanted(*(None if names is None else frozenset(names) for names in (self.runs, self.keys)))


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """A client's message."""

    token: str | None = None
    subscribe: Subscription | None = None
    cursor: msgspec.Raw = _NO_CURSOR

    @property
    def wanted(self) -> Wanted | None:
        """What it subscribes to, if it does."""
        return None if self.subscribe is None else self.subscribe.wanted


class Breach(Exception):
    """A client didn't keep to the rules; the code and the reason to close with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")  # a close frame has room for 123 bytes


class Live:
    """The socket's endpoint over one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open = 0

    async def socket(self, websocket: WebSocket) -> None:
        """WS /api/live."""
        await websocket.accept()
        self._open += 1
        try:
            await self._serve(websocket)
        except Breach as breach:
            await _close(websocket, breach.code, breach.reason)
        except WebSocketDisconnect:
            pass
        finally:
            self._open -= 1

    async def _serve(self, websocket: WebSocket) -> None:
        if self._open > MOST_CLIENTS:
            raise _crowded()
        listener = _Listener(websocket)
        try:
            async with asyncio.timeout(FIRST_S):
                first = await listener.message()
        except TimeoutError:
            raise Breach(1008, f"no first message within {FIRST_S:g} s") from None
        self._check(first.token)
        client = Client(asyncio.get_running_loop(), first.wanted or Wanted(frozenset(), frozenset()))
        if not self._hub.join(client, _cursor(first.cursor)):
            raise _crowded()
        try:
            await _first_of(_listen(listener, client), _send(websocket, client))
        finally:
            self._hub.leave(client)

    def _check(self, token: str | None) -> None:
        wanted = self._hub.token
        if wanted is not None and not hmac.compare_digest((token or "").encode(), wanted.encode()):
            raise Breach(1008, "wrong token: reload the page")


def _crowded() -> Breach:
    return Breach(1013, f"{MOST_CLIENTS} pages are connected already")


def live_routes(hub: Hub) -> list[BaseRoute]:
    """The socket, the alerts, and what changes a run."""
    return [WebSocketRoute("/api/live", Live(hub).socket), *edit_routes(hub)]


class _Listener:
    """What a client says, one message after the other."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._times: deque[float] = deque(maxlen=MOST_MESSAGES)

    async def message(self) -> Said:
        """The next one. Raises: Breach. WebSocketDisconnect."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code") or 1000)
        now = time.monotonic()
        if len(self._times) == MOST_MESSAGES and now - self._times[0] < WITHIN_S:
            raise Breach(1008, f"more than {MOST_MESSAGES} messages in {WITHIN_S:g} s")
        self._times.append(now)
        text = event.get("text")
        if text is None:
            raise Breach(1003, "messages are JSON texts, not bytes")
        if len(text) > MOST_MESSAGE_BYTES:
            raise Breach(1009, f"a message has {len(text):,} characters; at most {MOST_MESSAGE_BYTES:,}")
        try:
            return msgspec.json.decode(text, type=Said)
        except (ValueError, RecursionError) as error:
            raise Breach(1007, f"no such message: {error}") from error


async def _listen(listener: _Listener, client: Client) -> None:
    """Follow a client's wishes until it leaves."""
    while True:
        said = await listener.message()
        if said.wanted is not None:
            client.wanted = said.wanted


async def _send(websocket: WebSocket, client: Client) -> None:
    """Send what is queued, as fast as the client takes it."""
    while True:
        message = await client.take(HEARTBEAT_S)
        if message is None:
            raise Breach(*(client.closed or (1001, "")))
        try:
            async with asyncio.timeout(SEND_S):
                await websocket.send_text(message)
        except TimeoutError:
            raise Breach(1008, f"nothing was taken for {SEND_S:g} s") from None


async def _first_of(*wanted: Any) -> None:
    """Run several until one of them ends, and end the others; raises what it raised."""
    tasks = [asyncio.ensure_future(each) for each in wanted]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _cursor(raw: msgspec.Raw) -> LiveCursor | None:
    """A client's cursor; what is none is one that nobody knows."""
    if bytes(raw) == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=LiveCursor)
    except ValueError:
        return _UNKNOWN


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    try:
        await websocket.close(code, reason)
    except (RuntimeError, WebSocketDisconnect):  # it is closed
        return

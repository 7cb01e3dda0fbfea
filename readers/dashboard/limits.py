"""How much a visitor may ask: sizes, rates, how many questions at once, how long one may take.

A question runs in a thread and can't be stopped there. One that takes too long is answered with a refusal, and keeps
its place among the few that may run at once until it really ends, so runaway questions can't pile up.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readers.dashboard.errors import Refused
from readers.dashboard.rates import Rates

_LINGER_BYTES = 64 << 20
_LINGER_S = 0.5
"""How much more of a request that is too large is let come to nothing, and the longest pause in it."""
_CHEAP = {"/api/session"}
"""Answered also while every place is taken: the page must be able to come up and say so."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The limits; the defaults let a page with hundreds of charts through."""

    body_bytes: int = 4 << 20
    """Of one request: room for the ids of 100,000 runs."""
    body_s: float = 10.0
    """From the end of a request's headers to the end of its body."""
    query_s: float = 60.0
    """From a question to the beginning of its answer."""
    at_once: int = 8
    """Questions that run at the same time."""
    waiting: int = 256
    """Questions that wait for that."""
    rate: float = 100.0
    """Questions a second of one address, in the long run."""
    burst: int = 1000
    """Questions of one address at once."""


class Limits:
    """Refuses what is too much. Answers what it refuses itself."""

    def __init__(
        self, app: ASGIApp, settings: LimitSettings | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._limits = settings or LimitSettings()
        self._rates = Rates(self._limits.rate, self._limits.burst, clock)
        self._running = asyncio.Semaphore(self._limits.at_once)
        self._waiting = 0
        self._overdue: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._count(scope)
            whole = await self._whole_body(scope, receive)
        except Refused as refused:
            if refused.status_code == 413:
                await self._answer_sender(refused.response(scope), scope, receive, send)
            else:
                await refused.response(scope)(scope, receive, send)
            return
        if scope["path"].startswith("/api/") and scope["path"] not in _CHEAP:
            await self._ask(scope, whole, send)
        else:
            await self._app(scope, whole, send)

    def _count(self, scope: Scope) -> None:
        """Count a question of this address. Raises: Refused: too many."""
        if scope["path"].startswith("/api/") and not self._rates.take((scope.get("client") or ("",))[0]):
            raise Refused(429, "Too many requests.", "Wait a second.", {"Retry-After": "1"})

    async def _whole_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body within its limits; a `receive` that gives it in one piece. Raises: Refused."""
        body = b""
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
            try:
                async with asyncio.timeout(self._limits.body_s):
                    body = await self._read(scope, receive)
            except TimeoutError:
                raise Refused(408, "The request took too long to arrive.", headers={"Connection": "close"}) from None
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()  # waits for the visitor to leave
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return whole

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        most = self._limits.body_bytes
        length = dict(scope["headers"]).get(b"content-length", b"0")
        parts, size, more = [], 0, True
        while more and max(size, int(length)) <= most:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused(400, "The request ended before its end.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
        if more or size > most:
            raise Refused(
                413, f"The request is larger than {most >> 20} MiB.", "Ask for less at once.", {"Connection": "close"}
            )
        return b"".join(parts)

    async def _answer_sender(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one who is still sending, and let that come to nothing for a while.

        To close at once would reset the connection, and most clients read an answer only when they have sent all.
        """

        async def unfinished(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        await answer(scope, receive, unfinished)
        left, more = _LINGER_BYTES, True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.body_s):
                while more and left > 0:
                    async with asyncio.timeout(_LINGER_S):
                        message = await receive()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)  # none when the visitor has left
        await send({"type": "http.response.body", "body": b""})

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a question in its turn, and in time."""
        begun = asyncio.get_running_loop().create_future()
        expired = False

        async def first(message: Message) -> None:
            if expired:
                return
            if not begun.done():
                begun.set_result(None)
            await send(message)

        async def question() -> None:
            async with self._turn() as leave:

                async def leaving(message: Message) -> None:
                    leave()  # what is left is sending, which may take as long as the visitor's line needs
                    await first(message)

                await self._app(scope, receive, leaving)

        task = asyncio.create_task(question())
        try:
            await asyncio.wait({task, begun}, timeout=self._limits.query_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done() or begun.done():
                await task
                return
        except Refused as refused:
            await refused.response(scope)(scope, receive, send)
            return
        except asyncio.CancelledError:
            task.cancel()
            raise
        expired = True
        self._overdue.add(task)
        task.add_done_callback(self._forget)
        late = Refused(
            504, f"No answer within {self._limits.query_s:g} s.", "Ask for fewer runs, or a narrower filter."
        )
        await late.response(scope)(scope, receive, send)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        """A question that was given up has ended; how, interests nobody any more."""
        self._overdue.discard(task)
        if not task.cancelled():
            task.exception()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Callable[[], None]]:
        """Wait for a place; what is given leaves it early. Raises: Refused: too many wait already."""
        if self._waiting >= self._limits.waiting:
            raise Refused(503, "The dashboard is busy with other questions.", "Wait a second.", {"Retry-After": "1"})
        self._waiting += 1
        try:
            await self._running.acquire()
        finally:
            self._waiting -= 1
        holds = True

        def leave() -> None:
            nonlocal holds
            if holds:
                holds = False
                self._running.release()

        try:
            yield leave
        finally:
            leave()

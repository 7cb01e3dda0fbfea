"""What went wrong with a request, in words: every refusal and failure is {"error": …, "hint": …}; a page, to people.

Rule: an answer never tells how this program is built or where it lies: no trace, no path of this machine. What is a
fault of ours is said in full on the server's own terminal, with a number that the answer has too.
"""

import logging
import secrets
import traceback
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import LookupFailed, RunStateError, StoreError
from readers.dashboard.notices import link, notice, paragraph, wants_page

_logger = logging.getLogger("steplog.dashboard")
_WORDS = {404: "There is nothing at this address.", 405: "This address doesn't take that method."}
_NO_WAY_ON = {401, 421}
"""Refused until the address is another one: a link to the start would lead to the same."""
_LONGEST = 2000  # characters of a message; some repeat what was asked


class Refused(HTTPException):
    """A request that isn't answered, and what to do about it.

    Args:
        status: HTTP status, 400 to 599.
        error: what went wrong.
        hint: what to do; may be empty.
        headers: further ones of the answer.
    """

    def __init__(self, status: int, error: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error, headers)
        self.hint = hint

    def response(self, scope: Scope) -> Response:
        """As it is sent: JSON, or a page to who opens the address in a browser."""
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        error = self.detail[:_LONGEST]
        if not wants_page(scope):
            return JSONResponse({"error": error, "hint": self.hint}, self.status_code, headers)
        parts = [paragraph(self.hint)] if self.hint else []
        if self.status_code not in _NO_WAY_ON:
            parts.append(link("/", "Go to the runs"))
        return HTMLResponse(notice(error, *parts), self.status_code, headers)


async def on_refusal(connection: HTTPConnection, error: Exception) -> Response:
    """Answer what a route, or the router, refused."""
    if isinstance(error, Refused):
        return error.response(connection.scope)
    if not isinstance(error, HTTPException):
        raise error
    status, words = error.status_code, error.detail
    if words == HTTPStatus(status).phrase:
        words = _WORDS.get(status, words)
    return Refused(status, words, headers=dict(error.headers or {})).response(connection.scope)


async def on_tracker_error(connection: HTTPConnection, error: Exception) -> Response:
    """Answer what the readers raise: what isn't there, what can't be read, what doesn't fit the run's state."""
    if isinstance(error, LookupFailed):
        return Refused(404, _first_line(error)).response(connection.scope)
    if isinstance(error, RunStateError):
        return Refused(409, _first_line(error)).response(connection.scope)
    if isinstance(error, StoreError):  # its words have the store's path in them
        _logger.warning("%s: %s", connection.url.path, error)
        away = Refused(503, "The store can't be read or written.", "The server's terminal says why.")
        return away.response(connection.scope)
    return fault(connection.scope, error)


def fault(scope: Scope, error: Exception) -> Response:
    """Answer a fault of ours: a number for the visitor, the trace under that number for the terminal."""
    number = secrets.token_hex(4)
    _logger.error("fault %s at %r\n%s", number, scope["path"], "".join(traceback.format_exception(error)))
    words = f"The server's terminal tells more, under fault {number}."
    return Refused(500, "The dashboard failed at this.", words).response(scope)


class Faults:
    """Turns an exception that nobody expected into an answer. One that comes in mid-answer ends the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and catch."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            await fault(scope, error)(scope, receive, send)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

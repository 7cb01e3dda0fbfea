"""What went wrong with a request, in words: every refusal and failure is {"error": …, "hint": …}.

Rule: an answer never tells how this program is built or where it lies: no trace, no path of this machine. What is a
fault of ours is said in full on the server's own terminal, with a number that the answer has too.
"""

import logging
import secrets
import traceback
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import LookupFailed, RunStateError, StoreError

_logger = logging.getLogger("steplog.dashboard")
_WORDS = {404: "There is nothing at this address.", 405: "This address doesn't take that method."}
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

    def response(self) -> Response:
        """As it is sent."""
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return JSONResponse({"error": self.detail[:_LONGEST], "hint": self.hint}, self.status_code, headers)


async def on_refusal(_: HTTPConnection, error: Exception) -> Response:
    """Answer what a route, or the router, refused."""
    if isinstance(error, Refused):
        return error.response()
    if not isinstance(error, HTTPException):
        raise error
    status, words = error.status_code, error.detail
    if words == HTTPStatus(status).phrase:
        words = _WORDS.get(status, words)
    return Refused(status, words, headers=dict(error.headers or {})).response()


async def on_tracker_error(connection: HTTPConnection, error: Exception) -> Response:
    """Answer what the readers raise: what isn't there, what can't be read, what doesn't fit the run's state."""
    if isinstance(error, LookupFailed):
        return Refused(404, _first_line(error)).response()
    if isinstance(error, RunStateError):
        return Refused(409, _first_line(error)).response()
    if isinstance(error, StoreError):  # its words have the store's path in them
        _logger.warning("%s: %s", connection.url.path, error)
        return Refused(503, "The store can't be read or written.", "The server's terminal says why.").response()
    return fault(connection.url.path, error)


def fault(path: str, error: Exception) -> Response:
    """Answer a fault of ours: a number for the visitor, the trace under that number for the terminal."""
    number = secrets.token_hex(4)
    _logger.error("fault %s at %r\n%s", number, path, "".join(traceback.format_exception(error)))
    words = f"The server's terminal tells more, under fault {number}."
    return Refused(500, "The dashboard failed at this.", words).response()


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
            await fault(scope["path"], error)(scope, receive, send)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

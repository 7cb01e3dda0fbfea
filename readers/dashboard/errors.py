"""What went wrong with a request, in words: every refusal and failure is {"error": …, "hint": …}.

Rule: an answer never tells how this program is built or where it lies: no trace, no path of this machine. What is a
fault of ours is said in full on the server's own terminal, with a number that the answer has too.
"""

import logging
import secrets
import traceback
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.errors import (
    LookupFailed,
    RunStateError,
    SegmentCorrupt,
    StoreError,
    TrackerError,
)

_logger = logging.getLogger("steplog.dashboard")
_HINTS = {
    400: "",
    404: "It may have been there before: reload the page.",
    405: "",
    413: "Ask for less at once.",
}


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


def answer(status: int, error: str, hint: str = "", headers: dict[str, str] | None = None) -> Response:
    """The one shape of a refusal."""
    return JSONResponse({"error": error, "hint": hint}, status, {"Cache-Control": "no-store", **(headers or {})})


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Answer what a route, or the router, refused."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    if isinstance(error, Refused):
        return answer(status, error.detail, error.hint, dict(error.headers or {}))
    words = {404: "There is nothing at this address.", 405: "This address doesn't take that method."}
    said = error.detail if error.detail != HTTPStatus(status).phrase else words.get(status, error.detail)
    return answer(status, said, _HINTS.get(status, ""), dict(error.headers or {}))


async def on_tracker_error(request: Request, error: Exception) -> Response:
    """Answer what the readers raise: what isn't there, what can't be read, what doesn't fit the run's state."""
    if isinstance(error, LookupFailed):
        return answer(404, _first_line(error))
    if isinstance(error, RunStateError):
        return answer(409, _first_line(error))
    if isinstance(error, SegmentCorrupt | StoreError):
        _logger.warning("%s %s: %s", request.method, request.url.path, error)
        return answer(503, "The store can't be read or written as asked.", "The server's terminal says why.")
    assert isinstance(error, TrackerError)
    return await on_failure(request, error)


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer a fault of ours: a number for the visitor, the trace for the terminal."""
    number = secrets.token_hex(4)
    trace = "".join(traceback.format_exception(error))
    _logger.error("fault %s at %s %s\n%s", number, request.method, request.url.path, trace)
    return answer(500, "The dashboard failed at this.", f"The server's terminal tells more, under fault {number}.")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

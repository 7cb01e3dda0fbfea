"""Edits: the addresses that change a run, and the one that tells of alerts.

A change is answered by 202 when every reader of the store can see it. Who may ask is looked at before (see security).
"""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ingest.errors import StoreUnavailable
from readers.dashboard.control import ReadOnly
from readers.dashboard.errors import Refused
from readers.dashboard.hub import Hub

MOST_BODY_BYTES = 1 << 20


class Edits:
    """The endpoints over one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def alerts(self, request: Request) -> Response:
        """GET /api/alerts."""
        del request
        return JSONResponse(self._hub.alerts, headers={"Cache-Control": "no-store"})

    async def stop(self, request: Request) -> Response:
        """POST /api/runs/{run_id}/stop."""
        return await self._change(request, lambda run_id, _: self._hub.controls.stop(run_id))

    async def tags(self, request: Request) -> Response:
        """POST /api/runs/{run_id}/tags."""
        return await self._change(request, self._hub.controls.set_tags)

    async def note(self, request: Request) -> Response:
        """POST /api/runs/{run_id}/note."""

        def write(run_id: str, body: object) -> None:
            if not isinstance(body, dict) or "text" not in body:
                raise ValueError('a note is sent as {"text": "…"}')
            self._hub.controls.set_note(run_id, body["text"])

        return await self._change(request, write)

    async def _change(self, request: Request, change: Callable[[str, Any], None]) -> Response:
        """Do it, in a thread: it waits for the disk."""
        if self._hub.controls.read_only:
            raise Refused(403, "This dashboard is read-only.", "Start it without --read-only to change runs.")
        body = await _body(request)
        try:
            await run_in_threadpool(change, request.path_params["run_id"], body)
        except ReadOnly as error:
            raise Refused(403, str(error)) from error
        except StoreUnavailable as error:
            raise Refused(503, "The store can't be written.", "See to its disk and its permissions.") from error
        except (TypeError, ValueError) as error:
            raise Refused(400, str(error)) from error
        return JSONResponse({"accepted": True}, 202, {"Cache-Control": "no-store"})


def edit_routes(hub: Hub) -> list[BaseRoute]:
    """The endpoints as routes."""
    edits = Edits(hub)
    return [
        Route("/api/alerts", edits.alerts),
        Route("/api/runs/{run_id}/stop", edits.stop, methods=["POST"]),
        Route("/api/runs/{run_id}/tags", edits.tags, methods=["POST"]),
        Route("/api/runs/{run_id}/note", edits.note, methods=["POST"]),
    ]


async def _body(request: Request) -> Any:
    """A request's JSON; None for nothing. Raises: Refused."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise Refused(413, f"The request has more than {MOST_BODY_BYTES:,} bytes.", "Ask for less at once.")
    try:
        return msgspec.json.decode(body) if body else None
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"The request is no JSON: {error}.") from error

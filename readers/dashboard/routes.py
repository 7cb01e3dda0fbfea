"""The routes of the read API: a request in, an answer of the functions beside this module out.

Everything that computes runs in Starlette's thread pool. An error is JSON, {"error": words, "hint": words}: what isn't
there is 404, what can't be understood 400, a store that can't be read 503.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingest.errors import ExperimentNotFound, LookupFailed, StoreError
from readers.dashboard import run_view, runs_table
from readers.dashboard.jsonform import encoded
from readers.dashboard.series import Asked, Series
from readers.dashboard.store_view import StoreView
from readers.store import Store

MOST_BODY_BYTES = 4 << 20
MOST_IDS = 20_000
VERSION = "0.1.0"
_Endpoint = Callable[[Request], Awaitable[Response]]
Query = TypeVar("Query", bound=msgspec.Struct)


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of /api/series."""

    runs: list[str]
    key: str
    x: str = "step"
    lower: float | None = msgspec.field(default=None, name="from")
    upper: float | None = msgspec.field(default=None, name="to")
    buckets: int = 1000


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that names runs."""

    runs: list[str]


class Api:
    """The endpoints over one store."""

    def __init__(self, store: Store, *, read_only: bool = False) -> None:
        self._view = StoreView(store)
        self._runs = runs_table.RunsTable(self._view)
        self._series = Series(self._view)
        self._read_only = read_only

    async def store(self, request: Request) -> Response:
        """GET /api/store."""
        del request
        body = await run_in_threadpool(runs_table.overview, self._view, version=VERSION, read_only=self._read_only)
        return _json(body)

    async def runs(self, request: Request) -> Response:
        """GET /api/runs?experiment=NAME&filter=EXPR."""
        experiment, where = (request.query_params.get(name) or None for name in ("experiment", "filter"))
        try:
            body = await run_in_threadpool(self._runs.body, experiment, where)
        except ExperimentNotFound:
            raise
        except LookupFailed as error:  # the filter names what isn't there: it is the filter that is wrong
            raise ValueError(str(error)) from error
        tag = f'W/"{body.tag}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return _json(body.zipped, {**headers, "Content-Encoding": "gzip"})
        return _json(body.plain, headers)

    async def run(self, request: Request) -> Response:
        """GET /api/runs/{run_id}."""
        found = await run_in_threadpool(run_view.run_page, self._view, request.path_params["run_id"])
        return _json(await run_in_threadpool(encoded, found))

    async def metrics(self, request: Request) -> Response:
        """POST /api/metrics."""
        query = await _body(request, RunsQuery)
        return _json(await run_in_threadpool(_metrics, self._view, query.runs))

    async def series(self, request: Request) -> Response:
        """POST /api/series."""
        query = await _body(request, SeriesQuery)
        asked = Asked(query.runs, query.key, query.x, query.lower, query.upper, query.buckets)
        body = await run_in_threadpool(self._series.answer, asked)
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def api_routes(store: Store, *, read_only: bool = False) -> list[BaseRoute]:
    """The routes of the read API over a store; each has its caches for itself."""
    api = Api(store, read_only=read_only)
    gets: dict[str, _Endpoint] = {
        "/api/store": api.store,
        "/api/runs": api.runs,
        "/api/runs/{run_id}": api.run,
    }
    posts: dict[str, _Endpoint] = {
        "/api/metrics": api.metrics,
        "/api/series": api.series,
    }
    return [
        *(Route(path, _answering(endpoint), methods=["GET"]) for path, endpoint in gets.items()),
        *(Route(path, _answering(endpoint), methods=["POST"]) for path, endpoint in posts.items()),
    ]


def _metrics(view: StoreView, run_ids: list[str]) -> bytes:
    from readers.dashboard.metric_keys import metric_keys

    return encoded(metric_keys(view.these(run_ids)))


def _answering(endpoint: _Endpoint) -> _Endpoint:
    """The endpoint with errors as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LookupFailed as error:
            return _refusal(404, error)
        except StoreError as error:
            return _refusal(503, error)
        except (ValueError, TypeError) as error:
            return _refusal(400, error)

    return answer


def _refusal(status: int, error: Exception) -> Response:
    said, _, hint = str(error).partition("; ")
    return Response(encoded({"error": said, "hint": hint}), status, media_type="application/json")


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers=headers or {"Cache-Control": "no-store"})


async def _body(request: Request, kind: type[Query]) -> Query:
    """The request's JSON as what it should be. Raises: ValueError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise ValueError(f"the request's body is longer than {MOST_BODY_BYTES:,} bytes; ask for fewer runs")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"the request's body isn't what is asked for here: {error}") from error

"""The routes of the read API: a request in, an answer of the functions beside this module out.

Everything that reads or computes runs in Starlette's thread pool. An error is JSON, {"error": words, "hint": words}:
what isn't there is 404, what can't be understood 400, a store that can't be read 503.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingest.errors import ExperimentNotFound, LookupFailed, StoreError
from readers.dashboard import artifacts, run_view, runs_table
from readers.dashboard.comparisons import Comparisons, Scope
from readers.dashboard.jsonform import encoded
from readers.dashboard.metric_keys import metric_keys
from readers.dashboard.previews import preview
from readers.dashboard.queries import (
    ImportanceQuery,
    ParallelQuery,
    RunsQuery,
    ScopeQuery,
    SeriesQuery,
    VerdictsQuery,
)
from readers.dashboard.series import Asked, Series
from readers.dashboard.store_view import StoreView, no_run
from readers.store import Store

MOST_BODY_BYTES = 4 << 20
_Endpoint = Callable[[Request], Awaitable[Response]]
Query = TypeVar("Query", bound=msgspec.Struct)


class Api:
    """The endpoints over one store."""

    def __init__(self, store: Store, *, read_only: bool, version: str) -> None:
        self._view = StoreView(store)
        self._runs = runs_table.RunsTable(self._view)
        self._series = Series(self._view)
        self._comparisons = Comparisons(self._view)
        self._about = {"read_only": read_only, "version": version}

    async def store(self, request: Request) -> Response:
        """GET /api/store."""
        del request
        return await _told(runs_table.overview, self._view, self._about)

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
        """GET /api/runs/{run_id}?step_time=METRIC."""
        step_time = request.query_params.get("step_time") or None
        return await _told(run_view.run_page, self._view, _run_id(request), step_time)

    async def value(self, request: Request) -> Response:
        """GET /api/runs/{run_id}/value?kind=param|tag|env&name=NAME."""
        kind, name = (request.query_params.get(each, "") for each in ("kind", "name"))
        return await _told(run_view.whole_value, self._view, _run_id(request), kind, name)

    async def artifact(self, request: Request) -> Response:
        """GET /api/runs/{run_id}/artifacts/{index}?download=1."""
        file, found = await run_in_threadpool(self._opened, _run_id(request), request.path_params["index"])
        return artifacts.FileAnswer(
            file, found, request, save=request.query_params.get("download", "") not in {"", "0"}
        )

    async def preview(self, request: Request) -> Response:
        """GET /api/runs/{run_id}/artifacts/{index}/preview."""
        return await _told(self._previewed, _run_id(request), request.path_params["index"])

    async def metrics(self, request: Request) -> Response:
        """POST /api/metrics."""
        query = await _body(request, RunsQuery)
        return await _told(lambda: metric_keys(self._view.these(query.runs)))

    async def series(self, request: Request) -> Response:
        """POST /api/series."""
        query = await _body(request, SeriesQuery)
        asked = Asked(query.runs, query.key, query.x, query.lower, query.upper, query.buckets)
        body = await run_in_threadpool(self._series.answer, asked)
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    async def compare(self, request: Request) -> Response:
        """POST /api/compare."""
        query = await _body(request, RunsQuery)
        return await _told(self._comparisons.compare, query.runs)

    async def importance(self, request: Request) -> Response:
        """POST /api/importance."""
        query = await _body(request, ImportanceQuery)
        return await _told(self._comparisons.importance, _scope(query), query.metric, query.method)

    async def verdicts(self, request: Request) -> Response:
        """POST /api/verdicts."""
        query = await _body(request, VerdictsQuery)
        return await _told(self._comparisons.verdicts, _scope(query), query.by, query.metric, query.pair_on)

    async def parallel(self, request: Request) -> Response:
        """POST /api/parallel."""
        query = await _body(request, ParallelQuery)
        return await _told(self._comparisons.parallel, _scope(query), query.metric, query.params)

    def _opened(self, run_id: str, index: int) -> Any:
        """(the open file of an artifact, what is known of it)."""
        found = artifacts.at(self._facts(run_id), index)
        return artifacts.opened(self._view.store.layout, run_id, found), found

    def _previewed(self, run_id: str, index: int) -> dict[str, object]:
        file, found = self._opened(run_id, index)
        with file:
            kind, _ = artifacts.content_type(found.path)
            return {**preview(found.path, file), "media_type": kind}

    def _facts(self, run_id: str) -> Any:
        """The run's facts of artifacts. Raises: RunNotFound."""
        table = self._view.now().table
        experiment = dict(table.runs.select("run_id", "experiment").iter_rows()).get(run_id)
        if experiment is None:
            raise no_run(run_id, table)
        return run_view.facts_of(self._view, run_id, experiment)


def api_routes(store: Store, *, read_only: bool = False, version: str = "") -> list[BaseRoute]:
    """The routes of the read API over a store; what they keep in memory is their own."""
    api = Api(store, read_only=read_only, version=version)
    gets: dict[str, _Endpoint] = {
        "/api/store": api.store,
        "/api/runs": api.runs,
        "/api/runs/{run_id}": api.run,
        "/api/runs/{run_id}/value": api.value,
        "/api/runs/{run_id}/artifacts/{index:int}": api.artifact,
        "/api/runs/{run_id}/artifacts/{index:int}/preview": api.preview,
    }
    posts: dict[str, _Endpoint] = {
        "/api/metrics": api.metrics,
        "/api/series": api.series,
        "/api/compare": api.compare,
        "/api/importance": api.importance,
        "/api/verdicts": api.verdicts,
        "/api/parallel": api.parallel,
    }
    return [
        *(Route(path, _answering(endpoint), methods=["GET"]) for path, endpoint in gets.items()),
        *(Route(path, _answering(endpoint), methods=["POST"]) for path, endpoint in posts.items()),
    ]


def _answering(endpoint: _Endpoint) -> _Endpoint:
    """The endpoint with errors as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LookupFailed as error:
            return _refusal(404, str(error))
        except (StoreError, FileNotFoundError):  # files that were deleted by hand while they were read
            return _refusal(503, "the store can't be read; look at the server's terminal")
        except (ValueError, TypeError) as error:
            return _refusal(400, str(error))

    return answer


def _refusal(status: int, words: str) -> Response:
    said, _, hint = words.partition("; ")
    body = encoded({"error": said, "hint": hint})
    return Response(body, status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _json(body: bytes, headers: dict[str, str]) -> Response:
    return Response(body, media_type="application/json", headers=headers)


async def _told(answer: Callable[..., object], *asked: object) -> Response:
    """What a function answers, as JSON; computed and encoded in the thread pool."""
    body = await run_in_threadpool(lambda: encoded(answer(*asked)))
    return _json(body, {"Cache-Control": "no-store"})


def _run_id(request: Request) -> str:
    return str(request.path_params["run_id"])


def _scope(query: ScopeQuery) -> Scope:
    return Scope(None if query.runs is None else tuple(query.runs), query.experiment)


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
        raise ValueError(f"the request's body isn't what is asked for here; {error}") from error

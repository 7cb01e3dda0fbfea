"""The application: which address gives what, and what stands before all of them.

Order of a request: security (may it ask at all?) -> limits (sizes, rates, time) -> compression -> routes: data, live
data and changes, and what is left is the page.
"""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.errors import TrackerError
from readers.dashboard.errors import Faults, on_refusal, on_tracker_error
from readers.dashboard.hub import Hub
from readers.dashboard.limits import Limits, LimitSettings
from readers.dashboard.live import live_routes
from readers.dashboard.pages import Page
from readers.dashboard.routes import api_routes
from readers.dashboard.rulesfile import watch_rules
from readers.dashboard.security import Security
from readers.dashboard.settings import DashboardSettings
from readers.store import Store

SESSION = "/api/session"
_ARTIFACT = re.compile(r"/api/runs/[^/]*/artifacts/[0-9]+")
_NO_TEXT = (
    "application/octet-stream",
    "application/zip",
    "application/gzip",
    "audio/*",
    "font/*",
    "image/*",
    "video/*",
)


def create_app(settings: DashboardSettings, *, limits: LimitSettings | None = None) -> Starlette:
    """The server's application over one store.

    `app.state` has `settings` and `session_token`: what a page must send with every change.

    Raises: StoreUnavailable, FormatTooNew: there is no store to show. ValueError: a rule or a webhook that is none.
    """
    store = Store(settings.place)
    session_token = secrets.token_urlsafe(32)
    hub = Hub(
        store,
        read_only=settings.read_only,
        token=session_token,
        alerts=settings.alerts,
        webhook=settings.webhook,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        hub.start()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch_rules, store.layout, hub.rules_changed)
                yield
                tasks.cancel_scope.cancel()
        finally:
            await run_in_threadpool(hub.stop)

    app = Starlette(
        routes=[
            Route(SESSION, _session),
            *api_routes(store, read_only=settings.read_only, version=package_version()),
            *live_routes(hub),
            *Page().routes(),
        ],
        middleware=[
            Middleware(Security, settings, session_token),
            Middleware(Limits, limits),
            Middleware(Compressed),
            Middleware(Faults),
        ],
        exception_handlers={HTTPException: on_refusal, TrackerError: on_tracker_error},
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.session_token = session_token
    return app


class Compressed(GZipMiddleware):
    """Text is compressed, but for two kinds of answers.

    The one with a secret in it: a length can tell what is in a text (BREACH). And artifacts: whoever asks for a range
    of one means its own bytes.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, minimum_size=1024, compresslevel=4, exclude_content_types=_NO_TEXT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compress, or pass on."""
        if scope["type"] != "http" or scope["path"] == SESSION or _ARTIFACT.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _session(request: Request) -> Response:
    """What the page needs to know of this server, its token for changes first."""
    state = request.app.state
    settings: DashboardSettings = state.settings
    return JSONResponse(
        {
            "token": state.session_token,
            "read_only": settings.read_only,
            "version": package_version(),
            "store": settings.name,
        },
        headers={"Cache-Control": "no-store"},
    )


def package_version() -> str:
    """The installed version; "" where it isn't installed."""
    try:
        return version("steplog")
    except PackageNotFoundError:
        return ""

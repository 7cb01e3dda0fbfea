"""The application: which address gives what, and what stands before all of them.

Order of a request: security (may it ask at all?) -> limits (sizes, rates, time) -> gzip -> routes. Routes of data are
D's `api_routes`, of live data and changes L's `live_routes`; what is left is the page.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ingest.errors import TrackerError
from readers.dashboard.errors import on_failure, on_http_exception, on_tracker_error
from readers.dashboard.pages import Page
from readers.dashboard.settings import DashboardSettings
from readers.store import Store


def create_app(settings: DashboardSettings) -> Starlette:
    """The server's application over one store.

    `app.state` has `settings` and `session_token`: what a page must send with every change.

    Raises: StoreUnavailable, FormatTooNew: there is no store to show.
    """
    store = Store(settings.store)
    session_token = secrets.token_urlsafe(32)
    hub, routes = _live(store, settings, session_token)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if hub is not None:
            hub.start()
        try:
            yield
        finally:
            if hub is not None:
                hub.stop()

    app = Starlette(
        routes=[Route("/api/session", _session), *_api(store, read_only=settings.read_only), *routes, *Page().routes()],
        exception_handlers={
            HTTPException: on_http_exception,
            TrackerError: on_tracker_error,
            Exception: on_failure,
        },
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.session_token = session_token
    return app


def _session(request: Request) -> Response:
    """What the page needs to know of this server, its token for changes first."""
    state = request.app.state
    settings: DashboardSettings = state.settings
    return JSONResponse(
        {
            "token": state.session_token,
            "read_only": settings.read_only,
            "version": package_version(),
            "store": Path(settings.store).name,
        },
        headers={"Cache-Control": "no-store"},
    )


def package_version() -> str:
    """The installed version; "" where it isn't installed."""
    try:
        return version("steplog")
    except PackageNotFoundError:
        return ""


def _api(store: Store, *, read_only: bool) -> Sequence[BaseRoute]:
    try:
        from readers.dashboard.routes import api_routes
    except ModuleNotFoundError:
        return []
    return api_routes(store, read_only=read_only)


def _live(store: Store, settings: DashboardSettings, session_token: str):
    try:
        from readers.dashboard.hub import Hub
        from readers.dashboard.live import live_routes
    except ModuleNotFoundError:
        return None, []
    hub = Hub(store)
    return hub, live_routes(hub)

"""Who may ask: looked at before anything else sees a request, and on every method, page or socket.

A browser is shown pages of strangers, and those can send requests here. What keeps them out, in order:

* The Host must be one of ours, so that a stranger's name that suddenly points to this machine (DNS rebinding) gets
  nothing. Any port will do: people reach the dashboard through tunnels, and a page can't choose what Host is sent.
* A request that another site's page caused (Sec-Fetch-Site, Origin) is refused, whatever it asks for. Only following a
  link to a page of ours is allowed: the document is the same for everybody and holds no data.
* Where the server has a token, a visitor must have brought it: once in the address, from then on in a cookie that no
  script and no other site can use; programs send it as a bearer token.
* Whatever isn't a plain GET must be JSON, and carry the session's token in a header, which only a page of this server
  can read and no form can send.
"""

import hmac
import ipaddress
import re
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readers.dashboard.errors import Refused
from readers.dashboard.headers import HEADERS
from readers.dashboard.notices import link, notice, paragraph
from readers.dashboard.rates import Rates
from readers.dashboard.settings import DashboardSettings

TOKEN_HEADER = "x-steplog-token"  # noqa: S105 - its name
METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_SAFE = {"GET", "HEAD", "OPTIONS"}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_OPEN_IT = "Open the dashboard's address yourself."
_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_ASK = notice(
    "This dashboard asks for its token",
    paragraph(
        "Open the address that `steplog ui` printed when it was started; it ends with `?token=` and the token. Once is "
        "enough: this browser then remembers it until it is closed."
    ),
)


class Security:
    """The first thing that a request meets.

    Args:
        app: what stands behind it.
        settings: whose names and token count.
        session_token: what every change must carry.
        clock: for the limit on guesses.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: DashboardSettings,
        session_token: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._names = _own_names(settings)
        self._any_address = not settings.is_loopback
        self._token = settings.token
        self._session_token = session_token
        self._cookie = "" if settings.token is None else _cookie_value(settings.token)
        self._guesses = Rates(rate=0.5, burst=10, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here; every answer gets the headers."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headed = _with_headers(send)
        try:
            answer = self._look(scope)
        except Refused as refused:
            answer = refused.response(scope)
        await (answer or self._app)(scope, receive, headed)

    def _look(self, scope: Scope) -> Response | None:
        """None to let it through. Raises: Refused."""
        headers = Headers(scope=scope)
        _check_target(scope)
        authority = self._check_host(headers)
        page = _is_page(scope)
        _check_site(headers, opens_page=page)
        _check_origin(headers, authority)
        if scope["type"] == "http" and scope["method"] not in METHODS:
            raise Refused(405, "No address here takes that method.", headers={"Allow": ", ".join(METHODS)})
        answer = self._check_token(scope, headers, page=page)
        if answer is not None:
            return answer
        if scope["type"] == "http" and scope["method"] == "OPTIONS":  # no word of CORS: other origins are refused
            return Response(None, 204, {"Allow": ", ".join(METHODS)})
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            self._check_change(headers)
        return None

    def _check_host(self, headers: Headers) -> str:
        """The authority that the visitor means. Raises: Refused."""
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if found is None or not self._is_ours(found["name"]):
            raise Refused(
                421,
                "This dashboard doesn't answer under that name.",
                "Use the address that `steplog ui` printed; if a proxy stands before it, start it with --name.",
            )
        return given[0].lower()

    def _is_ours(self, name: str) -> bool:
        return name in self._names or (self._any_address and _is_address(name.strip("[]")))

    def _check_token(self, scope: Scope, headers: Headers, *, page: bool) -> Response | None:
        """None when the visitor has the token. Raises: Refused."""
        if self._token is None:
            return None
        client = (scope.get("client") or ("",))[0]
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if self._is_known(scope, headers):
            return self._welcome(scope, headers, query) if given and page else None
        bearer = headers.get("authorization", "").partition(" ")
        offered = given[:1] if page else []
        if bearer[0].lower() == "bearer":
            offered.append(bearer[2].strip())
        if not offered:
            if page:
                return HTMLResponse(_ASK, 401, {"Cache-Control": "no-store"})
            raise Refused(401, "This dashboard asks for its token.", "Open the address that `steplog ui` printed.")
        if not self._guesses.take(client):
            raise Refused(429, "Too many wrong tokens.", "Wait a minute.", {"Retry-After": "60"})
        if not any(_same(one, self._token) for one in offered):
            raise Refused(401, "That isn't this dashboard's token.", "Open the address that `steplog ui` printed.")
        self._guesses.give_back(client)
        return self._welcome(scope, headers, query) if given and page else None

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        """Whether a cookie of ours came along; other servers of this host have theirs, of any shape, beside it."""
        pairs = (pair.partition("=") for pair in headers.get("cookie", "").split(";"))
        mine = _cookie_name(scope)
        return any(name.strip() == mine and _same(value.strip(), self._cookie) for name, _, value in pairs)

    def _welcome(self, scope: Scope, headers: Headers, query: list[tuple[str, str]]) -> Response:
        """Remember the visitor, and go to the same page without the token in its address."""
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        url = "/" + quote(scope["path"].lstrip("/")) + (f"?{rest}" if rest else "")
        kept = {"Cache-Control": "no-store"}
        response: Response
        if headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            # After a link of another site, a redirect counts as that site's and a strict cookie would stay at home.
            on = f'<meta http-equiv="refresh" content="0;url={escape(url)}">'
            response = HTMLResponse(notice("Go on to the dashboard", link(url, "Go on"), head=on), 200, kept)
        else:
            response = RedirectResponse(url, 303, kept)
        response.set_cookie(_cookie_name(scope), self._cookie, path="/", httponly=True, samesite="strict")
        return response

    def _check_change(self, headers: Headers) -> None:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Only JSON can be sent here.", "Send it as Content-Type: application/json.")
        if not _same(headers.get(TOKEN_HEADER, ""), self._session_token):
            raise Refused(
                403,
                "The request lacks this session's token.",
                "The dashboard was started anew: reload the page. Programs find the token at /api/session and send it "
                "as X-Steplog-Token.",
            )


def _check_target(scope: Scope) -> None:
    """The address as sent must be a path of this server, without tricks."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path: str = scope["path"]
    if not raw.startswith(b"/") or path.startswith("//") or _ODD.search(path):
        raise Refused(400, "That isn't an address of this server.")
    if {"..", "."} & set(path.split("/")):
        raise Refused(404, "There is nothing at this address.")


def _check_site(headers: Headers, *, opens_page: bool) -> None:
    """What a browser says about who caused the request."""
    site = headers.get("sec-fetch-site", "none").lower()
    if site in {"same-origin", "none"}:
        return
    follows_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if not (opens_page and follows_link):
        raise Refused(403, "A page of another site asked for this; only the dashboard's own pages may.", _OPEN_IT)


def _check_origin(headers: Headers, authority: str) -> None:
    given = headers.getlist("origin")
    allowed = {f"{scheme}://{_without_default(authority, port)}" for scheme, port in (("http", 80), ("https", 443))}
    if any(origin.lower() not in allowed for origin in given):
        raise Refused(403, "A page of another origin asked for this; only the dashboard's own pages may.", _OPEN_IT)


def _without_default(authority: str, port: int) -> str:
    return authority.removesuffix(f":{port}")


def _is_page(scope: Scope) -> bool:
    """Whether it opens a document: the same for everybody, without data in it."""
    return scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and not scope["path"].startswith("/api")


def _own_names(settings: DashboardSettings) -> frozenset[str]:
    """Host names, as a browser would send them, that mean this server."""
    host = settings.host.lower()
    names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host, *map(str.lower, settings.names)}
    if not settings.is_loopback:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


def _is_address(name: str) -> bool:
    """Whether it is an address in numbers: no name service is asked for it, so nobody can make it point here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie_name(scope: Scope) -> str:
    """With the port in it: browsers share cookies among all ports of a host."""
    server = scope.get("server")
    return f"steplog-{server[1] if server else 0}"


def _cookie_value(token: str) -> str:
    """Not the token itself: a browser's store needn't have it."""
    return hmac.new(token.encode(), b"steplog cookie", sha256).hexdigest()


def _same(given: str, right: str) -> bool:
    """Compare in a time that doesn't tell how much of it is right."""
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())


def _with_headers(send: Send) -> Send:
    async def headed(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start", "websocket.accept"}:
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)  # an artifact has a stricter policy of its own
            message = {**message, "headers": headers.raw}
        await send(message)

    return headed

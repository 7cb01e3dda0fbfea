"""The page: the built front end's files, and one and the same document for every address that a visitor can be at.

Argument for what can be read here: the folder is listed once, regular files only, links left out, and a request's path
is looked up in that list. No text of a request ever becomes part of a path on disk.
"""

import hashlib
import mimetypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from readers.dashboard.errors import Refused
from readers.dashboard.notices import notice, paragraph

STATIC = Path(__file__).parent / "static"
PAGES = ("/", "/run/{run_id}", "/compare", "/alerts")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_NOT_BUILT = notice(
    "The page isn't built yet",
    paragraph(
        "The server runs, but this copy of steplog is a source tree whose web front end was never built. Build it once:"
    ),
    "<pre>python readers/dashboard/web/page.py</pre>",
    paragraph("It needs Node 20.19 or later, and the network once. Then reload this page; the server can stay up."),
)


class StaticFile(NamedTuple):
    """One file of the page, as it is sent."""

    content: bytes
    media_type: str
    etag: str
    cache: str


class Page:
    """The front end's files in memory. They are some hundred kilobytes; read again when the page is built anew."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._files: dict[str, StaticFile] = {}

    def file(self, name: str) -> StaticFile | None:
        """The file of that name below the folder, as assets/index-1a2b.js; None when there is none."""
        stamp = self._now()
        if stamp != self._stamp:
            self._files = _read(self._folder)
            self._stamp = stamp
        return self._files.get(name)

    def _now(self) -> tuple[int, int] | None:
        try:
            found = (self._folder / "index.html").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def show(self, request: Request) -> Response:
        """The document; what it shows is in the address, which the script reads."""
        file = self.file("index.html")
        return HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"}) if file is None else _send(request, file)

    def send(self, request: Request) -> Response:
        """A file of the front end."""
        file = self.file(request.url.path.removeprefix("/"))
        if file is None:
            raise Refused(404, "There is nothing at this address.", "The start page is at /.")
        return _send(request, file)

    def routes(self) -> Sequence[BaseRoute]:
        """The pages, then everything else as a file."""
        return [*(Route(path, self.show) for path in PAGES), Route("/{path:path}", self.send)]


def _send(request: Request, file: StaticFile) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": file.cache}
    asked = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    if file.etag in asked or "*" in asked:
        return Response(None, 304, headers)
    return Response(file.content, 200, headers, file.media_type)


def _read(folder: Path) -> dict[str, StaticFile]:
    files = {}
    for parent, _, names in os.walk(folder, followlinks=False):
        for name in names:
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                continue
            files[path.relative_to(folder).as_posix()] = _file(path)
    return files


def _file(path: Path) -> StaticFile:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # The build puts a hash of the content into the names of what it puts into assets/.
    cache = "public, max-age=31536000, immutable" if path.parent.name == "assets" else "no-cache"
    return StaticFile(content, media_type, f'W/"{hashlib.sha256(content).hexdigest()[:24]}"', cache)

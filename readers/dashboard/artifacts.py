"""Artifacts of a run: which there are, and their bytes, so that no browser runs what lies in them.

They are addressed by their place in the order in which they were first logged, which stays as a run goes on. No text of
a request is ever made a path: the index leads to a fact, the fact's path is checked as artifact names are, and walked
from the store's folder one component at a time without following links (see ingest.files.open_beneath).

The content type comes of a fixed list, by the name's ending; what isn't in it goes out as plain bytes. Pictures, sound
and text may be shown in place, text always as plain text. All else is for saving only, SVG, HTML, XML, PDF and scripts
above all; an SVG keeps its type, as an <img> runs nothing. Whatever it is, it comes with a policy that would run it in
a sandbox without scripts and without a network, and the browser is told not to guess.
"""

import os
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple
from urllib.parse import quote

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.errors import ArtifactNotFound, SegmentCorrupt
from ingest.files import open_beneath
from ingest.layout import RUN_ID, Layout
from ingest.paths import check_path
from readers.dashboard.previews import is_previewable
from readers.texts import parsed

_CHUNK_BYTES = 256 << 10
_INLINE = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
_TEXT_ENDINGS = """
    .txt .log .md .csv .tsv .json .jsonl .yaml .yml .toml .ini .cfg .py .diff .patch .sh .tex .rst .out .err
"""
_TEXT = frozenset(_TEXT_ENDINGS.split())
_PLAIN_TEXT = "text/plain; charset=utf-8"
_SAVED_ONLY = {".svg": "image/svg+xml"}
_BYTES = "application/octet-stream"
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_UNSAFE = re.compile(r"[^A-Za-z0-9._ ()+-]")


class Artifact(NamedTuple):
    """What is known of an artifact."""

    place: int
    """Among the run's artifacts, from 0; its index to the outside."""
    path: str
    size: int
    media_type: str
    kind: str
    time: object

    def told(self) -> dict[str, object]:
        """For the run's page."""
        return {
            "index": self.place,
            "path": self.path,
            "size": self.size,
            "media_type": self.media_type,
            "kind": self.kind,
            "time": self.time,
            "previewable": is_previewable(self.path, self.size),
        }


def listed(facts: pl.DataFrame) -> list[Artifact]:
    """A run's artifacts in the order of their first event; what is told of each is what its last one says.

    Args:
        facts: the run's, in the order in which they were logged.
    """
    last: dict[str, tuple[str, object]] = {}
    for path, value, time in facts.filter(kind="artifact").select("key", "value", "time").iter_rows():
        last[path] = value, time  # keeps the place of the first
    return [_artifact(place, path, *about) for place, (path, about) in enumerate(last.items())]


def at(facts: pl.DataFrame, index: int) -> Artifact:
    """One of them. Raises: ArtifactNotFound."""
    found = listed(facts)
    if not 0 <= index < len(found):
        raise ArtifactNotFound(f"no artifact {index} in this run; it has {len(found)}, counted from 0")
    return found[index]


def _artifact(place: int, path: str, value: str, time: object) -> Artifact:
    about = parsed(value)
    told = about if isinstance(about, Mapping) else {}
    size = told.get("size")
    return Artifact(
        place=place,
        path=path,
        size=size if isinstance(size, int) else 0,
        media_type=str(told.get("media_type", _BYTES))[:200],
        kind=str(told.get("kind", "file"))[:200],
        time=time,
    )


def opened(layout: Layout, run_id: str, artifact: Artifact) -> BinaryIO:
    """The artifact's file. Raises: ArtifactNotFound: it is gone, or isn't a plain file of the run's own folder."""
    message = f"artifact {artifact.place} was logged, but its file can't be opened; it was moved or deleted"
    if not RUN_ID.fullmatch(run_id):  # an id of somebody else's making, which may be a path
        raise ArtifactNotFound(message)
    try:
        layout.obtain(layout.run_artifacts(run_id) / check_path(artifact.path))
        return open_beneath(layout.artifacts, f"{run_id}/{artifact.path}")
    except (OSError, ValueError, SegmentCorrupt) as error:
        raise ArtifactNotFound(message) from error


def content_type(path: str) -> tuple[str, bool]:
    """(what a file of that name goes out as, whether a browser may show it in place)."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _INLINE:
        return _INLINE[suffix], True
    if suffix in _TEXT:
        return _PLAIN_TEXT, True
    return _SAVED_ONLY.get(suffix, _BYTES), False


class FileAnswer(Response):
    """An open file as an answer, whole or the range asked for; it is closed afterwards, also when nobody listens."""

    def __init__(self, file: BinaryIO, artifact: Artifact, request: Request, *, save: bool = False) -> None:
        self._file = file
        about = os.fstat(file.fileno())
        size, tag = about.st_size, f'"{about.st_mtime_ns:x}-{about.st_size:x}-{about.st_ino:x}"'
        kind, shown = content_type(artifact.path)
        headers = {**_HEADERS, "ETag": tag, "Content-Type": kind}
        headers["Content-Disposition"] = disposition(artifact.path, show=shown and not save)
        asked = request.headers
        span = _span(asked.get("range"), size) if asked.get("if-range", tag) == tag else None
        status, self._begin, self._end = 200, 0, size
        if asked.get("if-none-match") == tag:
            status, self._end = 304, 0
        elif span is not None and span[0] >= span[1]:
            status, self._end = 416, 0
            headers["Content-Range"] = f"bytes */{size}"
        elif span is not None:
            status, (self._begin, self._end) = 206, span
            headers["Content-Range"] = f"bytes {self._begin}-{self._end - 1}/{size}"
        if status != 304:
            headers["Content-Length"] = str(self._end - self._begin)
        self._sends = request.method != "HEAD"
        super().__init__(None, status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it a chunk at a time."""
        del scope, receive
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = self._end - self._begin if self._sends else 0
            await run_in_threadpool(self._file.seek, self._begin)
            while left > 0:
                chunk = await run_in_threadpool(self._file.read, min(left, _CHUNK_BYTES))
                if not chunk:  # it was cut short meanwhile: the connection ends before its time, which says so
                    break
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._file.close()


def disposition(path: str, *, show: bool) -> str:
    """The header that says whether to show or save, and under which name (RFC 6266)."""
    name = PurePosixPath(path).name
    plain = _UNSAFE.sub("_", name)[:150] or "artifact"
    return f"{'inline' if show else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _span(asked: str | None, size: int) -> tuple[int, int] | None:
    """The range [begin, end) asked for, empty when there is nothing there; None for the whole.

    Several ranges at once are answered with the whole, as is what isn't understood (RFC 9110).
    """
    match = _RANGE.fullmatch(asked.strip()) if asked and len(asked) < 100 else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size

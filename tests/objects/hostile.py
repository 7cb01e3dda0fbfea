"""An S3 server that lies: it lists any keys at all, gives other bytes than were put, and repeats secrets in its errors.

In memory, without a look at signatures; only what a client of a store asks for. It is for what a real server wouldn't
do; everything else is tested against a real one.
"""

import hashlib
import http.server
import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

_DATE, _HTTP_DATE = "-01-02T03:04:05.000Z", "Fri, 02 Jan 2026 03:04:05 GMT"


class HostileServer(http.server.ThreadingHTTPServer):
    """Serves `objects`, by key; where `fault(method, key, headers)` gives (status, body) it answers that."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.years: dict[str, int] = {}
        """When an object was put, where that isn't 2026, for listings."""
        self.fault: Callable[[str, str, str], tuple[int, bytes] | None] = lambda _method, _key, _headers: None
        self.redirect = ""
        """Where every request is sent on to, if anywhere."""
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """End."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def listing(self, prefix: str, delimiter: str) -> bytes:
        """The answer to ListObjectsV2, whole."""
        found, folders = [], set()
        for key, body in sorted(self.objects.items()):
            if not key.startswith(prefix):
                continue
            below, slash, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if slash:
                folders.add(prefix + below + slash)
                continue
            date = f"{self.years.get(key, 2026)}{_DATE}"
            found.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{date}</LastModified><ETag>{_etag(body)}</ETag>"
                f"<Size>{len(body)}</Size></Contents>"
            )
        found += [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders)]
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(found)}</ListBucketResult>".encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HostileServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = urlsplit(self.path)
        _bucket, _, key = unquote(asked.path).lstrip("/").partition("/")
        status, content = self.server.fault(self.command, key, str(self.headers)) or self._answer(
            key, {name: values[0] for name, values in parse_qs(asked.query).items()}, body
        )
        if self.server.redirect:
            status, content = 307, b""
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        self.send_response(206 if span and status == 200 else status)
        if span and status == 200:
            first, last = int(span[1]), min(int(span[2]), len(content) - 1)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            content = content[first : last + 1]
        if self.server.redirect:
            self.send_header("Location", self.server.redirect + self.path)
        self.send_header("ETag", _etag(content))
        self.send_header("Last-Modified", _HTTP_DATE)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answer(self, key: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        objects = self.server.objects
        if self.command == "POST":  # the only one: delete these
            for gone in re.findall(r"<Key>(.*?)</Key>", body.decode()):
                objects.pop(unescape(gone), None)
            return 200, b"<DeleteResult></DeleteResult>"
        if not key:
            return 200, self.server.listing(query.get("prefix", ""), query.get("delimiter", ""))
        if self.command == "PUT":
            if self.headers.get("If-None-Match") and key in objects:
                return 412, b"<Error><Code>PreconditionFailed</Code></Error>"
            objects[key] = body
            return 200, b""
        if self.command == "DELETE":
            objects.pop(key, None)
            return 204, b""
        found = objects.get(key)
        return (404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else (200, found)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve  # noqa: N815 - their names there


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'

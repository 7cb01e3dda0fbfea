"""A bucket below a store's prefix: bytes under keys, by obstore (S3, Google Cloud Storage, Azure). Any thread.

Guarantees. *Whole*: under a key lies what one `put` gave or nothing; a large file goes up in parts that show when the
last has arrived. *Bounded*: every request ends in time (see clients). Memory: a large file takes two chunks at a time,
and two large files are on their way at once. *Once*: with `create` of several who put the same key one gets True. An
answer that never came may belong to a request that was done, or will be: that is for the caller to think of (see
uploader, swaps).
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from ingest.errors import ObjectsUnavailable, SegmentCorrupt
from ingest.layout import FILE_MODE
from ingest.objects.address import Address
from ingest.objects.clients import AT_ONCE, CHUNK_BYTES, Clients
from ingest.objects.entries import Counts, Entry, entry_of, together
from ingest.objects.refusals import translated

__all__ = ["MOST_BYTES", "Bucket", "Counts", "Entry"]
_T = TypeVar("_T")
_MOST_CHUNKS, _SMALL_BYTES, _PAGE = 9_000, 256 * 1024, 1000

MOST_BYTES = 320 << 20
"""Of an object that is read at once; nothing of ours that is has so many."""


class Bucket:
    """The objects below one address; keys are relative to its prefix.

    Args:
        timeout_s: of a small request.
        connect_timeout_s: of a connection.
        retries: how often a request is repeated when the server or the network fails; 0 for never.
        retry_s: no repetition begins later than that.

    Every method raises ObjectsUnavailable when the server doesn't answer or refuses, and FileNotFoundError where said.
    Raises: ObjectsUnavailable: obstore isn't installed, or the credentials' files make no sense; nothing is asked yet.
    """

    def __init__(
        self,
        address: Address,
        *,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 5.0,
        retries: int = 3,
        retry_s: float = 30.0,
    ) -> None:
        self.address = address
        self.counts = Counts()
        self._timeouts = timeout_s, connect_timeout_s
        self._retries = retries
        self._clients = Clients(address, timeout_s, connect_timeout_s, retries, retry_s)
        self._lock = threading.Lock()
        self._large = threading.Semaphore(2)
        _ = self._clients.small

    def once(self) -> Self:
        """The same bucket, but it repeats no request by itself; what it does is counted here, too."""
        timeout_s, connect_s = self._timeouts
        made = type(self)(self.address, timeout_s=timeout_s, connect_timeout_s=connect_s, retries=0, retry_s=0.0)
        made.counts, made._lock = self.counts, self._lock  # noqa: SLF001 - of the same class
        return made

    def put(self, key: str, data: bytes | Path, *, create: bool = False) -> bool:
        """Put bytes, or a file's, under a key; False: `create` was asked and there was something already.

        Raises: FileNotFoundError: no such file. ValueError: `create` with a large file, which can't be made so.
        """
        import obstore

        mode: Any = "create" if create else "overwrite"
        if isinstance(data, Path):
            size = data.stat().st_size
            if size > CHUNK_BYTES:
                if create:
                    raise ValueError(f"{key} has {size} bytes; at most {CHUNK_BYTES} can be put with create=True")
                return self._put_large(key, data, size)
            data = data.read_bytes()
        store = self._clients.small if len(data) < _SMALL_BYTES else self._clients.sending()
        self._count(puts=1, sent_bytes=len(data))
        try:
            with self._told(f"write {key}"):
                obstore.put(store, key, data, mode=mode, use_multipart=False)
        except FileExistsError:
            return False
        return True

    def get(self, key: str, *, most_bytes: int = MOST_BYTES) -> bytes:
        """All bytes of an object. Raises: FileNotFoundError. SegmentCorrupt: it has more than any of ours."""
        import obstore

        with self._told(f"read {key}"):
            answer = obstore.get(self._clients.fetch, key)
        size = answer.meta["size"]
        if size > most_bytes:
            where = f"{key} of {self.address.shown}"
            raise SegmentCorrupt(f"{where} is damaged: it has {size} bytes, and none of its kind has {most_bytes}")
        with self._told(f"read {key}"):
            found = bytes(answer.bytes())
        self._count(gets=1, received_bytes=len(found))
        return found

    def get_ranges(self, key: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes [start, end) of each span; near ones are fetched together. Raises: FileNotFoundError."""
        import obstore

        if not spans:
            return []
        starts, ends = zip(*spans, strict=True)
        with self._told(f"read {key}"):
            found = [bytes(part) for part in obstore.get_ranges(self._clients.fetch, key, starts=starts, ends=ends)]
        fetched = [end - start for start, end in together(spans)]
        self._count(gets=len(fetched), received_bytes=sum(fetched))
        return found

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into a new file, mode 0600; nothing is left behind when that fails.

        Raises: FileNotFoundError: no such object, or the file's folder isn't there. FileExistsError: the file is.
            OSError: the disk can't take it.
        """
        import obstore

        received = 0
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")
        try:
            with file:
                with self._told(f"read {key}"):
                    chunks = iter(obstore.get(self._clients.fetch, key).stream(1 << 20))
                while True:
                    with self._told(f"read {key}"):
                        chunk = next(chunks, None)
                    if chunk is None:
                        break
                    received += file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._count(gets=1, received_bytes=received)

    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders right below a folder, sorted."""
        import obstore

        found = self._listed(
            prefix,
            lambda: obstore.list_with_delimiter(self._clients.small, prefix=prefix or None)["common_prefixes"],
        )
        self._count(lists=1 + max(0, len(found) - 1) // _PAGE)
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)

    def list(self, prefix: str = "") -> list[Entry]:
        """Every object below a folder, at any depth, sorted by key; empty when there is none."""
        import obstore

        def pages() -> list[Entry]:
            every = obstore.list(self._clients.small, prefix=prefix or None, chunk_size=_PAGE)
            return [entry_of(meta) for page in every for meta in page]

        found = self._listed(prefix, pages)
        self._count(lists=1 + max(0, len(found) - 1) // _PAGE)
        return sorted(found)

    def head(self, key: str) -> Entry | None:
        """What is known of an object without its bytes, or None."""
        import obstore

        self._count(gets=1)
        try:
            with self._told(f"look at {key}"):
                return entry_of(obstore.head(self._clients.small, key))
        except FileNotFoundError:
            return None

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the bucket, by the server. Raises: FileNotFoundError."""
        import obstore

        self._count(copies=1)
        with self._told(f"copy {source}"):
            obstore.copy(self._clients.sending(), source, target)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, in no order; what isn't there is fine."""
        import obstore

        asked = [*keys]
        for start in range(0, len(asked), _PAGE):
            page = asked[start : start + _PAGE]
            self._count(deletes=1)
            with self._told(f"delete {page[0]}"), contextlib.suppress(FileNotFoundError):
                obstore.delete(self._clients.small, page if len(page) > 1 else page[0])

    def close(self) -> None:
        """Let the connections go."""
        self._clients.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # --- within

    def _put_large(self, key: str, path: Path, size: int) -> bool:
        import obstore

        chunk = max(CHUNK_BYTES, -(-size // _MOST_CHUNKS))
        self._count(puts=2 + -(-size // chunk), sent_bytes=size)
        with self._large, self._told(f"write {key}"):
            store = self._clients.sending(chunk)
            obstore.put(store, key, path, use_multipart=True, chunk_size=chunk, max_concurrency=AT_ONCE)
        return True

    def _listed(self, prefix: str, work: Callable[[], _T]) -> _T:
        """List; again where the answer broke off in its middle, which the client repeats of other requests only."""
        left = self._retries
        while True:
            try:
                with self._told(f"list {prefix or 'it'}"):
                    return work()
            except ObjectsUnavailable as error:
                if not left or "response body" not in str(error):
                    raise
                left -= 1

    @contextlib.contextmanager
    def _told(self, tried: str) -> Iterator[None]:
        """Give the client's errors as ours, never with these behind: they may repeat what was sent, a token too."""
        try:
            yield
        except BaseException as error:
            found = translated(self.address, tried, error)
            if found is None:
                raise
            if isinstance(found, ObjectsUnavailable) and not found.transient:
                self._clients.forget()  # the next request looks for credentials anew
            raise found from None

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, value in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + value)

"""Puts a local store into a bucket by hand, piece by piece, as an uploader would: to stop between any two of them."""

from pathlib import Path

import pyarrow as pa

from ingest.catalog import live_segments
from ingest.frames import whole
from ingest.layout import TABLES, Layout
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.names import FILE_FOLDERS, heartbeat_key, live_key


class Pushing:
    """A store on this disk, and where its files go."""

    def __init__(self, root: Path, address: str) -> None:
        self.layout = Layout(root)
        self.bucket = Bucket(Address.of(address))
        self._reached: dict[tuple[str, int], int] = {}

    def all(self) -> None:
        """What is sealed, and every plain file."""
        self.store()
        for folder in FILE_FOLDERS:
            for path in (self.layout.root / folder).rglob("*"):
                if path.is_file():
                    self._put(path)
        for table in ("facts", "summaries", "metrics"):
            self.table(table)

    def store(self) -> None:
        """What says that there is a store."""
        self._put(self.layout.store_file)

    def table(self, table: str) -> list[str]:
        """The sealed parts of a table; their keys."""
        assert table in TABLES
        return [self._put(path) for path in sorted((self.layout.root / table).rglob("*.parquet"))]

    def live(self) -> list[str]:
        """What writers have logged and nobody has sealed, since the last time; the keys of their pieces."""
        keys = []
        for segment in live_segments(self.layout):
            data = segment.queue_file.read_bytes()
            start = self._reached.get(segment[:2], 0)
            end = whole(data).end
            if end > start:
                key = live_key(segment.writer, segment.number, start, end)
                self.bucket.put(key, bytes(pa.compress(data[start:end], "zstd", asbytes=True)))
                self.bucket.put(heartbeat_key(segment.writer), b"{}")
                self._reached[segment[:2]] = end
                keys.append(key)
        return keys

    def _put(self, path: Path) -> str:
        key = path.relative_to(self.layout.root).as_posix()
        self.bucket.put(key, path)
        return key

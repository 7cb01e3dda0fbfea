"""Where `many_runs` asks its questions: a folder, an S3 server on loopback, a folder by two Dask workers."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.object_server import BUCKET, object_server

WORKERS = 2
_STATUS = Path("/proc")


class Place:
    """Says to a process where a store is; what the process must have in its environment."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.environment = environment or {}

    def job(self, store: Path) -> dict[str, Any]:
        """What opens the store there."""
        return {"store": str(store)}

    def forget(self) -> None:
        """Let the next process find nothing of what the last one kept."""

    def worker_mb(self) -> float | None:
        """The highest resident memory of a worker so far; None where there are none."""
        return None


class _Bucket(Place):
    """The stores of a folder, copied into a bucket as uploads and a compaction leave them."""

    def __init__(self, environment: dict[str, str], cache: Path) -> None:
        super().__init__({**environment, "STEPLOG_CACHE_DIR": str(cache), "STEPLOG_SPOOL_DIR": str(cache / "spool")})
        self._cache = cache

    def job(self, store: Path) -> dict[str, Any]:
        return {"store": f"s3://{BUCKET}/{store.name}"}

    def forget(self) -> None:
        shutil.rmtree(self._cache, ignore_errors=True)


class _Cluster(Place):
    """A folder, read by the workers of a Dask cluster."""

    def __init__(self, scheduler: str, workers: list[int]) -> None:
        super().__init__()
        self._scheduler, self._workers = scheduler, workers

    def job(self, store: Path) -> dict[str, Any]:
        return {"store": str(store), "cluster": self._scheduler}

    def worker_mb(self) -> float | None:
        return max((_highest_mb(pid) for pid in self._workers), default=None)


@contextlib.contextmanager
def local(stores: Mapping[int, Path]) -> Iterator[Place]:
    """The folders as they are."""
    del stores
    yield Place()


@contextlib.contextmanager
def s3(stores: Mapping[int, Path]) -> Iterator[Place]:
    """An S3 server with all stores. Raises: RuntimeError: no server. ImportError: no client."""
    beside = next(iter(stores.values())).parent
    with tempfile.TemporaryDirectory(dir=beside) as home, object_server(Path(home) / "server") as environment:
        os.environ.update(environment)
        for store in stores.values():
            put(store)
        yield _Bucket(environment, Path(home) / "cache")


@contextlib.contextmanager
def dask(stores: Mapping[int, Path]) -> Iterator[Place]:
    """Two workers of one thread each. Raises: ImportError."""
    del stores
    import distributed

    made: Any = distributed.LocalCluster  # untyped
    connect: Any = distributed.Client
    with made(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0) as found:
        with connect(found) as client:
            pids = list(client.run(os.getpid).values())
        yield _Cluster(found.scheduler_address, pids)


def put(store: Path) -> None:
    """Copy a compacted store into the bucket, and say which merged parts count."""
    from pyarrow import parquet

    from ingest.catalog import snapshot
    from ingest.layout import TABLES, Layout
    from ingest.objects.address import Address
    from ingest.objects.bucket import Bucket
    from ingest.objects.names import STORE, part_key
    from ingest.objects.swaps import MergedPart, SwapState, create

    layout = Layout(store)
    merged = []
    with Bucket(Address.of(f"s3://{BUCKET}/{store.name}")) as bucket:
        for table in TABLES:
            for part in snapshot(layout, table).parts:
                key = part_key(table, part.experiment, part.path.name)
                bucket.put(key, part.path)
                footer = parquet.read_metadata(part.path)
                groups = [footer.row_group(place).column(0).statistics for place in range(footer.num_row_groups)]
                first, last = min(group.min for group in groups), max(group.max for group in groups)
                merged.append(MergedPart(table, key, "", first, last, part.path.stat().st_size, footer.num_rows))
        create(bucket, 1, SwapState(tuple(merged)))
        bucket.put(STORE, layout.store_file)


def _highest_mb(pid: int) -> float:
    try:
        lines = (_STATUS / str(pid) / "status").read_text().splitlines()
    except OSError:  # no such system, or gone
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


PLACES: dict[str, Callable[[Mapping[int, Path]], AbstractContextManager[Place]]] = {
    "local": local,
    "s3": s3,
    "dask": dask,
}
"""By name; each gives the place while it is there."""

"""Work: what a worker does of a query: it reads a chunk of sealed parts.

A worker keeps the tables of the stores that it was asked about, so it verifies a part once, and remembers recent ones.
Everything that can go wrong with a reading travels back as a value: so it is the same error for the asker whichever
engine brings it.
"""

import functools
import io
import pickle
import socket
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import polars as pl

from ingest.catalog import Part
from ingest.errors import ClusterUnavailable, StoreUnavailable
from readers.query import Query
from readers.scan import Tables
from readers.store import Store
from readers.verified import Stamp

_BATCH = 1 << 17
"""Rows that Polars writes to a stream in one piece; of more it makes several."""


class Named(NamedTuple):
    """A part, wherever the store is."""

    path: str
    """Relative to the store's root."""
    folder: str
    """The experiment, as its folder is called."""
    experiment: str
    """As it was given."""
    segment: str
    digest: str


class Reading(NamedTuple):
    """A job: read what a query asks of these parts."""

    place: str
    """What opens the store: its folder."""
    versions: tuple[str, str]
    """Of steplog and Polars, where it was made."""
    query: bytes
    """Pickled by itself, as another version may not understand it."""
    parts: tuple[Named, ...]
    limit: int | None


class Read(NamedTuple):
    """What came of it."""

    rows: tuple[bytes, ...] = ()
    """Arrow streams, one for each piece of memory that the frame has: sums of floats go by these."""
    damaged: tuple[tuple[str, Stamp, str], ...] = ()
    """(path relative to the root, stamp, reason) of parts that were left out."""
    error: Exception | None = None


def read_parts(job: Reading) -> Read:
    """Do a job."""
    try:
        check_versions(job.versions)
        return _read(job)
    except Exception as error:  # noqa: BLE001 - the asker raises it
        return Read(error=error)


@functools.cache
def versions() -> tuple[str, str]:
    """Of steplog and Polars, as installed here."""
    return version("steplog"), pl.__version__


@functools.lru_cache(maxsize=8)
def tables_of(place: str) -> Tables:
    """The tables of a store. Raises: StoreUnavailable: this machine doesn't see it."""
    try:
        return Tables(Store(place).layout)
    except StoreUnavailable as error:
        raise ClusterUnavailable(
            f"the worker on {socket.gethostname()} doesn't see the store: {error}. All machines of a cluster need to "
            "see it under the same path"
        ) from error


def check_versions(asker: tuple[str, str]) -> None:
    """Raises: ClusterUnavailable: the asker has other versions than this worker."""
    if asker != versions():
        (asked, polars), (here, own_polars) = asker, versions()
        raise ClusterUnavailable(
            f"the worker on {socket.gethostname()} has steplog {here} with Polars {own_polars}, and the asker has "
            f"{asked} with {polars}; install the same versions"
        )


def _read(job: Reading) -> Read:
    tables = tables_of(job.place)
    query: Query = pickle.loads(job.query)  # noqa: S301 - a worker runs what its clients send, by design
    root = tables.layout.root
    parts = [Part(root / part.path, part.folder, part.segment, part.digest) for part in job.parts]
    named = zip(tables.found(query.table, parts), job.parts, strict=True)
    chunk = [found._replace(experiment=part.experiment) for found, part in named]
    frame = tables.rows(query, chunk, job.limit)
    damage = tables.verified.among(found.path for found in chunk)
    return Read(packed(frame), tuple((str(path.relative_to(root)), stamp, reason) for path, stamp, reason in damage))


def packed(frame: pl.DataFrame) -> tuple[bytes, ...]:
    """A frame as Arrow streams; `unpacked` gives it back, also as it lies in memory."""
    lengths = [len(chunk) for chunk in frame.to_series(0).get_chunks()] if frame.width else []
    pieces, start = [], 0
    for length in lengths:
        buffer = io.BytesIO()
        frame.slice(start, length).rechunk().write_ipc_stream(buffer, compression="lz4")
        pieces.append(buffer.getvalue())
        start += length
    return tuple(pieces)


def unpacked(pieces: Sequence[bytes]) -> list[pl.DataFrame]:
    """The pieces of a frame; none of a frame without rows."""
    return [pl.read_ipc_stream(io.BytesIO(piece)).rechunk() for piece in pieces]

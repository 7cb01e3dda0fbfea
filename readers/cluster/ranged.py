"""Ranged readings: parts of metrics that stay in their bucket, read by a cluster.

Each part is a job, or some small ones are: a worker fetches by itself the ranges that a query needs (see
readers.objects.ranges) and sends the rows. It needs the credentials that the asker has, from the usual places of its
own machine. What comes back has the order and the pieces that this process would have read.
"""

import functools
import pickle
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from readers.cluster.work import check_versions, packed
from readers.objects.listed import ObjectPart
from readers.objects.rangedparts import RangedParts, Runs
from readers.objects.ranges import Footers
from readers.query import Query

_JOB_BYTES = 16 << 20


class RangedReading(NamedTuple):
    """A job: read what a query asks of these parts."""

    place: str
    """The address of the store."""
    versions: tuple[str, str]
    """Of steplog and Polars, where it was made."""
    query: bytes
    parts: tuple[tuple[ObjectPart, str], ...]
    """Each with its experiment."""
    runs: Runs | None


class RangedRead(NamedTuple):
    """What came of it."""

    frames: tuple[tuple[bytes, ...], ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()
    """(key, reason) of parts that were left out."""
    error: Exception | None = None


def jobs(reading: RangedReading, parts: Iterable[tuple[ObjectPart, str]]) -> Iterator[RangedReading]:
    """Cut parts into jobs of about equal size, in their order; `reading` is one without parts."""
    job: list[tuple[ObjectPart, str]] = []
    size = 0
    for found, experiment in parts:
        if job and size + found.size > _JOB_BYTES:
            yield _with(reading, job)
            job, size = [], 0
        job.append((found, experiment))
        size += found.size
    if job:
        yield _with(reading, job)


def _with(reading: RangedReading, parts: list[tuple[ObjectPart, str]]) -> RangedReading:
    """A job of these parts, with the runs of their experiments."""
    names = {experiment for _, experiment in parts}
    runs = None if reading.runs is None else {name: reading.runs[name] for name in names & reading.runs.keys()}
    return reading._replace(parts=tuple(parts), runs=runs)


def read_ranges(job: RangedReading) -> RangedRead:
    """Do a job."""
    try:
        check_versions(job.versions)
        query: Query = pickle.loads(job.query)  # noqa: S301 - a worker runs what its clients send, by design
        ranged = _ranged_of(job.place)
        frames = ranged.frames(query, job.parts, job.runs)
        packs = tuple(packed(frame) for frame in frames)
        keys = [found.keys[0] for found, _ in job.parts]
        return RangedRead(packs, tuple((key, ranged.damage[key].reason) for key in keys if key in ranged.damage))
    except Exception as error:  # noqa: BLE001 - the asker raises it
        return RangedRead(error=error)


@functools.lru_cache(maxsize=8)
def _ranged_of(place: str) -> RangedParts:
    """What reads parts of a store on this machine."""
    bucket = Bucket(Address.of(place))
    return RangedParts(bucket, Footers(bucket))

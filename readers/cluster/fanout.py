"""FanOut: the sealed parts of a query, read by a cluster.

Each chunk is a job; what comes back is given in the order of the chunks. Damage that a worker met is said here too, and
left out of answers and listed as if it had been met here. A few small parts are sooner read than sent for.
"""

import pickle
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

import polars as pl

from readers.cluster.engine import Engine
from readers.cluster.work import Named, Read, Reading, read_parts, unpacked, versions
from readers.query import Found, Query
from readers.scan import Tables

if TYPE_CHECKING:
    from readers.objects.listed import ObjectPart
    from readers.objects.rangedparts import RangedParts, Runs

LEAST_BYTES = 1 << 20
"""Parts of fewer bytes in all are read by the asker."""
_SMALL_TABLES = 64
"""So many times as much of facts and summaries: most of their rows come back, and that takes longer than reading."""


class FanOut:
    """Reads by an engine; a readers.scan.Spread. Any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def frames(
        self, tables: Tables, query: Query, chunks: Iterable[list[Found]], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        """A frame for each chunk.

        Raises: ClusterUnavailable: nobody is left to read them. FileNotFoundError: a part was deleted.
        """
        cut = list(chunks)
        sent = _pickled(query)
        least = LEAST_BYTES if query.table == "metrics" else _SMALL_TABLES * LEAST_BYTES
        if sent is None or sum(found.stamp.size for chunk in cut for found in chunk) < least:
            yield from (tables.rows(query, chunk, limit) for chunk in cut)
            return
        jobs = (Reading(tables.layout.place, versions(), sent, _named(tables, chunk), limit) for chunk in cut)
        results = self._engine.map(read_parts, jobs)
        try:
            for done in results:
                yield _taken(tables, query, done)
        finally:
            if isinstance(results, Generator):
                results.close()  # a limit was reached: what is under way is called off

    def ranged(
        self,
        place: str,
        here: "RangedParts",
        query: Query,
        parts: list[tuple["ObjectPart", str]],
        runs: "Runs | None",
    ) -> Iterator[pl.DataFrame]:
        """The frames that `here` would read of parts in a bucket.

        Raises: ClusterUnavailable. ObjectsUnavailable: a worker can't reach the bucket. FileNotFoundError: a part is
        gone.
        """
        from readers.cluster.ranged import RangedReading, jobs, read_ranges

        sent = _pickled(query)
        if sent is None or sum(found.size for found, _ in parts) < LEAST_BYTES:
            yield from here.frames(query, parts, runs)
            return
        known = {found.keys[0]: found for found, _ in parts}
        reading = RangedReading(place, versions(), sent, (), runs)
        results = self._engine.map(read_ranges, jobs(reading, parts))
        try:
            for done in results:
                if done.error is not None:
                    raise done.error
                for key, reason in done.damaged:
                    here.set_aside(known[key], reason)
                for pack in done.frames:
                    yield pl.concat([query.nothing(), *unpacked(pack)]) if pack else query.nothing()
        finally:
            if isinstance(results, Generator):
                results.close()


def _pickled(query: Query) -> bytes | None:
    """The query as it travels; None if it can't, as with a Python function in its predicate."""
    try:
        return pickle.dumps(query)
    except (pickle.PicklingError, pl.exceptions.PolarsError, AttributeError, TypeError, RuntimeError):
        return None


def _named(tables: Tables, chunk: Iterable[Found]) -> tuple[Named, ...]:
    root = tables.layout.root
    return tuple(
        Named(str(part.path.relative_to(root)), part.experiment, experiment, part.segment, part.digest)
        for part, experiment, _, _ in chunk
    )


def _taken(tables: Tables, query: Query, done: Read) -> pl.DataFrame:
    """The rows that came. Raises: what went wrong with the reading."""
    if done.error is not None:
        raise done.error
    for path, stamp, reason in done.damaged:
        tables.verified.set_aside(tables.layout.root / path, reason, stamp)
    return pl.concat([query.nothing(), *unpacked(done.rows)]) if done.rows else query.nothing()

"""Sealing: one queue file becomes one segment's Parquet parts.

Order, and why a crash at any point of it loses and doubles nothing: (1) every part is published under the segment's
name, (2) only then the queue file is unlinked. While the queue file exists the segment is live and readers ignore its
parts; the unlink is the commit. A crash before it leaves parts that the next sealing finds and keeps; after it,
leftover streams that belong to no queue file, which recovery removes.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.arrays import empty, repeated, strings
from ingest.columns import Decoded, Decoder
from ingest.frames import matches, whole
from ingest.layout import Layout, segment_name
from ingest.parts import METRICS_ROW_GROUP, publish
from ingest.segments import live_paths, read_batches, remove_live
from ingest.summaries import merge, summarise
from ingest.tables import (
    FACTS,
    LIVE_FACTS,
    LIVE_METRICS,
    METRICS,
    SUMMARIES,
    Dictionaries,
    Rows,
    live_facts,
    metric_rows,
    sealed_metrics,
    stream_rows,
)

_LOOKS = 5


class Contents:
    """All rows of one segment."""

    def __init__(self, writer: str, number: int, rows: Rows, names: Dictionaries, facts: pa.Table) -> None:
        self.writer = writer
        self.number = number
        self._rows = rows
        self._names = names
        self._facts = facts
        self.poisoned: list[str] = []
        self.events = 0

    @classmethod
    def of_queue(cls, writer: str, number: int, data: bytes | memoryview) -> "Contents":
        """Decode a queue file's bytes, which end with a whole frame."""
        decoder = Decoder(number)
        return cls._of_decoded(writer, number, decoder, decoder.decode(data, 0, len(data)))

    @classmethod
    def _of_decoded(cls, writer: str, number: int, decoder: Decoder, decoded: Decoded) -> "Contents":
        names = Dictionaries.empty()
        facts = pa.Table.from_batches([live_facts(decoded.facts)])
        contents = cls(writer, number, metric_rows(decoded.points, names), names, facts)
        contents.poisoned, contents.events = decoded.poisoned, decoder.events
        return contents

    @classmethod
    def of_live(cls, writer: str, folder: Path, number: int) -> "Contents":
        """Take what a living writer has logged so far, flushed or not.

        The process that wrote its frames lives, so only the last one's checksum is looked at: it may be half copied at
        this moment. One before it can have been half copied when its page was read, and be followed by whole ones on
        the next page: then a second look gives other bytes, and all is read anew. A queue in memory shows what was
        flushed.
        """
        path = folder / f"{number:06d}.queue"
        for _ in range(_LOOKS):
            data = path.read_bytes()
            if not data:
                return cls.of_streams(writer, folder, number)
            decoder = Decoder(number)
            decoded = decoder.decode(data, 0, len(data))
            if path.read_bytes()[: decoder.last] == data[: decoder.last]:
                break
        else:  # somebody writes over what was logged
            return cls.of_queue(writer, number, data[: whole(data).end])
        if decoded.end and not matches(data, decoder.last):
            return cls.of_queue(writer, number, data[: decoder.last])
        return cls._of_decoded(writer, number, decoder, decoded)

    @classmethod
    def of_streams(cls, writer: str, folder: Path, number: int) -> "Contents":
        """Take what the Arrow streams hold: all that a queue in memory leaves behind."""
        metrics_path, facts_path = live_paths(folder, number)
        names = Dictionaries.empty()
        rows = stream_rows(pa.Table.from_batches(read_batches(metrics_path), LIVE_METRICS), names)
        return cls(writer, number, rows, names, pa.Table.from_batches(read_batches(facts_path), LIVE_FACTS))

    def points(self) -> int:
        """Number of metric rows."""
        return len(self._rows.run)

    def experiments(self) -> list[str]:
        """The experiments that have rows here."""
        return sorted({*self._facts["experiment"].to_pylist(), *self._names.experiments.names})

    def metrics(self, experiment: str) -> tuple[pa.Table, pa.Table]:
        """(metrics, summaries) of one experiment; metrics sorted by run, key, seq."""
        pieces = list(self.pieces(experiment))
        if not pieces:
            return empty(METRICS), empty(SUMMARIES)
        metrics, summaries = zip(*pieces, strict=True)
        return pa.concat_tables(metrics), merge(pa.concat_tables(summaries)) if len(pieces) > 1 else summaries[0]

    def pieces(self, experiment: str) -> Iterator[tuple[pa.Table, pa.Table]]:
        """The same a row group at a time: as sealed tables the rows take several times the memory.

        What the summaries say of a (run, key) that goes on in the next piece is to be merged.
        """
        if experiment not in self._names.experiments.names:
            return
        order = _order(self._rows, self._names, self._names.experiments.number(experiment))
        for start in range(0, len(order), METRICS_ROW_GROUP):
            rows = self._rows.take(order[start : start + METRICS_ROW_GROUP])
            yield sealed_metrics(rows, self._names, self.writer), summarise(rows, self._names, self.writer)

    def facts(self, experiment: str) -> pa.Table:
        """Facts of one experiment, in order."""
        wanted = pc.equal(self._facts["experiment"], strings([experiment])[0])  # a str here would import pandas
        table = self._facts.filter(wanted).drop_columns(["experiment"])
        return table.add_column(1, FACTS.field("writer"), repeated(self.writer, len(table)))


def seal(layout: Layout, contents: Contents) -> list[Path]:
    """Publish the parts of a segment; returns their paths. The caller commits by `commit`.

    Raises: OSError: the disk can't take it; try again later, it is idempotent.
    """
    segment = segment_name(contents.writer, contents.number)
    paths = []
    for experiment in contents.experiments():
        facts = contents.facts(experiment)
        if len(facts):
            paths.append(publish(layout, "facts", experiment, segment, [facts]))
        summaries: list[pa.Table] = []
        metrics = _noting(contents.pieces(experiment), summaries)
        first = next(metrics, None)
        if first is not None:
            paths.append(publish(layout, "metrics", experiment, segment, chain([first], metrics)))
            deque(metrics, 0)  # a try before this one may have published them; the summaries are wanted all the same
            folded = merge(pa.concat_tables(summaries)) if len(summaries) > 1 else summaries[0]
            paths.append(publish(layout, "summaries", experiment, segment, [folded]))
    return paths


def _noting(pieces: Iterable[tuple[pa.Table, pa.Table]], summaries: list[pa.Table]) -> Iterator[pa.Table]:
    """The metrics of each piece; its summaries go to a list."""
    for metrics, summary in pieces:
        summaries.append(summary)
        yield metrics


def commit(queue_file: Path, number: int) -> None:
    """Drop the queue file, then its streams: from now on the parts are what readers see.

    Raises: OSError: the queue file can't be removed; the segment is live still.
    """
    queue_file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it is done: a try again would publish parts that compaction may have replaced
        remove_live(queue_file.parent, number)


def _order(rows: Rows, names: Dictionaries, experiment: int) -> npt.NDArray[np.int64]:
    """Places of an experiment's rows sorted by run, key, seq."""
    mine = rows.experiment == experiment
    places = None if mine.all() else np.flatnonzero(mine)
    run, key, seq = (column if places is None else column[places] for column in (rows.run, rows.key, rows.seq))
    order = np.lexsort((seq, _ranks(names.keys.names)[key], _ranks(names.runs.names)[run]))
    return order if places is None else places[order]


def _ranks(names: Sequence[str]) -> npt.NDArray[np.int32]:
    """The place of each name in sorted order."""
    ranks = np.empty(len(names), np.int32)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranks

"""LiveTail: the new rows of all live segments, so that of each writer a prefix of what it logged is taken.

Of one writer the segments are taken in order, and the next only when the one before is through. When is it? Events go
into a later segment only when the earlier one is shut. So: whether the next one has anything in it is asked first, then
the earlier one is read to its end; if the next one had something, nothing will come into the earlier one any more. (A
queue in memory shows a later segment when the earlier one is shown whole, or sealed: hence `cut_short` is asked last.)

A segment that was sealed since the listing can't be opened: its writer waits for the next listing, where its part is.
One that is open here can be read to its end all the same.
"""

import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, groupby
from typing import NamedTuple

import polars as pl

from ingest.alive import is_alive
from ingest.catalog import LiveSegment
from readers.batch import Cursor
from readers.liveframes import facts_frame, points_frame
from readers.segmenttail import NewRows, SegmentTail

_MOST_OPEN = 256
"""Files held open; of the others each look opens theirs, which costs a few microseconds more."""
_log = logging.getLogger("steplog")


class NewLiveRows(NamedTuple):
    """What a look at all live segments gave."""

    points: list[pl.DataFrame]
    """POINTS frames without an empty one; each writer's rows in order."""
    facts: list[pl.DataFrame]
    """FACTS, likewise."""
    more: bool
    """Whether there is more to be had at once."""
    sealed: bool
    """Whether a segment was sealed since the listing: it is time for another one."""


class LiveTail:
    """Reads the live segments of a listing, look after look."""

    def __init__(self) -> None:
        self._writers: dict[str, list[SegmentTail]] = {}
        self._open: OrderedDict[SegmentTail, None] = OrderedDict()
        self._said: set[str] = set()

    def update(self, segments: Iterable[LiveSegment], cursor: Cursor) -> None:
        """These are the live segments now, sorted; those that the cursor has left behind are not read again."""
        before = {tail.segment: tail for tail in self.tails()}
        self._writers = {}
        for writer, listed in groupby(segments, lambda segment: segment.writer):
            reached = max(cursor.points.get(writer, 0), cursor.facts.get(writer, 0)) >> 32
            following = [segment for segment in listed if segment.number >= reached]
            if following:
                self._writers[writer] = [before.get(segment) or SegmentTail(segment) for segment in following]
        for tail in {*before.values()} - {*self.tails()}:
            self._close(tail)

    def tails(self) -> Iterator[SegmentTail]:
        """Those that are read now."""
        return chain.from_iterable(self._writers.values())

    def take(self, waiting: Collection[str], most_bytes: int) -> NewLiveRows:
        """The new rows, but for those of writers that wait for their sealed rows; about `most_bytes` of queue files."""
        found: list[tuple[str, NewRows]] = []
        more = sealed = False
        for writer in list(self._writers):
            if writer in waiting:
                continue
            if most_bytes <= 0:
                more = True
                break
            try:
                read, unfinished = self._take_writer(writer, found, most_bytes)
            except FileNotFoundError:
                sealed = True
                continue
            except OSError as error:
                self._say(f"the live segments of {writer} can't be read ({error.strerror or error}); left out for now")
                continue
            most_bytes -= read
            if unfinished:
                more = True
                self._writers[writer] = self._writers.pop(writer)  # the others have their turn first
        return NewLiveRows(*_frames(found), more, sealed)

    def close(self) -> None:
        """Close all files; the next look opens them again."""
        for tail in list(self._open):
            self._close(tail)

    def _take_writer(self, writer: str, into: list[tuple[str, NewRows]], most_bytes: int) -> tuple[int, bool]:
        """(bytes read, whether there is more) of one writer."""
        read, tails = 0, self._writers[writer]
        for tail, following in zip(tails, [*tails[1:], None], strict=True):
            shut = following is not None and self._touched(following)
            if self._waiting(tail):
                new = tail.take(most_bytes - read)
                into.append((writer, new))
                read += new.bytes_read
                if new.more:
                    return read, True
            torn = tail.queue.stuck and self._torn(tail)
            if not shut or (tail.queue.stuck and not torn):
                break
            if tail.cut_short():
                raise FileNotFoundError(tail.queue.path)
        return read, False

    def _waiting(self, tail: SegmentTail) -> bool:
        self._hold(tail)
        return tail.waiting()

    def _touched(self, tail: SegmentTail) -> bool:
        self._hold(tail)
        return tail.touched()

    def _torn(self, tail: SegmentTail) -> bool:
        """Whether what can't be taken never will be, as its writer is dead; said once."""
        path = tail.queue.path
        if is_alive(path.parent):
            return False
        self._say(f"{path}: what lies at offset {tail.queue.offset} isn't whole; it is left out")
        return True

    def _hold(self, tail: SegmentTail) -> None:
        """Note that its file is in use, and close the one that wasn't for the longest time."""
        self._open[tail] = None
        self._open.move_to_end(tail)
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[0].close()

    def _close(self, tail: SegmentTail) -> None:
        self._open.pop(tail, None)
        tail.close()

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            _log.warning("steplog: %s", message)


def _frames(found: list[tuple[str, NewRows]]) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """(points, facts); a writer's queue is in files or in memory: its rows are in one frame, or in order in several."""
    blocks = [(writer, block) for writer, new in found for block in new.blocks]
    records = [(writer, record) for writer, new in found for record in new.records]
    points = [new.points for _, new in found if new.points is not None]
    facts = [new.facts for _, new in found if new.facts is not None]
    if blocks:
        points.append(points_frame(blocks))
    if records:
        facts.append(facts_frame(records))
    return points, facts

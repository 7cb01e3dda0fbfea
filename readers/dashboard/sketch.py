"""Sketches: a long history in sixteen thousand blocks, enough to draw all of it, in a tenth of its memory.

A chart of the whole range has a thousand buckets or so. From a sketch each bucket takes the blocks that begin in it, so
each point counts once and the highest of a million is seen; where a bucket ends is off by one block at most, a
sixteenth of a bucket for a thousand. Of a history that was decoded once this stays when the points themselves had to
make room for others; ranges within are drawn from the points.
"""

from typing import NamedTuple

import numpy as np

from readers.dashboard.buckets import Buckets, bucketed, folded, together
from readers.dashboard.histories import Floats, History

BLOCKS = 16_384
MOST_BUCKETS = 2_048
"""More are drawn from the points: a block would be too coarse."""


class Sketch(NamedTuple):
    """A history in blocks of as many points each."""

    starts: Floats
    """x of each block's first point."""
    end: float
    """x of the last point."""
    blocks: Buckets
    size: int
    """Points."""
    odd: int
    """Of these, not finite."""
    by_order: bool

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return self.starts.nbytes + sum(array.nbytes for array in self.blocks)

    def buckets(self, edges: Floats) -> Buckets:
        """The buckets between these edges, which lie around all points."""
        bounds = np.searchsorted(self.starts, edges[1:-1])
        return folded(self.blocks, np.concatenate([[0], bounds, [len(self.starts)]]))


class Drawn(NamedTuple):
    """A sketch of what is sealed, and the points behind it that aren't."""

    sketch: Sketch
    live: History

    def buckets(self, edges: Floats) -> Buckets:
        """As above, of both."""
        sealed = self.sketch.buckets(edges)
        if not len(self.live.y):
            return sealed
        bounds = np.concatenate([[0], self.live.places(edges[1:-1]), [len(self.live.y)]])
        return together(sealed, bucketed(self.live, bounds))


def sketched(history: History) -> Sketch | None:
    """A history's sketch; None for one so short that it needs none."""
    size = len(history.y)
    if size < 4 * BLOCKS:
        return None
    bounds = np.linspace(0, size, BLOCKS + 1).astype(np.int64)
    starts = history.xs()[bounds[:-1]]
    end = float(history.xs(size - 1)[0])
    return Sketch(starts, end, bucketed(history, bounds), size, len(history.odd), history.by_order)


def drawn(sketch: Sketch, live: History) -> Drawn | None:
    """A sketch with live points behind it; None when they don't lie behind it."""
    if len(live.y) and (sketch.by_order or live.by_order or live.xs(0, 1)[0] < sketch.end):
        return None
    return Drawn(sketch, live)

"""Watcher: what is new in a store since the last look, each point and each fact once."""

import os
from collections.abc import Collection, Mapping
from typing import Literal, Self

from readers.batch import Batch
from readers.source import Source

MOST_ROWS = 100_000
"""Rows of a batch; a store's whole history comes in as many batches as it takes."""


class Watcher:
    """Looks at a store again and again; each look gives what is new. One thread at a time, but for `wake`.

    Args:
        store: a tracker, a Store, or a store's folder; the folder may not be there yet.
        runs: only these run ids, also ones that begin later; None for all.
        keys: only these metrics' points, also ones that nobody has logged yet; None for all. Facts come all the same.
        since: the cursor of an earlier batch, to go on behind it; "now" to leave out all that is there already; None to
            begin with the first point of the store.
        most: rows of a batch, about.

    Raises: FormatTooNew: the store was written by a newer version. ValueError: `since` is no cursor. TypeError.
    """

    def __init__(
        self,
        store: Source | str | os.PathLike[str],
        runs: Collection[str] | None = None,
        keys: Collection[str] | None = None,
        since: Mapping[str, object] | Literal["now"] | None = None,
        *,
        most: int = MOST_ROWS,
    ) -> None:
        raise NotImplementedError

    def poll(self) -> Batch:
        """What is new; an empty batch when nothing is. Doesn't wait; when nothing is new it costs some file stats.

        A store that isn't there (yet, or any more) has nothing new. A damaged file is said once, by a warning of the
        logger "steplog", and left out.
        """
        raise NotImplementedError

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until it is time to look again: something in the store changed, or `timeout_s` is over, or `wake`.

        A log call writes through a memory mapping, which no file watcher notices; so by default it waits 0.05 s while
        points come, and up to 0.25 s in quiet times. Ctrl-C interrupts it.
        """
        raise NotImplementedError

    def wake(self) -> None:
        """Let `wait` return at once, from any thread; also the next one when none waits now."""
        raise NotImplementedError

    @property
    def cursor(self) -> dict[str, dict[str, int]]:
        """The position behind the last batch; see Batch."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the files that were being read. Twice is once."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

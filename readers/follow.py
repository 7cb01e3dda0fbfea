"""follow: a store's points as they are logged, for as long as anybody listens.

`follow` is for `async for`, under asyncio and trio; `follow_sync` is a plain iterator. Both give batches (see batch),
never end by themselves, and are left by `break`, cancellation, or Ctrl-C. A batch is empty only after one that said
there was more, when there wasn't: so who wants just what is there can stop at the first that has no `more`.

Each point comes once: live, sealed or compacted, whoever restarts in between. Who keeps `batch.cursor` when a batch was
dealt with, and gives it as `since` the next time, misses nothing and sees nothing twice.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, Self

import anyio
from anyio import to_thread

from readers.batch import Batch
from readers.source import Source
from readers.watcher import MOST_ROWS, Watcher


def follow_sync(
    store: Source | str | os.PathLike[str],
    runs: Collection[str] | None = None,
    keys: Collection[str] | None = None,
    since: Mapping[str, object] | Literal["now"] | None = None,
    *,
    most: int = MOST_ROWS,
) -> Iterator[Batch]:
    """Yield what is new, then wait for more, for ever.

    Args and Raises: as `follow`; a wrong argument is refused at the call.
    """
    return _batches(Watcher(store, runs, keys, since, most=most))


def _batches(watcher: Watcher) -> Iterator[Batch]:
    with watcher:
        promised = False
        while True:
            batch = watcher.poll()
            if not batch.empty or (promised and not batch.more):
                promised = batch.more
                yield batch
            watcher.wait()


def follow(
    store: Source | str | os.PathLike[str],
    runs: Collection[str] | None = None,
    keys: Collection[str] | None = None,
    since: Mapping[str, object] | Literal["now"] | None = None,
    *,
    most: int = MOST_ROWS,
) -> "Following":
    """Give what is new in a store, batch after batch, for `async for` under asyncio or trio.

    Args:
        store: a tracker, a Store, or a store's folder; the folder may not be there yet.
        runs: only these run ids, also ones that begin later; None for all.
        keys: only these metrics' points, also ones that nobody has logged yet; None for all. Facts come all the same.
        since: the cursor of an earlier batch, to go on behind it; "now" to leave out all that is there already; None to
            begin with the first point of the store.
        most: rows of a batch, about.

    Raises: FormatTooNew: the store was written by a newer version. StoreUnavailable: it can't be read. ValueError:
        `since` is no cursor. TypeError: runs or keys is no list of names.
    """
    return Following(Watcher(store, runs, keys, since, most=most))


class Following:
    """An async iterator of batches; see `follow`. One task at a time.

    Looks run in a worker thread, so the event loop stands still for none of them. Cancelled, it closes its files and
    loses nothing: a batch that was read meanwhile is what the next `anext` gives.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._ready: Batch | None = None
        self._promised = False
        """Whether the last batch said that more is waiting."""
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """The next batch that isn't empty."""
        try:
            while not self._closed:
                if self._ready is None:
                    await anyio.sleep(self._watcher.pause_s)
                    await to_thread.run_sync(self._look)
                if self._ready is not None:
                    batch, self._ready = self._ready, None
                    return batch
        except BaseException:
            self._watcher.close()
            raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration and close its files."""
        self._closed = True
        self._watcher.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    def _look(self) -> None:
        batch = self._watcher.poll()
        if not batch.empty or (self._promised and not batch.more):
            self._ready, self._promised = batch, batch.more

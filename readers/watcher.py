"""Watcher: what is new in a store since the last look, each point and each fact once.

Each look goes in this order: (1) the store is listed, if a folder changed; (2) what is new in the live segments is
read, but nothing of writers that have sealed rows to come; (3) sealed rows behind the cursor are read. Argument for
"once": a row is handed out only when its `seq` is behind the writer's place in the cursor, and moves that. Argument for
"each": a writer's rows are taken in the order of `seq`, each segment to its end before the next one is begun (see
livetail, backlog); and a segment that was sealed since it was read live is a part of the next listing, with its last
`seq`, so what was not read of it live comes from there.

There is no file watcher: a log call writes through a memory mapping, which none notices, and watchfiles itself looks
around every few milliseconds. A look that finds nothing costs a `stat` for each writer's folder and eight bytes read of
its queue file, so looking often is cheap.
"""

import math
import os
import threading
import time
from collections.abc import Collection, Mapping
from typing import Literal, Self

import polars as pl

from ingest.errors import StoreUnavailable
from readers.backlog import Backlog
from readers.batch import FACTS, POINTS, Batch, Cursor
from readers.listing import Listing
from readers.livetail import LiveTail, NewLiveRows
from readers.opening import layout_of, tables_of
from readers.source import Source
from readers.wanted import Wanted

MOST_ROWS = 100_000
"""Rows of a batch; a store's whole history comes in as many batches as it takes."""
QUICK_S, QUIET_S = 0.05, 0.25
"""Seconds between two looks: while points come, and when none came for a while."""
_QUIET_AFTER_S = 60.0
_SHARE, _LONGEST_S = 8, 2.0
"""Looks that cost much, as of thousands of living writers, take at most about this part (1/n) of the time."""
_MORE_S = 0.001
_TRIES, _PAUSE_S = 100, 0.01
_BYTES_A_ROW = 16
"""Of a queue file, about; a point alone in its call takes some 40, one of a hundred takes 8."""


class Watcher:
    """Looks at a store again and again; each look gives what is new. One thread at a time, but for `wake`.

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

    def __init__(
        self,
        store: Source | str | os.PathLike[str],
        runs: Collection[str] | None = None,
        keys: Collection[str] | None = None,
        since: Mapping[str, object] | Literal["now"] | None = None,
        *,
        most: int = MOST_ROWS,
    ) -> None:
        wanted = Wanted.of(runs, keys)
        if most < 1:
            raise ValueError(f"most is {most}; a batch has at least one row")
        self._layout = layout_of(_root_of(store))
        try:
            self._layout.check()
        except OSError as error:
            raise StoreUnavailable(f"the store {str(self._layout.root)!r} can't be read: {error}") from error
        self._most = most
        self._wanted = wanted
        self._begin(Cursor() if since is None or since == "now" else Cursor.of(since))
        self._woken = threading.Event()
        self._looked_at = -math.inf
        self._more = False
        self._took_s = 0.0, 0.0
        """CPU of the last two looks, sealed rows apart; a single long one, as the first of a process, says nothing."""
        self._last_news = time.monotonic()
        if since == "now":
            self._skip()
        self._nothing = Batch(POINTS.to_frame(), FACTS.to_frame(), self._cursor.as_dict())
        """What a look gives that finds nothing."""

    def poll(self) -> Batch:
        """What is new; an empty batch when nothing is. Doesn't wait; when nothing is new it costs some file stats.

        A store that isn't there (yet, or any more) has nothing new. A damaged file is said once, by a warning of the
        logger "steplog", and left out. An error, or an interrupt, leaves the position where it was.
        """
        try:
            return self._look()
        except BaseException:
            self._live.close()
            self._begin(Cursor.of(self.cursor))
            raise

    @property
    def pause_s(self) -> float:
        """Seconds from now until it is time to look again: at once when there was more.

        Looks are 0.05 s apart, or 0.25 s when nothing came for a minute. Where a look takes long they are rarer: a
        watcher uses a tenth of a core, about, whatever it watches; sealed rows apart.
        """
        now = time.monotonic()
        usual = QUICK_S if now - self._last_news < _QUIET_AFTER_S else QUIET_S
        apart = _MORE_S if self._more else max(usual, min(_SHARE * min(self._took_s), _LONGEST_S))
        return max(0.0, self._looked_at + apart - now)

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until it is time to look again: for `pause_s`, `timeout_s` at most, or until `wake`. Ctrl-C ends it."""
        self._woken.wait(self.pause_s if timeout_s is None else min(timeout_s, self.pause_s))
        self._woken.clear()

    def wake(self) -> None:
        """Let `wait` return at once, from any thread; also the next one when none waits now."""
        self._woken.set()

    @property
    def cursor(self) -> dict[str, dict[str, int]]:
        """The position behind the last batch; see Batch. Not to be changed."""
        return self._nothing.cursor

    def close(self) -> None:
        """Close the files that were being read; a later look opens them again."""
        self._live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _begin(self, cursor: Cursor) -> None:
        """Be as one that has taken nothing behind a cursor."""
        self._cursor = cursor
        self._listing = Listing(self._layout)
        self._live = LiveTail()
        tables = tables_of(self._layout)
        self._points = Backlog(tables, "metrics", self._wanted)
        self._facts = Backlog(tables, "facts", self._wanted)
        self._tables = tables
        self._unsure: frozenset[str] = frozenset()

    def _look(self) -> Batch:
        """Look, and move on."""
        began, used = time.monotonic(), time.thread_time()
        sure = self._list()
        behind = bool(self._facts.writers or self._points.writers)
        live = self._take_live()
        points, facts = live.points, live.facts
        self._looked_at, self._took_s = began, (self._took_s[1], time.thread_time() - used)
        if not (points or facts or behind):
            self._more = live.more or not sure
            return self._nothing._replace(more=self._more)
        room = self._most - sum(frame.height for frame in (*points, *facts))
        room -= self._take_sealed(self._facts, facts, self._cursor.facts, room)
        if not self._facts.writers:  # their points come when all facts have been said
            room -= self._take_sealed(self._points, points, self._cursor.points, room)
        more = bool(self._facts.writers or self._points.writers)
        if behind and not more:  # those who waited for their sealed rows
            live = self._take_live()
            points += live.points
            facts += live.facts
        self._more = more or live.more or not sure
        ordered = _in_order(points, self._nothing.points), _in_order(facts, self._nothing.facts)
        batch = Batch(*ordered, self._cursor.as_dict(), self._more)
        self._nothing = self._nothing._replace(cursor=batch.cursor)
        self._last_news = began
        return batch

    def _list(self) -> bool:
        """List the store if it changed; False when it changed meanwhile, and the rest is for the next time."""
        listed = self._listing.look()
        if listed is None:
            return True
        try:
            self._points.update(listed.metrics, self._cursor.points)
            self._facts.update(listed.facts, self._cursor.facts)
        except FileNotFoundError:
            self._listing.again()
            return False
        self._unsure = listed.unsure
        self._live.update(listed.live, self._cursor)
        return not self._unsure

    def _take_live(self) -> NewLiveRows:
        """What is new in the live segments, and wanted."""
        waiting = self._points.writers | self._facts.writers | self._unsure
        found = self._live.take(waiting, self._most * _BYTES_A_ROW)
        if found.sealed:
            self._listing.again()
        points = [self._taken(frame, self._wanted.rows("metrics"), self._cursor.points) for frame in found.points]
        facts = [self._taken(frame, self._wanted.rows("facts"), self._cursor.facts) for frame in found.facts]
        return found._replace(points=points, facts=facts, more=found.more or found.sealed)

    def _taken(self, frame: pl.DataFrame, wanted: pl.Expr | None, cursor: dict[str, int]) -> pl.DataFrame:
        """The wanted rows behind the cursor; it is moved on."""
        writers = frame["writer"].unique().to_list()
        reached = pl.col("writer").replace_strict(writers, [cursor.get(writer, -1) for writer in writers])
        behind = pl.col("seq") > (cursor.get(writers[0], -1) if len(writers) == 1 else reached)
        new = frame.filter(behind if wanted is None else behind & wanted)
        cursor.update(_last(new))
        return new

    def _take_sealed(self, backlog: Backlog, into: list[pl.DataFrame], cursor: dict[str, int], room: int) -> int:
        """Take sealed rows if there is room; how many."""
        if room <= 0 or not backlog.writers:
            return 0
        try:
            rows = backlog.take(room, cursor)
        except FileNotFoundError:
            self._listing.again()
            return 0
        into.append(rows)
        cursor.update(_last(rows))
        return rows.height

    def _skip(self) -> None:
        """Move the cursor behind all that is there now. What is sealed meanwhile is listed anew."""
        if not self._layout.adopts:  # summaries tell the last points, and are a hundredth of them to fetch
            self._points.know(self._tables.snapshot("metrics").parts)
            last = self._tables.frame("summaries", ["writer", "last_seq"]).group_by("writer").max()
            self._cursor.points.update(dict(last.iter_rows()))
        for _ in range(_TRIES):
            if not self._list():
                time.sleep(_PAUSE_S)
                continue
            for cursor, backlog in ((self._cursor.points, self._points), (self._cursor.facts, self._facts)):
                sealed = backlog.last()
                cursor.update({writer: max(seq, cursor.get(writer, -1)) for writer, seq in sealed.items()})
                backlog.skip()
            live = self._take_live()
            while live.more and not live.sealed:
                live = self._take_live()
            if not live.sealed:
                return


def _root_of(store: Source | str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The store's folder. Raises: TypeError."""
    if isinstance(store, str | os.PathLike):
        return store
    root = getattr(store, "root", None)
    if not isinstance(root, str | os.PathLike):
        raise TypeError(f"{store!r} is no tracker, Store or path: give the ExperimentTracker, or the store's folder")
    return root


def _last(rows: pl.DataFrame) -> dict[str, int]:
    """Each writer's last seq; a writer's rows are in order."""
    if rows.is_empty():
        return {}
    ends = rows.select("writer", "seq").unique("writer", keep="last")
    return dict(ends.iter_rows())


def _in_order(frames: list[pl.DataFrame], nothing: pl.DataFrame) -> pl.DataFrame:
    """The rows of several writers merged by time; a clock that went back doesn't change a writer's own order."""
    frames = [frame for frame in frames if not frame.is_empty()]
    if not frames:
        return nothing
    rows = pl.concat(frames) if len(frames) > 1 else frames[0]
    if rows["writer"].n_unique() == 1:
        return rows
    at = pl.col("time").cum_max().over("writer")
    return rows.with_columns(at=at).sort("at", "writer", "seq", maintain_order=True).drop("at")

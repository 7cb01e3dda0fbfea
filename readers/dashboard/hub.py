"""Hub: one watcher a server, however many browsers look on.

A thread of its own looks at the store a few times a second, while somebody is connected (or an alert rule is to be
watched), and hands what is new to each client's queue. When nobody is there it sleeps; who comes back within
`KEEP_S` finds the hub where it was.

Guarantee (each point once): a client gets the ticks in their order, from the one after that which its cursor names. It
joins between two ticks, on the hub's thread, so none falls between. Who can't be given all that it missed is told to
fetch anew (see resume, clients). Guarantee (never in the way): the hub only reads; a run that is watched knows nothing
of it.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from readers.batch import POINTS, Batch
from readers.dashboard.alarms import Alarms
from readers.dashboard.changes import Changes
from readers.dashboard.clients import Client
from readers.dashboard.control import Controls
from readers.dashboard.resume import LiveCursor, Writing, missed
from readers.dashboard.ticks import Tick, Ticks
from readers.store import Store
from readers.watcher import Watcher

TICK_S = 0.25
"""Seconds between two looks at the store, and so between two messages of points."""
QUIET_S = 0.5
"""The same when nothing has come for `QUIET_AFTER_S`."""
QUIET_AFTER_S = 5.0
KEEP_S = 60.0
"""How long the hub keeps its place when nobody is connected."""
MOST_CLIENTS = 64
_MOST_ROWS = 1_000_000  # of one tick; what comes faster comes with the next
_STOP_S = 1.0
_FAULT_S = 2.0  # until the next look after one that failed
_log = logging.getLogger("steplog.dashboard")


class _Join(NamedTuple):
    client: Client
    cursor: LiveCursor | None


class Hub:
    """What is new in a store, for every browser that is connected to this server.

    Args:
        store: the store.
        read_only: refuse every change through this server.
        token: what a page must send first on its socket; None asks for nothing.
        alerts: rules to watch, beside those of the store (see alarms).
        webhook: where alerts are sent to, too.

    Raises: ValueError: one of `alerts` is no rule, or `webhook` no address.
    """

    def __init__(
        self,
        store: Store,
        *,
        read_only: bool = False,
        token: str | None = None,
        alerts: Sequence[str] = (),
        webhook: str | None = None,
    ) -> None:
        self.store = store
        self.token = token
        self.controls = Controls(store, read_only=read_only)
        self.looks = 0
        """How often the store was looked at."""
        self.asleep = threading.Event()
        """Set while nobody is connected: nothing is looked at then."""
        self._clients: list[Client] = []
        self._joining: deque[_Join] = deque()
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._watcher: Watcher | None = None
        self._changes = Changes(store)
        self._alarms = Alarms(store, alerts, webhook)
        self._rules_changed = False
        self._ticks = Ticks()
        self._tick = Tick(0, POINTS.to_frame(), LiveCursor("", 0, 0).raw())
        self._id = ""
        self._writing = Writing(store)
        self._left_at = 0.0

    # --- the server's side; any thread

    def start(self) -> None:
        """Begin; costs nothing until somebody connects. Twice is once."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="steplog-hub", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Close every connection, and end within a second."""
        self._stopping = True
        with self._lock:
            clients = [*self._clients, *(join.client for join in self._joining)]
        for client in clients:
            client.close(1001, "the server is stopping")
        self._wakeup.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            self._thread = None
        self._alarms.close()

    # --- the connections' side; any thread

    @property
    def alerts(self) -> dict[str, object]:
        """The last alerts, and the rules: the answer of /api/alerts."""
        return self._alarms.listing

    def rules_changed(self) -> None:
        """Read the store's file of rules again."""
        self._rules_changed = True
        self._wakeup.set()

    @property
    def clients(self) -> int:
        """How many are connected."""
        with self._lock:
            return len(self._clients) + len(self._joining)

    def join(self, client: Client, cursor: LiveCursor | None) -> bool:
        """Let a client have what comes from now on, or since its cursor; False when too many are connected."""
        with self._lock:
            if len(self._clients) + len(self._joining) >= MOST_CLIENTS:
                return False
            self._joining.append(_Join(client, cursor))
        self._wakeup.set()
        return True

    def leave(self, client: Client) -> None:
        """Forget a client."""
        with self._lock:
            self._clients = [other for other in self._clients if other is not client]
            self._joining = deque(join for join in self._joining if join.client is not client)
            if not self._clients:
                self._left_at = time.monotonic()

    # --- the hub's thread

    def _run(self) -> None:
        quiet_since = time.monotonic()
        while not self._stopping:
            if self._rules_changed:
                self._rules_changed = False
                self._alarms.reload(self._changes.running)
            if not (self.clients or self._alarms.always):
                self.asleep.set()
                self._wakeup.wait()
                self._wakeup.clear()
                continue
            self.asleep.clear()
            began = time.monotonic()
            try:
                if self._turn():
                    quiet_since = time.monotonic()
            except Exception:  # noqa: BLE001 - the thread's edge: said, and tried again
                self._fail()
            self._rest(began, quiet=time.monotonic() - quiet_since > QUIET_AFTER_S)
        self._close()

    def _turn(self) -> bool:
        """Look once, and hand out what is new; whether anything was."""
        watcher = self._opened()
        batches = self._look(watcher)
        points = pl.concat([batch.points for batch in batches])
        self._changes.note(points, pl.concat([batch.facts for batch in batches]))
        runs = self._changes.message()
        said = [] if runs is None else [runs]
        for batch in batches:
            said += self._alarms.take(batch, self._changes.running)
        new = bool(points.height or said)
        cursor = self._writing.cursor(self._id, self._tick.number + new, batches)
        if new:
            self._tick = Tick(self._tick.number + 1, points, cursor, tuple(said))
            self._ticks.add(self._tick)
            with self._lock:
                clients = list(self._clients)
            for client in clients:
                client.deliver(self._tick)
        else:
            self._tick.cursor = cursor  # the same place, at a later time
        self._admit(batches[-1])
        self._tick.forget_messages()
        return new

    def _look(self, watcher: Watcher) -> list[Batch]:
        """All that is new, up to a limit: on a busy machine there may be more at each look."""
        until = time.monotonic() + TICK_S
        self._writing.look()
        batches: list[Batch] = []
        rows = 0
        while True:
            batch = watcher.poll()
            self.looks += 1
            batches.append(batch)
            rows += batch.points.height
            if not batch.more or rows >= _MOST_ROWS or time.monotonic() > until:
                return batches

    def _opened(self) -> Watcher:
        """The watcher; a new one that begins now when nobody had been connected for long."""
        with self._lock:
            away_s = 0.0 if self._clients or self._alarms.always else time.monotonic() - self._left_at
        if self._watcher is not None and away_s > KEEP_S:
            self._close()
        if self._watcher is None:
            self._id = secrets.token_hex(6)
            self._ticks.clear()
            self._watcher = Watcher(self.store, since="now")
            self._changes.begin()
            self._alarms.begin(self._changes.running)
            self._tick = Tick(0, POINTS.to_frame(), self._tick.cursor)
            self._ticks.add(self._tick)
        return self._watcher

    def _admit(self, batch: Batch) -> None:
        """Let those in who wait, between two ticks."""
        while True:
            with self._lock:
                if not self._joining:
                    return
                client, cursor = self._joining.popleft()
                self._clients.append(client)
            if cursor is None:
                client.greet(self._tick)
            elif not self._resume(client, cursor, batch):
                client.greet(self._tick)
                client.resync(self._tick)

    def _resume(self, client: Client, cursor: LiveCursor, batch: Batch) -> bool:
        """Give a client what it missed; False when that isn't known any more, or too much.

        It is greeted with its own cursor: should it be gone again before the rest has come, it comes back with that.
        """
        before = Tick(cursor.tick, POINTS.to_frame(), cursor.raw())
        ticks = None
        if cursor.hub == self._id and cursor.tick <= self._tick.number:
            ticks = self._ticks.after(cursor.tick)
        if ticks is not None:
            client.greet(before, resumed=True)
            for tick in ticks:
                client.deliver(tick)
                tick.forget_messages()
            return True
        found = missed(self.store, cursor, batch.cursor)
        if found is None:
            return False
        client.greet(before, resumed=True)
        runs = self._changes.since(cursor.at / 1000, found.facts)
        client.deliver(Tick(self._tick.number, found.points, self._tick.cursor, () if runs is None else (runs,)))
        return True

    def _rest(self, began: float, *, quiet: bool) -> None:
        """Wait for the next look."""
        if self._stopping or self._joining:
            return
        left_s = (QUIET_S if quiet else TICK_S) - (time.monotonic() - began)
        if left_s > 0:
            self._wakeup.wait(left_s)
        self._wakeup.clear()

    def _fail(self) -> None:
        """A look failed: begin anew, later; those who are connected fetch anew then."""
        _log.exception("steplog: the live view of %s failed; it is tried again", self.store.root)
        self._close()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.close(1013, "the store can't be followed; the server's terminal says why")
        self._wakeup.wait(_FAULT_S)

    def _close(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()

"""The forwarder: reads what is new in a store and delivers it to one server, in order, each record once.

One record after the other is dealt with: delivered; or refused by the server, then set aside and reported; or not now,
then tried again, later and later (`BACKOFF_S`), for as long as it takes. The cursor moves on when all of a batch was
dealt with. So a server that is down costs nothing but time: what waits is the store's own files, not memory.

Exactly one copy: repeating anything changes nothing at the server (see moments, target, progress).
"""

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Self

import msgspec
import polars as pl

from ingest.errors import ForwardingError
from readers.mlflow.address import check_uri, target_id, without_credentials
from readers.mlflow.attempts import Attempts, Halted, State
from readers.mlflow.batches import Request, Work, fact_work, point_requests, starts
from readers.mlflow.delivery import Delivery
from readers.mlflow.missing import Missing
from readers.mlflow.moments import Moments
from readers.mlflow.progress import Progress
from readers.mlflow.setaside import Aside
from readers.mlflow.target import Target
from readers.store import Store
from readers.watcher import Watcher

BACKOFF_S = 0.25, 30.0
MARK = "forward"
"""Kind of the fact by which a run asks to be forwarded; its key is the target's id."""
ROWS = 5_000
SAVE_S = 2.0
SWEEP_S = 5.0
_WORK_FACTS = ("param", "tag", "artifact", "model")
_LIFE_FACTS = ("run", "status", "end")


class Forwarder:
    """Sends one store to one server; `close` it. One thread, but for `stop` and `state`.

    Args:
        everything: all runs of the store; else those that were started with backend "mlflow" or "both" for this server.
        on_change: called with each new state.

    Raises: ForwardingError. StoreUnavailable. FormatTooNew.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        uri: str,
        *,
        everything: bool = False,
        again: bool = False,
        on_change: Callable[[State], None] | None = None,
        backoff_s: tuple[float, float] = BACKOFF_S,
    ) -> None:
        uri = check_uri(uri)
        self._store = Store(root)
        self._mark = target_id(uri)
        self._everything = everything
        self._progress = Progress(self._store.layout, uri)  # first: who isn't the one forwarder needs no MLflow
        try:
            target = Target(uri)
        except ForwardingError:
            self._progress.close()
            raise
        if again:
            self._progress.begin_anew()
        kept = self._progress.kept
        state = State(without_credentials(uri), kept.points, kept.facts)
        self._attempts = Attempts(state, on_change or (lambda _state: None), target.answers, backoff_s)
        self._delivery = Delivery(self._store, target, self._progress, self._attempts, self._is_wanted)
        if again:
            self._delivery.refusals.begin_anew()
        self._missing = Missing(self._store, self._progress, self._delivery.refusals, everything=everything)
        self._moments = Moments(kept.places)
        self._watcher = Watcher(root, since=kept.cursor, most=ROWS)
        self._work: deque[Work] = deque()
        self._cursor = self._watcher.cursor
        self._more = self._unsaved = False
        self._marked = {run_id for run_id, run in self._progress.runs.items() if run.whole}
        self._touched: set[str] = set()
        self._saved_at = self._swept_at = -1e9

    # --- what its owner does

    def drain(self, timeout_s: float | None = None, *, last: bool = False) -> bool:
        """Deliver all that is there now; whether it was done in time. Then `state` says what is in the way.

        Args:
            last: it is the last time: look now who has died.
        """
        if last:
            self._swept_at = -1e9
            self._missing.hurry()
        self._attempts.until = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._catch_up()
            while self._step():
                pass
            self._sweep()
            self._save()
        except Halted:
            return False
        finally:
            self._attempts.until = None
        self._attempts.change(settled=True, error=None)
        return True

    def follow(self) -> None:
        """Deliver what comes, until `stop`."""
        while not self._attempts.stopping.is_set():
            self.drain()
            self._attempts.stopping.wait(self.pause_s)

    def stop(self) -> None:
        """End `drain` and `follow` soon; any thread."""
        self._attempts.stopping.set()
        self._watcher.wake()

    @property
    def state(self) -> State:
        """How it stands."""
        return self._attempts.state

    @property
    def pause_s(self) -> float:
        """Seconds until it is time for the next `drain`."""
        return self._watcher.pause_s

    @property
    def aside(self) -> list[Aside]:
        """What the server didn't take."""
        return list(self._delivery.refusals.file.all)

    @property
    def mlflow_ids(self) -> dict[str, str]:
        """The server's ids of the runs, by ours."""
        return {run_id: run.mlflow_id for run_id, run in self._progress.runs.items()}

    def close(self) -> None:
        """Keep the place, and let another forwarder go on."""
        try:
            self._save()
        finally:
            self._watcher.close()
            self._progress.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # --- reading

    def _step(self) -> bool:
        """Deal with one batch; whether there is more to do at once."""
        if not self._work:
            batch = self._watcher.poll()
            self._more = batch.more
            if not batch.empty:
                self._attempts.change(settled=False)
                self._work.extend(self._planned(batch.points, batch.facts))
                self._cursor, self._unsaved = batch.cursor, True
        self._deliver_all()
        if self._unsaved:
            kept = self._progress.kept
            kept.cursor, kept.places = self._cursor, self._moments.kept()
            if time.monotonic() - self._saved_at > SAVE_S:
                self._save()
        return self._more

    def _is_wanted(self, run_id: str) -> bool:
        return self._everything or run_id in self._marked

    def _planned(self, points: pl.DataFrame, facts: pl.DataFrame) -> list[Work]:
        """What of a batch is to be delivered, facts first."""
        for run_id, start in starts(facts).items():
            self._delivery.creation.starts.setdefault(run_id, start)
        marks = facts.filter((pl.col("kind") == MARK) & (pl.col("key") == self._mark))
        self._marked |= set(marks["run_id"])
        if not self._everything:
            facts, points = (rows.filter(pl.col("run_id").is_in(list(self._marked))) for rows in (facts, points))
        self._touched |= set(facts.filter(pl.col("kind").is_in(_LIFE_FACTS))["run_id"])
        asked = facts.filter(pl.col("kind").is_in(_WORK_FACTS))
        return [*fact_work(asked), *point_requests(points, self._moments)]

    def _catch_up(self) -> None:
        """Send whole runs of which the cursor has passed something."""
        missing = self._missing.runs(self._marked)
        if not missing:
            return
        creation, moments = self._delivery.creation, self._moments
        creation.behind, self._moments = True, Moments()
        try:
            with Watcher(self._store.root, runs=missing, most=ROWS) as whole:
                more = True
                while more:
                    batch = whole.poll()
                    self._work.extend(self._planned(batch.points, batch.facts))
                    self._deliver_all()
                    more = batch.more
        finally:
            self._work.clear()  # it is read anew the next time
            creation.behind, self._moments = False, moments
        for run_id in missing:
            run = self._progress.runs.get(run_id)
            if run is not None and self._is_wanted(run_id):
                self._progress.keep(msgspec.structs.replace(run, whole=True))
                self._marked.add(run_id)
                self._touched.add(run_id)
        self._missing.done()

    def _save(self) -> None:
        if not self._unsaved:
            return
        kept = self._progress.kept
        kept.points, kept.facts = self.state.points, self.state.facts
        try:
            self._progress.save()
        except OSError as error:
            self._attempts.change(
                error=f"the place can't be kept in {self._progress.folder}: {error.strerror or error}"
            )
            return
        self._unsaved, self._saved_at = False, time.monotonic()

    # --- delivering

    def _deliver_all(self) -> None:
        while self._work:
            work = self._work.popleft()
            try:
                self._delivery.deliver(work)
            except Halted:
                self._work.appendleft(work)
                raise
            self._attempts.change(waiting=sum(item.size if isinstance(item, Request) else 1 for item in self._work))

    def _sweep(self) -> None:
        """Tell the server what became of runs; all their points are there by now."""
        late = [run_id for run_id, run in self._progress.runs.items() if run.status == "RUNNING"]
        if not self._touched and (not late or time.monotonic() - self._swept_at < SWEEP_S):
            return
        asked = {*self._touched, *late}
        rows = self._store.runs().filter(pl.col("run_id").is_in(list(asked))).collect()
        for row in rows.iter_rows(named=True):
            if self._is_wanted(row["run_id"]):
                self._delivery.tell_status(row["run_id"], row["status"], row["end_time"])
        self._touched.clear()
        self._swept_at = time.monotonic()

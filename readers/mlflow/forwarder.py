"""The forwarder: reads what is new in a store and delivers it to one server, in order, each record once.

One record after the other is dealt with: delivered; or refused by the server, then set aside and reported; or not now,
then tried again, later and later (`BACKOFF_S`), for as long as it takes. The cursor moves on when all of a batch was
dealt with. So a server that is down costs nothing but time: what waits is the store's own files, not memory.

A request that the server refuses, or that it fails at again and again while it answers otherwise (`FAILS`), is halved
until the record is alone that it doesn't take. A request that times out is halved for the time being (`_most`).

Exactly one copy: repeating anything changes nothing at the server (see moments, target, progress).
"""

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Self, TypeVar

import msgspec
import polars as pl

from ingest.errors import ForwardingError, SegmentCorrupt
from ingest.files import open_beneath
from ingest.layout import RUN_ID, Layout
from ingest.paths import check_path
from readers.mlflow.address import check_uri, target_id, without_credentials
from readers.mlflow.batches import MAX_POINTS, Request, Start, Upload, Work, fact_work, point_requests, starts
from readers.mlflow.moments import Moments
from readers.mlflow.names import PREFIX, experiment_name
from readers.mlflow.progress import KnownRun, Progress
from readers.mlflow.setaside import Aside, AsideFile
from readers.mlflow.target import RUN_ID_TAG, NotNow, Refused, Target
from readers.store import Store
from readers.watcher import Watcher

BACKOFF_S = 0.25, 30.0
FAILS = 5
MARK = "forward"
"""Kind of the fact by which a run asks to be forwarded; its key is the target's id."""
ROWS = 5_000
SAVE_S = 2.0
SWEEP_S = 5.0
_STATUS = {"INTERRUPTED": "FAILED"}
"""MLflow has no word for a run whose process died; the run's own is in the tag steplog.status."""
_WORK_FACTS = ("param", "tag", "artifact", "model")
_LIFE_FACTS = ("run", "status", "end")
_log = logging.getLogger("steplog.mlflow")
_T = TypeVar("_T")


class Halted(Exception):
    """Told to stop, or out of time, while something waits to be delivered."""


class State(msgspec.Struct, frozen=True):
    """How forwarding stands."""

    target: str
    points: int = 0
    """Points that the server has taken in this store's lifetime, repeats included."""
    facts: int = 0
    waiting: int = 0
    """Records that were read and not yet delivered; more may lie in the store behind them."""
    aside: int = 0
    error: str | None = None
    """What is in the way now; None when nothing is."""
    settled: bool = False
    """Whether all that was in the store at the last look was dealt with."""


class _Known(NamedTuple):
    """What the server has of a run, as far as it matters."""

    params: dict[str, str]
    changed: set[str]


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
        self._layout: Layout = self._store.layout
        self._mark = target_id(uri)
        self._everything = everything
        self._backoff_s = backoff_s
        self._progress = Progress(self._layout, uri)  # first: who isn't the one forwarder needs no MLflow
        try:
            self._target = Target(uri)
        except ForwardingError:
            self._progress.close()
            raise
        self._aside = AsideFile(self._progress.folder / "aside.jsonl")
        if again:
            self._progress.begin_anew()
            self._aside.forget()
        self._on_change = on_change or (lambda _state: None)
        self.state = State(without_credentials(uri), self._progress.kept.points, self._progress.kept.facts)
        self._moments = Moments(self._progress.kept.places)
        self._watcher = Watcher(root, since=self._progress.kept.cursor, most=ROWS)
        self._work: deque[Work] = deque()
        self._cursor = self._watcher.cursor
        self._more = False
        self._marked = {run_id for run_id, run in self._progress.runs.items() if run.whole}
        self._starts: dict[str, Start] = {}
        self._experiments: dict[str, str] = {}
        self._known: dict[str, _Known] = {}
        self._touched = {run_id for run_id, run in self._progress.runs.items() if run.status == "RUNNING"}
        self._saved_at = self._swept_at = -1e9
        self._unsaved = False
        self._most = MAX_POINTS
        self._until: float | None = None
        self._stopping = threading.Event()
        self._behind = everything and not self._progress.fresh

    # --- what its owner does

    def drain(self, timeout_s: float | None = None, *, last: bool = False) -> bool:
        """Deliver all that is there now; whether it was done in time. Then `state` says what is in the way.

        Args:
            last: it is the last time: look now who has died.
        """
        self._swept_at = -1e9 if last else self._swept_at
        self._until = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._catch_up()
            while self._step():
                pass
            self._sweep()
            self._save()
        except Halted:
            return False
        finally:
            self._until = None
        self._change(settled=True, error=None)
        return True

    def follow(self) -> None:
        """Deliver what comes, until `stop`."""
        while not self._stopping.is_set():
            self.drain()
            self._stopping.wait(self.pause_s)

    def stop(self) -> None:
        """End `drain` and `follow` soon; any thread."""
        self._stopping.set()
        self._watcher.wake()

    @property
    def pause_s(self) -> float:
        """Seconds until it is time for the next `drain`."""
        return self._watcher.pause_s

    @property
    def aside(self) -> list[Aside]:
        """What the server didn't take."""
        return list(self._aside.all)

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
                self._change(settled=False)
                self._work.extend(self._planned(batch.points, batch.facts))
                self._cursor, self._unsaved = batch.cursor, True
        self._deliver_all()
        if self._unsaved:
            kept = self._progress.kept
            kept.cursor, kept.places = self._cursor, self._moments.kept()
            if time.monotonic() - self._saved_at > SAVE_S:
                self._save()
        return self._more

    def _planned(self, points: pl.DataFrame, facts: pl.DataFrame) -> list[Work]:
        """What of a batch is to be delivered, facts first."""
        for run_id, start in starts(facts).items():
            self._starts.setdefault(run_id, start)
        marks = facts.filter((pl.col("kind") == MARK) & (pl.col("key") == self._mark))
        self._marked |= set(marks["run_id"])
        if not self._everything:
            facts, points = (rows.filter(pl.col("run_id").is_in(list(self._marked))) for rows in (facts, points))
        self._touched |= set(facts.filter(pl.col("kind").is_in(_LIFE_FACTS))["run_id"])
        asked = facts.filter(pl.col("kind").is_in(_WORK_FACTS))
        return [*fact_work(asked), *point_requests(points, self._moments)]

    def _catch_up(self) -> None:
        """Send runs of which the cursor has passed something that nobody wanted to be sent then."""
        if not self._behind:
            return
        missing = [run for run in self._store.run_ids() if run not in self._marked]
        moments = self._moments
        if missing:
            self._moments = Moments()
            with Watcher(self._layout.root, runs=missing, most=ROWS) as whole:
                try:
                    while True:
                        batch = whole.poll()
                        self._work.extend(self._planned(batch.points, batch.facts))
                        self._deliver_all()
                        if not batch.more:
                            break
                finally:
                    self._work.clear()  # it is read anew the next time
                    self._moments = moments
        for run_id in missing:
            run = self._progress.runs.get(run_id)
            if run is not None:
                self._progress.keep(msgspec.structs.replace(run, whole=True))
        self._marked |= set(missing)
        self._behind = False

    def _save(self) -> None:
        if not self._unsaved:
            return
        kept = self._progress.kept
        kept.points, kept.facts = self.state.points, self.state.facts
        try:
            self._progress.save()
        except OSError as error:
            self._change(error=f"the place can't be kept in {self._progress.folder}: {error.strerror or error}")
            return
        self._unsaved, self._saved_at = False, time.monotonic()

    # --- delivering

    def _deliver_all(self) -> None:
        while self._work:
            work = self._work.popleft()
            try:
                if isinstance(work, Upload):
                    self._upload(work)
                else:
                    self._deliver(work)
            except Halted:
                self._work.appendleft(work)
                raise
            self._change(waiting=sum(item.size if isinstance(item, Request) else 1 for item in self._work))

    def _deliver(self, request: Request) -> None:
        """Send a request, in as many parts as it takes."""
        run = self._run(request.run_id)
        if run is None:
            self._set_aside(request, "its run isn't at the server, which refused it")
            return
        if request.params:
            request = self._with_changed_params(run, request)
        parts = deque([request])
        while parts:
            part = parts.popleft()
            if part.size > self._most:
                parts.extendleft(reversed(part.halves()))
                continue
            if not part.size:
                continue
            try:
                self._try(partial(self._send, run, part), size=part.size)
            except Refused as error:
                if part.size > 1:
                    parts.extendleft(reversed(part.halves()))
                elif not self._as_tag(run, part):
                    self._set_aside(part, str(error))
                continue
            except _Smaller:
                parts.extendleft(reversed(part.halves()))
                continue
            points = len(part.points)
            self._change(points=self.state.points + points, facts=self.state.facts + part.size - points)

    def _send(self, run: KnownRun, part: Request) -> None:
        tags = {key: value for key, value in part.tags if value is not None}
        if part.points or part.params or tags:
            self._target.log(run.mlflow_id, part.points, dict(part.params), tags)
        for key, value in part.tags:
            if value is None:
                self._target.delete_tag(run.mlflow_id, key)

    def _with_changed_params(self, run: KnownRun, request: Request) -> Request:
        """Params that the server has with another value already become tags."""
        known = self._known_of(run)
        params, tags = [], list(request.tags)
        for key, value in request.params:
            first = known.params.setdefault(key, value)
            if first == value and key not in known.changed:
                params.append((key, value))
            else:
                known.changed.add(key)
                tags.append((_param_tag(key), value))
        return Request(request.run_id, request.points, tuple(params), tuple(tags))

    def _known_of(self, run: KnownRun) -> _Known:
        if run.run_id not in self._known:
            try:
                params, tags = self._try(lambda: self._target.described(run.mlflow_id))
            except Refused:
                params, tags = {}, {}
            changed = {key for key in params if _param_tag(key) in tags}
            self._known[run.run_id] = _Known(params, changed)
        return self._known[run.run_id]

    def _as_tag(self, run: KnownRun, part: Request) -> bool:
        """Send a param that the server refused, as it has another value of it, as a tag."""
        if not part.params:
            return False
        key, value = part.params[0]
        try:
            self._try(lambda: self._target.log(run.mlflow_id, (), {}, {_param_tag(key): value[:5000]}))
        except Refused:
            return False
        return True

    def _upload(self, upload: Upload) -> None:
        run = self._run(upload.run_id)
        if run is None:
            return
        for source, folder in self._files(upload):
            try:
                open_beneath(self._layout.root, source).close()
                file = str(self._layout.root / source)
                self._try(partial(self._target.upload, run.mlflow_id, file, folder))
            except (Refused, OSError, ValueError, SegmentCorrupt) as error:
                self._aside_one(Aside(upload.run_id, "artifact", source, str(error)))
            else:
                self._change(facts=self.state.facts + 1)

    def _files(self, upload: Upload) -> list[tuple[str, str]]:
        """A file, or a folder's files, each with its folder at the server."""
        try:
            path = self._layout.root / check_path(upload.source)
        except ValueError:  # a poisoned store; opening it says why
            return [(upload.source, upload.folder)]
        if not path.is_dir() or path.is_symlink():
            return [(upload.source, upload.folder)]
        found = []
        for folder, _, names in os.walk(path):
            inner = os.path.relpath(folder, path)
            target = upload.folder if inner == "." else f"{upload.folder}/{inner}"
            source = upload.source if inner == "." else f"{upload.source}/{inner}"
            found += [(f"{source}/{name}", target) for name in sorted(names)]
        return found

    # --- runs

    def _run(self, run_id: str) -> KnownRun | None:
        """The run at the server, created when missing; None when the server refuses that."""
        known = self._progress.runs.get(run_id)
        if known is not None:
            return known if known.mlflow_id else None
        if not RUN_ID.fullmatch(run_id):
            self._aside_one(Aside(run_id, "run", run_id, "its id is none that this project gives"))
            return None
        start = self._starts.get(run_id) or self._looked_up(run_id)
        tries: list[None] = []

        def create() -> KnownRun:
            tries.append(None)
            experiment = self._experiment(start.experiment)
            there = self._target.find_runs(experiment, run_id)
            mlflow_id = (
                there[0]
                if there
                else self._target.create_run(experiment, start.name, start.start_ms, self._tags_of(run_id, start))
            )
            return KnownRun(
                run_id, mlflow_id, experiment, whole=not self._behind, unsure=max(len(tries), len(there)) > 1
            )

        try:
            known = self._try(create)
        except Refused as error:
            self._aside_one(Aside(run_id, "run", start.name, str(error)))
            return None
        self._progress.keep(known, sync=True)
        self._touched.add(run_id)
        return known

    def _tags_of(self, run_id: str, start: Start) -> dict[str, str]:
        tags = {RUN_ID_TAG: run_id}
        parent = self._progress.runs.get(start.parent or "")
        if start.parent:
            tags[PREFIX + "parent_run_id"] = start.parent[:5000]
        if parent is not None:
            tags["mlflow.parentRunId"] = parent.mlflow_id
        if start.group:
            tags[PREFIX + "group"] = start.group[:5000]
        if experiment_name(start.experiment) != start.experiment:
            tags[PREFIX + "experiment"] = start.experiment[:5000]
        return tags

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = self._target.experiment(experiment_name(name))
        return self._experiments[name]

    def _looked_up(self, run_id: str) -> Start:
        """What the store says of a run whose start was read before it was to be forwarded."""
        row = self._store.find_run(run_id)
        if row is None or row["start_time"] is None:
            return Start("default" if row is None else row["experiment"], run_id, 0, None, None)
        start_ms = int(row["start_time"].timestamp() * 1000)
        return Start(row["experiment"], row["run_name"] or run_id, start_ms, row["parent_run_id"], row["group"])

    def _sweep(self) -> None:
        """Tell the server what became of runs; all their points are there by now."""
        late = [run_id for run_id, run in self._progress.runs.items() if run.status == "RUNNING"]
        if not self._touched and (not late or time.monotonic() - self._swept_at < SWEEP_S):
            return
        asked = {*self._touched, *late}
        rows = self._store.runs().filter(pl.col("run_id").is_in(list(asked))).collect()
        for row in rows.iter_rows(named=True):
            if self._everything or row["run_id"] in self._marked:
                self._tell_status(row["run_id"], row["status"], row["end_time"])
        self._touched.clear()
        self._swept_at = time.monotonic()

    def _tell_status(self, run_id: str, status: str, end_time: object) -> None:
        run = self._run(run_id)
        end_ms = int(end_time.timestamp() * 1000) if hasattr(end_time, "timestamp") else None
        if run is None or (run.status, run.end_ms) == (status, end_ms):
            return
        try:
            if status != "RUNNING":
                self._remove_doubles(run)
            self._try(lambda: self._target.set_status(run.mlflow_id, _STATUS.get(status, status), end_ms))
            if status in _STATUS or run.status in _STATUS:
                self._try(lambda: self._target.log(run.mlflow_id, (), {}, {PREFIX + "status": status}))
        except Refused as error:
            self._aside_one(Aside(run_id, "status", status, str(error)))
        self._progress.keep(msgspec.structs.replace(run, status=status, end_ms=end_ms, unsure=False))

    def _remove_doubles(self, run: KnownRun) -> None:
        """Take away what a creation left whose answer was lost; nothing was ever sent there."""
        if run.unsure:
            for found in self._try(lambda: self._target.find_runs(run.experiment_id, run.run_id)):
                if found != run.mlflow_id:
                    self._try(partial(self._target.delete_run, found))

    # --- trying, and giving up

    def _try(self, ask: Callable[[], _T], *, size: int = 1) -> _T:
        """Ask until there is an answer. Raises: Refused. Halted. _Smaller: try it in parts."""
        failed = 0
        delay_s = self._backoff_s[0]
        while True:
            if self._stopping.is_set() or (self._until is not None and time.monotonic() > self._until):
                raise Halted
            try:
                done = ask()
            except NotNow as error:
                self._change(error=str(error), settled=False)
                failed = failed + 1 if error.failed else 0
                if failed >= FAILS and self._target.answers():
                    if size > 1:
                        raise _Smaller from error
                    raise Refused(f"the server fails at it: {error}") from error
                if size > 1 and "timed out" in str(error).lower():
                    self._most = max(1, size // 2)
                    raise _Smaller from error
                self._pause(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - so that many don't come at once
                delay_s = min(2 * delay_s, self._backoff_s[1])
                continue
            if self.state.error is not None:
                self._change(error=None)
            if size >= self._most:
                self._most = min(MAX_POINTS, 2 * self._most)
            return done

    def _pause(self, seconds: float) -> None:
        if self._until is not None:
            seconds = min(seconds, max(0.0, self._until - time.monotonic()) + 0.001)
        self._stopping.wait(seconds)

    def _set_aside(self, request: Request, why: str) -> None:
        run_id = request.run_id
        for point in request.points:
            self._aside_one(Aside(run_id, "metric", point.key, why, repr(point.value), point.step, point.time_ms))
        for key, value in request.params:
            self._aside_one(Aside(run_id, "param", key, why, value))
        for tag, text in request.tags:
            self._aside_one(Aside(run_id, "tag", tag, why, text or ""))

    def _aside_one(self, record: Aside) -> None:
        try:
            new = self._aside.add(record)
        except OSError as error:
            _log.warning("what the server refused can't be kept in %s: %s", self._aside.path, error)
            return
        if new:
            what = f"{record.kind} {record.key[:100]!r} of run {record.run_id}"
            _log.warning("%s doesn't take %s: %s; it was set aside", self.state.target, what, record.why)
        self._change(aside=len(self._aside.all))

    def _change(self, **fields: object) -> None:
        changed = msgspec.structs.replace(self.state, **fields)
        if changed != self.state:
            self.state = changed
            self._on_change(changed)


class _Smaller(Exception):
    """The request is to be tried in parts."""


def _param_tag(key: str) -> str:
    return f"{PREFIX}param.{key}"[:250]

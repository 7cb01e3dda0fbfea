"""Delivery: one request or file after the other to a server.

A request that the server refuses is halved until the record is alone that it doesn't take; that is set aside, reported,
and stops nobody. A run that it doesn't let us make, or that was deleted there, is set aside as a whole, and not asked
for again but by `steplog sync` (deleted ones: with `--again`). A metric of which one point after the other is refused
isn't tried point by point for ever: from the fourth on they are set aside unasked. Anything that is asked may be asked
again: see target.
"""

import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.files import open_beneath
from ingest.paths import check_path
from readers.mlflow.attempts import Attempts, Smaller
from readers.mlflow.batches import Request, Upload, Work
from readers.mlflow.creation import Creation
from readers.mlflow.names import PREFIX
from readers.mlflow.progress import KnownRun, Progress
from readers.mlflow.setaside import Aside, Refusals
from readers.mlflow.target import Refused, Target
from readers.store import Store

_IN_ROW = 3
"""Points of a metric that are refused in a row before the next ones are set aside without being sent."""
_STATUS = {"INTERRUPTED": "FAILED"}
"""MLflow has no word for a run whose process died; the run's own is in the tag steplog.status."""


class _Known(NamedTuple):
    """What the server has of a run, as far as it matters."""

    params: dict[str, str]
    changed: set[str]


class Delivery:
    """The way from one store to one server. One thread.

    Args:
        wanted: whether a run is to be sent at all.
    """

    def __init__(
        self, store: Store, target: Target, progress: Progress, attempts: Attempts, wanted: Callable[[str], bool]
    ) -> None:
        self._store = store
        self._layout = store.layout
        self._target = target
        self._progress = progress
        self._attempts = attempts
        self.refusals = Refusals(progress.folder / "aside.jsonl", attempts)
        self.creation = Creation(store, target, progress, attempts, self.refusals, wanted=wanted)
        self._known: dict[str, _Known] = {}
        self._refused: dict[tuple[str, str], int] = {}
        """Points that were refused in a row, by run and metric."""

    def deliver(self, work: Work) -> None:
        """Deliver it, or set aside what the server refuses. Raises: Halted."""
        if isinstance(work, Upload):
            self._upload(work)
        else:
            self._deliver(work)

    def tell_status(self, run_id: str, status: str, end_time: object) -> None:
        """Tell the server what became of a run. Raises: Halted."""
        run = self.creation.run(run_id)
        end_ms = int(end_time.timestamp() * 1000) if hasattr(end_time, "timestamp") else None
        if run is None or (run.status, run.end_ms) == (status, end_ms):
            return
        try:
            if status != "RUNNING":
                self.creation.remove_doubles(run)
            self._attempts.make(lambda: self._target.set_status(run.mlflow_id, _STATUS.get(status, status), end_ms))
            if status in _STATUS or run.status in _STATUS:
                self._attempts.make(lambda: self._target.log(run.mlflow_id, (), {}, {PREFIX + "status": status}))
        except Refused as error:
            if self._is_gone(run):
                return
            self.refusals.add(Aside(run_id, "status", status, str(error)))
        self._progress.keep(msgspec.structs.replace(run, status=status, end_ms=end_ms, unsure=False))

    def _deliver(self, request: Request) -> None:
        """Send a request, in as many parts as it takes."""
        run = self.creation.run(request.run_id)
        if run is None:
            return
        if request.params:
            request = self._with_changed_params(run, request)
        parts, is_there = deque([request]), False
        while parts:
            part = self._worth_trying(parts.popleft())
            if part.size > self._attempts.most:
                parts.extendleft(reversed(part.halves()))
                continue
            why = self._tried(run, part) if part.size else None
            if why is None:
                continue
            if why and not is_there:
                is_there = not self._is_gone(run)
                if not is_there:
                    return
            if part.size > 1:
                parts.extendleft(reversed(part.halves()))
            else:
                self._give_up(run, part, why)

    def _give_up(self, run: KnownRun, part: Request, why: str) -> None:
        """Set a single record aside, unless the server takes it as a tag."""
        if self._as_tag(run, part):
            return
        self.refusals.add_all(part, why)
        for point in part.points:
            metric = part.run_id, point.key
            self._refused[metric] = self._refused.get(metric, 0) + 1

    def _worth_trying(self, part: Request) -> Request:
        """A part without the points of metrics that the server doesn't take; these are set aside."""
        if not self._refused:
            return part
        tried = [point for point in part.points if self._refused.get((part.run_id, point.key), 0) < _IN_ROW]
        if len(tried) == len(part.points):
            return part
        others = tuple(point for point in part.points if self._refused.get((part.run_id, point.key), 0) >= _IN_ROW)
        self.refusals.add_all(Request(part.run_id, others), f"{_IN_ROW} points of it in a row were refused before")
        return part._replace(points=tuple(tried))

    def _tried(self, run: KnownRun, part: Request) -> str | None:
        """Send a part; None when that is done, else why it was refused, or "" where it was too large."""
        try:
            self._attempts.make(partial(self._send, run, part), size=part.size)
        except Refused as error:
            return str(error)
        except Smaller:
            return ""
        for metric in {(part.run_id, point.key) for point in part.points} if self._refused else ():
            self._refused.pop(metric, None)
        points, state = len(part.points), self._attempts.state
        self._attempts.change(points=state.points + points, facts=state.facts + part.size - points)
        return None

    def _is_gone(self, run: KnownRun) -> bool:
        """Whether the run was deleted at the server; it is set aside then."""
        if self._attempts.make(lambda: self._target.is_there(run.mlflow_id)):
            return False
        why = "it was deleted at the server: restore it there, then steplog sync --again"
        self.refusals.refuse(run.run_id, run.run_id, why)
        return True

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
                params, tags = self._attempts.make(lambda: self._target.described(run.mlflow_id))
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
            self._attempts.make(lambda: self._target.log(run.mlflow_id, (), {}, {_param_tag(key): value[:5000]}))
        except Refused:
            return False
        return True

    def _upload(self, upload: Upload) -> None:
        run = self.creation.run(upload.run_id)
        if run is None:
            return
        for source, folder in self._files(upload):
            try:
                open_beneath(self._layout.root, source).close()
                file = str(self._layout.root / source)
                self._attempts.make(partial(self._target.upload, run.mlflow_id, file, folder))
            except (Refused, OSError, ValueError, SegmentCorrupt) as error:
                self.refusals.add(Aside(upload.run_id, "artifact", source, str(error)))
            else:
                self._attempts.change(facts=self._attempts.state.facts + 1)

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


def _param_tag(key: str) -> str:
    return f"{PREFIX}param.{key}"[:250]

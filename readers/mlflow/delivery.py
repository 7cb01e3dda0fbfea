"""Delivery: one request or file after the other to a server, runs made there as they are needed.

A request that the server refuses is halved until the record is alone that it doesn't take; that is set aside, reported,
and stops nobody. Anything that is asked may be asked again: see target.
"""

import logging
import os
from collections import deque
from functools import partial
from typing import NamedTuple

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.files import open_beneath
from ingest.layout import RUN_ID
from ingest.paths import check_path
from readers.mlflow.attempts import Attempts, Smaller
from readers.mlflow.batches import Request, Start, Upload, Work
from readers.mlflow.names import PREFIX, experiment_name
from readers.mlflow.progress import KnownRun, Progress
from readers.mlflow.setaside import Aside, AsideFile
from readers.mlflow.target import RUN_ID_TAG, Refused, Target
from readers.store import Store

_STATUS = {"INTERRUPTED": "FAILED"}
"""MLflow has no word for a run whose process died; the run's own is in the tag steplog.status."""
_log = logging.getLogger("steplog.mlflow")


class _Known(NamedTuple):
    """What the server has of a run, as far as it matters."""

    params: dict[str, str]
    changed: set[str]


class Delivery:
    """The way from one store to one server. One thread."""

    def __init__(self, store: Store, target: Target, progress: Progress, attempts: Attempts) -> None:
        self._store = store
        self._layout = store.layout
        self._target = target
        self._progress = progress
        self._attempts = attempts
        self.aside = AsideFile(progress.folder / "aside.jsonl")
        self.starts: dict[str, Start] = {}
        """What was read of runs' starts."""
        self.behind = False
        """Whether what is delivered now is from before the cursor."""
        self._experiments: dict[str, str] = {}
        self._known: dict[str, _Known] = {}

    def deliver(self, work: Work) -> None:
        """Deliver it, or set aside what the server refuses. Raises: Halted."""
        if isinstance(work, Upload):
            self._upload(work)
        else:
            self._deliver(work)

    def tell_status(self, run_id: str, status: str, end_time: object) -> None:
        """Tell the server what became of a run. Raises: Halted."""
        run = self._run(run_id)
        end_ms = int(end_time.timestamp() * 1000) if hasattr(end_time, "timestamp") else None
        if run is None or (run.status, run.end_ms) == (status, end_ms):
            return
        try:
            if status != "RUNNING":
                self._remove_doubles(run)
            self._attempts.make(lambda: self._target.set_status(run.mlflow_id, _STATUS.get(status, status), end_ms))
            if status in _STATUS or run.status in _STATUS:
                self._attempts.make(lambda: self._target.log(run.mlflow_id, (), {}, {PREFIX + "status": status}))
        except Refused as error:
            self._aside_one(Aside(run_id, "status", status, str(error)))
        self._progress.keep(msgspec.structs.replace(run, status=status, end_ms=end_ms, unsure=False))

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
            if part.size > self._attempts.most:
                parts.extendleft(reversed(part.halves()))
                continue
            if not part.size:
                continue
            try:
                self._attempts.make(partial(self._send, run, part), size=part.size)
            except Refused as error:
                if part.size > 1:
                    parts.extendleft(reversed(part.halves()))
                elif not self._as_tag(run, part):
                    self._set_aside(part, str(error))
                continue
            except Smaller:
                parts.extendleft(reversed(part.halves()))
                continue
            points = len(part.points)
            self._attempts.change(
                points=self._attempts.state.points + points, facts=self._attempts.state.facts + part.size - points
            )

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
        run = self._run(upload.run_id)
        if run is None:
            return
        for source, folder in self._files(upload):
            try:
                open_beneath(self._layout.root, source).close()
                file = str(self._layout.root / source)
                self._attempts.make(partial(self._target.upload, run.mlflow_id, file, folder))
            except (Refused, OSError, ValueError, SegmentCorrupt) as error:
                self._aside_one(Aside(upload.run_id, "artifact", source, str(error)))
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

    # --- runs

    def _run(self, run_id: str) -> KnownRun | None:
        """The run at the server, created when missing; None when the server refuses that."""
        known = self._progress.runs.get(run_id)
        if known is not None:
            return known if known.mlflow_id else None
        if not RUN_ID.fullmatch(run_id):
            self._aside_one(Aside(run_id, "run", run_id, "its id is none that this project gives"))
            return None
        start = self.starts.get(run_id) or self._looked_up(run_id)
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
                run_id, mlflow_id, experiment, whole=not self.behind, unsure=max(len(tries), len(there)) > 1
            )

        try:
            known = self._attempts.make(create)
        except Refused as error:
            self._aside_one(Aside(run_id, "run", start.name, str(error)))
            return None
        self._progress.keep(known, sync=True)
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

    def _remove_doubles(self, run: KnownRun) -> None:
        """Take away what a creation left whose answer was lost; nothing was ever sent there."""
        if run.unsure:
            for found in self._attempts.make(lambda: self._target.find_runs(run.experiment_id, run.run_id)):
                if found != run.mlflow_id:
                    self._attempts.make(partial(self._target.delete_run, found))

    # --- what is refused

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
            new = self.aside.add(record)
        except OSError as error:
            _log.warning("what the server refused can't be kept in %s: %s", self.aside.path, error)
            return
        if new:
            what = f"{record.kind} {record.key[:100]!r} of run {record.run_id}"
            _log.warning("%s doesn't take %s: %s; it was set aside", self._attempts.state.target, what, record.why)
        self._attempts.change(aside=len(self.aside.all))


def _param_tag(key: str) -> str:
    return f"{PREFIX}param.{key}"[:250]

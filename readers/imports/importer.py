"""The importer: runs of another tracker into a store.

Guarantees. *Exact*: values, steps and times are the source's (times to the microsecond, the finest a store has); what
looks like a secret is masked, as in every log call. *Whole*: a run whose events take less than a queue file appears
in the store at once; of a larger one readers see the beginning first, as of a run that is being written.
*Once*: what a run came from, and how much of each metric was taken over, is written in the same batch as the points
themselves; so an import that is killed goes on where it was, one that is repeated adds nothing, and one of a source
that has grown adds what is new. A metric whose old points are others now is left as it is, and said. *One at a time*: a
lock that dies with the process.
"""

import fcntl
import hashlib
import json
import mimetypes
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, Protocol

import msgspec

from ingest.bulk import Batch, BulkWriter
from ingest.columns import PointBlock
from ingest.compact import compact_if_due
from ingest.errors import ImportFailed
from ingest.events import ArtifactLogged, FactLogged, ParamsLogged, RunEnded, RunStarted, TagsSet
from ingest.files import copy, put_stream
from ingest.jsontext import to_json
from ingest.keys import checked_key
from ingest.layout import FILE_MODE, RUN_ID, Layout
from ingest.paths import check_path
from ingest.recovery import recover
from ingest.redact import mask
from ingest.settings import PipelineSettings
from readers.imports.found import FoundArtifact, FoundRun, RunSource, Series
from readers.imports.known import RUN, SERIES, STATE, Known, KnownRun, Progress, Taken, times
from readers.store import Store

_BATCH_BYTES = 4 << 20
_BATCH_S = 2.0
_BATCH_RUNS = 1000
_POINTS_AT_ONCE = 100_000
_FILE_BYTES = PipelineSettings().segment_bytes
STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED")


class ImportReport(msgspec.Struct):
    """What an import did."""

    runs: int = 0
    """Runs that came in, as new ones."""
    continued: int = 0
    """Runs that were here before, in part or whole, and have got what was new."""
    unchanged: int = 0
    """Runs that were here already."""
    left_out: int = 0
    """Runs that could not be read."""
    points: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0
    experiments: dict[str, int] = {}
    """Runs that came in or got something, by experiment."""
    problems: list[str] = []
    """What could not be read and is left out: where, why, what to do."""
    notes: list[str] = []
    """What was left out on purpose."""


class Watching(Protocol):
    """Who shows how it goes."""

    def begin(self, runs: int | None) -> None:
        """So many runs are there; None where that isn't known."""

    def run(self, name: str) -> None:
        """Another run is being looked at."""

    def points(self, count: int) -> None:
        """So many points came in."""


class Unwatched:
    """Shows nothing."""

    def begin(self, runs: int | None) -> None:
        """Do nothing."""

    def run(self, name: str) -> None:
        """Do nothing."""

    def points(self, count: int) -> None:
        """Do nothing."""


def import_runs(source: RunSource, root: str | os.PathLike[str], *, watching: Watching | None = None) -> ImportReport:
    """Take the runs of a source over into a store, which is made when missing.

    Raises: ImportFailed: the source can't be read at all, or somebody else imports into this store. StoreUnavailable,
        FormatTooNew. OSError: the disk can't take it. What came in before any of these stays, and the same call goes
        on behind it.
    """
    layout = Layout(root)
    layout.create()
    with _only_one(layout):
        recover(layout)  # what an import before this one left
        with BulkWriter(layout) as writer:
            importing = _Import(layout, writer, Known(Store(layout.root)), watching or Unwatched())
            try:
                importing.all_of(source)
            finally:
                importing.report.problems += source.problems
                importing.report.notes += source.notes
        compact_if_due(layout, PipelineSettings().compact_files)
    return importing.report


@contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    descriptor = os.open(layout.root / "import.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImportFailed(
                f"another process imports into {str(layout.root)!r} right now; wait until it is done"
            ) from error
        yield
    finally:
        os.close(descriptor)


class _Import:
    def __init__(self, layout: Layout, writer: BulkWriter, known: Known, watching: Watching) -> None:
        self.report = ImportReport()
        self._layout = layout
        self._writer = writer
        self._known = known
        self._watching = watching
        self._shapes = count()
        self._batch = Batch(self._shapes)
        self._pending = 0
        self._since = time.monotonic()
        self._seen: set[str] = set()

    def all_of(self, source: RunSource) -> None:
        """Take over each run; one that can't be read keeps no other one back."""
        self._watching.begin(source.count())
        try:
            for run in source.runs():
                self._one(run)
        except ValueError as error:
            self._publish()
            raise ImportFailed(str(error)) from error
        except ImportFailed:
            self._publish()
            raise
        self._publish()

    def _one(self, run: FoundRun) -> None:
        """Take over a run, or say why not."""
        self._watching.run(run.name)
        kept, self._batch = self._batch, Batch(self._shapes)
        try:
            self._check_new(run)
            whole = _Taking(self, run).take()
        except (ValueError, OSError, ImportFailed) as error:
            self._batch = kept
            if isinstance(error, ImportFailed) or (isinstance(error, OSError) and _is_ours(self._layout, error)):
                raise
            self.report.left_out += 1
            self.report.problems.append(f"run {run.name!r} ({run.source}) is left out: {error}")
        else:
            self._join(kept, whole=whole)

    def _check_new(self, run: FoundRun) -> None:
        """Raises: ValueError: the source gave it before."""
        if run.identity in self._seen:
            raise ValueError("the source has a run of this identity twice; the first one came in")
        self._seen.add(run.identity)

    def _join(self, kept: Batch, *, whole: bool) -> None:
        """Put the run that was taken behind those that wait to be published."""
        kept.join(self._batch)
        self._batch = kept
        self._pending += whole
        late = time.monotonic() - self._since > _BATCH_S
        if late or kept.size > _BATCH_BYTES or self._pending >= _BATCH_RUNS:
            self._publish()

    def _publish(self) -> None:
        self._writer.publish(self._batch)
        self._batch, self._pending, self._since = Batch(self._shapes), 0, time.monotonic()

    # --- what a run needs

    def fact(self, event: Any) -> None:
        """Queue a fact."""
        self._batch.add_fact(event)

    def points(self, run_id: str, experiment: str, series: Series, otherwise_ns: int) -> int:
        """Queue points; those of a large run are published on the way. Returns how many."""
        when, values = times(series, otherwise_ns), series.value[:, None]
        self._batch.add_points(PointBlock(run_id, experiment, (series.key,), when, when, series.step, values))
        self._watching.points(len(series.value))
        return len(series.value)

    def is_full(self) -> bool:
        """Whether the run fills a queue file by itself."""
        return self._batch.size > _FILE_BYTES - (_POINTS_AT_ONCE * 48)

    def publish_part(self) -> None:
        """Publish the beginning of a run."""
        self._writer.publish(self._batch)
        self._batch = Batch(self._shapes)

    def known(self, run: FoundRun) -> KnownRun | None:
        """What earlier imports took of it."""
        return self._known.find(run.identity)

    def is_taken(self, run_id: str) -> bool:
        """Whether another run has the id."""
        return run_id in self._known.run_ids

    def remember(self, run_id: str) -> None:
        """The id is in use from now on."""
        self._known.run_ids.add(run_id)

    @property
    def layout(self) -> Layout:
        """The store's."""
        return self._layout


def _is_ours(layout: Layout, error: OSError) -> bool:
    """Whether it is the store that fails, and not the source."""
    name = error.filename
    if not isinstance(name, str | bytes | os.PathLike):
        return error.errno is not None and name is None
    return os.path.abspath(os.fsdecode(name)).startswith(str(layout.root) + os.sep)  # noqa: PTH100 - as Layout


def run_id_of(identity: str, start_ns: int) -> str:
    """An id as the tracker makes them, the same for the same run: sorts by start, and ends in a digest."""
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{max(0, start_ns) // 1_000_000:012x}{digest[:10]}"


class _Taking:
    """Taking one run over."""

    def __init__(self, owner: _Import, run: FoundRun) -> None:
        self.owner = owner
        self.run = run
        self.known = owner.known(run)
        self.trouble = False
        self.run_id = ""
        self.experiment = _valid(run.experiment) or "default" if self.known is None else self.known.experiment
        self.start_ns: int | None = None
        self.last_ns: int | None = None
        self.taken: dict[str, Progress] = {}
        self.unsaid: set[str] = set()
        self.points = 0
        self.now_ns = time.time_ns()

    def take(self) -> bool:
        """Queue all that is new; returns whether there was anything."""
        run, report = self.run, self.owner.report
        state = {} if self.known is None else self.known.state
        if state.get("version") == run.version or self._is_others():
            report.unchanged += 1
            return False
        if run.status not in STATUSES:
            raise ValueError(f"its status {run.status!r} is none of {', '.join(STATUSES)}")
        held: list[Series] = []
        for series in run.series():
            self._learn()
            held.append(series)
            if self.start_ns is None and not any(len(one.value) and one.time_ns is not None for one in held):
                continue  # the start is still to be learned
            for one in held:
                self._take_series(one)
            held.clear()
        self._learn()
        for one in held:
            self._take_series(one)
        self._start()
        artifacts = self._take_artifacts(dict(state.get("artifacts") or {}))  # type: ignore[call-overload]
        self._finish(state, artifacts)
        report.points += self.points
        if self.known is None:
            report.runs += 1
        else:
            report.continued += 1
        report.experiments[self.experiment] = report.experiments.get(self.experiment, 0) + 1
        return True

    def _learn(self) -> None:
        """Look at the run's times again: some sources only know them when they have read its metrics."""
        self.start_ns = self.start_ns if self.run.start_ns is None else self.run.start_ns
        self.last_ns = self.last_ns if self.run.end_ns is None else self.run.end_ns

    def _is_others(self) -> bool:
        """Whether a run of that id is in the store that no import brought: one that was forwarded from here."""
        return self.known is None and self.run.run_id is not None and self.owner.is_taken(self.run.run_id)

    def _start(self) -> None:
        """Queue the run's beginning, once."""
        if self.run_id:
            return
        run = self.run
        if self.start_ns is None:
            self.start_ns = self.last_ns if self.last_ns is not None else self.now_ns
        self.run_id = self._id() if self.known is None else self.known.run_id
        resumed = self.known is not None
        self.owner.fact(
            RunStarted(
                self.run_id,
                self.experiment,
                self.now_ns if resumed else self.start_ns,  # later than any before it, which don't count any more
                _valid(run.name) or f"run-{self.run_id[-6:]}",
                resumed=resumed,
                parent_run_id=run.parent_run_id,
                group=None if run.group is None else _valid(run.group),
                host=_valid(run.host),
            )
        )
        self.owner.remember(self.run_id)
        if self.known is None:
            self._fact(RUN, {"identity": to_json(run.identity)})

    def _id(self) -> str:
        wanted = self.run.run_id
        if wanted is not None and RUN_ID.fullmatch(wanted):
            return wanted
        return run_id_of(self.run.identity, self.start_ns or 0)

    def _take_series(self, series: Series) -> None:
        try:
            key = checked_key(series.key)
        except ValueError as error:
            self._problem(f"its {len(series.value):,} points are left out: {error}")
            return
        if series.time_ns is not None and len(series.time_ns):
            first, last = int(series.time_ns.min()), int(series.time_ns.max())
            self.start_ns = first if self.start_ns is None else self.start_ns
            if self.run.end_ns is None:
                self.last_ns = last if self.last_ns is None else max(self.last_ns, last)
        self._start()
        before = Taken() if self.known is None else self.known.series.get(key, Taken())
        progress = self.taken.setdefault(key, Progress(before))
        for at in range(0, len(series.value), _POINTS_AT_ONCE):
            piece = Series(
                key,
                *(None if column is None else column[at : at + _POINTS_AT_ONCE] for column in series[1:]),  # type: ignore[arg-type]
            )
            for new in progress.new(piece):
                self.points += self.owner.points(self.run_id, self.experiment, new, self._otherwise())
                self.unsaid.add(key)
            if self.owner.is_full():
                self._say_series()
                self.owner.publish_part()

    def _otherwise(self) -> int:
        """The time of points that have none."""
        found = self.last_ns if self.last_ns is not None else self.start_ns
        return self.now_ns if found is None else found

    def _say_series(self) -> None:
        """Queue how far each metric has come since the last time."""
        said = {key: json.dumps(self.taken[key].so_far()) for key in sorted(self.unsaid)}
        if said:
            self._fact(SERIES, said)
        self.unsaid.clear()

    def _take_artifacts(self, before: dict[str, str]) -> dict[str, str]:
        """Copy the files that are new; returns the version of each."""
        versions = dict(before)
        try:
            for found in self.run.artifacts():
                if before.get(found.path) != found.version and self._take_artifact(found):
                    versions[found.path] = found.version
        except (ValueError, OSError) as error:
            self._refuse_ours(error)
            self._problem(f"its artifacts can't be listed, and are left out: {error}")
        return versions

    def _refuse_ours(self, error: Exception) -> None:
        """Raise a fault of the store's disk; one of the source costs a run or a file alone."""
        if isinstance(error, OSError) and _is_ours(self.owner.layout, error):
            raise error

    def _take_artifact(self, found: FoundArtifact) -> bool:
        """Copy a file; False, and said, when it can't be read or can't have that name."""
        layout = self.owner.layout
        try:
            path = check_path(found.path)
            with found.open() as file:
                stored = put_stream(
                    layout.run_artifacts(self.run_id), path, lambda sink: copy(file, sink), tmp=layout.tmp
                )
        except (ValueError, OSError) as error:
            self._refuse_ours(error)
            self._problem(f"its artifact {found.path!r} is left out: {error}")
            return False
        event = ArtifactLogged(
            self.run_id, self.experiment, self._otherwise(), path, stored.size, stored.sha256, media_type_of(path)
        )
        self.owner.fact(event)
        self.owner.report.artifacts += 1
        self.owner.report.artifact_bytes += stored.size
        return True

    def _finish(self, state: Mapping[str, object], artifacts: dict[str, str]) -> None:
        """Queue what goes at the end of a run, and that it is here as a whole."""
        run = self.run
        for key, progress in self.taken.items():
            progress.end()
            if progress.changed:
                self._problem(
                    f"its metric {key!r} has other points than when it was imported before; it is left as it was. "
                    "To have it as it is now, import into another store"
                )
        self._say_series()
        params = self._texts("param", run.params)
        tags = self._texts("tag", {**run.tags, "imported_from": run.source})
        told = self.start_ns if self.known is None or not state else self.now_ns
        digests = {"params": _digest(params), "tags": _digest(tags)}
        if params and state.get("params") != digests["params"]:
            self.owner.fact(ParamsLogged(self.run_id, self.experiment, told or 0, params))
        if state.get("tags") != digests["tags"]:
            self.owner.fact(TagsSet(self.run_id, self.experiment, told or 0, tags))
        end_ns = max(self.start_ns or 0, self._otherwise())
        status = "INTERRUPTED" if run.status == "RUNNING" else run.status  # no writer of it lives here
        self.owner.fact(RunEnded(self.run_id, self.experiment, end_ns, status))
        version = "" if self.trouble else run.version  # what could not be read now is tried again
        whole = {"version": version, **digests, "artifacts": artifacts}
        self._fact(RUN, {STATE: json.dumps(whole)})

    def _texts(self, what: str, values: Mapping[str, object]) -> dict[str, str]:
        """Values as JSON texts, by name; one that can't be kept is said and left out."""
        texts = {}
        for key, value in values.items():
            try:
                name = checked_key(key, what)
                texts[name] = to_json(mask(name, value), where=f"{what} {name!r}")
            except (TypeError, ValueError) as error:
                self._problem(f"its {what} {str(key)[:60]!r} is left out: {error}")
        return texts

    def _fact(self, kind: str, items: dict[str, str]) -> None:
        self.owner.fact(FactLogged(self.run_id, self.experiment, self.now_ns, kind, items))

    def _problem(self, words: str) -> None:
        self.trouble = True
        self.owner.report.problems.append(f"run {self.run.name!r} ({self.run.source}): {words}")


def _valid(name: str) -> str:
    """A name as text that UTF-8 can hold: a file's name need not be any."""
    return name.encode(errors="backslashreplace").decode()


def _digest(texts: Mapping[str, str]) -> str:
    return hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=12).hexdigest()


def media_type_of(path: str) -> str:
    """A file's media type by its name."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"

"""Taking one run over: what is new of it, in the order in which readers need it. See importer for what is promised."""

import hashlib
import json
import mimetypes
import os
import time
from collections.abc import Mapping
from typing import Protocol

from ingest.events import ArtifactLogged, FactEvent, FactLogged, ParamsLogged, RunEnded, RunStarted, TagsSet
from ingest.files import copy, put_stream
from ingest.jsontext import to_json
from ingest.keys import checked_key
from ingest.layout import RUN_ID, Layout
from ingest.paths import check_path
from ingest.redact import mask
from readers.imports.found import FoundArtifact, FoundRun, Series
from readers.imports.known import RUN, SERIES, STATE, KnownRun, Progress, Taken
from readers.imports.outcome import ImportReport

POINTS_AT_ONCE = 100_000
STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED")


class Owner(Protocol):
    """What a run that is taken over needs of the import that it is a part of."""

    report: ImportReport
    layout: Layout

    def fact(self, event: FactEvent) -> None:
        """Queue a fact."""

    def points(self, run_id: str, experiment: str, series: Series, otherwise_ns: int) -> int:
        """Queue points; returns how many."""

    def is_full(self) -> bool:
        """Whether the run fills a queue file by itself."""

    def publish_part(self) -> None:
        """Publish the beginning of a run."""

    def known(self, run: FoundRun) -> KnownRun | None:
        """What earlier imports took of it."""

    def is_taken(self, run_id: str) -> bool:
        """Whether another run has the id."""

    def remember(self, run_id: str) -> None:
        """The id is in use from now on."""


def is_ours(layout: Layout, error: OSError) -> bool:
    """Whether it is the store that fails, and not the source."""
    name = error.filename
    if not isinstance(name, str | bytes | os.PathLike):
        return error.errno is not None and name is None
    return os.path.abspath(os.fsdecode(name)).startswith(str(layout.root) + os.sep)  # noqa: PTH100 - as Layout


def run_id_of(identity: str, start_ns: int) -> str:
    """An id as the tracker makes them, the same for the same run: sorts by start, and ends in a digest."""
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{max(0, start_ns) // 1_000_000:012x}{digest[:10]}"


class Taking:
    """Taking one run over."""

    def __init__(self, owner: Owner, run: FoundRun) -> None:
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
        for at in range(0, len(series.value), POINTS_AT_ONCE):
            piece = Series(
                key,
                *(None if column is None else column[at : at + POINTS_AT_ONCE] for column in series[1:]),  # type: ignore[arg-type]
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
        if isinstance(error, OSError) and is_ours(self.owner.layout, error):
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

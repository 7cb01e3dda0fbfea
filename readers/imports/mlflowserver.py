"""Runs of an MLflow tracking server or database, through MLflow's own client.

Runs come a thousand a page. Their metrics' histories come for a hundred runs at once, a request a metric, where the
server can do that and they are short; long ones come page by page. MLflow keeps infinities as the largest float there
is in its databases, and gives that back. What was deleted stays out.
"""

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from ingest.errors import ForwardingError, ImportFailed
from ingest.sources import open_plain
from readers.imports.found import FoundArtifact, FoundRun, Series
from readers.imports.mlflowruns import STATUSES, Known, nanoseconds
from readers.mlflow.histories import Point, bulk
from readers.mlflow.installed import check_installed
from readers.mlflow.names import names_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE_RUNS, _BULK_RUNS, _BULK_POINTS = 1000, 100, 25_000
_MOST_FILES, _DEEPEST = 100_000, 30


class MlflowServer:
    """The runs of a server or database; of one experiment, when it is named.

    Args:
        uri: http://..., https://..., sqlite:///... or another address that MLflow knows.

    Raises: ImportFailed: MLflow isn't installed, doesn't know the address, or nobody answers.
    """

    def __init__(self, uri: str, experiment: str | None = None) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.shown = without_credentials(uri)
        self._known = Known()
        self._client = _client(uri, self.shown)
        with self._asking("experiments"):
            self._experiments = {
                found.experiment_id: found.name
                for found in _paged(lambda token: self._client.search_experiments(page_token=token))
                if experiment in {None, found.name}
            }
        if experiment is not None and not self._experiments:
            raise ImportFailed(f"no experiment {experiment!r} at {self.shown}")

    def count(self) -> None:
        """Nobody knows how many there are."""

    def runs(self) -> Iterator[FoundRun]:
        """The runs, first started first, so that parents come before their children."""
        for experiment_id, name in self._experiments.items():
            page: list[Run] = []
            for run in self._search(experiment_id):
                page.append(run)
                if len(page) == _BULK_RUNS:
                    yield from self._shaped(page, name)
                    page = []
            yield from self._shaped(page, name)

    def _search(self, experiment_id: str) -> "Iterator[Run]":
        def ask(token: str | None) -> Any:
            with self._asking("runs"):
                return self._client.search_runs(
                    [experiment_id],
                    max_results=_PAGE_RUNS,
                    page_token=token,
                    order_by=["attributes.start_time ASC"],
                )

        return _paged(ask)

    def _shaped(self, runs: "list[Run]", experiment: str) -> Iterator[FoundRun]:
        histories = _Histories(self._client, [run.info.run_id for run in runs])
        for run in runs:
            try:
                yield self._run(run, experiment, histories)
            except ValueError as error:
                self.problems.append(f"run {run.info.run_id} of {self.shown} is left out: {error}")

    def _run(self, run: "Run", experiment: str, histories: "_Histories") -> FoundRun:
        info, data = run.info, run.data
        found = FoundRun(
            identity=f"mlflow:{info.run_id}",
            source=f"{self.shown}#{info.run_id}",
            version=_version(run),
            experiment=experiment,
            name=info.run_name or data.tags.get("mlflow.runName") or info.run_id,
            status=STATUSES.get(info.status, str(info.status)),
            start_ns=nanoseconds(info.start_time, "start_time"),
            end_ns=nanoseconds(info.end_time, "end_time"),
        )
        ours = self._known.shape(found, info.run_id, data.params, data.tags)
        keys = sorted(data.metrics)
        found.series = lambda: self._series(info.run_id, keys, histories, names_of(data.tags) if ours else str)
        found.artifacts = lambda: self._artifacts(info.run_id)
        return found

    def _series(
        self, run_id: str, keys: Sequence[str], histories: "_Histories", rename: Callable[[str], str]
    ) -> Iterator[Series]:
        for key in keys:
            with self._asking(f"metric {key!r} of run {run_id}"):
                points = histories.get(run_id, key)
            times = [nanoseconds(point.timestamp, f"metric {key!r} at step {point.step}") or 0 for point in points]
            values = np.array([point.value for point in points], np.float64)
            steps = np.array([point.step for point in points], np.int64)
            yield Series(rename(key), values, steps, np.array(times, np.int64))

    def _artifacts(self, run_id: str) -> Iterator[FoundArtifact]:
        """The files of a run. What can't be listed or fetched is a fault of its own, and said."""
        waiting, seen = [("", 0)], 0
        while waiting:
            folder, depth = waiting.pop()
            with self._asking(f"artifacts of run {run_id}", costs_all=False):
                listed = self._client.list_artifacts(run_id, folder or None)
            for file in listed:
                seen += 1
                if seen > _MOST_FILES or depth > _DEEPEST:
                    raise ValueError(
                        f"run {run_id} has more than {_MOST_FILES:,} artifacts, or deeper folders than {_DEEPEST}"
                    )
                if file.is_dir:
                    waiting.append((file.path, depth + 1))
                else:
                    fetch = lambda path=file.path: self._fetch(run_id, path)  # noqa: E731
                    yield FoundArtifact(file.path, str(file.file_size), fetch)

    def _fetch(self, run_id: str, path: str) -> BinaryIO:
        """Download an artifact; its copy is gone when it is closed."""
        with tempfile.TemporaryDirectory(prefix="steplog-import-") as folder:
            with self._asking(f"artifact {path!r} of run {run_id}", costs_all=False):
                found = Path(self._client.download_artifacts(run_id, path, folder))
            return open_plain(found)  # open, it can still be read when its name is gone

    @contextmanager
    def _asking(self, what: str, *, costs_all: bool = True) -> Iterator[None]:
        """Around a question to the server.

        Raises: ImportFailed: no answer, and nothing goes without it. ValueError: it refuses this.
        """
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            words = f"{what}: {self.shown} answers: {_first_line(error)}"
            if costs_all and error.error_code in {
                "INTERNAL_ERROR",
                "TEMPORARILY_UNAVAILABLE",
                "REQUEST_LIMIT_EXCEEDED",
            }:
                raise ImportFailed(f"{words}; what came in stays, and the same command goes on behind it") from error
            raise ValueError(words) from error
        except ConnectionError as error:
            if not costs_all:
                raise
            raise ImportFailed(f"{what}: no answer from {self.shown}: {_first_line(error)}") from error


class _Histories:
    """The metrics' histories of some runs: all of one metric's at once, as long as they are short."""

    def __init__(self, client: "MlflowClient", run_ids: Sequence[str]) -> None:
        self._client = client
        self._run_ids = sorted(run_ids)
        self._found: dict[str, dict[str, list[Point]]] = {}
        self._alone: set[str] = set()
        """Metrics whose histories are too long to come at once."""

    def get(self, run_id: str, key: str) -> list[Point]:
        """One history, in the order of time, step, value."""
        if key not in self._found and key not in self._alone:
            rows = bulk(self._client, self._run_ids, key, _BULK_POINTS) if len(self._run_ids) > 1 else None
            if rows is None or len(rows) >= _BULK_POINTS:
                self._alone.add(key)
            else:
                by_run: dict[str, list[Point]] = {}
                for owner, point in rows:
                    by_run.setdefault(owner, []).append(point)
                self._found[key] = by_run
        if key in self._found:
            found = self._found[key].pop(run_id, [])
        else:
            pages = self._client.get_metric_history(run_id, key)
            found = [Point(one.timestamp, one.value, one.step) for one in pages]
        return sorted(found, key=lambda one: (one.timestamp, one.step, math.isnan(one.value), one.value))


def without_credentials(uri: str) -> str:
    """An address without the name and password in it."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc and not parts.query and not parts.fragment:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _client(uri: str, shown: str) -> "MlflowClient":
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():  # MLflow would make one
        raise ImportFailed(f"no database at {database!r}; an absolute path takes four slashes behind 'sqlite:'")
    try:
        check_installed(uri)
    except ForwardingError as error:
        raise ImportFailed(str(error)) from error
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return MlflowClient(tracking_uri=uri)
    except MlflowException as error:
        raise ImportFailed(f"MLflow can't use the address {shown!r}: {_first_line(error)}") from error


def _paged(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """All items of all pages."""
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        if not page.token or page.token == token:
            return
        token = page.token


def _version(run: "Run") -> str:
    """Changes when the run does: its last values, params, tags, status, times."""
    latest = sorted((one.key, repr(one.value), one.timestamp, one.step) for one in run.data._metric_objs)  # noqa: SLF001 - only there with their steps
    info = run.info
    told = [info.status, info.run_name, info.start_time, info.end_time]
    whole = json.dumps([told, latest, sorted(run.data.params.items()), sorted(run.data.tags.items())])
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _first_line(error: Exception) -> str:
    """What an error says, without the credentials that an address in it may have."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"//[^/@\s]*@", "//", line)[:300]

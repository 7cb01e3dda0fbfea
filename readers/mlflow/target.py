"""Target: an MLflow server, or a database that MLflow opens, through MLflow's own client.

Whatever goes wrong is one of two things. `Refused`: the server understood, and will never take this. `NotNow`: anything
else - no connection, a time-out, a half answer, garbage, 401, 429, 5xx; what was sent may have arrived or not. All
calls may be repeated: what they set is the same then, and a run that was created is found by our id among its tags.
The client takes any JSON object that comes with a 200 for a server's "done": where something else answers so, what was
sent is lost there, until everything is sent again.

The client retries nothing by itself (`prepare`): the forwarder knows better when, and can stop meanwhile.
"""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from readers.mlflow.address import check_uri
from readers.mlflow.failures import retry_after_s, words_of
from readers.mlflow.installed import check_installed
from readers.mlflow.names import PREFIX

RUN_ID_TAG = PREFIX + "run_id"
"""Where a run's own id stands at the server."""
REQUEST_S = 30
"""Seconds that a server may be silent within a request."""
_REFUSALS = frozenset(
    {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS",
     "MALFORMED_REQUEST", "NOT_IMPLEMENTED", "MAX_RUNS_EXCEEDED"},
)  # fmt: skip
_UNKNOWN_TO_SERVER = "API request to"
"""How MLflow's client begins what it says when no server has answered, or something that is none."""
_FAILED = re.compile(r"too many 500 error|failed with error code 500")
"""What it says when a server answered that it failed; the server's own words are lost there."""
_T = TypeVar("_T")


class Refused(Exception):
    """The server won't take this, however often it is sent."""


class NotNow(Exception):
    """It may work later.

    Args:
        failed: the server answered that it failed at this request (5xx).
        after_s: the server asked to be left alone for so many seconds.
    """

    def __init__(self, words: str, *, failed: bool = False, after_s: float | None = None) -> None:
        super().__init__(words if after_s is None else f"{words} (it asks to wait for {after_s:.0f} s)")
        self.failed = failed
        self.after_s = after_s


class Point(NamedTuple):
    """A point as the server takes it."""

    key: str
    value: float
    time_ms: int
    step: int


class Target:
    """One server. One thread at a time.

    Raises: ForwardingError: MLflow isn't installed, or `uri` is no address.
    """

    def __init__(self, uri: str) -> None:
        self.uri = check_uri(uri)
        prepare()
        check_installed(self.uri)
        import mlflow.entities
        from mlflow import MlflowClient

        self._entities: Any = mlflow.entities
        self._make: Any = MlflowClient
        self._made: Any = None

    @property
    def _client(self) -> Any:
        """The client; made by the first call, as with a database that opens it."""
        if self._made is None:
            self._made = self._make(tracking_uri=self.uri)
        return self._made

    def experiment(self, name: str) -> str:
        """The id of an experiment, made when missing."""
        found = self._call(lambda: self._client.get_experiment_by_name(name))
        if found is None:
            try:
                return _identity(self._call(lambda: self._client.create_experiment(name)))
            except Refused:  # somebody else was faster
                found = self._call(lambda: self._client.get_experiment_by_name(name))
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise Refused(f"the experiment {name!r} was deleted at the server: restore it there")
        return _identity(found.experiment_id)

    def find_runs(self, experiment_id: str, run_id: str) -> list[str]:
        """The server's ids of the runs that carry our id; more than one where an answer came too late."""
        wanted = f"tags.`{RUN_ID_TAG}` = '{run_id}'"
        runs = self._call(lambda: self._client.search_runs([experiment_id], wanted, max_results=10))
        return sorted(_identity(run.info.run_id) for run in runs)

    def create_run(self, experiment_id: str, name: str, start_ms: int, tags: dict[str, str]) -> str:
        """Make a run; the server's id of it."""
        run = self._call(lambda: self._client.create_run(experiment_id, max(0, start_ms), tags, name))
        return _identity(run.info.run_id)

    def described(self, mlflow_id: str) -> tuple[dict[str, str], dict[str, str]]:
        """The params and tags that a run has at the server."""
        run = self._call(lambda: self._client.get_run(mlflow_id))
        _identity(run.info.run_id)
        return dict(run.data.params), dict(run.data.tags)

    def is_there(self, mlflow_id: str) -> bool:
        """Whether a run is there, and wasn't deleted."""
        try:
            return bool(self._call(lambda: self._client.get_run(mlflow_id)).info.lifecycle_stage == "active")
        except Refused:
            return False

    def log(self, mlflow_id: str, points: Sequence[Point], params: dict[str, str], tags: dict[str, str]) -> None:
        """Send what one request may hold."""
        metrics = [self._entities.Metric(*point) for point in points]
        of_params = [self._entities.Param(*item) for item in params.items()]
        of_tags = [self._entities.RunTag(*item) for item in tags.items()]
        self._call(lambda: self._client.log_batch(mlflow_id, metrics, of_params, of_tags))

    def set_status(self, mlflow_id: str, status: str, end_ms: int | None) -> None:
        """Set a run's status, and when it ended."""
        if end_ms is None:
            self._call(lambda: self._client.update_run(mlflow_id, status=status))
        else:
            self._call(lambda: self._client.set_terminated(mlflow_id, status, max(0, end_ms)))

    def upload(self, mlflow_id: str, file: str, folder: str) -> None:
        """Send a file's bytes, as a stream, into a folder of the run's artifacts; asks whether they are there then.

        A page to log in at is an answer too, and MLflow's client takes any for its server's here.
        """
        size = os.stat(file).st_size  # noqa: PTH116 - a path as text, for the client too
        self._call(lambda: self._client.log_artifact(mlflow_id, file, folder or None))
        there = self._call(lambda: self._client.list_artifacts(mlflow_id, folder or None))
        path = f"{folder}/{os.path.basename(file)}" if folder else os.path.basename(file)  # noqa: PTH119 - likewise
        sizes = {entry.path: entry.file_size for entry in there}
        if path not in sizes or sizes[path] not in {None, size}:
            raise NotNow(f"the artifact {path!r} was sent, and isn't there")

    def delete_tag(self, mlflow_id: str, key: str) -> None:
        """Take a tag away; one that isn't there is none."""
        try:
            self._call(lambda: self._client.delete_tag(mlflow_id, key))
        except Refused:
            return

    def delete_run(self, mlflow_id: str) -> None:
        """Take away a run that was created twice."""
        self._call(lambda: self._client.delete_run(mlflow_id))

    def answers(self) -> bool:
        """Whether the server answers a simple question."""
        try:
            self._call(lambda: self._client.search_experiments(max_results=1))
        except (NotNow, Refused):
            return False
        return True

    def _call(self, ask: Callable[[], _T]) -> _T:
        return call(ask, self.uri)


def call(ask: Callable[[], _T], uri: str = "") -> _T:
    """Ask MLflow's client, and tell what goes wrong as one of two; `uri` is kept out of it. Raises: Refused, NotNow."""
    from mlflow.exceptions import MlflowException, RestException

    try:
        return ask()
    except RestException as error:
        words = words_of(error, uri)
        if error.error_code in _REFUSALS:
            raise Refused(words) from error
        raise NotNow(words, failed=error.error_code == "INTERNAL_ERROR", after_s=retry_after_s(error)) from error
    except MlflowException as error:
        words = words_of(error, uri)
        if str(error).startswith(_UNKNOWN_TO_SERVER) or error.error_code not in _REFUSALS:
            raise NotNow(words, failed=_FAILED.search(words) is not None, after_s=retry_after_s(error)) from error
        raise Refused(words) from error
    except UnicodeError as error:
        raise Refused(f"it is no text that could be sent: {error}") from error
    except Exception as error:  # whatever MLflow's client makes of garbage
        raise NotNow(f"{type(error).__name__}: {words_of(error, uri)}", after_s=retry_after_s(error)) from error


def prepare() -> None:
    """Tell MLflow's client, by this process's environment, to be quiet and leave retries to us; what is set stays."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_S))
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # who logs to steplog wasn't asked


def _identity(given: object) -> str:
    """An id as the server gave it. Raises: NotNow: it is none, so the answer is no answer."""
    if not isinstance(given, str) or not given:
        raise NotNow("the server's answer has no id")
    return given

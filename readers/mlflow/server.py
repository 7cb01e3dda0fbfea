"""TrackingServer: an MLflow server, or a database that MLflow opens, to be read through MLflow's own client.

It looks for itself whether anybody answers before it lets the client ask, which would try again for minutes. What the
client is told here holds for its own questions: the process's active run, tracking URI and settings stay what they are.
"""

import os
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.errors import ServerUnavailable
from readers.mlflow.address import check_uri, without_credentials
from readers.mlflow.installed import check_installed
from readers.mlflow.target import REQUEST_S, NotNow, Refused, call

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1000
_SEARCH = "/api/2.0/mlflow/experiments/search"
_DATABASE = "sqlite:///"
_TELEMETRY = "MLFLOW_DISABLE_TELEMETRY"
_T = TypeVar("_T")


class TrackingServer:
    """A server to be asked. Any thread.

    Args:
        uri: http://..., https://..., sqlite:///... or another address of a database that MLflow opens.
        otherwise: what errors say of another way to the runs.

    Raises: ForwardingError: it is no such address, or MLflow isn't installed. ServerUnavailable: no such database.
    """

    def __init__(self, uri: str, otherwise: str = "") -> None:
        self.uri = check_uri(uri)
        self._otherwise = f". {otherwise}" if otherwise else ""
        self.shown = without_credentials(self.uri)
        database = self.uri.removeprefix(_DATABASE)
        if database != self.uri and not Path(database).is_file():  # MLflow would make one
            raise ServerUnavailable(f"no database at {database!r}; an absolute path takes four slashes after 'sqlite:'")
        check_installed(self.uri)
        make = _client_class()
        self.client: MlflowClient = self._ask("opening it", lambda: make(tracking_uri=self.uri))

    @property
    def is_remote(self) -> bool:
        """Whether it is a server, which can answer several questions at a time, and no database."""
        return hasattr(self.client._tracking_client.store, "get_host_creds")  # noqa: SLF001 - nothing else says it

    def experiments(self) -> dict[str, str]:
        """The names of the experiments that weren't deleted, by their ids. Raises: ServerUnavailable."""
        self._ask("its experiments", self._look)
        search = self.client.search_experiments
        return {
            found.experiment_id: found.name
            for found in self._paged("its experiments", lambda token: search(max_results=_PAGE, page_token=token))
        }

    def runs(self, experiment_ids: Collection[str], condition: str = "") -> "Iterator[Run]":
        """The runs of experiments that fit a condition and weren't deleted, first started first.

        Raises: ServerUnavailable.
        """

        def page(token: str | None) -> Any:
            order = ["attributes.start_time ASC", "attributes.run_id ASC"]
            return self.client.search_runs(
                list(experiment_ids), condition, max_results=_PAGE, order_by=order, page_token=token
            )

        return self._paged("its runs", page) if experiment_ids else iter(())

    def ask(self, what: str, ask: Callable[[], _T]) -> _T:
        """Ask something else of the client. Raises: ServerUnavailable."""
        return self._ask(what, ask)

    def _look(self) -> None:
        """Ask once whether anybody is there. Raises: what the client makes of it."""
        if self.is_remote:
            store: Any = self.client._tracking_client.store  # noqa: SLF001 - the client repeats each question
            from mlflow.utils.rest_utils import http_request, verify_rest_response

            asked = {"max_results": 1}
            answer = http_request(
                store.get_host_creds(), _SEARCH, "POST", json=asked, max_retries=0, timeout=REQUEST_S, retry_codes=()
            )
            verify_rest_response(answer, _SEARCH)

    def _paged(self, what: str, ask: Callable[[str | None], Any]) -> Iterator[Any]:
        """All items of all pages."""
        token: str | None = None
        while True:
            asked = token
            page = self._ask(what, lambda: ask(asked))  # noqa: B023 - called at once
            yield from page
            token = page.token
            if not token or token == asked:
                return

    def _ask(self, what: str, ask: Callable[[], _T]) -> _T:
        try:
            return call(ask, self.uri)
        except (Refused, NotNow) as error:
            raise ServerUnavailable(
                f"{self.shown} was asked for {what}, and gives no answer that can be used; is an MLflow server running "
                f"at that address? The client says: {error}{self._otherwise}"
            ) from error


def _client_class() -> Any:
    """MLflow's client; who reads with steplog wasn't asked whether MLflow may report it."""
    first = "mlflow" not in sys.modules and _TELEMETRY not in os.environ
    if first:
        os.environ[_TELEMETRY] = "true"
    try:
        from mlflow import MlflowClient
    finally:
        if first:
            os.environ.pop(_TELEMETRY, None)
    return MlflowClient

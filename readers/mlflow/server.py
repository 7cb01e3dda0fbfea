"""TrackingServer: an MLflow server, or a database that MLflow opens, to be read through MLflow's own client.

A server's first question is asked once, and the others repeated a few times: left to itself, the client would try
again for minutes. The process's active run, tracking URI and settings stay what they are.
"""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.errors import ServerUnavailable
from readers.mlflow.address import check_uri, without_credentials
from readers.mlflow.installed import check_installed
from readers.mlflow.remoterun import Told, of_entity, of_json
from readers.mlflow.target import NotNow, Refused, call

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 1000
_EXPERIMENTS, _RUNS = "/api/2.0/mlflow/experiments/search", "/api/2.0/mlflow/runs/search"
_ORDER = ["attributes.start_time ASC", "attributes.run_id ASC"]
RETRIES = 2
"""How often a question is repeated that a server answers with an error, or not at all."""
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
        self.client: MlflowClient = self.ask("opening it", lambda: make(tracking_uri=self.uri))

    @property
    def is_remote(self) -> bool:
        """Whether it is a server, which can answer several questions at a time, and no database."""
        return hasattr(self.client._tracking_client.store, "get_host_creds")  # noqa: SLF001 - nothing else says it

    def experiments(self) -> dict[str, str]:
        """The names of the experiments that weren't deleted, by their ids. Raises: ServerUnavailable."""
        if self.is_remote:
            first = {"max_results": _PAGE}
            rows = self._pages("its experiments", _EXPERIMENTS, "experiments", first, max_retries=0)
            return {str(row["experiment_id"]): str(row["name"]) for row in rows}
        search = self.client.search_experiments
        found = self._paged("its experiments", lambda token: search(max_results=_PAGE, page_token=token))
        return {one.experiment_id: one.name for one in found}

    def runs(self, experiment_ids: Collection[str], condition: str = "") -> Iterator[Told]:
        """The runs of experiments that fit a condition and weren't deleted, first started first.

        Raises: ServerUnavailable.
        """
        asked = list(experiment_ids)
        if self.is_remote and asked:
            body = {"experiment_ids": asked, "filter": condition, "max_results": _PAGE, "order_by": _ORDER}
            for row in self._pages("its runs", _RUNS, "runs", body):
                yield self.ask("its runs", lambda: of_json(row))  # noqa: B023 - called at once
        elif asked:
            search = self.client.search_runs
            pages = self._paged("its runs", lambda token: search(asked, condition, 1, _PAGE, _ORDER, token))
            yield from map(of_entity, pages)

    def ask(self, what: str, ask: Callable[[], _T]) -> _T:
        """Ask something of the client. Raises: ServerUnavailable: it finds no answer to `what`."""
        try:
            return call(ask, self.uri)
        except (Refused, NotNow) as error:
            raise ServerUnavailable(
                f"{self.shown} was asked for {what}, and gives no answer that can be used; is an MLflow server running "
                f"at that address? The client says: {error}{self._otherwise}"
            ) from error

    def _pages(
        self, what: str, endpoint: str, name: str, body: dict[str, Any], *, max_retries: int = RETRIES
    ) -> Iterator[Any]:
        """All items of all pages, as plain JSON: the client's own way makes objects of each value, and takes longer."""

        def page() -> Any:
            answer = json.loads(self._post(endpoint, body, max_retries))
            return answer.get(name) or [], answer.get("next_page_token")

        while True:
            items, token = self.ask(what, page)
            yield from items
            if not token or token == body.get("page_token"):
                return
            body = {**body, "page_token": token}

    def _post(self, endpoint: str, body: dict[str, Any], max_retries: int) -> str:
        from mlflow.utils.rest_utils import http_request, verify_rest_response

        store: Any = self.client._tracking_client.store  # noqa: SLF001 - as in is_remote
        answer = http_request(store.get_host_creds(), endpoint, "POST", json=body, max_retries=max_retries)
        verify_rest_response(answer, endpoint)
        return str(answer.text)

    def _paged(self, what: str, ask: Callable[[str | None], Any]) -> Iterator[Any]:
        """All items of all pages of the client's own."""
        token: str | None = None
        while True:
            asked = token
            page = self.ask(what, lambda: ask(asked))  # noqa: B023 - called at once
            yield from page
            token = page.token
            if not token or token == asked:
                return


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

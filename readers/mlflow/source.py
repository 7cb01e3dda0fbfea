"""MLflowSource: the runs of an MLflow tracking server as a Source, as a Store is one (see readers.source)."""

from readers.mlflow.histories import Histories
from readers.mlflow.server import TrackingServer
from readers.mlflow.serverframes import ServerFrames
from readers.records import ExperimentSummary, RunRecord


class MLflowSource:
    """The runs of an MLflow server: those that were forwarded from here, and those that others logged there.

    Comparators and the analyzer take it in place of a tracker or a Store. Each question asks the server anew, so what
    was changed, renamed or deleted there is seen; histories that were read are kept as long as their runs stay as they
    are. Many questions in a row are quicker put to `source.frames()`, which asks once.

    Args:
        uri: http://host:5000, or a database such as sqlite:///mlflow.db.
        experiment: what questions are about that name neither runs nor an experiment; None: all runs.
        otherwise: what errors say of another way to the runs, when the server doesn't answer.

    Raises: ForwardingError: it is no such address, or MLflow isn't installed (pip install 'steplog[mlflow]').
        ServerUnavailable: nobody answers there, or nothing that is an MLflow server. ExperimentNotFound.
    """

    def __init__(self, uri: str, experiment: str | None = None, *, otherwise: str = "") -> None:
        self.experiment_name = experiment
        self._server = TrackingServer(uri, otherwise)
        self._histories = Histories(self._server)
        self._ids: dict[str, str] = {}
        self.frames().check(experiment)

    def __repr__(self) -> str:
        return f"MLflowSource({self._server.shown!r}, {self.experiment_name!r})"

    def frames(self) -> ServerFrames:
        """The server's runs as tables, as of now. A Source of its own, whose answers all are of that moment."""
        return ServerFrames(self._server, self._histories, self._ids, self.experiment_name)

    def experiments(self) -> list[str]:
        """The names of the experiments that weren't deleted, sorted. Raises: ServerUnavailable."""
        return self.frames().experiments()

    def get_experiment_runs(self, experiment_name: str | None = None) -> list[RunRecord]:
        """The runs of an experiment (default: the source's own, or all), first started first.

        Raises: ExperimentNotFound: naming those there are. ServerUnavailable.
        """
        return self.frames().experiment_runs(experiment_name or self.experiment_name)

    def get_experiment_summary(self, experiment_name: str) -> ExperimentSummary:
        """Counts by status, each metric's spread over the runs, the best run.

        Raises: ExperimentNotFound: naming those there are. ServerUnavailable.
        """
        return self.frames().experiment_summary(experiment_name)

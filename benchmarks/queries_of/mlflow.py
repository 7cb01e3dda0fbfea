"""MLflow on SQLite."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contract import NUMPY
from benchmarks.queries_of.contract import Told

if TYPE_CHECKING:
    from benchmarks.query_data import Run

_ALL = 1_000_000


class Mlflow:
    """A local SQLite store, filled by `log_batch`.

    `search_runs` gives the table, and with `order_by` the best; runs side by side are a filter by ids. The history is
    the store's `get_metric_history_bulk`, as its own pages ask it: the documented `get_metric_history`, run by run,
    takes several times as long.
    """

    name = "mlflow"
    requirements = ("mlflow==3.17.2", NUMPY)
    settings = "sqlite:/// store; search_runs (pandas), the store's get_metric_history_bulk"
    environment: Mapping[str, str] = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    questions = ("table", "history", "best", "compare")

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """A batch of all of a run's points and params for each run."""
        import mlflow
        from mlflow.entities import Metric, Param

        client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = client.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
        ids = []
        for number, run in enumerate(runs):
            start_ms = 1_700_000_000_000 + 1000 * number
            run_id = client.create_run(experiment, start_time=start_ms, run_name=run.name).info.run_id
            points = [
                Metric(name, value, start_ms + step, step) for step, row in run.calls() for name, value in row.items()
            ]
            params = [Param(name, str(value)) for name, value in run.params.items()]
            client.log_batch(run_id, metrics=points, params=params)
            client.set_terminated(run_id, end_time=start_ms + 1000)
            ids.append(run_id)
        return ids

    def open(self, folder: Path) -> None:
        """Import, and say where the store is."""
        import mlflow

        self._mlflow: Any = mlflow
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """A data frame; the history as MLflow's own objects."""
        search = self._mlflow.search_runs
        if question == "table":
            return search(experiment_names=["bench"], max_results=_ALL)
        if question == "best":
            return search(experiment_names=["bench"], order_by=[f"metrics.`{metric}` DESC"], max_results=1)
        if question == "compare":
            some = ", ".join(f"'{run_id}'" for run_id in run_ids)
            return search(experiment_names=["bench"], filter_string=f"attributes.run_id IN ({some})")
        from mlflow.tracking._tracking_service.utils import _get_store

        store = _get_store()
        experiment = self._mlflow.get_experiment_by_name("bench").experiment_id
        found, token = [], None
        while True:
            page = self._mlflow.MlflowClient().search_runs([experiment], max_results=50_000, page_token=token)
            found += [run.info.run_id for run in page]
            token = page.token
            if not token:
                return store.get_metric_history_bulk(found, metric, 100 * _ALL)

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """The answer in plain numbers; params are texts here."""
        if question == "history":
            return {
                "points": len(answer),
                "steps": sum(point.step for point in answer),
                "values": sum(point.value for point in answer),
            }
        if question == "best":
            return {"run": answer["run_id"][0], "value": float(answer[f"metrics.{metric}"][0])}
        params = [name for name in answer.columns if name.startswith("params.")]
        metrics = [name for name in answer.columns if name.startswith("metrics.")]
        return {
            "runs": int(answer["run_id"].nunique()),
            "params": int(answer[params].notna().sum().sum()),
            "lr": float(answer["params.lr"].astype(float).sum()),
            "metrics": float(answer[metrics].sum().sum()),
        }


TOOL = Mlflow()

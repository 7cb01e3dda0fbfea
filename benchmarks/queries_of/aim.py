"""Aim: RocksDB."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contract import NUMPY
from benchmarks.queries_of.contract import Told

if TYPE_CHECKING:
    from benchmarks.query_data import Run


class Aim:
    """A local repository, its runs tracked one after the other.

    `Repo.iter_runs` and `Repo.get_run` give the runs; of each, its params and `collect_sequence_info`, which has the
    last values without a look at the histories. A history is `query_metrics` and of each metric the `values`, as
    arrays. The best is looked for among the last values: a query can't sort.
    """

    name = "aim"
    requirements = ("aim==3.29.1", NUMPY, "setuptools==80.9.0")
    settings = "local repo; iter_runs, collect_sequence_info, query_metrics and its data as arrays"
    environment: Mapping[str, str] = {"__AIM_DISABLE_TELEMETRY__": "1"}
    questions = ("table", "history", "best", "compare")

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """By the calls of a training, then indexed."""
        import aim

        ids = []
        for run in runs:
            tracked: Any = aim.Run(
                repo=str(folder), experiment="bench", system_tracking_interval=None, capture_terminal_logs=False
            )
            tracked.name = run.name
            tracked["hparams"] = run.params
            for step, metrics in run.calls():
                tracked.track(metrics, step=step)
            tracked.close()
            ids.append(tracked.hash)
        # What `aim storage reindex` does, and the server in the background: without it a query finds no run.
        aim.Repo.from_path(str(folder))._recreate_index()  # noqa: SLF001
        return ids

    def open(self, folder: Path) -> None:
        """Import, and open the repository."""
        from aim import Repo

        self._repo: Any = Repo.from_path(str(folder))

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """A list of dicts; the history as (run, steps, values)."""
        if question == "table":
            return [self._row(run) for run in self._repo.iter_runs()]
        if question == "compare":
            return [self._row(self._repo.get_run(run_id)) for run_id in run_ids]
        if question == "best":
            return max((self._row(run) for run in self._repo.iter_runs()), key=lambda row: row[metric])
        found = self._repo.query_metrics(f"metric.name == '{metric}'", report_mode=0)
        return [(series.run.hash, *series.data.view("val").numpy()) for series in found]

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """The answer in plain numbers."""
        if question == "history":
            return {
                "points": sum(len(values) for _, _, (values,) in answer),
                "steps": sum(int(steps.sum()) for _, steps, _ in answer),
                "values": sum(float(values.sum()) for _, _, (values,) in answer),
            }
        if question == "best":
            return {"run": answer["hash"], "value": answer[metric]}
        return {
            "runs": len({row["hash"] for row in answer}),
            "params": sum(len(row["params"]) for row in answer),
            "lr": sum(row["params"]["lr"] for row in answer),
            "metrics": sum(value for row in answer for name, value in row.items() if name not in ("hash", "params")),
        }

    @staticmethod
    def _row(run: Any) -> dict[str, Any]:
        """A run's params and last metrics."""
        last = {info["name"]: info["values"]["last"] for info in run.collect_sequence_info("metric")["metric"]}
        return {"hash": run.hash, "params": run["hparams"], **last}


TOOL = Aim()

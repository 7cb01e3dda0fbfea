"""Ours, from this repository."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contract import NUMPY
from benchmarks.queries_of.contract import QUESTIONS, Told

if TYPE_CHECKING:
    from benchmarks.query_data import Run


class Steplog:
    """A store that one process has logged, asked as the README does: tables as Polars frames, answers as dicts."""

    name = "steplog"
    requirements = (".", NUMPY)
    settings = "RunTable.wide, Store.metrics, ExperimentComparator.rank and .compare_runs, analyze_parameter_importance"
    environment: Mapping[str, str] = {}
    questions = tuple(QUESTIONS)

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """By the log calls of a training, one run after the other."""
        from tracker import ExperimentTracker

        ids: list[str] = []
        with ExperimentTracker(output_dir=folder, experiment_name="bench", auto_log=False) as tracker:
            for run in runs:
                ids.append(tracker.start_run(run.name))
                tracker.log_params(run.params)
                for step, metrics in run.calls():
                    tracker.log_metrics(metrics, step)
                tracker.end_run()
        return ids

    def open(self, folder: Path) -> None:
        """A Store; the questions import the rest."""
        from readers.store import Store

        self._store = Store(folder)

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """The answer: a Polars frame for "table" and "history", else what the comparator and the analyzer give."""
        if question == "table":
            from readers.runtable import RunTable

            return RunTable.read(self._store).wide()
        if question == "history":
            return self._store.metrics(keys=[metric]).select("run_id", "step", "time", "value").collect()
        if question == "importance":
            from readers.analyzer import HyperparameterAnalyzer

            return HyperparameterAnalyzer(self._store).analyze_parameter_importance("bench", metric)
        from readers.compare import ExperimentComparator

        comparator = ExperimentComparator(self._store)
        if question == "best":
            return comparator.rank(metric, top_k=1)
        return comparator.compare_runs(run_ids)

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """The answer in plain numbers."""
        del metric
        if question == "table":
            params = [name for name in answer.columns if name.startswith("params.")]
            metrics = [name for name in answer.columns if name.startswith("metrics.")]
            return {
                "runs": answer["run_id"].n_unique(),
                "params": sum(answer[name].count() for name in params),
                "lr": answer["params.lr"].sum(),
                "metrics": sum(answer[name].sum() for name in metrics),
            }
        if question == "history":
            return {"points": answer.height, "steps": answer["step"].sum(), "values": answer["value"].sum()}
        if question == "best":
            return {"run": answer[0]["run_id"], "value": answer[0]["value"]}
        if question == "compare":
            return {
                "runs": len(answer),
                "params": sum(len(run["params"]) for run in answer.values()),
                "lr": sum(run["params"]["lr"] for run in answer.values()),
                "metrics": sum(sum(run["metrics"].values()) for run in answer.values()),
            }
        return {"params": len(answer.intervals), "first": next(iter(answer))}


TOOL = Steplog()

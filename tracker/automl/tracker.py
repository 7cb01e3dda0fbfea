"""AutoMLTracker: an ExperimentTracker that also tells what came of a search for a model."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.settings import PipelineSettings
from tracker.automl.search import Search
from tracker.experiment import ExperimentTracker
from tracker.settings import DEFAULT_OUTPUT_DIR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from readers.automl.report import AutoMLReport
    from readers.source import RunFrames


class AutoMLTracker(ExperimentTracker):
    """Tracks searches: each is a run, each of its trials a run below it.

    Args:
        output_dir, experiment_name, backend, mlflow_tracking_uri, auto_log, strict, pipeline: as of ExperimentTracker.
        track_hyperparameter_search: make each trial a run of its own, with params, scores and times. Without it only
            their numbers are kept.
        track_model_selection: keep which single model is chosen, and the iterations of feature selection.
        track_ensemble_creation: keep the ensemble's members and weights.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str] = DEFAULT_OUTPUT_DIR,
        experiment_name: str | None = None,
        backend: str = "local",
        mlflow_tracking_uri: str | None = None,
        auto_log: bool = True,
        *,
        track_hyperparameter_search: bool = True,
        track_model_selection: bool = True,
        track_ensemble_creation: bool = True,
        strict: bool | None = None,
        pipeline: PipelineSettings | None = None,
    ) -> None:
        self.track_hyperparameter_search = bool(track_hyperparameter_search)
        self.track_model_selection = bool(track_model_selection)
        self.track_ensemble_creation = bool(track_ensemble_creation)
        super().__init__(
            output_dir, experiment_name, backend, mlflow_tracking_uri, auto_log, strict=strict, pipeline=pipeline
        )

    def __getstate__(self) -> dict[str, Any]:
        flags = {name: value for name, value in vars(self).items() if name.startswith("track_")}
        return {**super().__getstate__(), "flags": flags}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process: see ExperimentTracker."""
        vars(self).update(state["flags"])
        super().__setstate__(state)

    def start_search(self, metric: str, **options: Any) -> Search:
        """Start a search in the current run; arguments and errors as of tracker.automl.search.Search."""
        return Search(self, metric, **options)

    def get_automl_report(self, run_id: str | None = None, *, search: int | None = None) -> "AutoMLReport":
        """What came of a search, as far as it is: see readers.automl.report.

        A dict with algorithms_tested, best_algorithm, hyperparameter_trials, feature_selection_iterations,
        ensemble_size and cv_score, always; and the leaderboard, the best params, the trials by status, the tie set and
        more.

        Args:
            run_id: default: the current run, else the last one.
            search: its number in the run, from 1; default: the last one.

        Raises: NoActiveRun: there was no run yet. RunNotFound. LookupFailed: no such search.
        """
        from readers.automl.report import automl_report

        run_id = self._asked_run(run_id)
        return automl_report(self._frames_of(run_id), run_id, search)

    def plot_optimization_history(
        self, save_path: str | os.PathLike[str] | None = None, *, run_id: str | None = None, search: int | None = None
    ) -> "Figure":
        """Draw the trials' scores in their order, and the best so far; arguments and errors as of get_automl_report."""
        from readers.automl.plots import plot_optimization_history

        run_id = self._asked_run(run_id)
        return plot_optimization_history(self._frames_of(run_id), run_id, save_path, search=search)

    def plot_leaderboard(
        self, save_path: str | os.PathLike[str] | None = None, *, run_id: str | None = None, search: int | None = None
    ) -> "Figure":
        """Draw the algorithms' best scores with their folds; arguments and errors as of get_automl_report."""
        from readers.automl.plots import plot_leaderboard

        run_id = self._asked_run(run_id)
        return plot_leaderboard(self._frames_of(run_id), run_id, save_path, search=search)

    def write_automl_report(
        self, path: str | os.PathLike[str], *, run_id: str | None = None, search: int | None = None
    ) -> Path:
        """Write the report as one HTML file that opens without a network."""
        from readers.automl.page import write_automl_report

        run_id = self._asked_run(run_id)
        return write_automl_report(self._frames_of(run_id), run_id, path, search=search)

    def _frames_of(self, run_id: str) -> "RunFrames":
        """The store where it has the run, as a server isn't told what a search says of itself; else the server."""
        store = self._store()
        return store if store.find_run(run_id) is not None else self.frames()

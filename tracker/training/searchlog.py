"""SearchLog: what a search tells on its way: to a tracker's Search, to the bar on the terminal, or to nobody.

The engine calls the same methods whether or not it is tracked. What it tells a tracker before and after is here, too:
how the search is set up, and the trained model.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.errors import ModelNotSerializable
from ingest.layout import encode_name
from tracker.automl.search import Search
from tracker.automl.trial import Trial
from tracker.experiment import ExperimentTracker
from tracker.training.candidate import Tried
from tracker.training.crossvalidation import fold_count
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.progress import Progress
from tracker.training.results import Results
from tracker.training.scoring import Scorer

_EXAMPLE_ROWS = 5


class SearchLog:
    """Where a search is told to.

    Args:
        tracker, search: both, or None: untracked.
        progress: the bar; None: none.
    """

    def __init__(
        self, tracker: ExperimentTracker | None = None, search: Search | None = None, progress: Progress | None = None
    ) -> None:
        self._tracker = tracker
        self.search = search
        self._progress = progress
        self._trials: dict[int, Trial] = {}

    @property
    def run_id(self) -> str:
        """The search's run; "" when untracked."""
        return "" if self.search is None else self.search.run_id

    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop, on its page or by `steplog stop`."""
        return self._tracker is not None and bool(self.run_id) and self._tracker.should_stop(self.run_id)

    def begin(self, tried: Tried) -> None:
        """A candidate is being tried."""
        if self.search is not None:
            features = tried.candidate.features
            tags = None if features is None else {"trial.features": len(features.all_rows)}
            trial = self._trials[tried.number] = self.search.start_trial(tried.algorithm, tried.params, tags=tags)
            tried.run_id = trial.run_id

    def report(self, tried: Tried, score: float, rung: int) -> None:
        """It has reached a rung."""
        if tried.number in self._trials:
            self._trials[tried.number].report(score, rung)

    def end(self, tried: Tried) -> None:
        """It is complete, pruned, or failed."""
        if self._progress is not None:
            self._progress.note(tried)
        trial = self._trials.get(tried.number)
        if trial is None:
            return
        self._tag_warnings(tried)
        if tried.state == "failed":
            trial.fail(tried.error, error_type=tried.error_type)
            return
        told: dict[str, Any] = {"std": tried.std, "fold_scores": tried.fold_scores}
        told |= {"fit_time_s": tried.fit_time_s, "predict_time_s": tried.predict_time_s}
        if tried.state == "complete" and tried.score is not None:
            trial.complete(tried.score, **told)
        else:
            trial.prune(tried.score, **told)

    def _tag_warnings(self, tried: Tried) -> None:
        if tried.warnings and self._tracker is not None and tried.run_id not in {"", self.run_id}:
            said = ", ".join(f"{name} {count}x" for name, count in sorted(tried.warnings.items()))
            self._tracker.set_tags({"trial.warnings": said}, run_id=tried.run_id)

    def selection(self, tried: Tried, features: Sequence[str]) -> None:
        """The single model that is chosen; features: the names of all that there are."""
        if self.search is not None and tried.score is not None:
            trial, fewer = self._trials.get(tried.number), tried.candidate.features
            told: dict[str, Any] = {"std": tried.std, "fold_scores": tried.fold_scores, "trial": trial}
            told["features"] = features if fewer is None else fewer.all_rows
            self.search.log_selection(tried.algorithm, tried.params, tried.score, **told)

    def ensemble(self, members: Sequence[Mapping[str, object]], **told: Any) -> None:
        """The ensemble that is made; arguments as of Search.log_ensemble."""
        if self.search is not None:
            self.search.log_ensemble(members, **told)

    def features(self, **told: Any) -> None:
        """An iteration of feature selection; arguments as of Search.log_feature_selection."""
        if self.search is not None:
            self.search.log_feature_selection(**told)

    def evaluation(self, metrics: Mapping[str, float], **told: Any) -> None:
        """How the final model does; arguments as of Search.log_evaluation."""
        if self.search is not None:
            self.search.log_evaluation(metrics, **told)

    def close(self, stopped_by: str, spent: Mapping[str, object]) -> None:
        """The search is over; twice is once."""
        if self._progress is not None:
            self._progress.close()
        if self.search is not None:
            self.search.end(stopped_by=stopped_by, spent=spent)


def start_search(
    tracker: ExperimentTracker, problem: Problem, scorer: Scorer, options: Options, algorithms: Sequence[str]
) -> Search:
    """Tell a tracker's current run how a search is set up. Raises: NoActiveRun, WriterClosed."""
    return Search(
        tracker,
        scorer.name,
        direction=scorer.direction,
        task=problem.task,
        engine="steplog",
        algorithms=algorithms,
        budget={"time_s": options.time_budget_s, "trials": options.max_trials},
        seed=options.seed,
        cross_validation={
            "folds": fold_count(problem, options.cv),
            "repeats": options.repeats,
            "nested_folds": options.nested_folds,
        },
        data=problem.fingerprint(),
    )


def log_trained(tracker: ExperimentTracker, model: Any, results: Results, *, name: bool | str, X: Any) -> None:
    """Log the trained model to the search's run, and the score that speaks for it as "cv/<metric>".

    Args:
        name: of the model; True: "automl/<experiment>"; False: it isn't logged.
        X: what it was trained on, for a few rows as an example.
    """
    if tracker.settings.disabled:
        return
    run_id = results.run_id
    if math.isfinite(results.cv_score):
        tracker.log_metrics({f"cv/{results.metric}": results.cv_score}, run_id=run_id)
    if not name:
        return
    path = name if isinstance(name, str) else f"automl/{encode_name(tracker.experiment_name)}"
    metadata = {"metric": results.metric, "cv_score": results.cv_score, "algorithm": results.best_algorithm}
    try:
        tracker.log_model(model, path, input_example=_first_rows(X), metadata=metadata, run_id=run_id)
    except ModelNotSerializable as error:
        warnings.warn(f"the model is trained, and could not be logged: {error}", UserWarning, stacklevel=4)


def _first_rows(X: Any) -> Any:
    """A few rows of a table, of its own kind."""
    if isinstance(X, Mapping):
        return {str(name): list(values)[:_EXAMPLE_ROWS] for name, values in X.items()}
    table = X.collect() if hasattr(X, "collect") and hasattr(X, "lazy") else X
    return table[:_EXAMPLE_ROWS]

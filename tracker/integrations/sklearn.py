"""scikit-learn: fits and searches are logged by themselves (`autolog`), or a search when it is asked for.

autolog(tracker)                      each fit from now on is logged; autolog(disable=True) ends it
with track_search(search, tracker):   the one search that is fitted in the block
    search.fit(X, y)
log_search(search, tracker)           a search that has been fitted
"""

from types import TracebackType
from typing import Any, Self

from sklearn.exceptions import NotFittedError
from sklearn.model_selection._search import BaseSearchCV

from ingest.errors import WriterClosed
from tracker.automl.search import Search
from tracker.experiment import ExperimentTracker
from tracker.integrations import sklearnpatches
from tracker.integrations.faults import Faults
from tracker.integrations.joined import Joined
from tracker.integrations.sklearncandidates import CandidateTable
from tracker.integrations.sklearnfits import FitLog
from tracker.integrations.sklearnsearches import SearchLog
from tracker.run import status_after

__all__ = ["Autologging", "TrackedSearch", "autolog", "log_search", "track_search"]


def autolog(
    tracker: ExperimentTracker | None = None,
    *,
    log_models: bool = True,
    log_datasets: bool = True,
    log_training_metrics: bool = True,
    disable: bool = False,
) -> "Autologging":
    """Log each fit of a model from now on, in this process, until `autolog(disable=True)`.

    Every estimator that predicts or clusters (scikit-learn's, and any class derived from BaseEstimator), every pipeline
    and every search: its params, the size and a hash of the training data, `fit_time_s`, scores on the training data
    under MLflow's names (training_accuracy_score, ...), the fitted model under its class's name. Of a search every
    candidate is a trial, a child run. Fits that are part of another one (of a pipeline, a search, cross_val_score) make
    no runs of their own. A fit logs to the current run; the second one in it, and those after, to nested runs; without
    a current run each starts and ends its own.

    Args:
        tracker: where to; None: one by the environment (STEPLOG_DIR), made at the first fit.
        log_models, log_datasets, log_training_metrics: whether these are logged. The last predicts the training data.
        disable: put scikit-learn back as it was.

    Returns: a handle; as a context manager it disables at the end of its block.
    Raises: TypeError: tracker is none. WriterClosed: it is closed. What fails later is said once in the log "steplog",
        and never changes what fit returns or raises.
    """
    if disable:
        _disable()
        return Autologging()
    Joined(tracker)  # checks its type
    _check_open(tracker)
    log = FitLog(tracker, models=log_models, datasets=log_datasets, training_metrics=log_training_metrics)
    _disable()
    sklearnpatches.install(log)
    return Autologging()


class Autologging:
    """What autolog gives: ends it."""

    def disable(self) -> None:
        """The same as autolog(disable=True)."""
        _disable()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disable()


def track_search(
    search: Any, tracker: ExperimentTracker | None = None, *, metric: str | None = None
) -> "TrackedSearch":
    """Log a search that is fitted in a `with` block: each candidate as a trial, also where all fits fail.

    Args:
        search: GridSearchCV, RandomizedSearchCV, a halving one, or another that derives from theirs.
        tracker: its current run is logged to, else one is started and ended. None: a tracker by the environment.
        metric: which of several scores counts; None: the one that the search refits by, else the first.

    Raises: TypeError: no search, no tracker. In the block: ValueError: the search has no such score. WriterClosed.
    """
    return TrackedSearch(search, tracker, metric)


class TrackedSearch:
    """A search that is watched while it is fitted; `search` is what is logged of it (tracker.automl.search.Search)."""

    def __init__(self, search: Any, tracker: ExperimentTracker | None, metric: str | None) -> None:
        _check_search(search)
        self._joined = Joined(tracker, run_name=type(search).__name__)
        _check_open(tracker)
        self.foreign, self._metric = search, metric
        self._log: SearchLog | None = None
        self._before: object = None

    @property
    def search(self) -> Search | None:
        """The search as it is logged; None before its metric is known."""
        return None if self._log is None else self._log.told

    def __enter__(self) -> Self:
        run_id = self._joined.begin(tags={"estimator_name": type(self.foreign).__name__})
        self._before = getattr(self.foreign, "cv_results_", None)
        self._log = SearchLog(self.foreign, self._joined.tracker, run_id, metric=self._metric)
        try:
            self._log.begin()
        except BaseException:
            self._joined.end("FAILED")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log = self._log
        if log is None:
            return
        unfitted = None
        if error is None and getattr(self.foreign, "cv_results_", None) is self._before:
            unfitted = NotFittedError(f"this {type(self.foreign).__name__} was not fitted in the block")
        with Faults("track_search").kept("a search's candidates"):  # what was fitted is not lost with its log
            log.end(error or unfitted)
        self._joined.end(status_after(error or unfitted))
        if unfitted is not None:
            raise unfitted


def log_search(search: Any, tracker: ExperimentTracker | None = None, *, metric: str | None = None) -> Search:
    """Log a fitted search: each candidate as a trial of the current run, else of one that is started and ended.

    When it was fitted isn't known, nor why a fit failed: the trials are of now. See track_search for the arguments.

    Returns: the search as it is logged; it is ended.
    Raises: NotFittedError (a ValueError). ValueError: it has no such score. TypeError. WriterClosed.
    """
    _check_search(search)
    if not hasattr(search, "cv_results_"):
        raise NotFittedError(f"this {type(search).__name__} isn't fitted: call its fit(X, y) first")
    CandidateTable(search, search.cv_results_, metric=metric)
    joined = Joined(tracker, run_name=type(search).__name__)
    _check_open(tracker)
    run_id = joined.begin(tags={"estimator_name": type(search).__name__})
    status = "FAILED"
    try:
        log = SearchLog(search, joined.tracker, run_id, metric=metric)
        told = log.end()
        status = "FINISHED"
    finally:
        joined.end(status)
    return told


def _disable() -> None:
    watching = sklearnpatches.watcher()
    sklearnpatches.remove()
    if isinstance(watching, FitLog):
        watching.close()


def _check_open(tracker: ExperimentTracker | None) -> None:
    if tracker is not None and not tracker.settings.disabled and tracker._pipeline.closed:  # noqa: SLF001 - no question has a public answer yet
        raise WriterClosed("the tracker is closed; make a new ExperimentTracker")


def _check_search(search: Any) -> None:
    if not isinstance(search, BaseSearchCV):
        raise TypeError(
            f"{type(search).__name__} is no search of scikit-learn: give GridSearchCV, RandomizedSearchCV, "
            "HalvingGridSearchCV, HalvingRandomSearchCV, or what derives from them"
        )

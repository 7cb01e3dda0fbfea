"""Searches of scikit-learn as searches of ours: each candidate a trial, logged when the search is over.

The candidates' times are not in `cv_results_`, only how long each took; they are placed one after the other in the time
that the search took, in its order, which is what happened where n_jobs is 1.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sklearn.base import is_classifier, is_regressor

from tracker.automl.search import Search
from tracker.automl.trial import Trial
from tracker.experiment import ExperimentTracker
from tracker.integrations.sklearncandidates import Candidate, CandidateTable, finite, last_step, score_names
from tracker.integrations.sklearnerrors import FitErrors, PartialSearch
from tracker.integrations.tracebacks import error_of

Moments = tuple[datetime | None, datetime | None]
_SHUFFLED = {"ShuffleSplit": 0.1, "StratifiedShuffleSplit": 0.1, "GroupShuffleSplit": 0.2}
"""Share of the rows that scikit-learn's splitters test on where neither test_size nor train_size is given."""


class SearchLog:
    """Logs one search, from before its `fit` to after it.

    Args:
        search: GridSearchCV, RandomizedSearchCV, a halving one, or another that derives from theirs.
        tracker, run_id: whose search it is; the run is active.
        metric: which of several scores counts.
        data: what it is fitted to, if known.
    """

    def __init__(
        self,
        search: Any,
        tracker: ExperimentTracker,
        run_id: str,
        *,
        metric: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        self._search = search
        self._tracker = tracker
        self._run_id = run_id
        self._metric = metric
        self._data = data
        self._errors = FitErrors(search)
        self._began: datetime | None = None
        self.told: Search | None = None
        """The search as it is logged; made as soon as its metric is known."""

    def begin(self) -> None:
        """Note that the search begins. Raises: ValueError: it won't have such a score."""
        names = score_names(self._search)
        if self._metric is not None and names and self._metric not in names:
            raise ValueError(f"the search has no score {self._metric!r}; it has: {', '.join(names)}")
        if names:
            self._start(self._metric or names[0])
        self._errors.keep()
        self._began = datetime.now(UTC)

    def end(self, error: BaseException | None = None) -> Search:
        """Log what the search tried, also of one that an error ended; gives it as it is logged."""
        self._errors.release()
        partial = PartialSearch.of(error)
        results = self._search.cv_results_ if error is None else partial.results
        ended = None if self._began is None else datetime.now(UTC)
        if results:
            self.log(results, self._errors.found, ended)
        told = self.told or self._start(self._metric or "score")
        for params, text in partial.failed():
            kind, message = error_of(text)
            told.log_trial(
                last_step(self._search.estimator), params, None, state="failed", error=message, error_type=kind
            )
        self._finish(told, error, ended)
        return told

    def log(self, results: Mapping[str, Any], errors: Sequence[str | None], ended: datetime | None = None) -> None:
        """Log all candidates, and the one that was chosen.

        Args:
            results: cv_results_.
            errors: as of CandidateTable.
            ended: when the search was over; None: not known.
        """
        metric = self._metric if self.told is None else self.told.metric
        table = CandidateTable(self._search, results, metric=metric, errors=errors)
        told = self.told or self._start(table.metric, table.folds)
        candidates = table.candidates()
        by_row: dict[int, tuple[Candidate, Trial]] = {}
        for candidate, moments in zip(candidates, self._moments(candidates, ended), strict=True):
            trial = _log(self._tracker, told, candidate, moments)
            by_row |= dict.fromkeys(candidate.rows, (candidate, trial))
        best = by_row.get(getattr(self._search, "best_index_", -1))
        if best is not None and not math.isnan(best[0].score):
            chosen, trial = best
            told.log_selection(
                chosen.algorithm,
                chosen.params,
                chosen.score,
                std=chosen.std,
                fold_scores=chosen.fold_scores,
                trial=trial,
            )

    def _start(self, metric: str, folds: int = 0) -> Search:
        search = self._search
        seed = getattr(search, "random_state", None)
        estimator = search.estimator
        folds = folds or _folds(search)
        made = Search(
            self._tracker,
            metric,
            direction="maximize",
            task=self._task(),
            engine=f"sklearn.{type(search).__name__}",
            algorithms=[last_step(estimator)],
            budget=_budget(search),
            seed=seed if isinstance(seed, int) else None,
            cross_validation=_cross_validation(search, folds) if folds else {},
            data=self._data,
            run_id=self._run_id,
        )
        self.told = made
        return made

    def _task(self) -> str:
        estimator = self._search.estimator
        if is_classifier(estimator):
            classes = (self._data or {}).get("classes")
            known = isinstance(classes, list) and len(classes) > 1
            return "classification" if not known else "binary" if len(classes) == 2 else "multiclass"  # type: ignore[arg-type]
        return "regression" if is_regressor(estimator) else ""

    def _moments(self, candidates: list[Candidate], ended: datetime | None) -> Iterator[Moments]:
        """When each began and ended: its share of the search's time, by how long it took."""
        took = [candidate.fit_time_s + candidate.score_time_s for candidate in candidates]
        total = math.fsum(took)
        if self._began is None or ended is None or not total > 0:
            yield from ((self._began, ended) for _ in candidates)
            return
        wall = ended - self._began - timedelta(seconds=float(getattr(self._search, "refit_time_", 0.0)))
        at, gone = self._began, 0.0
        for seconds in took:
            gone += seconds
            began, at = at, self._began + max(wall, timedelta()) * (gone / total)
            yield began, at

    def _finish(self, told: Search, error: BaseException | None, ended: datetime | None) -> None:
        timed = self._began is not None and ended is not None
        spent = {"time_s": (ended - self._began).total_seconds()} if timed else {}  # type: ignore[operator]
        stopped_by = "exhausted" if error is None else "interrupt" if isinstance(error, KeyboardInterrupt) else "error"
        told.end(stopped_by=stopped_by, spent=spent)


def _log(tracker: ExperimentTracker, told: Search, candidate: Candidate, moments: Moments) -> Trial:
    """Log a candidate: failed where it has no score, or where all its fits are known to have failed."""
    fits = len(candidate.fold_scores) * len(candidate.rows)
    failed = math.isnan(candidate.score) or 0 < fits <= len(candidate.errors)
    tags: dict[str, object] = {"rank": candidate.rank} if candidate.rank else {}
    if candidate.errors:
        tags["failed_fits"] = len(candidate.errors)
    if failed:
        return _log_failed(tracker, told, candidate, moments, tags)
    return told.log_trial(
        candidate.algorithm,
        candidate.params,
        candidate.score,
        state="pruned" if candidate.eliminated else "complete",
        std=candidate.std,
        fold_scores=candidate.fold_scores,
        fit_time_s=candidate.fit_time_s,
        predict_time_s=candidate.score_time_s,
        metrics=candidate.metrics,
        intermediate=candidate.rounds,
        tags=tags,
        start_time=moments[0],
        end_time=moments[1],
    )


def _log_failed(
    tracker: ExperimentTracker, told: Search, candidate: Candidate, moments: Moments, tags: Mapping[str, object]
) -> Trial:
    began, ended = moments
    trial = told.start_trial(candidate.algorithm, candidate.params, tags=tags, start_time=began)
    scores = finite(candidate.fold_scores) if len(candidate.errors) < len(candidate.fold_scores) else {}
    if trial.run_id != told.run_id:
        for place, score in scores.items():
            tracker.log_metrics({f"fold/{told.metric}": score}, place, run_id=trial.run_id)
    for resources, score in candidate.rounds.items():
        trial.report(score, resources)
    if candidate.errors:
        kind, message = error_of(candidate.errors[0])
        trial.fail(message, error_type=kind, end_time=ended)
        return trial
    without = len(candidate.fold_scores) - len(scores)
    message = f"the mean score is NaN: {without} of {len(candidate.fold_scores)} folds have none"
    trial.fail(message, error_type="NoScore", end_time=ended)
    return trial


def _budget(search: Any) -> dict[str, object]:
    for name in ("n_iter", "n_candidates"):
        if isinstance(getattr(search, name, None), int):
            return {"trials": getattr(search, name)}
    return {}


def _folds(search: Any) -> int:
    folds = getattr(search, "cv", None)
    return 5 if folds is None else folds if isinstance(folds, int) else int(getattr(folds, "n_splits", 0) or 0)


def _cross_validation(search: Any, folds: int) -> dict[str, object]:
    """How the folds are made, as far as tells how many rows each is tested on: see readers.automl.resampledt."""
    splitter, cv = _splitter(search), getattr(search, "cv", None)
    told: dict[str, object] = {"folds": folds, "splitter": splitter}
    repeats, inner = getattr(cv, "n_repeats", None), getattr(cv, "cvargs", {}).get("n_splits")
    if isinstance(repeats, int) and isinstance(inner, int):
        told |= {"folds": inner, "repeats": repeats}
    share = getattr(cv, "test_size", None)
    if share is None and getattr(cv, "train_size", 0) is None:
        share = _SHUFFLED.get(splitter)
    return {**told, "test_fraction": share} if isinstance(share, float) and 0 < share < 1 else told


def _splitter(search: Any) -> str:
    folds = getattr(search, "cv", None)
    if folds is None or isinstance(folds, int):
        return "StratifiedKFold" if is_classifier(search.estimator) else "KFold"
    return type(folds).__name__

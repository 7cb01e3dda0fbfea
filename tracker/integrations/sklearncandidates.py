"""Candidates: what a search of scikit-learn tried, read out of its `cv_results_`, and of its fits' errors where known.

All scores are to be maximized, as scikit-learn's are (neg_log_loss). A halving search has a row for each round that a
candidate was in; here it is one candidate, whose scores in the rounds are its values on the way, and which was pruned
unless it came to the last round.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor

_FIRST = "mean_test_"


class Candidate(NamedTuple):
    """One setting that a search tried."""

    rows: list[int]
    """Where it stands in the results."""
    params: dict[str, Any]
    algorithm: str
    score: float
    """The mean over the folds; NaN where the search has none. Of a halving search that of its last round."""
    std: float
    fold_scores: list[float]
    fit_time_s: float
    """Over all folds and rounds, as score_time_s."""
    score_time_s: float
    metrics: dict[str, float]
    """Other scores, with "<name>_std", and those on the training folds, "train_<name>"."""
    rank: int
    rounds: dict[int, float]
    """Of a halving search: the score by the resources that it was made with."""
    eliminated: bool
    errors: list[str]
    """Tracebacks of the fits that failed, as far as they are known."""


class CandidateTable:
    """The candidates of a search.

    Args:
        search: fitted, or as far as it came.
        results: its cv_results_.
        metric: which of its scores counts; None: the one that it refits by, else its only or first one.
        errors: the traceback of each fit that failed, None for the others, candidate by candidate and fold by fold.

    Raises: ValueError: it has no such score; names those it has.
    """

    def __init__(
        self,
        search: Any,
        results: Mapping[str, Any],
        *,
        metric: str | None = None,
        errors: Sequence[str | None] = (),
    ) -> None:
        self._search = search
        self._results = results
        self._errors = errors
        self._keys = [key.removeprefix(_FIRST) for key in results if key.startswith(_FIRST)]
        self.metric, self._key = self._chosen(metric)
        self.folds = sum(1 for key in results if key.startswith("split") and key.endswith(f"_test_{self._key}"))
        self._algorithm = last_step(search.estimator)

    def candidates(self) -> list[Candidate]:
        """All of them, in the order in which they were first tried."""
        iterations = self._results.get("iter")
        if iterations is None:
            return [self._candidate([row], last=True) for row in range(len(self._results["params"]))]
        last = max(iterations, default=0)
        return [self._candidate(rows, last=iterations[rows[-1]] == last) for rows in self._rounds(iterations)]

    def _chosen(self, metric: str | None) -> tuple[str, str]:
        """The metric's name, and what it is called in the results."""
        if self._keys == ["score"]:
            name = score_name(self._search)
            if metric not in (None, "score", name):
                raise ValueError(f"the search has no score {metric!r}; it has: {name}")
            return name, "score"
        refit = getattr(self._search, "refit", None)
        wanted = metric or (refit if isinstance(refit, str) and refit in self._keys else self._keys[0])
        if wanted not in self._keys:
            raise ValueError(f"the search has no score {metric!r}; it has: {', '.join(self._keys)}")
        return wanted, wanted

    def _rounds(self, iterations: Sequence[int]) -> list[list[int]]:
        """Each candidate's rows; two of equal params are told apart by their order."""
        resource = getattr(self._search, "resource", "n_samples")
        rows: dict[tuple[str, int], list[int]] = {}
        seen: dict[tuple[str, int], int] = {}
        for row, (params, iteration) in enumerate(zip(self._results["params"], iterations, strict=True)):
            text = repr(sorted((name, repr(value)) for name, value in params.items() if name != resource))
            place = seen[text, iteration] = seen.get((text, iteration), -1) + 1
            rows.setdefault((text, place), []).append(row)
        return list(rows.values())

    def _candidate(self, rows: list[int], *, last: bool) -> Candidate:
        results, row, key = self._results, rows[-1], self._key
        params = dict(results["params"][row])
        folds = [float(results[f"split{fold}_test_{key}"][row]) for fold in range(self.folds)]
        resources = results.get("n_resources")
        rounds = {} if resources is None else {int(resources[one]): self._value("mean_test_", key, one) for one in rows}
        return Candidate(
            rows,
            params,
            self._algorithm_of(params),
            self._value("mean_test_", key, row),
            self._value("std_test_", key, row),
            folds,
            self.folds * sum(self._value("mean_fit_", "time", one) for one in rows),
            self.folds * sum(self._value("mean_score_", "time", one) for one in rows),
            self._others(row),
            int(results[f"rank_test_{key}"][row]) if f"rank_test_{key}" in results else 0,
            {resource: score for resource, score in rounds.items() if score == score},  # noqa: PLR0124 - not NaN
            not last,
            [error for one in rows for error in self._errors_of(one)],
        )

    def _value(self, what: str, key: str, row: int) -> float:
        values = self._results.get(what + key)
        return float("nan") if values is None else float(values[row])

    def _others(self, row: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for key in self._keys:
            name = self.metric if key == self._key else key
            if key != self._key:
                found |= {name: self._value("mean_test_", key, row), f"{name}_std": self._value("std_test_", key, row)}
            if f"mean_train_{key}" in self._results:
                found[f"train_{name}"] = self._value("mean_train_", key, row)
                found[f"train_{name}_std"] = self._value("std_train_", key, row)
        return found

    def _errors_of(self, row: int) -> list[str]:
        return [error for error in self._errors[row * self.folds : (row + 1) * self.folds] if error]

    def _algorithm_of(self, params: Mapping[str, Any]) -> str:
        """The class of what was fitted, which a param may have replaced."""
        if not any(hasattr(value, "fit") for value in params.values()):
            return self._algorithm
        try:
            return last_step(clone(self._search.estimator).set_params(**clone(params, safe=False)))
        except Exception:  # noqa: BLE001 - params that don't fit are among what a search finds out
            return self._algorithm


def last_step(estimator: Any) -> str:
    """The class name of an estimator, of a pipeline that of its last step."""
    steps = getattr(estimator, "steps", None)
    while steps:
        estimator = steps[-1][1]
        steps = getattr(estimator, "steps", None)
    return estimator if isinstance(estimator, str) else type(estimator).__name__


def score_name(search: Any) -> str:
    """What the only score of a search is called: as `scoring` says, else accuracy, r2, or "score"."""
    scoring = search.scoring
    if isinstance(scoring, str):
        return scoring
    if scoring is None:
        return "accuracy" if is_classifier(search.estimator) else "r2" if is_regressor(search.estimator) else "score"
    function = getattr(scoring, "_score_func", scoring)
    name = getattr(function, "__name__", "score")
    if not name.isidentifier():  # a lambda
        return "score"
    return f"neg_{name}" if getattr(scoring, "_sign", 1) < 0 else str(name)


def score_names(search: Any) -> list[str]:
    """Its scores, the one that counts first; none where a function gives them, which tells only when it is called."""
    scoring = search.scoring
    if isinstance(scoring, list | tuple | set | Mapping):
        names = sorted(scoring) if isinstance(scoring, set) else [str(name) for name in scoring]
        return sorted(names, key=lambda name: name != search.refit)
    if callable(scoring) and not hasattr(scoring, "_score_func"):
        return []
    return [score_name(search)]


def finite(values: Sequence[float]) -> dict[int, float]:
    """Those that are numbers, by their place."""
    return {place: value for place, value in enumerate(values) if not np.isnan(value)}

"""Decisions: what a search settles on, as it goes: features, the model, the ensemble, and how the final model does."""

import threading
from collections.abc import Iterable, Mapping, Sequence

from ingest.redact import mask
from tracker.automl.trial import Trial
from tracker.metrics import metric_items, metric_value
from tracker.settings import check_name


class Decisions:
    """The part of a Search that tells what it decided.

    Args:
        metric: what is searched for.
        tracked: which of its kinds of facts are wanted.
    """

    def __init__(self, metric: str, tracked: Mapping[str, bool]) -> None:
        self.metric = metric
        self._tracked = tracked
        self._lock = threading.Lock()
        self._iterations = 0

    def _say(self, what: str, told: Mapping[str, object]) -> None:
        """Log a fact of the search."""
        raise NotImplementedError

    def log_feature_selection(
        self,
        *,
        method: str,
        before: Sequence[str],
        selected: Sequence[str],
        score: float | None = None,
        std: float | None = None,
        frequencies: Mapping[str, float] | None = None,
    ) -> None:
        """Log an iteration of feature selection.

        Args:
            before, selected: the features' names before and after it.
            score, std: of the metric, with the selected ones.
            frequencies: for each feature the share of resamples in which it was selected, in [0, 1].
        """
        with self._lock:
            self._iterations += 1
            number = self._iterations
        if self._tracked["model_selection"]:
            told = {"method": method, "before": list(map(str, before)), "selected": list(map(str, selected))}
            rates = {str(name): metric_value(str(name), share) for name, share in (frequencies or {}).items()}
            numbers = {"score": self._score(score), "std": std, "frequencies": rates}
            self._say(f"feature_selection/{number:03d}", {**told, **numbers})

    def log_selection(
        self,
        algorithm: str,
        params: Mapping[str, object],
        score: float,
        *,
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        trial: Trial | str | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        """Log the single model that is chosen.

        Args:
            trial: which it was, or the id of its run.
            features: the names of those that it uses, where features were selected: it needn't be the last iteration's.
        """
        told = {"algorithm": check_name("algorithm", algorithm), "params": mask("params", dict(params))}
        numbers = {"score": self._score(score), "std": std, "fold_scores": list(map(float, fold_scores))}
        if self._tracked["model_selection"]:
            used = None if features is None else list(map(str, features))
            which = {"trial": trial.run_id if isinstance(trial, Trial) else trial, "features": used}
            self._say("selection", {**told, **numbers, **which})

    def log_ensemble(
        self,
        members: Sequence[Mapping[str, object]],
        *,
        method: str,
        score: float,
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        best_single: float | None = None,
    ) -> None:
        """Log the ensemble that is made.

        Args:
            members: for each {"algorithm", "weight"}, and as known "params", "score" and "trial" (its run id).
            score, std, fold_scores: of the ensemble.
            best_single: the score that choosing a single model comes to, made in the same way.

        Raises: ValueError: a member without algorithm or weight.
        """
        for member in members:
            if not {"algorithm", "weight"} <= set(member):
                raise ValueError(f"a member of an ensemble has an algorithm and a weight; this has {sorted(member)}")
        told = {"method": method, "members": [mask("member", dict(member)) for member in members]}
        numbers = {"score": self._score(score), "std": std, "fold_scores": list(map(float, fold_scores))}
        if self._tracked["ensemble_creation"]:
            self._say("ensemble", {**told, **numbers, "best_single": self._score(best_single)})

    def log_evaluation(
        self,
        metrics: Mapping[str, float],
        *,
        on: str,
        std: Mapping[str, float] | None = None,
        fold_scores: Iterable[float] = (),
    ) -> None:
        """Log how the final model does.

        Args:
            metrics: by name, the search's own among them.
            on: what they were made on: "nested cross-validation", "repeated cross-validation", "holdout", ...
            std: over the folds, by name.
        """
        numbers = dict(zip(*metric_items(metrics), strict=True))
        spread = dict(zip(*metric_items(std or {}), strict=True))
        folds = list(map(float, fold_scores))
        self._say("evaluation", {"on": on, "metrics": numbers, "std": spread, "fold_scores": folds})

    def _score(self, score: float | None) -> float | None:
        return None if score is None else metric_value(self.metric, score)

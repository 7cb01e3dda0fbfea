"""Training: one fit of an engine from the checked problem to the trained model, told to a log on its way.

Search, feature selection, ensemble, evaluation, training on all rows, in this order; each takes its part of the time
that is left. What is known so far can be had at any moment (`results`), also after an interruption.
"""

import math
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tracker.training.budget import Budget, StoppedBy
from tracker.training.candidate import BASELINE, Learner, Tried
from tracker.training.choosing import Chosen, choose
from tracker.training.crossvalidation import FitFailed, make_folds
from tracker.training.evaluation import fresh_folds, repeated
from tracker.training.learners import learners_for
from tracker.training.model import TableClassifier, TableRegressor, model_for
from tracker.training.nested import nested
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.proposals import Proposals, RandomProposals
from tracker.training.results import Evaluation, Results, failures, leaderboard, rows, score_of
from tracker.training.scoring import Scorer
from tracker.training.search import SearchRun
from tracker.training.searchlog import SearchLog
from tracker.training.selecting import Selecting
from tracker.training.workers import Here, Processes, Workers

SEARCH_SHARE = 0.65
"""Of the time, for the search; the rest is for what comes after it."""
TRIAL_SHARE = 1 / 2
"""Of the search's time, the most that one trial may take, where no limit is given."""


class Training:
    """One fit.

    Args:
        options: checked.
        budget: of all of it.
        log: where it is told.
        learners: the baseline, and those to choose from.
        evaluating: whether the final model is evaluated.
    """

    def __init__(
        self,
        problem: Problem,
        scorer: Scorer,
        options: Options,
        budget: Budget,
        log: SearchLog,
        *,
        learners: Sequence[Learner],
        evaluating: bool = True,
    ) -> None:
        self.problem, self.scorer, self.options = problem, scorer, options
        self.learners = learners
        self.stopped_by: StoppedBy = ""
        self.chosen: Chosen | None = None
        self.evaluation: Evaluation | None = None
        self.notes: list[str] = []
        self._budget = budget
        self._evaluating = evaluating
        self._log = log
        self._workers = workers_for(problem, scorer, options)
        self._folds = make_folds(problem, options.cv, options.repeats, options.seed)
        self._search: SearchRun | None = None
        self._selecting = Selecting(problem, scorer, options)
        least = len(self._folds) // options.repeats
        if least < options.cv:
            why = "the rarest class has no more rows" if problem.classes is not None else "two rows are left in each"
            self.notes.append(f"{least} folds instead of {options.cv}: {why}")

    @property
    def tried(self) -> list[Tried]:
        """All candidates so far."""
        return [] if self._search is None else self._search.tried

    def run(self) -> TableClassifier | TableRegressor:
        """Do all of it; give the trained model.

        Raises: RuntimeError: no candidate could be fitted; the message names why.
        """
        try:
            self.stopped_by = self._searched()
            self._check()
            self._choose()
            self._evaluate()
            return self._train()
        finally:
            self._workers.close()

    def _searched(self) -> StoppedBy:
        options, spaces = self.options, {one.name: one.space(self.problem) for one in self.learners}
        searching = options.enable_automl
        kept = 1 if self._selecting.wanted else 0
        trials = options.max_trials if searching else len(self.learners)
        share = SEARCH_SHARE / (1 + options.nested_folds)
        time_s = max(1e-9, self._budget.left_s() * share) if searching else math.inf
        budget = Budget(time_s, None if trials is None else max(1, trials - kept), clock=self._budget.clock)
        limit_s = options.trial_timeout_s or (TRIAL_SHARE * time_s if len(self.learners) > 2 else math.inf)
        self._search = SearchRun(
            self.learners,
            self._folds,
            n_rows=self.problem.n_rows,
            direction=self.scorer.direction,
            budget=budget,
            workers=self._workers,
            proposals=self._proposals(spaces),
            log=self._log,
            seed=options.seed,
            trial_limit_s=limit_s,
            at_once=max(1, options.processes),
        )
        stopped = self._search.run()
        return stopped if searching else "exhausted"

    def _proposals(self, spaces: dict[str, Any]) -> Proposals:
        if self.options.search == "random" or not self.options.enable_automl:
            return RandomProposals(spaces, self.options.seed)
        try:
            from tracker.training.tpe import TpeProposals
        except ImportError as error:
            if self.options.search == "optuna":
                raise ImportError("search='optuna' needs Optuna: pip install optuna") from error
            return RandomProposals(spaces, self.options.seed)
        return TpeProposals(spaces, self.scorer.direction, self.options.seed)

    def _check(self) -> None:
        """Refuse a search in which nothing but the baseline came through. Raises: RuntimeError."""
        real = [one for one in self.tried if one.algorithm != BASELINE]
        failed = failures(self.tried)
        if failed and all(one.state == "failed" for one in real or self.tried):
            causes = "; ".join(
                f"{failure.error_type} ({failure.trials}x: {', '.join(failure.algorithms)}): {failure.example:.200}"
                for failure in failed
            )
            raise RuntimeError(f"none of {len(real)} candidates could be fitted: {causes}")

    def _choose(self) -> None:
        search = self._search
        best = None if search is None else search.best()
        if search is None or best is None:
            raise RuntimeError("not even the baseline was tried to its end; see the errors of the trials")
        try:
            best = self._selecting.improve(search, best, self._folds, self._log, self._budget)
        except Exception as error:  # noqa: BLE001 - a user's metric may fail in any way
            self._note_failure("features could not be selected", error)
        self._log.selection(best, self.problem.feature_names)
        try:
            self.chosen = choose(
                search.tried,
                best,
                problem=self.problem,
                scorer=self.scorer,
                folds=self._folds,
                options=self.options,
                time_s=self._budget.left_s(),
            )
        except Exception as error:  # noqa: BLE001 - likewise
            self._note_failure("no ensemble could be made", error)
            self.chosen = Chosen(best, fold_scores=best.fold_scores)
        for one in search.tried:
            one.predictions = []  # they have served
        self._note_choice(best)
        if self.chosen.members:
            self._log.ensemble(
                [
                    {
                        "algorithm": tried.algorithm,
                        "weight": weight,
                        "params": tried.params,
                        "score": tried.score,
                        "trial": tried.run_id or None,
                    }
                    for tried, weight in self.chosen.members
                ],
                method=self.chosen.method,
                score=self.chosen.score,
                std=self.chosen.std,
                fold_scores=self.chosen.fold_scores,
                best_single=self.chosen.alone,
            )

    def _note_choice(self, best: Tried) -> None:
        real = [one for one in self.tried if one.algorithm != BASELINE]
        if best.algorithm != BASELINE:
            return
        note = (
            "nothing was better than the baseline, which doesn't look at X: nothing is learned"
            if any(one.state == "complete" for one in real)
            else f"stopped by {self.stopped_by} before any algorithm was tried to its end: the model is the baseline, "
            "which doesn't look at X"
        )
        self.notes.append(note)
        if self._evaluating:
            warnings.warn(note, UserWarning, stacklevel=6)

    def _note_failure(self, what: str, error: Exception) -> None:
        """What fails after the search costs no model: it is left out, and said."""
        failed = error if isinstance(error, FitFailed) else FitFailed.of(error)
        self.notes.append(f"{what}: {failed.kind}: {failed.text:.200}")
        if self._evaluating:
            warnings.warn(self.notes[-1], UserWarning, stacklevel=6)

    def _evaluate(self) -> None:
        if self.chosen is None or not self._evaluating:
            return
        try:
            self.evaluation = self._evaluated(self.chosen)
        except Exception as error:  # noqa: BLE001 - a user's metric or estimator may fail in any way
            self._note_failure(
                "the final model could not be evaluated, its score is that by which it was chosen", error
            )
            return
        found = self.evaluation
        if found is None:
            self.notes.append("no time was left to evaluate the final model: its score is that by which it was chosen")
            return
        name = self.scorer.name
        self._log.evaluation({name: found.score}, on=found.on, std={name: found.std}, fold_scores=found.fold_scores)

    def _evaluated(self, chosen: Chosen) -> Evaluation | None:
        options = self.options
        if options.nested_folds:
            return nested(self.problem, self.scorer, options, self._budget, self._again)
        until_s = time.monotonic() + self._budget.left_s() - chosen.training_s()
        folds = fresh_folds(self.problem, options.cv, options.seed)
        renewed = self._selecting.anew(chosen, folds, until_s)
        return None if renewed is None else repeated(renewed, folds, self._workers, until_s)

    def _again(self, part: Problem, options: Options, budget: Budget) -> Any:
        """The same procedure on a part of the rows, told to nobody."""
        learners = learners_for(part, options)
        inner = Training(part, self.scorer, options, budget, SearchLog(), learners=learners, evaluating=False)
        return inner.run().estimator_

    def _train(self) -> TableClassifier | TableRegressor:
        assert self.chosen is not None  # noqa: S101 - run() has chosen
        return trained(self.chosen, self.problem)

    def best_known(self) -> Chosen | None:
        """The final model, or before it is chosen the best one so far; None before there is any."""
        if self.chosen is not None or self._search is None:
            return self.chosen
        best = self._search.best()
        return None if best is None else Chosen(best, fold_scores=best.fold_scores)

    def results(self, run_id: str = "") -> Results:
        """What is known so far."""
        chosen, tried, scorer = self.chosen, self.tried, self.scorer
        best = chosen.single if chosen is not None else (None if self._search is None else self._search.best())
        cv_score, cv_std = score_of(
            self.evaluation,
            *([] if chosen is None else [(chosen.score, chosen.std)]),
            *([] if best is None else [(best.score, best.std)]),
        )
        baseline = next((one.score for one in tried if one.algorithm == BASELINE), None)
        return Results(
            task=self.problem.task,
            metric=scorer.name,
            direction=scorer.direction,
            best_algorithm="" if best is None else best.algorithm,
            best_params={} if best is None else best.params,
            cv_score=cv_score,
            cv_std=cv_std,
            search_score=math.nan if best is None or best.score is None else best.score,
            baseline_score=math.nan if baseline is None else baseline,
            leaderboard=leaderboard(tried, scorer.direction),
            trials=rows(tried),
            ensemble=[] if chosen is None else chosen.told(),
            ensemble_method="" if chosen is None else chosen.method,
            evaluation=self.evaluation,
            features=_features(chosen, self.problem),
            errors=failures(tried),
            notes=[*self.notes, *self._selecting.notes],
            time_s=self._budget.spent_s(),
            stopped_by=self.stopped_by,
            run_id=run_id,
        )

    def spent(self) -> dict[str, object]:
        """Of what the budget is."""
        states = Counter(one.state for one in self.tried)
        return {
            "time_s": self._budget.spent_s(),
            "trials": len(self.tried),
            **{str(key): n for key, n in states.items()},
        }


def _features(chosen: Chosen | None, problem: Problem) -> list[str]:
    """The features that a model uses."""
    known = [] if chosen is None else [part.candidate.features for part in chosen.parts()]
    used = {name for features in known if features is not None for name in features.all_rows}
    return list(problem.feature_names) if None in known else [name for name in problem.feature_names if name in used]


def workers_for(problem: Problem, scorer: Scorer, options: Options) -> Workers:
    """Where to fit: here, or in processes."""
    return Processes(problem, scorer, options.processes) if options.processes else Here(problem, scorer)


def trained(chosen: Chosen, problem: Problem) -> TableClassifier | TableRegressor:
    """A chosen model, fitted on all rows of a problem."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its fits are counted in its trial
        return model_for(problem, chosen.build(problem)).train(problem)

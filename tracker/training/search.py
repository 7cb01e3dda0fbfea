"""The search: baseline, each algorithm's default, then halving of candidates inside a race of algorithms.

Every candidate is a trial. It climbs rungs (see halving) and ends complete, pruned (not worth going on, or the time was
over), or failed; a failure is kept with its reason and the search goes on. Which algorithm is next is the race's to
say, which hyperparameters it gets is the proposals'. With trials as the only limit nothing here looks at a clock, so
the same seed gives the same search.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from readers.best import Direction, better
from tracker.automl.trial import State
from tracker.training.budget import Budget, StoppedBy
from tracker.training.candidate import BASELINE, Candidate, Learner, Tried
from tracker.training.crossvalidation import FitFailed, Fold, FoldResult, Job
from tracker.training.halving import Halving, rungs
from tracker.training.proposals import Proposals
from tracker.training.race import Race
from tracker.training.searchlog import SearchLog
from tracker.training.workers import Result, Workers

KEPT = 30
"""Of so many candidates, the best, the out-of-fold predictions are kept, for the ensemble."""

HOPELESS = 3
"""An algorithm that has failed so often, and never come through, gets no more trials."""


class SearchRun:
    """One search.

    Args:
        algorithms: the baseline, and those to choose from, in the order in which they are tried first.
        n_rows: of the problem: it decides the rungs.
        folds: all splits, the same for all candidates.
        budget: what may be spent here.
        trial_limit_s: seconds that a trial may take.
        at_once: candidates that are tried side by side.
    """

    def __init__(
        self,
        algorithms: Sequence[Learner],
        folds: Sequence[Fold],
        *,
        n_rows: int,
        direction: Direction,
        budget: Budget,
        workers: Workers,
        proposals: Proposals,
        log: SearchLog,
        seed: int = 0,
        trial_limit_s: float = math.inf,
        at_once: int = 1,
    ) -> None:
        self.tried: list[Tried] = []
        """All candidates so far, in the order in which they began."""
        self._algorithms = {algorithm.name: algorithm for algorithm in algorithms}
        self._folds = list(folds)
        self._rungs = rungs(n_rows, len(self._folds))
        self._direction: Direction = direction
        self._budget = budget
        self._workers = workers
        self._proposals = proposals
        self._log = log
        self._seed = seed
        self._limit_s = trial_limit_s
        self._at_once = at_once
        self._halving = Halving(direction)
        self._race = Race(
            [name for name in self._algorithms if name != BASELINE], direction, by_time=budget.trials is None
        )

    def run(self) -> StoppedBy:
        """Search until something is spent; tell what."""
        waiting = sorted(self._algorithms, key=lambda name: name != BASELINE)
        self._try(self._proposed(waiting.pop(0)), always=True, time_s=math.inf)
        while waiting and not self._over():
            names = waiting[: self._room()]
            waiting = waiting[len(names) :]
            self._try([candidate for name in names for candidate in self._proposed(name)], always=True)
        while not self._over():
            batch = self._batch()
            if not batch:
                return "exhausted"
            self._try(batch)
        return self._over()

    def also(self, candidate: Candidate, time_s: float) -> Tried:
        """Try one more candidate to the last rung, within so many seconds."""
        self._try([candidate], always=True, time_s=time_s)
        return self.tried[-1]

    def best(self) -> Tried | None:
        """The complete candidate with the best score, the first of equals."""
        return best_of(self.tried, self._direction)

    def _over(self) -> StoppedBy:
        return self._budget.over() or ("stop requested" if self._log.should_stop() else "")

    def _room(self) -> int:
        return int(min(self._at_once, max(1, self._budget.left_trials())))

    def _batch(self) -> list[Candidate]:
        """The next candidates; none when nothing new can be proposed."""
        batch: list[Candidate] = []
        turns: Counter[str] = Counter()
        while len(batch) < self._room():
            name = self._race.next(self._budget.share(), turns)
            if name is None:
                break
            proposed = self._proposed(name)
            if not proposed:
                self._race.drop(name)
            turns[name] += len(proposed)
            batch += proposed
        return batch

    def _proposed(self, name: str) -> list[Candidate]:
        params = self._proposals.propose(name)
        return [] if params is None else [self._candidate(self._algorithms[name], params)]

    def _candidate(self, algorithm: Learner, params: Mapping[str, object]) -> Candidate:
        return Candidate(algorithm, dict(params), self._seed)

    # --- one batch, rung after rung

    def _try(self, candidates: Sequence[Candidate], *, always: bool = False, time_s: float | None = None) -> None:
        """Try candidates side by side.

        Args:
            always: all go on to the last rung.
            time_s: seconds for it; None: what is left of the budget.
        """
        began = time.monotonic()
        until_s = began + (self._budget.left_s() if time_s is None else time_s)
        batch = [self._begin(candidate) for candidate in candidates]
        passed: dict[int, dict[int, float]] = {tried.number: {} for tried in batch}
        try:
            self._climb(batch, passed, until_s, always=always)
        except BaseException as error:
            for tried in batch:
                if tried.state == "running":
                    self._fail(tried, error)
            raise
        each_s = (time.monotonic() - began) / max(1, len(batch))
        for tried in batch:
            score = tried.score if tried.state == "complete" else None
            self._race.note(tried.algorithm, score, max(each_s, tried.fit_time_s + tried.predict_time_s))
            self._proposals.learn(tried, passed[tried.number])
            if self._hopeless(tried.algorithm):
                self._race.drop(tried.algorithm)
        self._forget()

    def _hopeless(self, algorithm: str) -> bool:
        """Whether it has failed so often, and nothing else, that it isn't worth more trials."""
        states = [tried.state for tried in self.tried if tried.algorithm == algorithm]
        return len(states) >= HOPELESS and set(states) == {"failed"}

    def _begin(self, candidate: Candidate) -> Tried:
        tried = Tried(len(self.tried) + 1, candidate)
        self.tried.append(tried)
        self._budget.spent_trials += 1
        self._log.begin(tried)
        return tried

    def _climb(
        self, batch: Sequence[Tried], passed: dict[int, dict[int, float]], until_s: float, *, always: bool
    ) -> None:
        for number, rung in enumerate(self._rungs):
            running = [tried for tried in batch if tried.state == "running"]
            jobs = [job for tried in running for job in self._jobs(tried, rung.rows, rung.folds)]
            results = self._workers.run(jobs, until_s)
            for tried in running:
                mine = [result for job, result in zip(jobs, results, strict=True) if job.owner == tried.number]
                score = self._take(tried, mine, partial=rung.rows < 1)
                if score is None:
                    continue
                if number == len(self._rungs) - 1:
                    self._end(tried, "complete")
                    continue
                passed[tried.number][number] = score
                self._log.report(tried, score, number)
                if not self._halving.goes_on(number, score) and not always:
                    tried.score = score
                    self._end(tried, "pruned")

    def _jobs(self, tried: Tried, rows: float, folds: int) -> list[Job]:
        done = len(tried.fold_scores) if rows >= 1 else 0
        limit_s = math.inf if tried.algorithm == BASELINE else self._limit_s
        left_s = limit_s - tried.fit_time_s - tried.predict_time_s
        return [Job(tried.candidate, fold, tried.number, rows, left_s) for fold in self._folds[done:folds]]

    def _take(self, tried: Tried, results: Sequence[Result], *, partial: bool) -> float | None:
        """Take in the results of a rung; None when that was its end."""
        scores: list[float] = []
        for result in results:
            if isinstance(result, Exception):
                self._fail(tried, result)
                return None
            if result is None:
                tried.score = float(np.mean(tried.fold_scores)) if tried.fold_scores else None
                self._end(tried, "pruned")
                return None
            scores.append(result.score)
            self._add(tried, result, partial=partial)
        return float(np.mean(scores if partial else tried.fold_scores))

    @staticmethod
    def _add(tried: Tried, result: FoldResult, *, partial: bool) -> None:
        tried.fit_time_s += result.fit_time_s
        tried.predict_time_s += result.predict_time_s
        for name, count in result.warnings.items():
            tried.warnings[name] = tried.warnings.get(name, 0) + count
        if not partial:
            tried.fold_scores.append(result.score)
            tried.predictions.append(result.prediction)

    def _fail(self, tried: Tried, error: BaseException) -> None:
        failed = error if isinstance(error, FitFailed) else FitFailed.of(error)
        tried.error_type, tried.error = failed.kind, failed.text
        self._end(tried, "failed")

    def _end(self, tried: Tried, state: State) -> None:
        tried.state = state
        if state == "complete":
            tried.score = float(np.mean(tried.fold_scores))
            tried.std = float(np.std(tried.fold_scores, ddof=1)) if len(tried.fold_scores) > 1 else 0.0
        else:
            tried.predictions = []
        self._log.end(tried)

    def _forget(self) -> None:
        """Keep the predictions of the best only: they may be large."""
        complete = [tried for tried in self.tried if tried.predictions]
        sign = -1 if self._direction == "maximize" else 1
        for tried in sorted(complete, key=lambda tried: sign * (tried.score or 0.0))[KEPT:]:
            tried.predictions = []


def best_of(tried: Sequence[Tried], direction: Direction) -> Tried | None:
    """The complete one with the best score, the first of equals; None when none is complete."""
    found: Tried | None = None
    for one in tried:
        if one.state != "complete" or one.score is None:
            continue
        if found is None or found.score is None or better(one.score, found.score, direction):
            found = one
    return found

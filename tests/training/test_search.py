"""A search keeps what fails as what it is, and goes on; it ends by what is spent."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.training.learners import Bayes, Broken, learners
from tests.training.tables import wine
from tracker.training.budget import Budget
from tracker.training.candidate import Learner, Tried
from tracker.training.crossvalidation import make_folds
from tracker.training.problem import Problem
from tracker.training.proposals import RandomProposals
from tracker.training.scoring import scorer_for
from tracker.training.search import SearchRun
from tracker.training.searchlog import SearchLog
from tracker.training.workers import Here

Search = Callable[..., SearchRun]


@pytest.fixture
def search() -> Search:
    """A search of wine, by log loss, with the algorithms given."""

    def made(*algorithms: Learner, trials: int | None = 6, time_s: float | None = None, **options: Any) -> SearchRun:
        problem = Problem.of(*wine())
        scorer = scorer_for(None, problem.task)
        all_of_them = learners(*algorithms)
        spaces = {one.name: one.space(problem) for one in all_of_them}
        given: dict[str, Any] = {"workers": Here(problem, scorer), "log": SearchLog()} | options
        return SearchRun(
            all_of_them,
            make_folds(problem, 3, 1, 0),
            n_rows=problem.n_rows,
            direction=scorer.direction,
            budget=Budget(time_s, trials),
            proposals=RandomProposals(spaces, 0),
            **given,
        )

    return made


def by_state(tried: list[Tried]) -> dict[str, int]:
    """How many there are of each state."""
    return {state: sum(one.state == state for one in tried) for state in {one.state for one in tried}}


def test_the_baseline_then_the_defaults_then_proposals(search: Search) -> None:
    """Trials are numbered in this order; the best is the complete one with the best score."""
    run = search(Bayes())

    assert run.run() == "trials"
    assert [one.number for one in run.tried] == [1, 2, 3, 4, 5, 6]
    assert [one.algorithm for one in run.tried] == ["baseline", *["bayes"] * 5]
    assert run.tried[1].params == {"var_smoothing": 1e-3}
    best = run.best()
    assert best is not None
    assert best.score == min(one.score for one in run.tried if one.score is not None and one.state == "complete")
    assert len(best.fold_scores) == len(best.predictions) == 3


@pytest.mark.parametrize(
    ("how", "kind", "text"), [("raise", "ArithmeticError", "no fit for 0.5"), ("nan", "ValueError", "aren't finite")]
)
def test_a_failed_candidate_is_kept_with_its_reason(search: Search, how: str, kind: str, text: str) -> None:
    """And the others go on."""
    run = search(Broken(how), Bayes())
    run.run()
    failed = next(one for one in run.tried if one.algorithm == how)

    assert (failed.state, failed.error_type, failed.score) == ("failed", kind, None)
    assert text in failed.error
    assert run.best() is not None
    assert by_state(run.tried)["complete"] >= 2


def test_an_algorithm_that_only_fails_gets_no_more_than_three_trials(search: Search) -> None:
    """The rest of the budget goes to the others; with none there the search is over."""
    beside = search(Broken("raise"), Bayes(), trials=12)
    alone = search(Broken("raise"), trials=12)

    assert (beside.run(), alone.run()) == ("trials", "exhausted")
    for run in (beside, alone):
        assert sum(one.algorithm == "raise" for one in run.tried) == 3


def test_a_candidate_that_isnt_worth_going_on_is_pruned(search: Search) -> None:
    """It has fewer folds than a complete one."""
    run = search(Bayes(), trials=25)
    run.run()
    pruned = [one for one in run.tried if one.state == "pruned"]

    assert pruned
    assert {len(one.fold_scores) for one in pruned} <= {1, 2}
    assert all(one.predictions == [] for one in pruned)


def test_without_time_only_the_baseline_is_tried(search: Search) -> None:
    """It always is, to its end."""
    run = search(Bayes(), trials=None, time_s=1e-9)

    assert run.run() == "time"
    assert [(one.algorithm, one.state) for one in run.tried] == [("baseline", "complete")]


def test_a_search_with_nothing_new_to_try_is_exhausted(search: Search) -> None:
    """As that of the baseline alone, or of a space without dimensions."""
    assert search().run() == "exhausted"


def test_a_trial_over_its_limit_fails_between_folds(search: Search) -> None:
    """As far as this process can tell: a fit that is under way isn't ended."""
    run = search(Bayes(), trials=2, trial_limit_s=1e-9)
    run.run()

    assert [(one.state, one.error_type) for one in run.tried] == [("complete", ""), ("failed", "TimeoutError")]


def test_predictions_are_kept_of_the_best_only(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be large."""
    monkeypatch.setattr("tracker.training.search.KEPT", 2)
    run = search(Bayes(), trials=10)
    run.run()
    kept = [one.score for one in run.tried if one.predictions]
    scores = sorted(one.score for one in run.tried if one.state == "complete" and one.score is not None)

    assert sorted(score for score in kept if score is not None) == scores[:2]


def test_an_interrupt_leaves_what_is_known(search: Search) -> None:
    """The trial under way has failed by it; those before stay."""
    run = search(Bayes(), Broken("interrupt"), trials=4)

    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert [one.state for one in run.tried] == ["complete", "complete", "failed"]
    assert run.tried[-1].error_type == "KeyboardInterrupt"
    best = run.best()
    assert best is not None
    assert math.isfinite(best.score or math.nan)

"""A budget is spent by time or by trials, whichever comes first, on a clock that a test moves."""

import math

import pytest

from tracker.training.budget import Budget


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:  # noqa: D102 - what a clock gives is known
        return self.now


def test_it_ends_by_time_or_by_trials() -> None:
    """Whichever is spent first."""
    clock = Hands()
    budget = Budget(10, 3, clock=clock)

    assert (budget.over(), budget.left_s(), budget.left_trials()) == ("", 10, 3)
    clock.now += 10
    assert budget.over() == "time"
    budget.spent_trials = 3
    assert budget.over() == "trials"


def test_its_share_is_of_trials_where_these_are_limited() -> None:
    """So that no clock decides what a search does; else of the time."""
    clock = Hands()
    trials, seconds = Budget(10, 4, clock=clock), Budget(10, clock=clock)
    clock.now += 5
    trials.spent_trials = 1

    assert (trials.share(), seconds.share()) == (0.25, 0.5)
    clock.now += 500
    assert (trials.share(), seconds.share()) == (0.25, 1.0)


def test_a_part_ends_with_a_share_of_what_is_left() -> None:
    """Counted from now, and without end where the whole has none."""
    clock = Hands()
    budget = Budget(10, 4, clock=clock)
    clock.now += 4

    assert budget.part(0.5).left_s() == 3
    assert budget.part(0.5).left_trials() == math.inf
    assert Budget(None, 4, clock=clock).part(0.5).left_s() == math.inf


@pytest.mark.parametrize(
    ("time_s", "trials", "error"),
    [
        (0, None, ValueError),
        (-1.0, 5, ValueError),
        (math.nan, None, ValueError),
        ("10", None, TypeError),
        (True, None, TypeError),
        (None, 0, ValueError),
        (None, -3, ValueError),
        (None, 2.5, TypeError),
        (None, None, ValueError),
    ],
)
def test_what_is_no_budget_is_refused(time_s: float, trials: int, error: type[Exception]) -> None:
    """By the name of the argument."""
    with pytest.raises(error, match=r"time_budget_s|max_trials"):
        Budget(time_s, trials)

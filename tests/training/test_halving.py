"""Halving lets go on what is among the best so far; a race gives turns to the algorithms that are left."""

import pytest

from tracker.training.halving import Halving, Rung, rungs
from tracker.training.race import Race


def test_rungs_end_with_all_of_the_work() -> None:
    """On few rows they are folds, on many ones shares of the rows, too."""
    assert rungs(500, 5) == [Rung(1.0, 1), Rung(1.0, 3), Rung(1.0, 5)]
    assert rungs(500, 2) == [Rung(1.0, 1), Rung(1.0, 2)]
    assert rungs(50_000, 5) == [Rung(1 / 9, 1), Rung(1 / 3, 1), Rung(1.0, 1), Rung(1.0, 5)]


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_the_better_part_goes_on(direction: str, sign: int) -> None:
    """The first ones always do; then those among the best half of all that were at that rung."""
    halving = Halving(direction, eta=2)  # type: ignore[arg-type]
    scores = [0.5, 0.6, 0.4, 0.3, 0.55, 0.7]

    assert [halving.goes_on(0, sign * score) for score in scores] == [True, True, False, False, True, True]
    assert halving.goes_on(1, sign * 0.0)  # another rung: nothing to compare with


def test_equal_scores_go_on_together() -> None:
    """None is worse than another."""
    halving = Halving("maximize", eta=2)

    assert [halving.goes_on(0, 1.0) for _ in range(5)] == [True] * 5


def test_a_race_gives_each_algorithm_its_turn_and_then_leaves_out_the_worse_half() -> None:
    """Turns go round; at the end of a round the better half stays, and two stay to the end."""
    race = Race(["a", "b", "c", "d"], "maximize", by_time=False)
    turns = []
    for score in (0.1, 0.9, 0.8, 0.2):
        name = race.next(0.0)
        assert name is not None
        turns.append(name)
        race.note(name, score, 1.0)

    assert turns == ["a", "b", "c", "d"]
    assert race.next(0.6) == "b"
    assert race.left == ["b", "c"]
    assert race.next(1.0) == "b"
    assert race.left == ["b", "c"]


def test_turns_by_time_make_up_for_what_an_algorithm_has_spent() -> None:
    """A slow one waits until the others have had as much."""
    race = Race(["slow", "quick"], "minimize", by_time=True)
    race.note("slow", 0.5, 10.0)
    turns = []
    for _ in range(4):
        name = race.next(0.1)
        assert name is not None
        turns.append(name)
        race.note(name, 0.5, 3.0)

    assert turns == ["quick"] * 4
    assert race.next(0.1) == "slow"


def test_what_runs_already_counts_as_a_turn() -> None:
    """Two candidates that are tried side by side are of two algorithms."""
    race = Race(["a", "b"], "maximize", by_time=False)

    assert (race.next(0.0), race.next(0.0, {"a": 1})) == ("a", "b")


def test_an_algorithm_that_has_nothing_new_is_dropped() -> None:
    """When none is left there is no next one."""
    race = Race(["a"], "maximize", by_time=False)
    race.drop("a")

    assert race.next(0.0) is None

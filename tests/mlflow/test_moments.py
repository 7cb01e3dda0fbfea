"""Points that a server would take for one are told apart, the same way each time."""

import math
import random

from readers.mlflow.moments import Moments


def places(points: list[tuple[str, int, float]], moments: Moments) -> set[tuple[str, int, float]]:
    """Where points go."""
    return {(key, moments.free("run", key, time_ms, 0, value), value) for key, time_ms, value in points}


def test_a_free_place_is_taken_as_it_is() -> None:
    """Distinct points keep their times."""
    points = [("a", 1, 1.0), ("b", 1, 1.0), ("a", 2, 1.0), ("a", 1, 2.0)]

    assert places(points, Moments()) == set(points)


def test_equal_points_go_to_the_next_free_millisecond() -> None:
    """Also NaN, and infinity, which the server keeps as the largest float."""
    moments = Moments()

    assert [moments.free("r", "k", 5, 0, 1.0) for _ in range(3)] == [5, 6, 7]
    assert [moments.free("r", "k", 5, 0, math.nan) for _ in range(2)] == [5, 6]
    assert [moments.free("r", "k", 5, 0, value) for value in (math.inf, 1.7976931348623157e308)] == [5, 6]
    assert [moments.free("r", "k", 5, 0, value) for value in (0.0, -0.0)] == [5, 6]


def test_the_places_taken_do_not_depend_on_the_order() -> None:
    """So what was sent before a crash is a part of what is sent after it."""
    random.seed(7)
    points = [("k", random.randrange(30), float(random.randrange(2))) for _ in range(200)]
    shuffled = random.sample(points, len(points))

    assert places(points, Moments()) == places(shuffled, Moments())
    assert places(points[:60], Moments()) <= places(shuffled, Moments())


def test_ten_thousand_equal_points_are_quick() -> None:
    """Not each walks over all before it."""
    moments = Moments()

    assert [moments.free("r", "k", 0, 0, 1.0) for _ in range(10_000)] == list(range(10_000))


def test_the_last_places_are_known_after_a_restart() -> None:
    """An equal point that comes right after it isn't lost."""
    before = Moments()
    before.free("r", "k", 5, 0, 1.0)

    assert Moments(before.kept()).free("r", "k", 5, 0, 1.0) == 6

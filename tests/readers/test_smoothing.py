"""Smoothing: TensorBoard's numbers for even steps, distance counted for others, and nothing poisons what follows."""

import numpy as np
import pytest

from readers.smoothing import smoothed, spacing


def one(y: list[float], smoothing: float, x: list[float] | None = None) -> list[float]:
    """Smooth one curve."""
    at = np.arange(len(y), dtype=float) if x is None else np.array(x)
    return smoothed(at, np.array(y), np.zeros(len(y), dtype=np.int64), smoothing).tolist()


def tensorboard(y: list[float], weight: float) -> list[float]:
    """Its line chart's loop, letter by letter but for the language."""
    last, out = 0.0, []
    for count, value in enumerate(y, 1):
        last = last * weight + (1 - weight) * value
        out.append(last / (1 - weight**count))
    return out


@pytest.mark.parametrize("weight", [0.1, 0.6, 0.99])
def test_even_steps_are_smoothed_as_by_tensorboard(weight: float) -> None:
    """Whatever the distance of the steps is."""
    y = np.random.default_rng(0).normal(size=200).tolist()

    np.testing.assert_allclose(one(y, weight), tensorboard(y, weight), rtol=1e-9)
    np.testing.assert_allclose(one(y, weight, [50.0 * step for step in range(200)]), tensorboard(y, weight), rtol=1e-9)


def test_a_point_far_away_hardly_counts() -> None:
    """After a long pause the average begins anew; the weight goes by the distance."""
    near, far = one([0, 0, 0, 1], 0.9), one([0, 0, 0, 1], 0.9, [0, 1, 2, 1000])

    assert near[-1] == pytest.approx(1 / (1 + 0.9 + 0.81 + 0.729))
    assert far[-1] == pytest.approx(1.0)


def test_no_smoothing_and_a_constant_stay_as_they_are() -> None:
    """No bias towards 0 at the start."""
    assert one([3, 1, 2], 0.0) == [3, 1, 2]
    np.testing.assert_allclose(one([7.0] * 50, 0.95), 7.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_gap_and_poisons_nothing(bad: float) -> None:
    """The distance across it counts; the points after it are as without it."""
    found = one([1.0, bad, 3.0], 0.5)

    assert np.isnan(found[1])
    assert found[2] == pytest.approx((3 + 0.25 * 1) / 1.25)
    assert np.isnan(one([bad, bad], 0.5)).all()


def test_the_largest_floats_do_not_overflow() -> None:
    """An average lies between its values."""
    found = one([1.7e308, -1.7e308, 1.7e308] * 10, 0.9)

    assert np.isfinite(found).all()


def test_curves_are_smoothed_apart_over_the_same_stretch() -> None:
    """A curve begins anew; one logged ten times as rarely is smoothed ten times as little from point to point."""
    x = np.concatenate([np.arange(100), np.arange(100), np.arange(0, 100, 10)]).astype(float)
    curve = np.repeat([0, 1, 2], [100, 100, 10])
    y = np.concatenate([np.zeros(100), np.ones(100), [0.0, 1.0], np.ones(8)])
    found = smoothed(x, y, curve, 0.9)

    assert found[99] == 0
    np.testing.assert_allclose(found[100:200], 1)
    assert spacing(x, curve) == 1.0
    assert found[201] == pytest.approx(1 / (1 + 0.9**10))


def test_the_spacing_of_points_that_stand_alone_is_one() -> None:
    """Nothing to measure: no division by zero."""
    assert spacing(np.array([5.0, 5.0]), np.array([0, 1])) == 1.0
    assert spacing(np.empty(0), np.empty(0, dtype=np.int64)) == 1.0

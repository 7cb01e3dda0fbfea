"""Bands: the runs of a group at the same x's, nothing extrapolated, intervals only where there are two runs."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from readers.alignment import MOST_X, Align, Band, BandKind, band_of

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Points = tuple[list[float], list[float]]


def band(*runs: Points, kind: BandKind = "minmax", align: Align = "interpolate", level: float = 0.95) -> Band:
    """The band of some runs, each its x's and its y's."""
    xs, ys = [np.array(x) for x, _ in runs], [np.array(y) for _, y in runs]
    return band_of("g", xs, ys, kind=kind, align=align, level=level)


LONG: Points = ([0.0, 2.0, 4.0], [0.0, 2.0, 4.0])
SHORT: Points = ([1.0, 2.0], [11.0, 12.0])


def test_interpolation_stays_within_each_run() -> None:
    """On the line between neighbours; where only one run is left, there is no interval, and n says so."""
    found = band(LONG, SHORT)

    assert found.x.tolist() == [0, 1, 2, 4]
    assert found.n.tolist() == [1, 2, 2, 1]
    assert found.centre.tolist() == [0, 6, 7, 4]
    np.testing.assert_array_equal(found.lower, [np.nan, 1, 2, np.nan])
    np.testing.assert_array_equal(found.upper, [np.nan, 11, 12, np.nan])


def test_exact_takes_only_what_is_shared() -> None:
    """Nothing is made up."""
    found = band(LONG, SHORT, align="exact")

    assert (found.x.tolist(), found.centre.tolist(), found.n.tolist()) == ([2], [7], [2])


def test_last_is_a_step_function_up_to_the_end_of_the_run() -> None:
    """The value of a run is its last point's, not beyond its last x, not before its first."""
    found = band(LONG, SHORT, align="last")

    assert found.centre.tolist() == [0, (0 + 11) / 2, 7, 4]
    assert found.n.tolist() == [1, 2, 2, 1]


@pytest.mark.parametrize("align", ["interpolate", "last"])
def test_no_line_bridges_a_gap(align: Align) -> None:
    """A NaN or an infinity in a run leaves the band to the other runs there."""
    holed: Points = ([0.0, 1.0, 2.0, 3.0, 4.0], [5.0, 5.0, np.nan, np.inf, 5.0])
    found = band(([0.0, 1.0, 1.5, 2.0, 3.0, 4.0], [1.0] * 6), holed, align=align)

    between = 2 if align == "last" else 1
    assert found.n.tolist() == [2, 2, between, 1, 1, 2]
    assert found.centre.tolist() == [3, 3, 3 if align == "last" else 1, 1, 1, 3]


@pytest.mark.parametrize("n", [2, 3, 30])
def test_ci_is_students_interval_at_each_x(n: int) -> None:
    """As scipy gives it, for each x by itself."""
    values = np.random.default_rng(n).normal(size=(n, 5))
    found = band(*(([0.0, 1, 2, 3, 4], row.tolist()) for row in values), kind="ci", level=0.9)

    error = values.std(axis=0, ddof=1) / np.sqrt(n)
    lower, upper = stats.t.interval(0.9, n - 1, loc=values.mean(axis=0), scale=error)
    np.testing.assert_allclose([found.lower, found.upper], [lower, upper], rtol=1e-6)


def test_std_and_iqr_are_what_they_are_called() -> None:
    """The deviation is the sample's; the middle of the middle half is the median."""
    runs: list[Points] = [([0.0], [value]) for value in (1.0, 2.0, 3.0, 10.0)]
    spread, half = band(*runs, kind="std"), band(*runs, kind="iqr")

    assert spread.upper[0] - spread.centre[0] == pytest.approx(np.std([1, 2, 3, 10], ddof=1))
    assert [half.lower[0], half.centre[0], half.upper[0]] == [1.75, 2.5, 4.75]


@pytest.mark.parametrize("kind", ["ci", "std", "minmax", "iqr"])
def test_odd_runs_make_a_band_without_a_warning(kind: BandKind) -> None:
    """None, one, all NaN, constant, the largest floats."""
    nothing: Points = ([0.0, 1.0], [np.nan, np.nan])

    assert len(band(kind=kind).x) == 0
    assert len(band(nothing, kind=kind).x) == 0
    assert np.isnan(band(LONG, kind=kind).lower).all()
    constant = band(LONG, LONG, kind=kind)
    np.testing.assert_allclose(constant.lower, constant.upper)
    assert band(([0.0], [1.7e308]), ([0.0], [-1.7e308]), kind=kind).n.tolist() == [2]


def test_a_band_has_a_thousand_points_at_most() -> None:
    """The ends are kept."""
    runs: list[Points] = [(list(np.arange(10_000.0) + 0.1 * run), [1.0] * 10_000) for run in range(3)]
    found = band(*runs)

    assert len(found.x) == MOST_X
    assert [found.x[0], found.x[-1]] == [0.0, 9999.2]

"""Slices: the runs as they are against each param, with a trend that outliers don't bend."""

import numpy as np
import pytest

from ingest.errors import LookupFailed
from readers.runtable import RunTable
from readers.slices import lowess, slices

NAN = float("nan")


def test_the_trend_follows_a_line_and_no_outlier() -> None:
    """A straight line with one run that diverged: the trend stays on the line."""
    x = np.linspace(0, 1, 40)
    y = 2 * x + 1
    y[20] = 1e6
    at = np.linspace(0, 1, 9)

    assert lowess(x, y, at) == pytest.approx(2 * at + 1, abs=0.02)


def test_the_trend_bends_with_the_runs() -> None:
    """A parabola's lowest place is found."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 200)
    at = np.linspace(-1, 1, 21)
    trend = lowess(x, x**2 + rng.normal(0, 0.05, 200), at)

    assert abs(at[trend.argmin()]) <= 0.2
    assert trend[0] > trend.min() + 0.3


def test_many_equal_values_are_no_trouble() -> None:
    """Where most runs share one value the trend there is their mean."""
    x = np.array([0.0] * 30 + [1.0, 2.0])
    y = np.array([1.0, 3.0] * 15 + [5.0, 6.0])

    assert np.isfinite(lowess(x, y, np.array([0.0, 1.0, 2.0]))).all()
    assert lowess(x, y, np.array([0.0]))[0] == pytest.approx(2.0, abs=0.3)


def test_slices_leave_out_what_does_not_vary_and_say_so() -> None:
    """Params in the order of their names, runs without the metric counted, missing ones counted apart for each."""
    rows = [{"b": n / 7, "a": "xy"[n % 2], "same": 1, **({"half": n} if n % 2 else {})} for n in range(20)]
    records = [{"run_id": f"r{n}", "params": row, "metrics": {"m": NAN if n < 3 else n}} for n, row in enumerate(rows)]
    table = RunTable.of_records(records)
    found = slices(table, table.metric("m"), "m", direction="maximize")

    assert [(each.axis.name, len(each.values), each.missing) for each in found.slices] == [
        ("a", 17, 0),
        ("b", 17, 0),
        ("half", 9, 8),
    ]
    assert found.notes == ("3 of 20 runs without m are left out", "same is the same in all runs")
    assert found.slices[0].trend.tolist() == [11.0, 11.0]


@pytest.mark.parametrize("n", [0, 1, 7])
def test_few_runs_have_no_trend(n: int) -> None:
    """Points, if any, without a line."""
    records = [{"run_id": f"r{k}", "params": {"x": k}, "metrics": {"m": k}} for k in range(n)]
    table = RunTable.of_records(records)
    found = slices(table, table.metric("m"), "m", direction="maximize")

    assert [len(each.trend) for each in found.slices] == ([0] if n > 1 else [])


def test_an_unknown_param_is_an_error() -> None:
    """It names those there."""
    table = RunTable.of_records([{"run_id": "r", "params": {"x": 1}, "metrics": {"m": 1}}])

    with pytest.raises(LookupFailed, match="no param 'y'; there is: x"):
        slices(table, table.metric("m"), "m", ["y"], direction="maximize")

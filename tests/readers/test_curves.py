"""Histories of many runs: which points make a curve, on which x-axis, and what is said of those left out."""

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.errors import LookupFailed, MetricNotFound
from readers.curves import Curves, read_curves
from readers.runtable import RunTable
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

Read = Callable[..., Curves]


@pytest.fixture
def read(recorder: "Recorder", store: Store) -> Read:
    """Reads the curves of a metric of all runs."""

    def read_all(metric: str = "loss", **options: Any) -> Curves:
        recorder.flush()
        return read_curves(store, RunTable.read(store), metric, **options)

    return read_all


def log(recorder: "Recorder", run_id: str, points: Mapping[float | None, float], metric: str = "loss") -> None:
    """Log points by step."""
    for step, value in points.items():
        recorder.log(run_id, {metric: value}, step)


def test_points_are_sorted_by_step_and_the_last_of_a_step_counts(recorder: "Recorder", read: Read) -> None:
    """Whenever they were logged, and with steps between whole ones."""
    recorder.start("a", name="first")
    log(recorder, "a", {3: 0.3, 1: 0.1, 2.5: 0.25})
    recorder.log("a", {"loss": 0.9}, 1)

    (curve,) = read().curves
    assert (curve.run_id, curve.name, curve.group) == ("a", "first", None)
    assert curve.x.tolist() == [1.0, 2.5, 3.0]
    assert curve.y.tolist() == curve.smooth.tolist() == [0.9, 0.25, 0.3]


def test_without_steps_the_order_is_the_step(recorder: "Recorder", read: Read) -> None:
    """In a run that has some, points without are left out, and counted."""
    for run_id in ("none", "some"):
        recorder.start(run_id)
    for value in (0.5, 0.4, 0.3):
        recorder.log("none", {"loss": value})
    recorder.log("some", {"loss": 7.0})
    log(recorder, "some", {4: 0.1})

    curves = read()
    assert [curve.x.tolist() for curve in curves.curves] == [[0.0, 1.0, 2.0], [4.0]]
    assert curves.curves[0].y.tolist() == [0.5, 0.4, 0.3]
    assert curves.notes == ("1 point without a step left out, of runs that have steps",)


def test_gaps_stay_in_the_curve_and_are_counted(recorder: "Recorder", read: Read) -> None:
    """NaN and infinities are shown as gaps; runs without the metric are counted, too."""
    for run_id in ("a", "b"):
        recorder.start(run_id)
    log(recorder, "a", {0: 1.0, 1: math.nan, 2: math.inf, 3: 2.0})
    log(recorder, "b", {0: 1.0}, metric="other")

    curves = read(smoothing=0.5)
    (curve,) = curves.curves
    np.testing.assert_array_equal(curve.y, [1.0, math.nan, math.inf, 2.0])
    np.testing.assert_array_equal(np.isnan(curve.smooth), [False, True, True, False])
    assert curves.notes == ("1 run of 2 without a point of 'loss'", "2 points NaN or infinite, shown as gaps")


def test_x_is_the_time_since_the_start_or_the_clock(recorder: "Recorder", read: Read) -> None:
    """In seconds; the recorder's clock ticks once an event."""
    recorder.start("a")
    log(recorder, "a", {0: 1.0, 1: 2.0})
    recorder.start("b")
    log(recorder, "b", {0: 1.0})

    relative, clock = read(x="relative_time"), read(x="time")
    assert [curve.x.tolist() for curve in relative.curves] == [[1.0, 2.0], [1.0]]
    assert [curve.x.tolist() for curve in clock.curves] == [[1_700_000_002.0, 1_700_000_003.0], [1_700_000_005.0]]
    assert (relative.x_label, clock.x_label) == ("time since the run's start (s)", "time (UTC)")


def test_x_is_another_metric_at_the_same_step(recorder: "Recorder", read: Read) -> None:
    """Sorted by it; of two steps with one value of it the later counts; steps that lack it are counted."""
    recorder.start("a")
    log(recorder, "a", {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 5.0})
    log(recorder, "a", {0: 30.0, 1: 10.0, 2: 10.0, 3: math.nan}, metric="tokens")

    curves = read(x="tokens")
    assert curves.curves[0].x.tolist() == [10.0, 30.0]
    assert curves.curves[0].y.tolist() == [3.0, 1.0]
    assert curves.notes == ("2 points left out: 'tokens' has no finite value at that step",)
    assert curves.x_label == "tokens"


def test_bands_are_of_the_runs_of_a_group(recorder: "Recorder", read: Read) -> None:
    """Groups called by numbers come in their order; runs without the param are in none, and counted."""
    for number, (width, value) in enumerate([(128, 1.0), (16, 3.0), (16, 5.0), (None, 9.0)]):
        recorder.start(f"r{number}")
        if width is not None:
            recorder.params(f"r{number}", {"width": width})
        log(recorder, f"r{number}", {0: value, 1: value + 1})

    curves = read(group_by="width", band="minmax")
    assert [band.group for band in curves.bands] == ["16", "128"]
    narrow = curves.bands[0]
    assert (narrow.centre.tolist(), narrow.lower.tolist(), narrow.upper.tolist()) == ([4, 5], [3, 4], [5, 6])
    assert [band.n.tolist() for band in curves.bands] == [[2, 2], [1, 1]]
    assert [curve.group for curve in curves.curves] == ["128", "16", "16", None]
    assert curves.notes == ("1 run of 4 without 'width', in no group",)


def test_groups_that_share_no_x_have_no_band(recorder: "Recorder", read: Read) -> None:
    """With align="exact" that is said."""
    for number in range(2):
        recorder.start(f"r{number}")
        recorder.params(f"r{number}", {"model": "tree"})
        log(recorder, f"r{number}", {number: 1.0, number + 2: 2.0})

    exact, between = (read(group_by="model", align=align) for align in ("exact", "interpolate"))
    assert exact.notes == ("no band for 'tree': its runs share no x",)
    assert between.bands[0].x.tolist() == [0, 1, 2, 3]
    assert between.bands[0].n.tolist() == [1, 2, 2, 1]


def test_no_runs_are_no_curves(store: Store) -> None:
    """Of any metric; nothing can be missing then."""
    curves = read_curves(store, RunTable.read(store, []), "loss", group_by="x")

    assert (curves.curves, curves.bands, curves.notes) == ((), (), ())


def test_what_is_not_there_is_named(recorder: "Recorder", read: Read) -> None:
    """A metric, the metric on the x-axis, a param: the message says what there is."""
    recorder.start("a")
    log(recorder, "a", {0: 1.0})

    with pytest.raises(MetricNotFound, match="no metric 'los'; did you mean 'loss'"):
        read("los")
    with pytest.raises(MetricNotFound, match="no metric 'epoch'"):
        read(x="epoch")
    with pytest.raises(LookupFailed, match="no param, tag or column 'optimiser'"):
        read(group_by="optimiser")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": 1.0}, "smoothing is 1.0; it lies in"),
        ({"smoothing": math.nan}, "smoothing is nan"),
        ({"level": 1.0}, "level is 1.0"),
        ({"band": "sem"}, "no band 'sem'; there is: 'ci', 'std', 'minmax', 'iqr'"),
        ({"align": "nearest"}, "no align 'nearest'; there is: 'interpolate', 'exact', 'last'"),
    ],
)
def test_options_out_of_their_range_are_refused(options: dict[str, Any], message: str, store: Store) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=message):
        read_curves(store, RunTable.read(store), "loss", **options)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_curves_of_ten_thousand_runs_come_within_a_second(recorder: "Recorder", store: Store) -> None:
    """100 points each, smoothed and grouped."""
    for number in range(10_000):
        recorder.start(f"r{number:05}")
        recorder.params(f"r{number:05}", {"optimizer": ["adam", "sgd"][number % 2]})
        log(recorder, f"r{number:05}", {step: 1 / (step + 1) for step in range(100)})
        if number % 500 == 499:
            recorder.seal()
    table = RunTable.read(store)
    took = []
    for _ in range(3):
        began = time.perf_counter()
        curves = read_curves(store, table, "loss", smoothing=0.6, group_by="optimizer")
        took.append(time.perf_counter() - began)

    assert len(curves.curves) == 10_000
    assert [band.n.max() for band in curves.bands] == [5_000, 5_000]
    assert min(took) < 1.0

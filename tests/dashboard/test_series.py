"""Series: what charts draw is what was logged, whatever the steps, the writers and the state of the files."""

import math
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ingest.compact import compact
from readers.dashboard.buckets import bucketed
from readers.dashboard.histories import Even, Floats, History, made
from readers.dashboard.points import Points
from readers.dashboard.series import Asked, Series
from readers.dashboard.sketch import sketched
from readers.dashboard.store_view import LAG_S, StoreView
from readers.store import Store
from tests.dashboard.asking import Site, read_chart, refusal
from tests.readers.conftest import T0, Recorder, recorders


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[[], Recorder]]:
    """Makes writers of one store; all are closed in the end."""
    with recorders(tmp_path / "store") as make:
        yield make


@pytest.fixture
def recorder(write: Callable[[], Recorder]) -> Recorder:
    """One of them."""
    return write()


@pytest.fixture
def site(recorder: Recorder) -> Site:
    """The read API over the store."""
    return Site(recorder.layout.root)


def run_of(recorder: Recorder, run: str, values: list[float], steps: list[float] | None = None) -> None:
    """A run with one metric."""
    recorder.start(run)
    for step, value in zip(steps or range(len(values)), values, strict=True):
        recorder.log(run, {"loss": value}, step)


def test_few_points_go_out_as_they_were_logged(recorder: Recorder, site: Site) -> None:
    """Repeated, fractional and unordered steps, NaN and infinities: by x, at one x in the order of logging."""
    run_of(recorder, "r1", [1.0, 2.0, math.nan, 4.0, math.inf], [2, 0.5, 1, 2, 3])

    chart = site.chart(["r1"], "loss", buckets=10)

    assert chart.header["edges"] == {"lo": 0.5, "hi": 3.0, "n": 10}
    told = {"run_id": "r1", "points": 5, "nan": 2, "raw": True, "n": 5, "at": 0, "origin": 0.0}
    assert chart.header["runs"][0] == told
    x, y = chart.runs["r1"]
    assert x == [0.5, 1.0, 2.0, 2.0, 3.0]
    assert y[:1] + y[2:] == [2.0, 1.0, 4.0, math.inf]
    assert math.isnan(y[1])


def test_many_points_go_out_as_buckets(recorder: Recorder, site: Site) -> None:
    """Each bucket has its lowest, highest and last finite value, and how many weren't finite."""
    values = [float(value) for value in range(100)]
    values[10], values[11], values[29], values[57] = math.nan, math.inf, math.nan, 1e6
    run_of(recorder, "r1", values)

    chart = site.chart(["r1"], "loss", buckets=10)

    lowest, highest, last, odd = chart.runs["r1"]
    assert chart.header["runs"][0]["raw"] is False
    assert (lowest[0], highest[0], last[0], odd[0]) == (0.0, 9.0, 9.0, 0.0)
    assert (lowest[1], highest[1], last[1], odd[1]) == (12.0, 19.0, 19.0, 2.0)
    assert (last[2], odd[2]) == (28.0, 1.0)
    assert highest[5] == 1e6
    assert chart.header["runs"][0]["nan"] == sum(odd) == 3


@pytest.mark.parametrize("seed", range(20))
def test_buckets_are_what_a_loop_over_the_points_gives(seed: int) -> None:
    """Any x's (even, uneven, repeated) and any values: each point is in one bucket, the last edge's in the last."""
    rng = np.random.default_rng(seed)
    n, buckets = int(rng.integers(1, 400)), int(rng.integers(1, 50))
    uneven, even = np.sort(rng.integers(0, 50, n) / 4.0), np.arange(n) * float(rng.integers(1, 5)) - 7
    x: Floats = np.asarray(uneven if seed % 2 else even, np.float64).reshape(n)
    y = rng.normal(size=n)
    y[rng.random(n) < rng.choice([0.0, 0.3, 1.0])] = rng.choice([np.nan, np.inf, -np.inf])
    history = made(x, y)
    assert isinstance(history.x, Even) == (seed % 2 == 0 and n > 1)
    edges = np.linspace(x[0], x[-1] if x[-1] > x[0] else x[0] + 1, buckets + 1)
    bounds = np.concatenate([[0], history.places(edges[1:-1]), [n]])

    lowest, highest, last, odd = bucketed(history, bounds)

    place = np.clip(np.searchsorted(edges, x, "right") - 1, 0, buckets - 1)
    for bucket in range(buckets):
        mine = y[place == bucket]
        finite = mine[np.isfinite(mine)]
        assert odd[bucket] == len(mine) - len(finite)
        wanted = [finite.min(), finite.max(), finite[-1]] if len(finite) else [np.nan] * 3
        assert np.array_equal([lowest[bucket], highest[bucket], last[bucket]], wanted, equal_nan=True)
    assert np.array_equal(history.logged(0, n), y, equal_nan=True)


def test_one_point_in_a_million_is_seen() -> None:
    """The spike is its bucket's highest value, in the bucket where it is."""
    y = np.zeros(1_000_000)
    y[123_456] = 1.0
    history = made(np.arange(1_000_000, dtype=np.float64), y)

    _, highest, _, _ = bucketed(history, np.linspace(0, 1_000_000, 1001).astype(np.int64))

    assert np.flatnonzero(highest).tolist() == [123]


def test_a_zoom_gives_every_point_of_its_range(recorder: Recorder, site: Site) -> None:
    """And one beyond each of its ends, so that lines go on to the edge; a run without points there has those."""
    run_of(recorder, "r1", [float(value) for value in range(1000)])
    run_of(recorder, "r2", [7.0, 8.0], [0, 900])

    chart = site.chart(["r1", "r2"], "loss", buckets=50, **{"from": 99.5, "to": 110})

    assert chart.runs["r1"][0] == [float(step) for step in range(99, 112)]
    assert [run["points"] for run in chart.header["runs"]] == [11, 0]
    assert chart.runs["r2"] == [[0.0, 900.0], [7.0, 8.0]]


def test_the_widest_range_that_numbers_have_is_a_range(recorder: Recorder, site: Site) -> None:
    """Its width is none of them."""
    run_of(recorder, "r1", [float(value) for value in range(20)])

    chart = site.chart(["r1"], "loss", buckets=4, **{"from": -1.7e308, "to": 1.7e308})

    assert chart.header["runs"][0]["points"] == 20
    assert np.nanmin(chart.runs["r1"][0]) == 0.0
    assert np.nanmax(chart.runs["r1"][1]) == 19.0


def test_runs_share_their_buckets(recorder: Recorder, site: Site) -> None:
    """The range is that of all runs; one that lacks the metric has nothing."""
    run_of(recorder, "r1", [1.0] * 200)
    run_of(recorder, "r2", [2.0] * 100)
    recorder.start("r3")

    chart = site.chart(["r1", "r2", "r3"], "loss", buckets=20)

    assert chart.header["edges"] == {"lo": 0.0, "hi": 199.0, "n": 20}
    assert np.isfinite(chart.runs["r1"][0]).sum() == 20
    assert np.isfinite(chart.runs["r2"][0]).sum() == 10
    assert (chart.header["runs"][2]["points"], chart.runs["r3"]) == (0, [[], []])


def test_the_x_axis_is_time_or_time_since_the_start(recorder: Recorder, site: Site) -> None:
    """Milliseconds since 1970; seconds since each run's own start."""
    run_of(recorder, "r1", [1.0, 2.0])
    run_of(recorder, "r2", [3.0])

    time = site.chart(["r1", "r2"], "loss", x="time").runs
    since = site.chart(["r1", "r2"], "loss", x="relative_time").runs

    assert time["r1"][0] == [T0 / 1e6 + 2000, T0 / 1e6 + 3000]
    assert (since["r1"][0], since["r2"]) == ([1.0, 2.0], [[1.0], [3.0]])
    told = site.chart(["r1"], "loss", x="relative_time").header["runs"][0]
    assert told["origin"] == T0 / 1e6 + 1000
    zoomed = site.chart(["r1"], "loss", x="relative_time", **{"from": 1.5, "to": 2.5})
    assert (zoomed.header["runs"][0]["points"], zoomed.runs["r1"][0]) == (1, [1.0, 2.0])


def test_the_x_axis_is_another_metric(recorder: Recorder, site: Site) -> None:
    """Points of one step belong together; what has no partner, or one that isn't finite, is left out."""
    recorder.start("r1")
    for step, (loss, seen) in enumerate([(3.0, 30.0), (2.0, 10.0), (1.0, math.nan)]):
        recorder.log("r1", {"loss": loss, "seen": seen}, step)
    recorder.log("r1", {"loss": 9.0}, 7)

    assert site.chart(["r1"], "loss", x="seen").runs["r1"] == [[10.0, 30.0], [2.0, 3.0]]


def test_a_run_without_steps_is_drawn_by_its_order(recorder: Recorder, site: Site) -> None:
    """Also when a part of it is sealed and the rest live; where only some points lack a step they are left out."""
    recorder.start("r1")
    recorder.start("r2")
    for value in (1.0, 2.0):
        recorder.log("r1", {"loss": value})
    recorder.seal()
    recorder.log("r1", {"loss": 3.0})
    recorder.log("r2", {"loss": 5.0})
    recorder.log("r2", {"loss": 6.0}, 4)

    runs = site.chart(["r1", "r2"], "loss").runs

    assert runs == {"r1": [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]], "r2": [[4.0], [6.0]]}


def test_points_stay_the_same_from_live_to_sealed_to_compacted(
    recorder: Recorder, write: Callable[[], Recorder]
) -> None:
    """Each point once, whoever wrote it, at every state of the files, with what was read before kept in memory."""
    now = [0.0]
    view = StoreView(Store(recorder.layout.root), clock=lambda: now[0])
    series = Series(view, Points(view.tables, clock=lambda: now[0]))
    other = write()
    other.now_ns += 500_000_000
    recorder.start("r1")
    other.start("r1")
    wanted: list[float] = []

    def seen() -> list[float]:
        now[0] += 1 + LAG_S
        return read_chart(series.answer(Asked(["r1"], "loss"), None)).runs["r1"][1]

    for turn in range(6):
        for value in range(20):
            (other if turn % 2 else recorder).log("r1", {"loss": float(len(wanted))}, len(wanted))
            wanted.append(float(len(wanted)))
            assert value < 19 or seen() == wanted
        if turn in {1, 4}:
            recorder.seal()
            assert seen() == wanted
        if turn == 4:
            other.seal()
            compact(recorder.layout)
            assert seen() == wanted
    recorder.close()
    assert seen() == wanted


def test_memory_is_bounded(recorder: Recorder) -> None:
    """Histories beyond the bound are dropped, the least recently used first, and read again when asked for."""
    for number in range(4):
        run_of(recorder, f"r{number}", [float(number)] * 100)
    recorder.seal()
    view = StoreView(Store(recorder.layout.root))
    points = Points(view.tables, most_bytes=2000)
    series = Series(view, points)

    for _ in range(2):
        for number in range(4):
            body = series.answer(Asked([f"r{number}"], "loss", buckets=100), None)
            assert read_chart(body).runs[f"r{number}"][1] == [float(number)] * 100

    assert 0 < points.kept_bytes <= 2000


def test_an_answer_does_not_wait_for_what_must_be_read(recorder: Recorder) -> None:
    """Runs that aren't there yet are pending, and there when asked for again."""
    run_of(recorder, "r1", [1.0, 2.0])
    recorder.seal()
    series = Series(StoreView(Store(recorder.layout.root)))

    first = read_chart(series.answer(Asked(["r1"], "loss"), 0.0))
    then = read_chart(series.answer(Asked(["r1"], "loss"), None))

    pending = {"run_id": "r1", "points": 0, "raw": True, "n": 0, "pending": True}
    assert first.header["partial"] is False or pending.items() <= first.header["runs"][0].items()
    assert (then.header["partial"], then.runs["r1"][1]) == (False, [1.0, 2.0])


def test_even_x_needs_no_memory_and_loses_nothing() -> None:
    """Steps at even distances are kept as two numbers; all others as they are."""
    even, uneven = np.arange(5, 5000, 5, dtype=np.float64), np.cumsum(np.full(999, 0.1))

    assert made(even, even).nbytes == 999 * 8
    assert np.array_equal(made(even, even).xs(), even)
    assert made(even, even).xs(10, 12).tolist() == [55.0, 60.0]
    assert np.array_equal(made(uneven, uneven).xs(), uneven)
    edges = np.array([-1.0, 5, 7, 10, 4995, 9999])
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for side in sides:
        whole = History(even, even, *made(even, even)[2:])
        assert np.array_equal(made(even, even).places(edges, side), whole.places(edges, side))


def test_questions_out_of_bounds_are_refused(recorder: Recorder, site: Site) -> None:
    """Unknown runs and metrics with near names; too many buckets; an empty range; bodies that say something else."""
    run_of(recorder, "r1", [1.0])

    assert refusal(site.post("/api/series", runs=["r2"], key="loss")) == (404, "no run 'r2' the newest: r1")
    status, words = refusal(site.post("/api/series", runs=["r1"], key="los"))
    assert (status, "'loss'" in words) == (404, True)
    assert refusal(site.post("/api/series", runs=["r1"], key="loss", x="los"))[0] == 404
    for wrong in ({"buckets": 0}, {"buckets": 4001}, {"from": 3, "to": 3}, {"bucket": 3}, {"x": None}, {"to": "a"}):
        assert refusal(site.post("/api/series", **{"runs": ["r1"], "key": "loss", **wrong}))[0] == 400
    assert refusal(site.send("POST", "/api/series", content=b'{"runs": ["\\ud800"], "key": "loss"}'))[0] in {400, 404}
    assert refusal(site.send("POST", "/api/series", content=b"[" * 100_000))[0] == 400
    huge = b'{"runs": ["r1"], "key": "loss", "to": 1e999}'
    assert refusal(site.send("POST", "/api/series", content=huge))[0] == 400


def test_a_sketch_counts_every_point_once_and_shows_the_highest() -> None:
    """Against the points themselves: the same totals, the spike in its bucket or the next, nearly all buckets alike."""
    rng = np.random.default_rng(1)
    x, y = np.cumsum(rng.random(200_000)), rng.normal(size=200_000)
    y[rng.random(200_000) < 0.1] = np.nan
    y[150_000] = 99.0
    history = made(x, y)
    sketch = sketched(history)
    assert sketch is not None
    edges = np.linspace(x[0], x[-1], 1001)
    bounds = np.concatenate([[0], history.places(edges[1:-1]), [200_000]])

    rough, exact = sketch.buckets(edges), bucketed(history, bounds)

    assert (sketch.size, sketch.odd, rough.odd.sum()) == (200_000, exact.odd.sum(), exact.odd.sum())
    assert abs(int(np.nanargmax(rough.highest)) - int(np.nanargmax(exact.highest))) <= 1
    assert (rough.highest == exact.highest).mean() > 0.8
    assert rough.last[-1] == exact.last[-1]
    assert sketch.nbytes < history.nbytes / 2
    assert sketched(made(x[:1000], y[:1000])) is None


def test_what_had_to_make_room_is_drawn_from_its_sketch(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole range, with live points behind; a range within is read again, and exact."""
    monkeypatch.setattr("readers.dashboard.sketch.BLOCKS", 64)
    run_of(recorder, "r1", [math.sin(value) for value in range(1024)])
    recorder.seal()
    view = StoreView(Store(recorder.layout.root))
    series = Series(view, points := Points(view.tables, most_bytes=0, clock=count().__next__))
    exact = read_chart(series.answer(Asked(["r1"], "loss", buckets=8), None))
    assert points.kept_bytes == 0

    sketch = read_chart(series.answer(Asked(["r1"], "loss", buckets=8), 0.0))
    recorder.log("r1", {"loss": 5.0}, 2000)
    recorder.log("r1", {"loss": math.nan}, 2001)
    grown = read_chart(series.answer(Asked(["r1"], "loss", buckets=8), 0.0))
    within = read_chart(series.answer(Asked(["r1"], "loss", lower=10, upper=12), None))

    assert (sketch.header["partial"], sketch.header["runs"]) == (False, exact.header["runs"])
    assert np.allclose(sketch.runs["r1"], exact.runs["r1"], atol=0.4)
    assert (grown.header["edges"]["hi"], grown.header["runs"][0]["points"]) == (2001.0, 1026)
    assert [array[-1] for array in grown.runs["r1"]] == [5.0, 5.0, 5.0, 1.0]
    assert within.runs["r1"][0] == [9.0, 10.0, 11.0, 12.0, 13.0]


def test_a_chart_is_a_prefix_of_what_was_logged_while_it_is_logged(recorder: Recorder) -> None:
    """Asked again and again while a thread logs, seals and compacts: no point twice, none missing, none taken back."""
    view = StoreView(Store(recorder.layout.root), clock=count().__next__)
    series = Series(view, Points(view.tables, clock=count().__next__))
    recorder.start("r1")
    recorder.log("r1", {"loss": 0.0}, 0)

    def log() -> None:
        for value in range(1, 400):
            recorder.log("r1", {"loss": float(value)}, value)
            if value % 40 == 0:
                recorder.seal()
            if value % 160 == 0:
                compact(recorder.layout)

    thread = threading.Thread(target=log)
    thread.start()
    seen = 1
    while seen < 400:
        alive = thread.is_alive()
        y = read_chart(series.answer(Asked(["r1"], "loss"), None)).runs["r1"][1]
        assert y == [float(value) for value in range(len(y))]
        assert len(y) >= seen
        seen = len(y)
        assert alive or seen == 400
    thread.join()


def test_a_rank_of_a_run_is_a_line_of_its_own(tmp_path: Path, write: Callable[[], Recorder]) -> None:
    """Live, sealed and compacted alike, each rank's points are in its line, and the run's line has all."""
    recorders = []
    for rank in (0, 1, 11):
        recorder = write()
        recorder.pipeline.rank = rank
        recorder.start("r1", rank=rank)
        recorders.append(recorder)
    now = [0.0]
    view = StoreView(Store(tmp_path / "store"), clock=lambda: now[0])
    series = Series(view, Points(view.tables, clock=lambda: now[0]))
    lines = ["r1@11", "r1@0", "r1", "r1@1", "r1@5"]
    wanted: dict[str, list[float]] = {line: [] for line in lines}

    def seen() -> dict[str, list[float]]:
        now[0] += 1 + LAG_S
        chart = read_chart(series.answer(Asked(lines, "loss"), None))
        assert [told["run_id"] for told in chart.header["runs"]] == lines
        return {line: arrays[1] for line, arrays in chart.runs.items()}

    for step in range(12):
        for rank, recorder in zip((0, 1, 11), recorders, strict=True):
            recorder.log("r1", {"loss": float(100 * rank + step)}, step)
            wanted[f"r1@{rank}"].append(float(100 * rank + step))
        wanted["r1"] += [float(step), 100.0 + step, 1100.0 + step]
        if step == 4:
            recorders[1].seal()
        if step == 8:
            for recorder in recorders:
                recorder.seal()
            compact(recorders[0].layout)
        assert {line: sorted(values) for line, values in seen().items()} == {
            line: sorted(values) for line, values in wanted.items()
        }


def test_a_line_counts_relative_time_from_its_runs_start(recorder: Recorder, site: Site) -> None:
    """And one of a run that isn't there is refused like the run."""
    run_of(recorder, "r1", [1.0, 2.0])

    assert site.chart(["r1@0"], "loss", x="relative_time").runs["r1@0"][0] == [1.0, 2.0]
    assert refusal(site.post("/api/series", runs=["r2@0"], key="loss"))[0] == 404

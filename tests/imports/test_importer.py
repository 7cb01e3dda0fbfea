"""The common part of all imports: exact, whole, once, whatever is killed and however often it is repeated."""

import io
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.check import check
from ingest.errors import ImportFailed
from ingest.layout import Layout
from readers.imports import importer, taking
from readers.imports.found import FoundArtifact, FoundRun, Series, pieces
from readers.imports.importer import import_runs
from readers.store import Store

T0 = 1_600_000_000_123_456_000


class Listed:
    """A source that is a list."""

    def __init__(self, *runs: FoundRun) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._runs: Sequence[FoundRun] = runs

    def count(self) -> int:
        """How many."""
        return len(self._runs)

    def runs(self) -> Iterator[FoundRun]:
        """They."""
        return iter(self._runs)


def series(key: str, n: int, start: int = 0) -> Series:
    """N points, a second apart."""
    steps = np.arange(start, start + n)
    return Series(key, np.sqrt(steps.astype(float)), steps, T0 + steps * 10**9)


def a_run(number: int = 0, n: int = 5, **fields: object) -> FoundRun:
    """A run of two metrics."""
    run = FoundRun(
        identity=f"listed:{number}",
        source=f"list#{number}",
        version=str(n),
        experiment="e",
        name=f"run {number}",
        params={"lr": 0.1, "password": "hunter2"},
        tags={"team": "a"},
        series=lambda: iter([series("loss", n), series("acc", n)]),
    )
    return replace(run, **fields)  # type: ignore[arg-type]


def points(root: Path) -> pl.DataFrame:
    """All points, in order."""
    frame = Store(root).metrics().collect().sort("run_id", "key", "time", "writer", "seq")
    return frame.select("run_id", "key", "step", "step_float", "time", "value")


def test_values_steps_and_times_are_the_sources(tmp_path: Path) -> None:
    """Also NaN, infinities, -0.0, no step, fractions of steps, and repeated ones."""
    values = np.array([float("nan"), float("inf"), -0.0, 5e-324, 1e308, 2.0])
    steps: list[int | float | None] = [None, 1.5, -(2**63), 2**63 - 1, 7, 7]
    times = T0 + np.array([3, 2, 1, 5, 5, 5]) * 1000
    run = a_run(series=lambda: pieces("x", steps, values, times))
    import_runs(Listed(run), tmp_path)
    found = Store(tmp_path).metrics().collect().sort("seq")

    assert found["value"].to_numpy().tobytes() == values.tobytes()
    assert found["step"].to_list() == [None, None, *steps[2:]]
    assert found["step_float"].to_list() == [None, 1.5, None, None, None, None]
    assert found["time"].dt.epoch("us").to_list() == (times // 1000).tolist()


def test_a_run_keeps_its_life(tmp_path: Path) -> None:
    """Name, status, start, end, params, tags, where it came from; secrets are masked as in a log call."""
    parent = a_run(1, status="FAILED", start_ns=T0 - 10**9, end_ns=T0 + 9 * 10**9, run_id="p1")
    import_runs(Listed(parent, a_run(2, parent_run_id="p1", status="RUNNING")), tmp_path)
    first, second = Store(tmp_path).experiment_runs("e")

    assert (first["run_id"], first["run_name"], first["status"]) == ("p1", "run 1", "FAILED")
    assert first["start_time"] is not None
    assert first["end_time"] is not None
    assert (first["end_time"] - first["start_time"]).total_seconds() == 10
    assert first["start_time"].timestamp() == pytest.approx(T0 / 1e9 - 1, abs=1e-6)
    assert (first["params"]["lr"], first["tags"]["team"]) == (0.1, "a")
    assert first["tags"]["imported_from"] == "list#1"
    assert first["params"]["password"] != "hunter2"  # noqa: S105 - the point of the test
    assert (second["status"], second["parent_run_id"]) == ("INTERRUPTED", "p1")
    assert first["metrics"] == {"acc": 2.0, "loss": 2.0}


def test_twice_adds_nothing(tmp_path: Path) -> None:
    """Not a row."""
    import_runs(Listed(a_run(1), a_run(2)), tmp_path)
    facts, before = Store(tmp_path).facts().collect(), points(tmp_path)
    report = import_runs(Listed(a_run(1), a_run(2)), tmp_path)

    assert (report.runs, report.unchanged, report.points) == (0, 2, 0)
    assert points(tmp_path).equals(before)
    assert Store(tmp_path).facts().collect().height == facts.height


def test_a_source_that_has_grown_gives_what_is_new(tmp_path: Path) -> None:
    """Points behind the old ones, new metrics, changed params, the end."""
    import_runs(Listed(a_run(n=3, status="RUNNING")), tmp_path)
    grown = a_run(n=8, params={"lr": 0.2}, end_ns=T0 + 10**11)
    report = import_runs(Listed(grown), tmp_path)
    [run] = Store(tmp_path).experiment_runs()

    assert (report.runs, report.continued, report.points) == (0, 1, 10)
    assert points(tmp_path)["step"].to_list() == [*range(8)] * 2
    assert (run["params"]["lr"], run["status"]) == (0.2, "FINISHED")
    assert run["end_time"] is not None
    assert run["end_time"].timestamp() == pytest.approx(T0 / 1e9 + 100, abs=1e-5)


def test_a_failed_run_that_went_on_and_finished_is_finished(tmp_path: Path) -> None:
    """The later state of the source counts."""
    import_runs(Listed(a_run(n=3, status="FAILED")), tmp_path)
    import_runs(Listed(a_run(n=4)), tmp_path)

    assert Store(tmp_path).runs().collect()["status"].to_list() == ["FINISHED"]


def test_points_that_are_others_now_are_left_and_said(tmp_path: Path) -> None:
    """Nothing is doubled, nothing is overwritten; also where points have gone."""
    import_runs(Listed(a_run(n=5)), tmp_path)
    before = points(tmp_path)
    other = a_run(n=6, series=lambda: iter([series("loss", 6, 1), series("acc", 2)]))
    report = import_runs(Listed(other), tmp_path)

    assert points(tmp_path).equals(before)
    assert [("other points" in line, "run 0" in line) for line in report.problems] == [(True, True)] * 2


def test_a_run_that_cannot_be_read_keeps_no_other_back(tmp_path: Path) -> None:
    """It leaves nothing, and is said with its place."""

    def broken() -> Iterator[Series]:
        yield series("loss", 3)
        raise ValueError("line 4 is odd")

    report = import_runs(Listed(a_run(1), a_run(2, series=broken), a_run(3)), tmp_path)

    assert set(Store(tmp_path).runs().collect()["run_name"]) == {"run 1", "run 3"}
    assert report.left_out == 1
    assert report.problems == ["run 'run 2' (list#2) is left out: line 4 is odd"]


def test_artifacts_are_copied_once_and_bad_names_are_left_out(tmp_path: Path) -> None:
    """No name leads out of the run's folder."""
    files = [FoundArtifact(path, "1", lambda: io.BytesIO(b"hello")) for path in ("a/b.txt", "../../x", "/etc/x", "")]
    run = a_run(artifacts=lambda: iter(files), run_id="r1")
    report = import_runs(Listed(run), tmp_path / "s")
    again = import_runs(Listed(run), tmp_path / "s")

    assert (tmp_path / "s/artifacts/r1/a/b.txt").read_bytes() == b"hello"
    assert (report.artifacts, report.artifact_bytes, again.artifacts) == (1, 5, 0)
    assert [("left out" in line) for line in report.problems] == [True] * 3
    assert {path.name for path in tmp_path.iterdir()} == {"s"}
    assert Store(tmp_path / "s").facts(kinds=["artifact"]).collect()["key"].to_list() == ["a/b.txt"]


def test_a_run_of_this_store_that_was_forwarded_does_not_come_back(tmp_path: Path) -> None:
    """Its id is here already."""
    import_runs(Listed(a_run(1, run_id="mine")), tmp_path)
    report = import_runs(Listed(a_run(2, run_id="mine")), tmp_path)

    assert (report.unchanged, report.points) == (1, 0)


def test_one_import_at_a_time(tmp_path: Path) -> None:
    """The second says so."""

    class Nested(Listed):
        def runs(self) -> Iterator[FoundRun]:
            with pytest.raises(ImportFailed, match="another process imports"):
                import_runs(Listed(a_run()), tmp_path)
            return super().runs()

    assert import_runs(Nested(a_run()), tmp_path).runs == 1


def _killed(root: Path, after: int) -> None:
    """Import, and die of it in the middle of a large run."""
    taking.POINTS_AT_ONCE = 100
    importer._FILE_BYTES = 100 * 48 + 6000  # a large run is published in parts of some 100 points

    class Dying(importer.Unwatched):
        seen = 0

        def points(self, count: int) -> None:
            self.seen += count
            if self.seen > after:
                os.kill(os.getpid(), signal.SIGKILL)

    import_runs(Listed(a_run(1), a_run(2, n=1000), a_run(3)), root, watching=Dying())


@pytest.mark.parametrize("after", [350, 1100])
def test_a_killed_import_goes_on_and_doubles_nothing(tmp_path: Path, after: int) -> None:
    """Killed twice in the middle of a large run, of which the beginning is there then."""
    for points_until in (after, 300):  # the second one dies while it goes on
        child = multiprocessing.get_context("spawn").Process(target=_killed, args=(tmp_path / "killed", points_until))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    part = dict(Store(tmp_path / "killed").runs().collect().select("run_name", "status").iter_rows())
    assert part.get("run 2") == "INTERRUPTED"
    assert 0 < Store(tmp_path / "killed").metrics().collect().height < 2020
    runs = [a_run(1), a_run(2, n=1000), a_run(3)]
    import_runs(Listed(*runs), tmp_path / "killed")
    import_runs(Listed(*runs), tmp_path / "whole")

    assert points(tmp_path / "killed").equals(points(tmp_path / "whole"))
    assert Store(tmp_path / "killed").runs().collect()["status"].to_list() == ["FINISHED"] * 3
    assert check(Layout(tmp_path / "killed")) == []


def test_a_new_name_of_a_metric_does_not_stop_the_others(tmp_path: Path) -> None:
    """Params and tags that no store can hold are left out and said; an impossible metric name leaves out its run."""
    report = import_runs(Listed(a_run(1, params={"": 1, "ok": 2, "\ud800": 3})), tmp_path)
    [run] = Store(tmp_path).experiment_runs()

    assert run["params"] == {"ok": 2}
    assert len(report.problems) == 2

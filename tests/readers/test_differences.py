"""differences: what varies among runs, and nothing that doesn't."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from readers.compare import ExperimentComparator
from readers.differences import Differences
from readers.store import Store
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def rows(found: Differences) -> list[tuple[str, str, tuple[str | None, ...]]]:
    """What differs, as plain tuples."""
    return [(row.kind, row.name, row.values) for row in found.rows]


def of(recorder: "Recorder", run_ids: list[str] | None = None) -> Differences:
    """The differences of what was recorded."""
    recorder.flush()
    return ExperimentComparator(Store(recorder.layout.root)).differences(run_ids)


def test_params_that_vary_are_shown_and_others_counted(recorder: "Recorder") -> None:
    """Leaf by leaf; that one run lacks a param is a difference; the order is that of the names."""
    same = {"seed": 1, "opt": {"name": "adam", "betas": [0.9, 0.99]}}
    for run_id, lr in (("a", 0.1), ("b", 0.2)):
        recorder.start(run_id)
        recorder.params(run_id, {**same, "lr": lr, "deep": {"x": {"y": lr, "z": 0}}})
        recorder.tags(run_id, {"team": "t"})
    recorder.params("b", {"extra": None})

    found = of(recorder)

    assert found.run_ids == ("a", "b")
    assert found.names == ("name of a", "name of b")
    assert rows(found) == [
        ("param", "deep.x.y", ("0.1", "0.2")),
        ("param", "extra", (None, "null")),
        ("param", "lr", ("0.1", "0.2")),
    ]
    assert found.same == 6  # seed, opt.name, opt.betas, deep.x.z, team, and the number of ranks


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        (1, 1.0, ("1", "1.0")),
        (1, "1", ("1", '"1"')),
        (True, "true", ("true", '"true"')),
        (None, "null", ("null", '"null"')),
        (math.nan, math.inf, ("nan", "inf")),
        ([1], [1, 2], ("[1]", "[1, 2]")),
        ("", None, ("", "null")),
        ({"x": 1}, {"x": 2}, ("1", "2")),
    ],
)
def test_values_that_differ_read_differently(recorder: "Recorder", left: Any, right: Any, shown: Any) -> None:
    """As people wrote them; by their JSON, where that is all that tells them apart."""
    for run_id, value in (("a", left), ("b", right)):
        recorder.start(run_id)
        recorder.params(run_id, {"p": value})

    assert [row.values for row in of(recorder).rows] == [shown]


@pytest.mark.parametrize("value", [1, math.nan, -0.0, "text", None, [1, {"a": 2}], {"x": {"y": 1}}, {}])
def test_equal_values_dont_differ(recorder: "Recorder", value: Any) -> None:
    """NaN is NaN here: the same was logged."""
    for run_id in "ab":
        recorder.start(run_id)
        recorder.params(run_id, {"p": value})

    assert of(recorder).rows == ()


def test_packages_are_compared_one_by_one(recorder: "Recorder") -> None:
    """Name by name; one that isn't installed is missing; those that are the same stay away."""
    packages = {f"p{n}": "1.0" for n in range(300)}
    for run_id, numpy in (("a", "2.0"), ("b", "2.1"), ("c", "2.0")):
        recorder.start(run_id)
        extra = {"extra": "7"} if run_id == "c" else {}
        recorder.fact(run_id, "env", {"packages": {**packages, "numpy": numpy, **extra}, "python": "CPython 3.11"})

    found = of(recorder)

    assert rows(found) == [
        ("environment", "package extra", (None, None, "7")),
        ("environment", "package numpy", ("2.0", "2.1", "2.0")),
    ]
    assert found.same == 302


def test_a_run_whose_surroundings_werent_recorded_isnt_held_against_others(recorder: "Recorder") -> None:
    """It isn't known to differ; where others do, it has no value."""
    for run_id, commit in (("a", "c1"), ("b", "c2")):
        recorder.start(run_id)
        recorder.fact(
            run_id, "env", {"git.commit": commit, "git.dirty": False, "hostname": "h", "packages": {"x": "1"}}
        )
    recorder.start("unknown")

    assert rows(of(recorder)) == [("code", "commit", ("c1", "c2", None))]
    assert rows(of(recorder, ["a", "unknown"])) == []


def test_uncommitted_changes_are_told_apart_by_their_hash(recorder: "Recorder") -> None:
    """Code comes before the rest of the environment, models last; untracked files don't count."""
    for run_id, sha in (("a", "a" * 64), ("b", "b" * 64), ("c", None)):
        recorder.start(run_id)
        recorder.fact(run_id, "env", {"hostname": f"host {run_id}", "git.commit": "c", "git.untracked": [run_id]})
        recorder.fact(run_id, "env", {"git.dirty": sha is not None})
        if sha:
            recorder.fact(run_id, "artifact", {"environment/git.diff": {"sha256": sha, "size": 3}})
            recorder.fact(run_id, "artifact", {"other.txt": {"sha256": "f" * 64, "size": 3}})
    recorder.fact("b", "model", {"forest": {"version": 3, "format": "skops", "sha256": "x"}})

    assert rows(of(recorder)) == [
        ("code", "hash of the changes", ("a" * 12, "b" * 12, None)),
        ("code", "uncommitted changes", ("true", "true", "false")),
        ("environment", "hostname", ("host a", "host b", "host c")),
        ("model", "forest", (None, "version 3, skops", None)),
    ]


def test_what_a_tracker_records_is_compared(tmp_path: Path) -> None:
    """Two runs of one process differ in what the script did, not in their environment."""
    with ExperimentTracker(tmp_path / "store", "study") as tracker:
        ids = [tracker.start_run(run_name=name) for name in ("first",)]
        tracker.log_params({"lr": 0.1})
        tracker.end_run()
        ids.append(tracker.start_run(run_name="second"))
        tracker.log_params({"lr": 0.2})
        tracker.set_tags({"kind": "retry"})
        tracker.end_run()
        found = ExperimentComparator(tracker).differences(ids)

    assert rows(found) == [("param", "lr", ("0.1", "0.2")), ("tag", "kind", (None, "retry"))]
    assert found.same > 20


def test_of_one_run_nothing_differs(recorder: "Recorder") -> None:
    """Nor of none."""
    recorder.start("a")
    recorder.params("a", {"lr": 1})
    recorder.fact("a", "env", {"python": "3", "packages": {"x": "1"}})

    assert of(recorder).rows == ()
    assert (of(recorder, []).rows, of(recorder, []).same) == ((), 0)


def test_a_frame_has_a_row_a_difference(recorder: "Recorder") -> None:
    """And a column a run, under its id, even one that is called as another column."""
    for run_id in ("a", "name"):
        recorder.start(run_id)
        recorder.params(run_id, {"lr": run_id, "x": run_id})
    frame = of(recorder).to_frame()

    assert frame.columns == ["kind", "name", "a", "name (2)"]
    assert frame.rows() == [("param", "lr", "a", "name"), ("param", "x", "a", "name")]
    assert of(recorder, []).to_frame().columns == ["kind", "name"]


def test_many_runs_are_summed_up(recorder: "Recorder") -> None:
    """How often each value occurs, or the range where hardly any recurs."""
    for number in range(30):
        run_id = f"r{number}"
        recorder.start(run_id)
        recorder.params(run_id, {"optimizer": "sgd" if number % 3 else "adam", "lr": (number + 1) / 1000})
        if number > 3:
            recorder.params(run_id, {"id": f"x{number}"})
    console = Console(width=100)
    with console.capture() as capture:
        console.print(of(recorder))
    lines = [" ".join(line.split()) for line in capture.get().splitlines()]

    assert lines == [
        "What differs among 30 runs",
        "name values runs with each",
        "param id 26 all different, missing x 4",
        "param lr 30 from 0.001 to 0.03",
        "param optimizer 2 sgd x 20, adam x 10",
        "Compared too, and the same in all 30 runs: 1.",
    ]

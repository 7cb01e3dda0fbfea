"""An integration logs to the run that is there; one that it had to start itself, it ends itself."""

import copy
import pickle
from pathlib import Path

import pytest

from readers.store import Store
from tracker import ExperimentTracker
from tracker.integrations.joined import Joined


def statuses(root: Path) -> dict[str, str]:
    """Status by run name."""
    return {run["run_name"]: run["status"] for run in Store(root).experiment_runs()}


def test_the_current_run_is_joined_and_left_open(tmp_path: Path) -> None:
    """Its owner ends it; params and tags go to it."""
    with ExperimentTracker(tmp_path, "joined", auto_log=False) as tracker:
        run_id = tracker.start_run("owner's")
        joined = Joined(tracker, run_name="not this")
        assert joined.begin(params={"lr": 0.1}, tags={"by": "x"}) == run_id == joined.begin()
        joined.end("FAILED")

        assert tracker.active_run() == run_id
        assert tracker.get_experiment_runs()[0]["params"] == {"lr": 0.1}
        assert statuses(tmp_path) == {"owner's": "RUNNING"}


def test_a_run_that_it_starts_it_ends(tmp_path: Path) -> None:
    """With the status that it is told; the tracker stays its owner's."""
    with ExperimentTracker(tmp_path, "joined", auto_log=False) as tracker:
        joined = Joined(tracker)
        joined.begin("own", params={"lr": 0.1})
        assert joined.started
        joined.end("FAILED")
        joined.end()
        tracker.start_run("the next")

        assert statuses(tmp_path) == {"own": "FAILED", "the next": "RUNNING"}


def test_without_a_tracker_it_makes_one_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And closes it, so that all is Parquet."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    joined = Joined(run_name="own", experiment_name="made")
    joined.begin()
    joined.end()
    joined.begin()
    joined.end()

    assert [run["experiment"] for run in Store(tmp_path / "store").runs().collect().to_dicts()] == ["made", "made"]
    assert list((tmp_path / "store" / "facts").rglob("*.parquet"))


@pytest.mark.parametrize("how", [copy.deepcopy, lambda joined: pickle.loads(pickle.dumps(joined))])
def test_a_copy_ends_nothing(tmp_path: Path, how: object) -> None:
    """Frameworks copy callbacks; only the one that started the run ends it."""
    with ExperimentTracker(tmp_path, "joined", auto_log=False) as tracker:
        joined = Joined(tracker)
        run_id = joined.begin("own")
        copied = how(joined)  # type: ignore[operator]
        assert copied.run_id == run_id
        copied.end()

        assert statuses(tmp_path) == {"own": "RUNNING"}


def test_what_is_no_tracker_is_refused() -> None:
    """At once, with what it may be."""
    with pytest.raises(TypeError, match="ExperimentTracker, or None"):
        Joined("experiments")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not both"):
        Joined(ExperimentTracker.__new__(ExperimentTracker), experiment_name="x")

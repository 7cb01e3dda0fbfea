"""Control: edits from outside are facts, the last one counts, and the run's life is what it was."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.catalog import live_writers
from ingest.compact import compact
from ingest.errors import RunNotFound, RunStateError, StoreUnavailable
from ingest.layout import Layout
from readers.dashboard.control import MAX_TAGS, MAX_VALUE_BYTES, Controls, ReadOnly
from readers.store import Store
from tracker import ExperimentTracker

KILLED = "import os, sys; from tracker import ExperimentTracker; \
t = ExperimentTracker(sys.argv[1], 'a/b', auto_log=False); t.start_run('killed', run_id='killed'); \
t.log_metrics({'x': 1.0}); os._exit(9)"
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a finished, a failed and an interrupted run."""
    folder = tmp_path / "store"
    with ExperimentTracker(folder, "a/b", auto_log=False) as tracker:
        for name, status in (("finished", "FINISHED"), ("failed", "FAILED")):
            tracker.start_run(name, run_id=name)
            tracker.log_metrics({"x": 1.0})
            tracker.end_run(status)
    subprocess.run([sys.executable, "-c", KILLED, folder], check=False, timeout=15)
    return folder


@pytest.fixture
def running(root: Path) -> Iterator[ExperimentTracker]:
    """A run that goes on in this process."""
    with ExperimentTracker(root, "a/b", auto_log=False) as tracker:
        tracker.start_run("running", run_id="running")
        yield tracker


def tags(root: Path, run_id: str) -> dict[str, Any]:
    """The run's tags as users get them."""
    return next(run["tags"] for run in Store(root).experiment_runs() if run["run_id"] == run_id)


def lives(root: Path) -> list[dict[str, Any]]:
    """All that is known of the runs' lives."""
    return Store(root).runs().collect().to_dicts()


def test_an_edit_is_no_life_of_the_run(root: Path, running: ExperimentTracker) -> None:
    """Status, end, duration and number of writers stay, with the edit sealed, and compacted too."""
    before = lives(root)
    controls = Controls(Store(root))
    for run_id in ("finished", "failed", "killed", "running"):
        controls.set_tags(run_id, {"team": "b"})
        controls.set_note(run_id, "look at this")
    controls.stop("running")

    assert lives(root) == before
    assert {row["run_id"]: row["status"] for row in before} == {
        "finished": "FINISHED",
        "failed": "FAILED",
        "killed": "INTERRUPTED",
        "running": "RUNNING",
    }
    running.flush(seal=True)
    assert compact(Layout(root)).files_before
    assert lives(root) == before
    assert tags(root, "killed") == {"team": "b", "note": "look at this"}


def test_nothing_of_ours_stays_open(root: Path) -> None:
    """Between two edits the store has no writer but those that train."""
    Controls(Store(root)).set_note("finished", "x")

    assert live_writers(Layout(root)) == []
    assert list((root / "tmp").iterdir()) == []


def test_stop_reaches_the_loop_and_is_a_fact(root: Path, running: ExperimentTracker) -> None:
    """In the run's own experiment."""
    Controls(Store(root)).stop("running")

    assert running.should_stop() is True
    facts = Store(root).facts(["control"]).collect()
    assert facts.select("run_id", "experiment", "key").rows() == [("running", "a/b", "stop")]


def test_only_a_running_run_can_be_stopped(root: Path) -> None:
    """A run that ended, or died, hears nothing."""
    controls = Controls(Store(root))
    for run_id, status in (("finished", "FINISHED"), ("killed", "INTERRUPTED")):
        with pytest.raises(RunStateError, match=status):
            controls.stop(run_id)
    with pytest.raises(RunNotFound, match="nobody"):
        controls.stop("nobody")
    assert not (root / "control").exists()


def test_the_last_edit_counts_and_both_are_in_the_history(root: Path) -> None:
    """Of two browsers, and of a tracker before them."""
    one, other = Controls(Store(root)), Controls(Store(root))
    one.set_note("finished", "first")
    other.set_note("finished", "second")

    assert tags(root, "finished") == {"note": "second"}
    assert Store(root).facts(["tag"]).sort("time").collect()["value"].to_list() == ['"first"', '"second"']


def test_edits_at_once_are_all_kept(root: Path) -> None:
    """By one server's threads."""
    controls = Controls(Store(root))
    threads = [threading.Thread(target=controls.set_tags, args=("finished", {f"t{n}": n, "last": n})) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = tags(root, "finished")
    last = Store(root).facts(["tag"]).filter(pl.col("key") == "last").sort("time").collect()["value"][-1]
    assert found == {**{f"t{n}": n for n in range(8)}, "last": int(last)}


def test_none_removes_a_tag_and_an_empty_text_a_note(root: Path) -> None:
    """And what is set again is there again."""
    controls = Controls(Store(root))
    controls.set_tags("finished", {"a": 1, "b": [1, {"c": None}]})
    controls.set_note("finished", "x")
    controls.set_tags("finished", {"a": None})
    controls.set_note("finished", "")
    assert tags(root, "finished") == {"b": [1, {"c": None}]}

    controls.set_tags("finished", {"a": False})
    assert tags(root, "finished") == {"a": False, "b": [1, {"c": None}]}
    assert sorted(Store(root).tags().collect()["key"]) == ["a", "b"]


def test_secrets_are_masked_as_a_log_call_does(root: Path) -> None:
    """The rule is one, whoever writes."""
    Controls(Store(root)).set_tags("finished", {"api_key": "abc123"})

    assert "abc123" not in str(tags(root, "finished"))


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "text",
        [["a", 1]],
        {"": 1},
        {1: 2},
        {"\ud800": 1},
        {"k" * 5000: 1},
        {f"t{n}": n for n in range(MAX_TAGS + 1)},
        {"long": "x" * MAX_VALUE_BYTES},
    ],
    ids=str,
)
def test_what_no_log_call_takes_is_refused(root: Path, wrong: object) -> None:
    """And nothing is written."""
    with pytest.raises((TypeError, ValueError)):
        Controls(Store(root)).set_tags("finished", wrong)
    assert tags(root, "finished") == {}


def test_a_note_is_a_text(root: Path) -> None:
    """Nothing else."""
    with pytest.raises(TypeError, match="text"):
        Controls(Store(root)).set_note("finished", {"a": 1})


def test_a_read_only_dashboard_changes_nothing(root: Path) -> None:
    """Whatever is asked: no tracker runs beside it, as that would take over what the killed one left."""
    controls = Controls(Store(root), read_only=True)
    before = sorted(root.rglob("*"))
    with pytest.raises(ReadOnly):
        controls.stop("killed")
    with pytest.raises(ReadOnly):
        controls.set_tags("finished", {"a": 1})
    with pytest.raises(ReadOnly):
        controls.set_note("finished", "x")
    assert sorted(root.rglob("*")) == before


AS_NOBODY = f"""
import os, sys
from ingest.errors import StoreUnavailable
from readers.dashboard.control import Controls
from readers.store import Store
import ingest.writer, readers.live
store = Store(sys.argv[1])
store.find_run("finished")
os.setgid({NOBODY})
os.setuid({NOBODY})
for change in (lambda: Controls(store).set_note("finished", "x"), lambda: Controls(store).stop("held")):
    try:
        change()
    except StoreUnavailable as error:
        print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_store_that_cant_be_written_is_said() -> None:
    """On a folder of another user the error names it, and nothing waits in memory."""
    with tempfile.TemporaryDirectory() as above:  # pytest's own folders are closed to others
        root = Path(above) / "store"
        with ExperimentTracker(root, auto_log=False) as tracker:
            tracker.start_run(run_id="finished")
            tracker.end_run()
            tracker.start_run(run_id="held")
            for path in (Path(above), root, *root.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            done = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, root], capture_output=True, text=True, check=False, timeout=15
            )

    assert done.stderr == ""
    assert done.stdout.count("can't be written") == 2
    assert done.stdout.count("nothing was changed") == 2


def test_a_full_disk_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fact isn't there, and the error says so."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.alive.FolderLock.claim", full)
    with pytest.raises(StoreUnavailable, match="can't be written"):
        Controls(Store(root)).set_note("finished", "x")

"""steplog stop asks a running run to stop, and says so where there is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def test_a_running_run_hears_of_it(steplog: Steplog, store: Path) -> None:
    """By its name; the wish is a fact of the run."""
    with ExperimentTracker(store, "live", auto_log=False) as tracker:
        run = tracker.start_run("long one")
        said = steplog("stop", "long one", "--store", store)

        assert (said.code, said.err) == (0, "")
        assert "long one: asked to stop" in said.out
        assert tracker.should_stop() is True
    shown = json.loads(steplog("show", run, "--store", store, "--json").out)
    assert shown["status"] == "FINISHED"


def test_json_tells_the_id(steplog: Steplog, store: Path) -> None:
    """For scripts."""
    with ExperimentTracker(store, "live", auto_log=False) as tracker:
        run = tracker.start_run()
        said = steplog("stop", run[:-2], "--store", store, "--json")

    assert json.loads(said.out) == {"run_id": run, "stop_requested": True}


def test_a_run_that_has_ended_cant_be_stopped(steplog: Steplog, store: Path) -> None:
    """It could not be done: exit code 1, and no file is made."""
    said = steplog("stop", "good", "--store", store)

    assert (said.code, said.out) == (1, "")
    assert "is FINISHED" in said.err
    assert not (store / "control").exists()


def test_an_unknown_run_is_said(steplog: Steplog, store: Path) -> None:
    """It isn't there: exit code 2."""
    assert steplog("stop", "nobody", "--store", store).code == 2

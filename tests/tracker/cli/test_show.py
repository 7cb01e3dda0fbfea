"""steplog show: one run, for a person and for a program."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def test_show_tells_everything_about_a_run(steplog: Steplog, store: Path) -> None:
    """Params, tags, metrics with their extremes and where these were."""
    said = steplog("show", "good", "--store", store)

    assert said.code == 0
    for text in ("good", "finished", "vision/resnet", "lr", "{'depth': 0}", "team", "accuracy", "2.25"):
        assert text in said.out


def test_show_as_json(steplog: Steplog, store: Path) -> None:
    """The same, with the params as they were logged and every statistic."""
    run = json.loads(steplog("show", "fair", "--store", store, "--json").out)

    assert run["params"] == {"lr": 0.2, "net": {"depth": 2}}
    assert run["tags"] == {"team": "a"}
    loss = run["metrics"]["loss"]
    assert (loss["count"], loss["last"], loss["min"], loss["min_step"], loss["max"]) == (3, 0.5, 0.5, 2.0, 2.5)


def test_show_lists_artifacts_and_models(steplog: Steplog, tmp_path: Path) -> None:
    """Their paths, sizes, versions."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker, tracker.start_run("r"):
        tracker.log_text("hello", "notes/a.txt")
        for _ in range(2):
            tracker.log_model({"weights": [1.0]}, "net")
    run = json.loads(steplog("show", "r", "--store", tmp_path, "--json").out)

    assert [(artifact["path"], artifact["size"]) for artifact in run["artifacts"]] == [("notes/a.txt", 5)]
    assert [(model["name"], model["version"]) for model in run["models"]] == [("net", 1), ("net", 2)]
    assert "notes/a.txt" in steplog("show", "r", "--store", tmp_path).out


def test_a_run_is_found_by_the_beginning_of_its_id(steplog: Steplog, store: Path) -> None:
    """As ls prints it."""
    runs = json.loads(steplog("ls", "--store", store, "--json").out)
    by_id = {run["run_id"]: run["run_name"] for run in runs}
    shown = {
        line.split()[1]: line.split()[0] for line in steplog("ls", "--store", store).out.splitlines() if ":" in line
    }
    ids = [short for short in shown if any(run_id.startswith(short) for run_id in by_id)]

    assert len(ids) == len(by_id)
    for short in ids:
        assert json.loads(steplog("show", short, "--store", store, "--json").out)["run_name"] == shown[short]


def test_an_ambiguous_name_lists_the_candidates(steplog: Steplog, tmp_path: Path) -> None:
    """Two runs of one name: their ids are in the message."""
    ids = []
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        for _ in range(2):
            with tracker.start_run("twin") as run_id:
                ids.append(str(run_id))
    said = steplog("show", "twin", "--store", tmp_path)

    assert said.code == 2
    assert said.err.count("\n") == 1
    assert all(run_id in said.err for run_id in ids)


def test_many_metrics_are_cut_unless_all_are_asked_for(steplog: Steplog, tmp_path: Path) -> None:
    """A screen holds what a screen holds."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker, tracker.start_run("r"):
        tracker.log_metrics({f"epoch_{i}/loss": float(i) for i in range(1_000)})
    few, everything = (steplog("show", "r", "--store", tmp_path, *more).out for more in ((), ("--all",)))

    assert "… and 960 more metrics; --all shows them" in few
    assert everything.count("/loss") == 1_000


@pytest.mark.parametrize("asked", ["god", "", "zzz"])
def test_unknown_run(steplog: Steplog, store: Path, asked: str) -> None:
    """One line, exit code 2, what is there."""
    said = steplog("show", asked, "--store", store)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"steplog: no run {asked!r}")
    assert "fair" in said.err


def test_packages_are_counted_and_the_well_known_named(
    steplog: Steplog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dict of hundreds isn't printed; --all prints it."""
    packages = {"aiohttp": "3.1", "numpy": "2.1.0", "scikit-learn": "1.6", "zipp": "3.2"}
    monkeypatch.setattr("tracker.environment.installed_packages", lambda: packages)
    with ExperimentTracker(tmp_path, auto_log=True) as tracker, tracker.start_run("r"):
        pass
    few, everything = (steplog("show", "r", "--store", tmp_path, *more).out for more in ((), ("--all",)))

    assert "packages" in few
    assert "4 packages; numpy 2.1.0, scikit-learn 1.6\n" in "\n".join(map(str.rstrip, few.split("\n")))
    assert "aiohttp" not in few
    assert "'aiohttp': '3.1'" in everything

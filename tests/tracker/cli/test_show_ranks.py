"""steplog show of a run that several ranks write."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def write(folder: Path, ranks: int, monkeypatch: pytest.MonkeyPatch, *, slow: int = -1, died: int = -1) -> None:
    """A finished run "job" that each rank wrote in turn, as a launcher tells them; one slow, one that never ends."""
    monkeypatch.setenv("STEPLOG_RUN_ID", "job")
    for rank in range(ranks):
        monkeypatch.setenv("RANK", str(rank))
        tracker = ExperimentTracker(folder, "e", auto_log=False)
        tracker.start_run("job")
        for step in range(20):
            compute = 2.0 if rank == slow else 1.0
            tracker.log_metrics({"loss": 1.0 / (step + 1), "compute_s": compute}, step=step)
        if rank == died:
            tracker.flush()
            tracker._pipeline.close(10)  # as a killed process leaves it: no end record
        else:
            tracker.close()


def test_show_prints_a_line_a_rank(steplog: Steplog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its status, where it is, and how it does."""
    write(tmp_path, 4, monkeypatch, died=3)
    said = steplog("show", "job", "--store", tmp_path, "--step-time", "compute_s")  # others vary with the machine
    lines = said.out[said.out.index("ranks  progress by") :].splitlines()

    assert said.code == 0
    assert [line.split()[0] for line in lines[2:6]] == ["0", "1", "2", "3"]
    assert {"finished", "ok"} <= set(lines[2].split())
    assert "interrupted" in lines[5]
    assert "dead: its process died without an end" in lines[5]


def test_the_table_of_ranks_as_json(steplog: Steplog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with every number, and the stragglers by themselves."""
    write(tmp_path, 4, monkeypatch, slow=2)
    run = json.loads(steplog("show", "job", "--store", tmp_path, "--json", "--step-time", "compute_s").out)

    assert run["ranks"] == 4
    assert run["by_rank"]["stragglers"] == [2]
    assert [one["step_time"] for one in run["by_rank"]["ranks"]] == [1.0, 1.0, 2.0, 1.0]
    assert run["by_rank"]["ranks"][0]["last_step"] == 19


def test_one_rank_is_shown_as_ever(steplog: Steplog, store: Path) -> None:
    """No table of ranks, in neither form."""
    assert "ranks" not in steplog("show", "good", "--store", store).out
    assert "by_rank" not in json.loads(steplog("show", "good", "--store", store, "--json").out)


def test_of_many_ranks_the_odd_ones_are_shown(
    steplog: Steplog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen lines, the dead one among them though it is the last; --all shows all."""
    write(tmp_path, 18, monkeypatch, died=17)
    said = steplog("show", "job", "--store", tmp_path).out
    everything = steplog("show", "job", "--store", tmp_path, "--all").out

    assert "… and 2 more ranks, none of them odd" in said
    assert sum(" dead: " in line for line in said.splitlines()) == 1
    assert "more ranks" not in everything


def test_a_metric_that_no_rank_logged_is_refused(
    steplog: Steplog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the names that there are."""
    write(tmp_path, 2, monkeypatch)
    said = steplog("show", "job", "--store", tmp_path, "--step-time", "compute")

    assert said.code == 2
    assert "compute_s" in said.err

"""A store of many small parts with a run in progress, and a Dask cluster of two workers that see it."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.settings import PipelineSettings
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.cluster.daskprocesses import DaskProcesses

QUIET = PipelineSettings(seal_interval_s=3600.0, end_seal_delay_s=3600.0, compact_files=0)
WRITERS, RUNS_EACH, STEPS = 6, 4, 30


def fill(tracker: ExperimentTracker, rng: random.Random, runs: int) -> None:
    """Log runs with params and metrics; NaN and infinities among them."""
    for number in range(runs):
        lr, seed = rng.choice([0.1, 0.01, 0.001]), number % 2
        tracker.start_run(f"run {number}", params={"lr": lr, "seed": seed, "net": {"depth": rng.randrange(2, 6)}})
        tracker.set_tags({"team": rng.choice("ab")})
        for step in range(STEPS):
            loss = rng.gauss(lr, 0.01) + 1 / (1 + step)
            odd = rng.choice([math.nan, math.inf]) if rng.random() < 0.02 else loss
            tracker.log_metrics({"loss": loss, "odd": odd, "accuracy": 1 - loss / 2}, step=step)
        tracker.end_run()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of two experiments, six writers, a run of two writers, and one that goes on."""
    folder = tmp_path_factory.mktemp("cluster") / "store"
    rng = random.Random(7)
    for writer in range(WRITERS):
        with ExperimentTracker(folder, f"e/{writer % 2}", auto_log=False, pipeline=QUIET) as tracker:
            shared = tracker.start_run("shared", run_id="shared")
            tracker.log_metrics({"loss": float(writer)}, step=writer)
            tracker.end_run()
            fill(tracker, rng, RUNS_EACH)
        assert shared == "shared"
    with ExperimentTracker(folder, "e/1", auto_log=False, pipeline=QUIET) as tracker:
        tracker.start_run("going on")
        tracker.log_metrics({"loss": 0.5, "accuracy": 0.75}, step=1)
        tracker.flush()
        yield folder


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[DaskProcesses]":
    """Two workers, which are started anew when they die."""
    pytest.importorskip("distributed")
    from tests.cluster.daskprocesses import DaskProcesses

    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    try:
        processes.add_worker(nanny=True)
        processes.add_worker(nanny=True)
        yield processes
    finally:
        processes.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a chunk, and none is too small to be sent for."""
    monkeypatch.setattr("readers.scan._CHUNK_BYTES", 1)
    monkeypatch.setattr("readers.scan._SMALL_BYTES", 0)
    monkeypatch.setattr("readers.cluster.fanout.LEAST_BYTES", 0)

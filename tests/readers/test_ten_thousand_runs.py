"""Ten thousand runs: all of them are answered. How fast is measured by benchmarks/queries.py, on a quiet machine."""

import json
import random
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest.compact import compact
from ingest.events import MetricsLogged, ParamsLogged, RunEnded, RunStarted, encode
from ingest.layout import Layout, new_run_id
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

KEYS = ("train/loss", "val/loss", "val/accuracy", "lr", "epoch_time")


def sweep(layout: Layout, runs: int, steps: int, experiments: int) -> None:
    """Runs with ten params and five metrics each, through the pipeline."""
    pipeline = Pipeline(layout, PipelineSettings(sync_interval_s=None))
    rng = random.Random(0)
    for number in range(runs):
        time_ns = 1_700_000_000_000_000_000 + number * 60_000_000_000
        run_id, experiment = new_run_id(time_ns), f"sweep/{number % experiments}"
        params = {f"p{n}": repr(rng.random()) for n in range(7)}
        params |= {"optimizer": json.dumps(rng.choice(["adam", "sgd"])), "amp": "true", "seed": str(number % 10)}
        pipeline.append(RunStarted(run_id, experiment, time_ns, f"run {number}"))
        pipeline.append(ParamsLogged(run_id, experiment, time_ns, params))
        for step in range(steps):
            values = struct.pack("<5d", *(rng.random() for _ in KEYS))
            event = MetricsLogged(run_id, experiment, time_ns + step * 10**9, step, KEYS, values)
            pipeline.queue().put(encode(event), fact=False)
        pipeline.append(RunEnded(run_id, experiment, time_ns + steps * 10**9, "FINISHED"))
    pipeline.close(60)


def table_of_runs(store: Store) -> pl.DataFrame:
    """All runs with their params and the last, min and max of each metric."""
    params = store.params().collect().pivot("key", index="run_id", values="value")
    metrics = store.summaries().collect().pivot("key", index="run_id", values=["last", "min", "max"])
    return store.runs().collect().join(params, on="run_id", how="left").join(metrics, on="run_id", how="left")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("experiments", [1, 20])
def test_ten_thousand_runs_are_answered_whole(experiments: int, compacted: bool, tmp_path: Path) -> None:
    """10,000 runs x (10 params, 5 metrics x 100 steps): all runs with their values, and one metric's history."""
    layout = Layout(tmp_path / "store")
    layout.create()
    sweep(layout, 10_000, 100, experiments)
    if compacted:
        compact(layout)
    store = Store(layout.root)

    table = table_of_runs(store)
    history = store.metrics(keys=["val/loss"]).collect()

    assert (table.height, table.width, history.height) == (10_000, 12 + 10 + 15, 1_000_000)
    missing = table.select(pl.exclude("parent_run_id", "group")).null_count().sum_horizontal().item()
    assert (missing, history["run_id"].n_unique()) == (0, 10_000)


@pytest.mark.slow
def test_a_large_table_is_streamed(recorder: "Recorder", store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunk after chunk is read: what a query holds at a time doesn't grow with the table."""
    monkeypatch.setattr("readers.scan._CHUNK_BYTES", 1)
    for number in range(30):
        recorder.start(f"r{number}")
        for step in range(50):
            recorder.log(f"r{number}", {"loss": 1.0}, step)
        recorder.seal()

    heights = [frame.height for frame in store._tables.frames("metrics")]

    assert (max(heights), sum(heights)) == (50, 1500)

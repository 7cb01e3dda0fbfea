"""Ten thousand runs feel like one: the promised answers in the promised time."""

import json
import random
import struct
import sys
import time
from collections.abc import Callable
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
WARM_S, COLD_S, HISTORY_S = 0.15, 1.0, 0.5
TRIES = 7


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


def best_of(tries: int, question: Callable[[], object]) -> float:
    """The shortest of several times: what the answer costs, not what else the machine does."""
    times = []
    for _ in range(tries):
        began = time.perf_counter()
        question()
        times.append(time.perf_counter() - began)
    return min(times)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("experiments", [1, 20])
def test_ten_thousand_runs_answer_in_time(experiments: int, compacted: bool, tmp_path: Path) -> None:
    """10,000 runs x (10 params, 5 metrics x 100 steps): all runs, cold and warm, and one metric's history."""
    layout = Layout(tmp_path / "store")
    layout.create()
    sweep(layout, 10_000, 100, experiments)
    if compacted:
        compact(layout)
    store = Store(layout.root)

    began = time.perf_counter()
    table = table_of_runs(store)
    cold_s = time.perf_counter() - began
    warm_s = best_of(TRIES, lambda: table_of_runs(store))
    history = store.metrics(keys=["val/loss"]).select("run_id", "step", "value")
    history_s = best_of(TRIES, history.collect)

    sys.stdout.write(f"cold {cold_s:.3f} s, warm {warm_s:.3f} s, history {history_s:.3f} s\n")  # pytest -rP shows it
    assert (table.height, table.width, history.collect().height) == (10_000, 12 + 10 + 15, 1_000_000)
    assert (cold_s < COLD_S, warm_s < WARM_S, history_s < HISTORY_S) == (True, True, True), (cold_s, warm_s, history_s)


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

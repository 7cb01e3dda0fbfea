"""What a checkpoint costs its training loop, and what `stream_metrics` costs on top of `log_metrics`.

A state of a hundred arrays is saved and loaded again, small and large, by us and by what people write by hand: pickle
and numpy's savez, and pickle made as safe as ours (aside, synced, renamed, its SHA-256 checked when it is loaded);
torch.save where torch is installed. Rounds alternate; each figure is the median.
"""

import argparse
import hashlib
import json
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conditions import conditions, headline
from benchmarks.table import number, table
from tracker import ExperimentTracker, RealTimeTracker

State = dict[str, Any]
ARRAYS = 100
CALLS = 200_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[0.1, 200.0], help="sizes of the state")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each way")
    chosen = parser.parse_args()
    print(headline(conditions()) + "\n")
    figures: dict[str, Any] = {}
    for megabytes in chosen.megabytes:
        figures[f"{megabytes:g} MB"] = rows = compared(megabytes, chosen.rounds)
        head = (f"{megabytes:g} MB in {ARRAYS} arrays, ms", "save", "load")
        print(table(head, [[name, *map(number, times)] for name, times in rows.items()]) + "\n")
    figures["us a call of 3 scalars"] = calls = {"log_metrics": 0.0, "stream_metrics": 0.0, "get_best_metric": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        calls |= streamed(Path(folder))
    print(table(("us a call", "mean"), [[name, number(value)] for name, value in calls.items()]) + "\n")
    print(json.dumps(figures))


def compared(megabytes: float, rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds to save and to load, of each way."""
    rng = np.random.default_rng(0)
    state = {f"layer.{n}": rng.random(int(megabytes * 1e6 / 8 / ARRAYS)) for n in range(ARRAYS)} | {"epoch": 3}
    taken: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, ExperimentTracker(folder, "e", auto_log=False) as tracker:
        tracker.start_run()
        for _ in range(rounds):
            for name, (save, load) in ways(tracker, Path(folder)).items():
                began = time.perf_counter()
                save(state)
                saved = time.perf_counter()
                assert load()["epoch"] == 3
                taken.setdefault(name, []).append((saved - began, time.perf_counter() - saved))
    return {
        name: (1e3 * statistics.median(s for s, _ in times), 1e3 * statistics.median(t for _, t in times))
        for name, times in taken.items()
    }


def ways(tracker: ExperimentTracker, folder: Path) -> dict[str, tuple[Callable[[State], object], Callable[[], Any]]]:
    """How to save a state, and how to load it."""
    file = folder / "by-hand"

    def plainly(state: State) -> None:
        with file.open("wb") as opened:
            pickle.dump(state, opened, pickle.HIGHEST_PROTOCOL)

    def safely(state: State) -> None:
        plainly(state)
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            file.with_suffix(".sha256").write_text(hashlib.file_digest(opened, "sha256").hexdigest())
        file.rename(file.with_suffix(".pkl"))

    def load_safely() -> Any:
        with file.with_suffix(".pkl").open("rb") as opened:
            assert hashlib.file_digest(opened, "sha256").hexdigest() == file.with_suffix(".sha256").read_text()
            opened.seek(0)
            return pickle.load(opened)  # noqa: S301 - written a moment ago

    found: dict[str, tuple[Callable[[State], object], Callable[[], Any]]] = {
        "steplog": (lambda state: tracker.save_checkpoint(state, metrics={}, keep_last=1), tracker.load_checkpoint),
        "pickle": (plainly, lambda: pickle.loads(file.read_bytes())),  # noqa: S301 - as above
        "pickle, synced and checked": (safely, load_safely),
        "np.savez": (lambda state: np.savez(file, **state), lambda: dict(np.load(f"{file}.npz"))),
    }
    try:
        import torch
    except ImportError:
        return found

    def save_torch(state: State) -> None:
        torch.save({name: torch.as_tensor(value) for name, value in state.items()}, file)

    return {**found, "torch.save": (save_torch, lambda: torch.load(file, weights_only=True))}


def streamed(folder: Path) -> dict[str, float]:
    """Mean microseconds of a call, background work left out."""
    with ExperimentTracker(folder, "e", auto_log=False) as tracker:
        realtime = RealTimeTracker(tracker)
        realtime.start_run()
        calls: dict[str, Callable[[int], object]] = {
            "log_metrics": lambda n: tracker.log_metrics({"iteration": n, "loss": 1 / (n + 1), "acc": 0.5}, step=n),
            "stream_metrics": lambda n: realtime.stream_metrics({"iteration": n, "loss": 1 / (n + 1), "acc": 0.5}),
            "get_best_metric": lambda _: realtime.get_best_metric("acc"),
        }
        taken = {}
        for name, call in calls.items():
            began = time.perf_counter()
            for n in range(CALLS):
                call(n)
            taken[name] = 1e6 * (time.perf_counter() - began) / CALLS
    return taken


if __name__ == "__main__":
    main()

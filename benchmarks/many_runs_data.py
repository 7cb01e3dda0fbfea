"""A hundred thousand runs of 10 metrics over 1,000 steps: 10⁹ points, and what the answers to questions come to.

Run number n is the same whatever the number of runs. Its params are those of `query_data`; its metrics are what a
training logs: losses and times with the noise of a float32, an accuracy that counts examples, an epoch, a learning
rate that falls in steps, memory that hardly changes. Of 500 runs one diverges (its losses are NaN from step 900 on),
of 100 one fails, of 1,000 one is killed and has no end. A process logs one run; a sweep of a hundred goes to one
experiment, the next to the next. The one that ends best by `ASKED` is unique.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks import query_data

STEPS = 1000
METRICS = (
    "epoch",
    "gpu_memory_gb",
    "grad_norm",
    "lr",
    "samples_per_s",
    "step_time_s",
    "train/accuracy",
    "train/loss",
    "val/accuracy",
    "val/loss",
)
"""Sorted, as the rows of a sealed part are."""
ASKED = "val/accuracy"
"""The metric that is asked for; more is better."""
EXPERIMENTS = ("audio/asr", "nlp/bert", "nlp/mt", "rl", "tabular", "vision/resnet50", "vision/seg", "vision/vit-b16")
SWEEP = 100
"""Consecutive runs that belong to one experiment."""
_STARTED_US = 1_767_225_600_000_000  # 2026-01-01
_APART_US = 60_000_000
_HOSTS = 1000
_PARAMS_AT_ONCE = 1000

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Sweep(NamedTuple):
    """A hundred runs of one experiment."""

    first: int
    """The number of the first one."""
    experiment: str
    params: list[dict[str, Any]]
    names: list[str]
    run_ids: list[str]
    writers: list[str]
    time_us: Ints
    """When each step was logged, shape (runs, steps); a run starts a second before its first."""
    values: Floats
    """Shape (runs, metrics, steps)."""

    def alone(self, place: int) -> "Sweep":
        """One of the runs by itself."""
        one = slice(place, place + 1)
        columns = {name: column[one] for name, column in self._asdict().items() if name not in ("first", "experiment")}
        return self._replace(first=self.first + place, **columns)


def sweeps(first: int, count: int) -> Iterator[Sweep]:
    """The runs from number `first` on, a whole number of sweeps."""
    for start in range(first - first % _PARAMS_AT_ONCE, first + count, _PARAMS_AT_ONCE):
        known = query_data.block(start)
        for place in range(0, _PARAMS_AT_ONCE, SWEEP):
            if first <= start + place < first + count:
                yield _sweep(start + place, known[place : place + SWEEP])


def experiment_of(number: int) -> str:
    """The experiment of a run."""
    return EXPERIMENTS[number // SWEEP % len(EXPERIMENTS)]


def run_id_of(number: int) -> str:
    """The id of a run; sorts by number."""
    chance = hashlib.sha256(f"run {number}".encode()).hexdigest()[:10]
    return f"{(_STARTED_US + number * _APART_US) // 1000:012x}{chance}"


def status_of(number: int) -> str | None:
    """What a run ended with; None for one that was killed before its end."""
    if number % 1000 == 999:
        return None
    return "FAILED" if number % 100 == 13 else "FINISHED"


def spread(count: int, wanted: int) -> list[int]:
    """The numbers of so many runs, spread evenly over all: every file has some of them."""
    return [int(place) for place in np.linspace(0, count - 1, min(wanted, count))]


def latest(count: int, wanted: int) -> list[int]:
    """The numbers of the runs that were started last."""
    return list(range(max(0, count - wanted), count))


def _sweep(first: int, known: list[query_data.Run]) -> Sweep:
    chance = np.random.default_rng([11, first])
    numbers = range(first, first + SWEEP)
    steps = np.arange(STEPS)
    quality = np.array([run.values[query_data.METRICS.index(query_data.ASKED), -1] for run in known], np.float64)
    progress = (1 - np.exp(-steps / 150)).astype(np.float32)
    noise = chance.standard_normal((6, SWEEP, STEPS), np.float32)
    reached = quality[:, None].astype(np.float32) * progress
    accuracy = reached + np.float32(0.005) * noise[0]
    took = np.float32(0.1) + np.float32(0.0005) * np.abs(noise[1])
    values = {
        "epoch": np.broadcast_to(steps // 10, (SWEEP, STEPS)),
        "gpu_memory_gb": np.round(np.broadcast_to(chance.uniform(8, 70, (SWEEP, 1)), (SWEEP, STEPS)), 2),
        "grad_norm": np.exp(np.float32(0.3) * noise[2]),
        "lr": np.array([run.params["lr"] for run in known])[:, None] * 0.3 ** (steps // 250),
        "samples_per_s": np.float32(256) / took,
        "step_time_s": took,
        "train/accuracy": np.clip(np.round((reached + np.float32(0.02) * noise[3]) * 256), 0, 256) / 256,
        "train/loss": np.float32(2.3) * (1 - reached) + np.float32(0.05) * noise[4],
        "val/accuracy": accuracy,
        "val/loss": np.float32(2.4) * (1 - reached) + np.float32(0.01) * noise[5],
    }
    stacked = np.stack([values[name] for name in METRICS], axis=1).astype(np.float64)
    for place in (number - first for number in numbers if number % 500 == 250):
        for name in ("train/loss", "val/loss"):
            stacked[place, METRICS.index(name), 900:] = np.nan
    started = _STARTED_US + np.array(numbers)[:, None] * _APART_US
    return Sweep(
        first,
        experiment_of(first),
        [run.params for run in known],
        [run.name for run in known],
        [run_id_of(number) for number in numbers],
        [f"node{number % _HOSTS:04}-{4000 + number % 977}-0-{run_id_of(number)[:17]}" for number in numbers],
        started + 1_000_000 + np.cumsum((took * 1e6).astype(np.int64), axis=1),
        stacked,
    )

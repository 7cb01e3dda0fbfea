"""The runs that every tool of `queries` is filled with, and what the right answers are.

Run number n is the same whatever the number of runs: 10 params as a search draws them, and 5 metrics over 100 steps as
a training gives them. Values are float32, as a network's are, so that a tool which keeps single precision keeps them
all; the one that ends best is unique. What the accuracy comes to depends on four of the params: most on the learning
rate, then depth, dropout and the optimizer.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

STEPS = 100
METRICS = ("train/loss", "val/loss", "val/accuracy", "grad_norm", "epoch_time")
ASKED = "val/accuracy"
"""The metric that is asked for; more is better."""
COMPARED = 100
_BLOCK = 1000
_OPTIMIZERS = ("adam", "adamw", "sgd", "lion")
_ACTIVATIONS = ("relu", "gelu", "silu")

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Run(NamedTuple):
    """One run to be logged."""

    name: str
    params: dict[str, Any]
    values: Floats
    """Shape (metrics, steps), as METRICS and the steps from 0 on."""

    def series(self) -> dict[str, list[float]]:
        """Metric to its values."""
        return dict(zip(METRICS, self.values.tolist(), strict=True))

    def calls(self) -> Iterator[tuple[int, dict[str, float]]]:
        """(step, metrics) for each step, as a training logs them."""
        for step, values in enumerate(self.values.T.tolist()):
            yield step, dict(zip(METRICS, values, strict=True))


def runs(count: int) -> Iterator[Run]:
    """The first `count` runs."""
    for start in range(0, count, _BLOCK):
        yield from block(start)[: count - start]


def fingerprint() -> str:
    """What changes when the runs do."""
    digest = hashlib.sha256()
    for run in runs(_BLOCK + 1):
        digest.update(f"{run.name}{run.params}".encode() + run.values.tobytes())
    return digest.hexdigest()


def expected(count: int) -> dict[str, dict[str, Any]]:
    """What the questions' answers come to, by question; runs are meant by their number, from 0 on."""
    lr, last = np.empty(count), np.empty((count, len(METRICS)))
    points = 0.0
    for number, run in enumerate(runs(count)):
        lr[number], last[number] = run.params["lr"], run.values[:, -1]
        points += float(run.values[METRICS.index(ASKED)].sum(dtype=np.float64))
    best = int(last[:, METRICS.index(ASKED)].argmax())
    some = compared(count)
    return {
        "table": {"runs": count, "params": 10 * count, "lr": lr.sum(), "metrics": last.sum()},
        "history": {"points": STEPS * count, "steps": count * STEPS * (STEPS - 1) // 2, "values": points},
        "best": {"run": best, "value": last[best, METRICS.index(ASKED)]},
        "compare": {"runs": len(some), "params": 10 * len(some), "lr": lr[some].sum(), "metrics": last[some].sum()},
        "importance": {"params": 10, "first": "lr"},
    }


def compared(count: int) -> list[int]:
    """The numbers of the runs that are compared, spread over all."""
    places = np.linspace(0, count - 1, min(COMPARED, count))
    return [int(place) for place in places]


def block(start: int) -> list[Run]:
    """The thousand runs from `start` on, a multiple of a thousand."""
    chance = np.random.default_rng([7, start])
    params = _params(chance)
    quality = np.array([_quality(found) for found in params])[:, None] + chance.normal(0, 0.02, (_BLOCK, 1))
    progress = 1 - np.exp(-np.arange(STEPS) / 15)
    accuracy = quality * progress + chance.normal(0, 0.005, (_BLOCK, STEPS))
    loss = 2.3 * (1 - accuracy) + chance.normal(0, 0.01, (2, _BLOCK, STEPS))
    norm, took = chance.lognormal(0, 0.3, (_BLOCK, STEPS)), chance.gamma(50, 0.02, (_BLOCK, STEPS))
    values = np.stack([loss[0], loss[1], accuracy, norm, took], axis=1).astype(np.float32)
    return [Run(f"run-{start + place:06}", params[place], values[place]) for place in range(_BLOCK)]


def _params(chance: np.random.Generator) -> list[dict[str, Any]]:
    columns = {
        "lr": 10 ** chance.uniform(-5, -1, _BLOCK),
        "weight_decay": 10 ** chance.uniform(-6, -2, _BLOCK),
        "momentum": chance.uniform(0.8, 0.99, _BLOCK),
        "dropout": chance.uniform(0, 0.6, _BLOCK),
        "layers": chance.integers(2, 13, _BLOCK),
        "batch_size": 2 ** chance.integers(4, 10, _BLOCK),
        "seed": chance.integers(0, 10, _BLOCK),
        "amp": chance.random(_BLOCK) < 0.5,
        "optimizer": chance.choice(_OPTIMIZERS, _BLOCK),
        "activation": chance.choice(_ACTIVATIONS, _BLOCK),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]


def _quality(params: dict[str, Any]) -> float:
    """The accuracy that a run tends to."""
    off = np.log10(params["lr"]) + 3
    return float(
        0.9
        - 0.08 * off * off
        - 0.004 * abs(params["layers"] - 8)
        - 0.1 * (params["dropout"] - 0.2) ** 2
        - 0.02 * (params["optimizer"] == "sgd")
    )

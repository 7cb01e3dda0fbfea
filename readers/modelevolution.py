"""How a model got better: one metric over its versions, and the best so far."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ingest.errors import MetricNotFound
from readers.best import Direction, better
from readers.modelinfo import ModelEntry
from readers.models import STAGE, Models

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


class ModelEvolution(NamedTuple):
    """A metric over the versions of a model, the first one first."""

    name: str
    metric: str
    direction: Direction
    versions: list[int]
    times: list[datetime]
    values: Floats
    """Shape (n_versions,): the run's last value when the version was saved; NaN where there was none."""
    best_so_far: Floats
    """Shape (n_versions,); NaN before the first value."""
    aliases: list[list[str]]
    """What each version is called; a stage that isn't an alias too, in brackets."""

    @property
    def best(self) -> int | None:
        """The version with the best value, of equal ones the first; None where none has one."""
        there = np.flatnonzero(np.isfinite(self.values))
        if not len(there):
            return None
        sign = -1 if self.direction == "maximize" else 1
        return self.versions[int(there[np.argmin(sign * self.values[there])])]


def model_evolution(models: Models, name: str, metric: str, direction: Direction) -> ModelEvolution:
    """Follow a metric over the versions of a model.

    Raises: ModelNotFound. MetricNotFound: no version has it; it says what there is.
    """
    entries = list(models.entries(name))
    known = {key: None for entry in entries for key in entry["metrics"]}
    if metric not in known:
        raise MetricNotFound.among("metric", metric, known, f"of the versions of model {name!r}")
    values = [entry["metrics"].get(metric, math.nan) for entry in entries]
    return ModelEvolution(
        name,
        metric,
        direction,
        [entry["version"] for entry in entries],
        [entry["time"] for entry in entries],
        np.array(values, dtype=np.float64),
        _best_so_far(values, direction),
        [_called(entry) for entry in entries],
    )


def _best_so_far(values: Sequence[float], direction: Direction) -> Floats:
    found, best = [], math.nan
    for value in values:
        if math.isfinite(value) and (math.isnan(best) or better(value, best, direction)):
            best = value
        found.append(best)
    return np.array(found, dtype=np.float64)


def _called(entry: ModelEntry) -> list[str]:
    stage = entry["tags"].get(STAGE)
    return [*entry["aliases"], *([f"[{stage}]"] if stage and stage not in entry["aliases"] else [])]

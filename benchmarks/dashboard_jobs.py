"""What `dashboard` does in a tool's environment: log the long runs that are charted."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from benchmarks.dashboards_of.contract import Served

KEY = "train/loss"
SPIKE = 1000.0
"""The value of one point of each run, far above all others."""


class LongRun(NamedTuple):
    """One run of one metric."""

    number: int
    points: int
    key: str = KEY

    @property
    def name(self) -> str:
        """What it is called."""
        return f"long-{self.number:04}"

    @property
    def spike(self) -> int:
        """The step of its spike."""
        return (7919 * self.number + 4321) % self.points

    def values(self) -> list[float]:
        """Its values: falling, with noise and the spike; the same whatever logs them."""
        wave = (math.sin(0.7 * step * (self.number + 1)) for step in range(self.points))
        values = [math.exp(-5 * step / self.points) + 0.05 * noise for step, noise in enumerate(wave)]
        values[self.spike] = SPIKE
        return values


def lengthening(tool: "Served", job: dict[str, Any]) -> dict[str, Any]:
    """Log `runs` long runs of `points` points to the folder `store`."""
    folder = Path(job["store"])
    folder.mkdir(parents=True)
    started = time.monotonic()
    ids = tool.log_long(folder, [LongRun(number, job["points"]) for number in range(job["runs"])])
    return {"run_ids": ids, "took_s": time.monotonic() - started}

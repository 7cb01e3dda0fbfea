"""What a source of runs gives: each run with what identifies it, and its parts when they are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Series(NamedTuple):
    """Points of one metric, in the source's order; arrays of shape (n,). A metric may come in several pieces."""

    key: str
    value: Floats
    step: Ints | Floats | None = None
    time_ns: Ints | None = None
    """None where the source tells no times: then the run's last time stands for each."""


class FoundArtifact(NamedTuple):
    """A file of a run."""

    path: str
    version: str
    """Changes when the content does."""
    open: Callable[[], BinaryIO]


@dataclass(kw_only=True)
class FoundRun:
    """A run as the source has it. What costs much to read is a function."""

    identity: str
    """The same whenever and from wherever the run is imported, and no other run's: "mlflow:<run id>"."""
    source: str
    """Where it is, for people: the tag `imported_from`."""
    version: str
    """Changes when anything of the run does; then it is read again."""
    experiment: str
    name: str
    status: str = "FINISHED"
    """RUNNING, FINISHED, FAILED, KILLED or INTERRUPTED."""
    start_ns: int | None = None
    end_ns: int | None = None
    """None: the time of its last point stands for it."""
    run_id: str | None = None
    """The id it shall have here; None makes one of its start and its identity."""
    parent_run_id: str | None = None
    group: str | None = None
    host: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, object] = field(default_factory=dict)
    series: Callable[[], Iterator[Series]] = lambda: iter(())
    artifacts: Callable[[], Iterator[FoundArtifact]] = lambda: iter(())


class RunSource(Protocol):
    """Somewhere with runs in it."""

    problems: list[str]
    """What could not be read and is left out, so far: file, line or offset, why, what to do."""
    notes: list[str]
    """What is left out on purpose."""

    def count(self) -> int | None:
        """How many runs there are, where that is known beforehand."""

    def runs(self) -> Iterator[FoundRun]:
        """The runs; parents before children where there are parents."""


def give_span(run: FoundRun, found: Sequence[Series]) -> None:
    """Let a run that nobody says the start or end of begin with its first point, and end with its last."""
    timed = [series.time_ns for series in found if series.time_ns is not None and len(series.time_ns)]
    if timed and run.start_ns is None:
        run.start_ns = min(int(times.min()) for times in timed)
    if timed and run.end_ns is None:
        run.end_ns = max(int(times.max()) for times in timed)


def pieces(
    key: str, steps: "list[int | float | None]", values: Floats, time_ns: Ints | None = None
) -> Iterator[Series]:
    """Points whose steps may be of different kinds, as series of one kind each, in their order."""
    start = 0
    while start < len(steps):
        kind = type(steps[start])
        stop = start + 1
        while stop < len(steps) and type(steps[stop]) is kind:
            stop += 1
        step: Ints | Floats | None = None
        if kind is int:
            step = np.array(steps[start:stop], np.int64)
        elif kind is float:
            step = np.array(steps[start:stop], np.float64)
        yield Series(key, values[start:stop], step, None if time_ns is None else time_ns[start:stop])
        start = stop

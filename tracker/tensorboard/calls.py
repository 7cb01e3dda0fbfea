"""What the calls of SummaryWriter share: the run, and the names of what is kept beside numbers."""

from operator import index
from os.path import lexists
from typing import Any

from tracker.media.names import MediaNames
from tracker.tensorboard.writtenrun import WrittenRun


class Calls:
    """A writer as its parts see it."""

    def __init__(self, run: WrittenRun) -> None:
        self._run = run
        self._names = MediaNames(lambda name: lexists(run.tracker.layout.run_artifacts(run.id) / name))

    def _begin(self) -> WrittenRun:
        """Give the run, begun."""
        return self._run.begin()

    def _name(self, tag: str, step: Any, suffix: str) -> str:
        """Name the next file of a tag."""
        return self._names.next(str(tag), step_of(step), suffix)

    def _keep(self, data: object, tag: str, step: Any, suffix: str) -> None:
        """Keep what a call gave as a file under its tag."""
        run = self._run
        run.tracker.log_artifact_data(data, self._name(tag, step, suffix), run_id=run.id)


def step_of(step: Any) -> float | None:
    """A step; texts and tensors as the ints that PyTorch's writer makes of them.

    Raises: TypeError, ValueError: it is no number.
    """
    if step is None or type(step) is int:
        return step
    try:
        return index(step)
    except TypeError:  # no whole number, by its type
        number = float(step)
    return int(number) if number.is_integer() else number


def time_ns_of(walltime: Any) -> int | None:
    """Seconds as nanoseconds, exact to the microsecond, which is all that a double of seconds tells."""
    return None if walltime is None else round(float(walltime) * 1e6) * 1000

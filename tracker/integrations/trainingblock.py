"""TrainingBlock: a callback that can be written with `with`, to know at once how its training was left."""

from types import TracebackType
from typing import Self

from tracker.integrations.trainingrun import TrainingRun
from tracker.run import status_after


class TrainingBlock:
    """A callback as a context: when the block is left, its run ends as the block did."""

    _run: TrainingRun

    @property
    def run_id(self) -> str | None:
        """The id of the run of this training, or of the last one; None before the first."""
        return self._run.last_run_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._run.settle()
        else:
            self._run.end(status_after(error))

"""Progress: a line on the terminal while a search runs: trials, time, the best score so far."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from readers.best import Direction, better
from tracker.training.budget import Budget
from tracker.training.candidate import Tried


class Progress:
    """The bar of one search; it goes when it is closed.

    Args:
        shown: None: on a terminal only.
        console: where; default: standard error.
    """

    def __init__(
        self,
        metric: str,
        direction: Direction,
        budget: Budget,
        *,
        shown: bool | None = None,
        console: Console | None = None,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._metric, self._direction, self._budget = metric, direction, budget
        self._best: tuple[float, str] | None = None
        self._bar: RichProgress | None = None
        if self._console.is_terminal if shown is None else shown:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = RichProgress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("first trial", total=1.0)
            self._bar.start()

    def note(self, tried: Tried) -> None:
        """Take in a trial that has ended."""
        score = tried.score if tried.state == "complete" else None
        if score is not None and (self._best is None or better(score, self._best[0], self._direction)):
            self._best = score, tried.algorithm
        best = "" if self._best is None else f"; best {self._metric} {self._best[0]:.4f} ({self._best[1]})"
        self.say(f"{tried.number} trials{best}", self._budget.share())

    def say(self, text: str, share: float | None = None) -> None:
        """Show what is being done."""
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=share)

    def close(self) -> None:
        """Take the bar off the terminal; twice is once."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

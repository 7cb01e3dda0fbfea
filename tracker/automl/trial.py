"""Trial: one configuration that a search tries, as a child run of the search's run.

Its score is the metric itself, logged without a step; what led to it are "fold/<metric>" at the number of the fold, and
"intermediate/<metric>" at the step that it was reported at (a rung, an epoch). Tags tell what became of it:
"trial.state" is running, complete, pruned or failed, and a failed one has the error's type and its text.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from tracker.childrun import ChildRun
from tracker.metrics import metric_items, metric_step, metric_value
from tracker.run import Status

if TYPE_CHECKING:
    from tracker.automl.search import Search

State = Literal["running", "complete", "pruned", "failed"]
ENDED: tuple[State, ...] = ("complete", "pruned", "failed")
_STATUS: dict[State, Status] = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
_LONGEST_ERROR = 500


class Outcome(NamedTuple):
    """What became of a trial."""

    algorithm: str
    state: State
    score: float | None
    std: float | None
    fit_time_s: float | None


class Trial:
    """One configuration that is tried; made by Search.start_trial.

    Any thread may end it; what comes after its end is refused (RuntimeError). As a context manager it fails when the
    block raises, which goes on its way, and when the block ends without saying how the trial ended.
    """

    def __init__(
        self, search: "Search", number: int, algorithm: str, child: ChildRun | None, tell: Callable[[Outcome], object]
    ) -> None:
        self.number = number
        """From 1, in the order in which the search's trials began."""
        self.algorithm = algorithm
        self.run_id = search.run_id if child is None else child.id
        """Its own run; the search's where trials aren't tracked."""
        self.state: State = "running"
        self._metric = search.metric
        self._child = child
        self._tell = tell

    def report(self, value: float, step: int) -> None:
        """Log a value of the metric on the way to the score: after a rung, a fold, an epoch."""
        self._check_open()
        at, _ = metric_step(step)
        name = f"intermediate/{self._metric}"
        self._log({name: metric_value(name, value)}, None if at is None else int(at))

    def complete(
        self,
        score: float,
        *,
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        fit_time_s: float | None = None,
        predict_time_s: float | None = None,
        metrics: Mapping[str, float] | None = None,
        end_time: datetime | None = None,
    ) -> None:
        """End it with its score.

        Args:
            score: the metric that the search is after, in its own unit; over folds, their mean.
            std: standard deviation over the folds.
            fold_scores: the score on each fold, in the same order for all trials of a search: they are compared in
                pairs.
            fit_time_s, predict_time_s: seconds, over all folds.
            metrics: others, by name.
            end_time: when it ended; None: now. A naive datetime is local time.
        """
        self._end(
            "complete",
            score,
            std=std,
            fold_scores=fold_scores,
            fit_time_s=fit_time_s,
            predict_time_s=predict_time_s,
            metrics=metrics,
            end_time=end_time,
        )

    def prune(
        self,
        score: float | None = None,
        *,
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        fit_time_s: float | None = None,
        predict_time_s: float | None = None,
        metrics: Mapping[str, float] | None = None,
        end_time: datetime | None = None,
    ) -> None:
        """End it early, as it isn't worth going on; arguments as of `complete`."""
        self._end(
            "pruned",
            score,
            std=std,
            fold_scores=fold_scores,
            fit_time_s=fit_time_s,
            predict_time_s=predict_time_s,
            metrics=metrics,
            end_time=end_time,
        )

    def fail(
        self, error: BaseException | str, *, error_type: str | None = None, end_time: datetime | None = None
    ) -> None:
        """End it as one that could not be tried to the end; the search goes on.

        Args:
            error: what happened.
            error_type: default: the class of the error; of a text "Error".
        """
        kind = error_type or (type(error).__name__ if isinstance(error, BaseException) else "Error")
        tags = {"trial.error_type": kind, "trial.error": _shown(error)[:_LONGEST_ERROR]}
        self._end("failed", None, end_time=end_time, tags=tags)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.state == "running":
            self.fail(error or "the trial's block ended without complete(), prune() or fail()")

    def _end(
        self,
        state: State,
        score: float | None,
        *,
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        fit_time_s: float | None = None,
        predict_time_s: float | None = None,
        metrics: Mapping[str, float] | None = None,
        end_time: datetime | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._check_open()
        fold = f"fold/{self._metric}"
        folds = [metric_value(fold, one) for one in fold_scores]
        named = {self._metric: score, f"{self._metric}_std": std}
        named |= {"fit_time_s": fit_time_s, "predict_time_s": predict_time_s}
        given = {name: metric_value(name, value) for name, value in named.items() if value is not None}
        others = dict(zip(*metric_items(metrics or {}), strict=True))
        time_ns = as_ns(end_time)
        self.state = state  # from here on nothing is refused any more
        for place, one in enumerate(folds):
            self._log({fold: one}, place, time_ns)
        self._log({**others, **given}, None, time_ns)
        if self._child is not None:
            self._child.end(_STATUS[state], {"trial.state": state, **(tags or {})}, time_ns)
        self._tell(Outcome(self.algorithm, state, given.get(self._metric), std, fit_time_s))

    def _log(self, metrics: Mapping[str, float], step: int | None, time_ns: int | None = None) -> None:
        if self._child is not None:
            self._child.log_metrics(metrics, step, time_ns)

    def _check_open(self) -> None:
        if self.state != "running":
            raise RuntimeError(f"trial {self.number} ({self.algorithm}) has ended: it is {self.state}")


def as_ns(moment: datetime | None) -> int | None:
    """A time in nanoseconds since 1970; a naive one is local time."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise TypeError(f"a time is a datetime, not {type(moment).__name__}")
    return round(moment.timestamp() * 1e6) * 1000


def _shown(error: BaseException | str) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - an error of the user's, whose own text fails
        return f"(its text can't be had: {type(broken).__name__})"

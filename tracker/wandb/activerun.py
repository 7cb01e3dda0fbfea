# ruff: noqa: ARG002, PLR0917 - the signatures are wandb's
"""Run: what wandb.init gives. Its calls are those of wandb's Run, and write one run of a store.

Not kept, and said once where they are met: a new name after the start (it is the tag "name"; the run keeps the one that
it was started with), gradients (`watch`), the files of `log_code` (the tracker records the commit and the diff).
"""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tracker.media.arrays import as_array
from tracker.media.distributions import distribution
from tracker.plots import is_plot
from tracker.run import Status, status_after
from tracker.wandb.data_types import Histogram, Image, Media, Table
from tracker.wandb.history import History
from tracker.wandb.initsettings import Options
from tracker.wandb.metricrules import Metric, MetricRules
from tracker.wandb.runartifacts import RunArtifacts
from tracker.wandb.runfiles import is_media_list
from tracker.wandb.terminal import termwarn

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

_LARGE = 32
"""Values of an array; a larger one is kept as its distribution, as wandb makes a histogram of it."""


class Run(RunArtifacts):
    """A run that is being written; made by wandb.init. As a context manager it finishes itself."""

    def __init__(self, options: Options, tracker: "ExperimentTracker | None", run_id: str, *, resumed: bool) -> None:
        super().__init__(options, tracker, run_id, resumed=resumed)
        self._rules = MetricRules()
        self._history = History(self._write, self._keep, self._summary, self._rules, self._starting_step)

    @property
    def step(self) -> int:
        """The step that the next call without one has."""
        return self._history.step

    def log(
        self, data: Mapping[str, Any], step: Any = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Log values of metrics, and what else there is, at a step.

        Args:
            data: names to values. Dicts are flattened with ".". Numbers, and arrays of one element, are points of
                metrics. Texts and lists are facts of kind "value". Media, figures and frames become artifacts
                `<name>/<step>...`. Arrays of more than 32 elements, and Histogram, become metrics below their name.
                None is left out.
            step: a whole number; default: the current one. One that lies behind is logged all the same.
            commit: whether the step is done with; default: where no step is given.
            sync: taken and not needed.

        Raises: UsageError: the run is finished. TypeError: no dict, a name that is no str, a step that is no int.
            ValueError: a name or a number that the store can't hold.
        """
        self._check_active("log")
        if not isinstance(data, Mapping):
            raise TypeError(f"wandb.log takes a dict of name to value, not {type(data).__name__}")
        if not all(isinstance(name, str) for name in data):
            raise TypeError("wandb.log takes names that are str")
        self._history.log(data, step, commit)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say what the summary says of a metric, and which metric it goes by.

        Args:
            name: of a metric; with "*" at its end, of several.
            step_metric: is logged again with each row that has the metric and not this one. The dashboard's x axis
                stays the step.
            summary: of "min", "max", "mean", "first", "last", "best" (by the goal, else by the name), "none"; several
                with commas.
            hidden: taken and not needed.

        Raises: errors.Error: an argument.
        """
        self._check_active("define_metric")
        metric = self._rules.define(name, step_metric, step_sync, hidden, summary, goal, overwrite)
        self._history.forget_aggregates()
        if metric.step_metric is not None:
            self._set_tags({f"wandb.step_metric.{metric.name}": metric.step_metric})
        return metric

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        """Print a message, and keep it as a fact of kind "wandb.alert"; nobody is written to."""
        self._check_active("alert")
        termwarn(f"alert: {title}: {text}")
        self._tell(
            "wandb.alert", str(title), {"text": str(text), "level": str(getattr(level, "value", level) or "INFO")}
        )
        self._say_not_kept("alerts as messages to people", "rules on metrics do that: steplog watch")

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Any = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Keep nothing, and say so once."""
        self._check_active("watch")
        self._say_not_kept(
            "what wandb.watch records: gradients and weights", "log them as wandb.Histogram where they matter"
        )

    def unwatch(self, models: Any = None) -> None:
        """Do nothing."""

    # --- its end

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: FINISHED, or FAILED with an exit code that isn't 0. Twice is once."""
        self._end("FAILED" if exit_code else "FINISHED")

    def join(self, exit_code: int | None = None) -> None:
        """The same as `finish`."""
        self.finish(exit_code)

    def mark_preempting(self) -> None:
        """Do nothing: a run whose process dies is INTERRUPTED."""

    def display(self, *_: Any, **__: Any) -> bool:
        """Give False: there is no page to show."""
        return False

    def forked(self) -> None:
        """In a forked child: go on, as one that may log to the run and not end it."""
        self._history.forked()

    def settle(self) -> None:
        """Log what waits: the last row's summary, and files that have changed; as the process ends."""
        if not self._finished and self._pid == os.getpid() and self._is_active():
            self._history.end_row()
            self._files.settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(status_after(error))

    def __repr__(self) -> str:
        return f"<run {self._name!r} ({self._id}) of project {self.project!r}>"

    def __getattr__(self, name: str) -> Any:
        there = [one for one in dir(Run) if not one.startswith("_")]
        raise AttributeError(f"this run has no {name!r}; of wandb's it has: {', '.join(there)}")

    def _end(self, status: Status) -> None:
        if self._finished:
            return
        self.settle()
        self._finished = True
        tracker = self._tracker
        if tracker is not None and self._pid == os.getpid():
            tracker.end_run(status, run_id=self.id)
            tracker.close()

    def _write(self, numbers: Mapping[str, Any], step: int) -> None:
        self._keys.update(numbers)
        if self._tracker is not None:
            self._tracker.log_metrics(numbers, step, run_id=self.id)

    def _keep(self, key: str, value: Any, step: int) -> bool:
        """Keep what is no number. Gives whether the summary has it too."""
        if self._tracker is None:
            return isinstance(value, (str, list, tuple))
        if isinstance(value, Media):
            self._files.put(value, key, step)
        elif is_media_list(value):
            for one in value:
                self._files.put(one, key, step)
        elif isinstance(value, Histogram):
            self._write({f"{key}/{name}": number for name, number in value.numbers.items()}, step)
            self._say_not_kept("the buckets of wandb.Histogram", "its mean, std, min, max and quantiles are metrics")
        elif is_plot(value):
            self._files.put_object(value, key, step, ".html" if hasattr(value, "to_html") else ".png")
        elif type(value).__module__.partition(".")[0] == "PIL":
            self._files.put(Image(value), key, step)
        elif hasattr(value, "columns"):
            self._files.put(Table(dataframe=value), key, step)
        elif _is_large(value):
            self._write({f"{key}/{name}": number for name, number in distribution(as_array(value)).items()}, step)
        else:
            self._tell("value", key, {"step": step, "value": value})
            return True
        return False


def _is_large(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or not shape:
        return False
    array = as_array(value)
    return array.size > _LARGE and array.dtype.kind in "biuf"

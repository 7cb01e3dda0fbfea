# ruff: noqa: ARG002, PLR0917 - the signatures are PyTorch's
"""SummaryWriter: PyTorch's calls, a store's runs.

What differs from event files, and why:

- Values are kept as doubles; PyTorch's writer rounds them to float32.
- A step that isn't given stays none; event files have no word for that and say 0. A fractional step is kept, not cut.
- `add_scalars` logs "main_tag/tag" to the one run; event files need a run for each tag.
- `add_hparams` logs a child run, as there; a writer's only one also gives its params to the writer's run.
- `purge_step` goes on with the newest run of the same log_dir. Nothing is purged: points that were logged before stay,
  and of two points of a step the later one counts. The step is the run's tag "tensorboard.purge_step".
- What was logged is safe when the call returns, so max_queue, flush_secs and filename_suffix have nothing to say.
"""

import os
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tracker.experiment import ExperimentTracker
from tracker.media.arrays import as_array
from tracker.run import status_after
from tracker.tensorboard.calls import step_of, time_ns_of
from tracker.tensorboard.logdir import default_log_dir, log_dir_of
from tracker.tensorboard.valuecalls import ValueCalls
from tracker.tensorboard.writtenrun import WrittenRun

_NUMBERS = (int, float)


class SummaryWriter(ValueCalls):
    """Writes a run, by the calls of torch.utils.tensorboard.SummaryWriter.

    Args:
        log_dir: names the experiment and the run (see tracker.tensorboard.logdir), and is made, as scripts put files of
            their own there. Default: runs/<date, time>_<host><comment>, made when it is asked for.
        comment: behind the default log_dir.
        purge_step: go on with the newest run of this log_dir, of which the steps from this one on are logged again.
        max_queue, flush_secs, filename_suffix: taken and not needed.
        logdir: tensorboardX's name for log_dir.
        tracker: log to its current run, or to one that is started in it. Default: a tracker of the writer's own, by the
            environment (STEPLOG_DIR and the others).

    Raises: StoreUnavailable. TypeError: of log_dir or tracker.

    As a context manager it closes itself; the run is FAILED when the block raises. A writer that is never closed loses
    nothing: its run ends with the process. After close() any call goes on with the run.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
        *,
        logdir: str | os.PathLike[str] | None = None,
        tracker: ExperimentTracker | None = None,
    ) -> None:
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        log_dir = log_dir or logdir
        given = bool(log_dir)
        self._log_dir: str | os.PathLike[str] = log_dir or default_log_dir(comment)
        folder = log_dir_of(self._log_dir)
        super().__init__(WrittenRun(tracker, folder, shared=given, resumes=purge_step is not None))
        if given:
            self._make_folder()
        self._begin()
        if purge_step is not None and not self._run.disabled:
            self._run.tracker.set_tag("tensorboard.purge_step", int(purge_step), run_id=self._run.id)
        weakref.finalize(self, self._run.end, "FINISHED").atexit = False  # of a writer that was dropped unclosed

    @property
    def log_dir(self) -> Any:
        """The writer's folder as it was given, made when it is asked for; the run itself lies in the store."""
        self._make_folder()
        return self._log_dir

    def get_logdir(self) -> Any:
        """Give the writer's folder, as `log_dir`."""
        return self.log_dir

    @property
    def run_id(self) -> str:
        """The run that is written."""
        return self._run.id

    # --- numbers and texts

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: float | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
        display_name: str = "",
        summary_description: str = "",
    ) -> None:
        """Log one point of a metric.

        Args:
            scalar_value: a number, or an array or tensor of one element.
            walltime: seconds since 1970. Default: now.
            new_style, double_precision, display_name, summary_description: taken and not needed.

        Raises: as PyTorch's. NotImplementedError: a list or None. AssertionError: more than one element. ValueError: a
            text that is no number. Also TypeError, ValueError: of the tag.
        """
        run = self._begin()
        if run.disabled:
            return
        run.log(tag, _number(scalar_value), step_of(global_step), time_ns_of(walltime))

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: float | None = None,
        walltime: float | None = None,
    ) -> None:
        """Log a point of several metrics that belong together: "main_tag/tag" for each."""
        moment = time.time() if walltime is None else walltime
        for tag, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", value, global_step, moment)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
        name: str | None = None,
    ) -> None:
        """Log params and the metrics that they led to, as a child run.

        Args:
            hparam_dict: values are numbers, texts, booleans, tensors of one element; None is left out.
            metric_dict: as for add_scalar.
            hparam_domain_discrete: the values that a param can have; the tag "tensorboard.domains" of the child.
            run_name: of the child. Default: the time. "." logs to the writer's run itself. `name` is tensorboardX's.

        Raises: TypeError: no dicts, or domains that don't fit. ValueError: a param of another type.
        """
        run = self._begin()
        if run.disabled:
            return
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict are dicts")
        params = {name: _param(name, value) for name, value in hparam_dict.items() if value is not None}
        domains = _domains(hparam_domain_discrete, hparam_dict)
        metrics = {tag: _number(value) for tag, value in metric_dict.items()}
        child = os.fspath(run_name or name or str(time.time()))
        if os.path.normpath(os.path.join(self._log_dir, child)) == os.path.normpath(self._log_dir):  # noqa: PTH118
            run.tracker.log_params(params, run_id=run.id)
            run.tracker.log_metrics(metrics, step_of(global_step), run_id=run.id)
            return
        tags = {"tensorboard.domains": domains} if domains else {}
        run.log_child(child, params, metrics, step_of(global_step), tags)

    def add_text(
        self, tag: str, text_string: str, global_step: float | None = None, walltime: float | None = None
    ) -> None:
        """Keep a text as the artifact `<tag>/<step>.md`; TensorBoard reads texts as Markdown."""
        run = self._begin()
        if not run.disabled:
            run.tracker.log_text(str(text_string), self._name(tag, global_step, ".md"), run_id=run.id)

    # --- the writer's life

    def flush(self) -> None:
        """Wait until what was logged is visible to every reader."""
        if self._run.open:
            self._run.flush()

    def close(self) -> None:
        """End the run; what was logged is visible to every reader on return. Twice is once."""
        self._run.end("FINISHED")

    def reopen(self) -> None:
        """Go on after close(), as any call does."""
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.end(status_after(error))

    def _make_folder(self) -> None:
        if "://" not in os.fspath(self._log_dir):
            Path(self._log_dir).expanduser().mkdir(parents=True, exist_ok=True)


def _number(value: Any) -> float:
    """One number, of all that PyTorch's writer takes for one."""
    if type(value) in _NUMBERS:
        return value  # type: ignore[no-any-return]
    array = as_array(value).squeeze()
    if array.ndim:
        raise AssertionError(f"a scalar has one element; this has {array.size}, of shape {array.shape}")
    return float(array)


def _param(name: str, value: Any) -> Any:
    """A param's value. Raises: ValueError: of a type that PyTorch's writer refuses."""
    if isinstance(value, (int, float, str)):
        return value
    if callable(getattr(value, "detach", None)):
        return as_array(value).reshape(-1)[0].item()
    raise ValueError(f"hparam {name!r} is of type {type(value).__name__}; it can be int, float, str, bool or a tensor")


def _domains(domains: Any, params: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What params can be. Raises: TypeError: not lists of values of their types."""
    if domains is not None and not isinstance(domains, dict):
        raise TypeError("hparam_domain_discrete is a dict of name to list")
    for name, allowed in (domains or {}).items():
        fits = name in params and isinstance(allowed, list)
        if not fits or not all(isinstance(one, type(params[name])) for one in allowed):
            raise TypeError(
                f"hparam_domain_discrete[{name!r}] is a list of values of the type of hparam_dict[{name!r}]"
            )
    return domains or {}

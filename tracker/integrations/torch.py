"""Plain torch loops: one run of many ranks, gradient and parameter norms, learning rates.

`start_run` lets all ranks of torch.distributed write one run, each with its rank; nothing in it, or at the run's end,
waits for a rank but the one broadcast of the run's id. `watch` looks at a model just before each n-th step of its
optimizer: gradients are whole then (accumulated, reduced over the ranks, unscaled, clipped), and one transfer from the
device brings all numbers; the steps between cost one call of an empty function. A training state needs nothing of
ours: `tracker.save_checkpoint({"model": model, "optimizer": optimizer, "epoch": epoch})` keeps state dicts.
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec

try:
    import torch
    from torch import distributed
except ImportError as error:
    raise ImportError("tracker.integrations.torch needs PyTorch: pip install torch") from error

from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingrun import TrainingRun
from tracker.run import RunId, status_after


def rank_of(group: Any = None) -> int:
    """This process's rank in a group of torch.distributed; 0 where that isn't initialised."""
    return distributed.get_rank(group) if distributed.is_available() and distributed.is_initialized() else 0


def start_run(tracker: ExperimentTracker, run_name: str | None = None, *, group: Any = None, **options: Any) -> RunId:
    """Start one run for all ranks: rank 0 starts it, the others learn its id and join it.

    Call it in every rank, after init_process_group; without torch.distributed it is tracker.start_run. As a context
    manager each rank ends its own part; none waits for another. A rank that is killed leaves its points, and makes the
    run INTERRUPTED once no rank runs any more.

    Args:
        tracker: this rank's own, on a store that all ranks reach.
        run_name, options: of tracker.start_run; params and tags are logged by rank 0 alone.
        group: the process group; default: all ranks.

    Returns: the run's id.
    Raises: RuntimeError: rank 0 couldn't start the run; there it is the error itself. As tracker.start_run.
    """
    rank = rank_of(group)
    if not (distributed.is_available() and distributed.is_initialized()):
        return tracker.start_run(run_name, **options)
    _set_rank(tracker, distributed.get_rank())
    told: list[Any] = [None, None, ""]
    run_id, failure = None, None
    if rank == 0:
        try:
            run_id = tracker.start_run(run_name, **options)
            told = [str(run_id), run_name, ""]
        except Exception as error:  # noqa: BLE001 - told to the other ranks, who would wait for ever; raised below
            failure = error
            told = [None, None, f"{type(error).__name__}: {error}"]
    source = 0 if group is None else distributed.get_global_rank(group, 0)
    distributed.broadcast_object_list(told, src=source, group=group)
    if failure is not None:
        raise failure
    if run_id is not None:
        return run_id
    if told[0] is None:
        raise RuntimeError(f"rank 0 could not start the run: {told[2]}")
    return tracker.start_run(told[1], run_id=told[0])


def watch(
    model: Any,
    optimizer: Any,
    tracker: ExperimentTracker | None = None,
    *,
    every: int = 100,
    layers: bool = False,
    step: Callable[[], int] | None = None,
) -> "Watch":
    """Log, at each `every`-th step of the optimizer, how large gradients and parameters are, and the learning rates.

    Metrics: gradients/norm and parameters/norm (2-norms over all of them; NaN and infinities are kept), learning_rate
    (learning_rate/0 and so on for several parameter groups); with `layers` gradients/<name> and parameters/<name> of
    each parameter. Params: model.class, model.parameters, model.trainable_parameters.

    Args:
        model: a module, also inside DistributedDataParallel. All ranks have the same gradients: rank 0 alone logs.
        optimizer: the one that steps it.
        tracker: default: one of its own; see Joined. The run is the current one, else one that lives until `remove`.
        every: optimizer steps, from 1; the first step is looked at.
        step: gives the metrics' step; default: counts the optimizer's steps, from 0.

    Raises: ValueError: `every`; parameters that are sharded (FSDP), whose norms one rank can't tell. TypeError.
    """
    if every < 1:
        raise ValueError(f"every is {every!r}; it is a number of optimizer steps, from 1")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer is a torch.optim.Optimizer, not {type(optimizer).__name__}")
    parameters = {name: value for name, value in model.named_parameters() if value.is_floating_point()}
    sharded = [name for name, parameter in parameters.items() if hasattr(parameter, "full_tensor")]
    if sharded:
        raise ValueError(f"parameter {sharded[0]!r} is sharded: no rank has all of it, so its norm can't be watched")
    run = TrainingRun(tracker, untold_status="FINISHED")
    return Watch(model, parameters, optimizer, run, every=every, layers=layers, step=step)


class Watch:
    """A model that is watched, until `remove`; as a context manager, until the block is left. See `watch`."""

    def __init__(
        self,
        model: Any,
        parameters: Mapping[str, Any],
        optimizer: Any,
        run: TrainingRun,
        *,
        every: int,
        layers: bool,
        step: Callable[[], int] | None,
    ) -> None:
        self._parameters = parameters
        self._every = every
        self._layers = layers
        self._step = step
        self._run = run
        self._steps = 0
        self._hook: Any = None
        if rank_of() == 0:
            self._run.begin(params={"model": _described(model)})
            steps = getattr(optimizer, "optimizer", optimizer)  # what steps in accelerate's wrapper
            self._hook = steps.register_step_pre_hook(self._before_step)

    def remove(self) -> None:
        """Look no more, and end a run that was started here; twice is once."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        self._run.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.end(status_after(error))
        self.remove()

    def _before_step(self, optimizer: Any, _args: object, _kwargs: object) -> None:
        count, self._steps = self._steps, self._steps + 1
        if count % self._every == 0:
            with self._run.safely("gradient norms"):
                self._run.log(self._look(optimizer), count if self._step is None else self._step())

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def _look(self, optimizer: Any) -> dict[str, float]:
        rates = [group["lr"] for group in optimizer.param_groups]
        names = ["learning_rate"] if len(rates) == 1 else [f"learning_rate/{index}" for index in range(len(rates))]
        found = {name: float(rate) for name, rate in zip(names, rates, strict=True)}
        gradients = {name: value.grad for name, value in self._parameters.items() if value.grad is not None}
        for kind, tensors in (("gradients", gradients), ("parameters", self._parameters)):
            norms = _norms(list(tensors.values()))
            if norms:
                found[f"{kind}/norm"] = norms[-1]
            if self._layers:
                found |= {f"{kind}/{name}": norm for name, norm in zip(tensors, norms[:-1], strict=True)}
        return found


def _norms(tensors: list[Any]) -> list[float]:
    """The 2-norm of each tensor, and that of all of them, brought from the device in one transfer."""
    if not tensors:
        return []
    device = tensors[0].device
    dense = [tensor.coalesce().values() if tensor.is_sparse else tensor for tensor in tensors]
    each = torch.stack([torch.linalg.vector_norm(one, dtype=_wide(one)).to(device, torch.float32) for one in dense])
    norms: list[float] = torch.cat([each, torch.linalg.vector_norm(each)[None]]).tolist()
    return norms


def _wide(tensor: Any) -> Any:
    """The type to sum squares in: half precision overflows at 65,504."""
    return torch.float32 if tensor.dtype in {torch.float16, torch.bfloat16} else None


def _described(model: Any) -> dict[str, object]:
    model = getattr(model, "module", model) if type(model).__name__ == "DistributedDataParallel" else model
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {
        "class": type(model).__qualname__,
        "parameters": sum(size for size, _ in sizes),
        "trainable_parameters": sum(size for size, trains in sizes if trains),
    }


def _set_rank(tracker: ExperimentTracker, rank: int) -> None:
    """Let a tracker know its rank, where no launcher put it into the environment."""
    if tracker.settings.rank != rank:
        tracker.settings = msgspec.structs.replace(tracker.settings, rank=rank)
        tracker._pipeline.rank = rank  # noqa: SLF001 - part of the names of the files that it has yet to open

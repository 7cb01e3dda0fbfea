"""Parts of wandb that have no counterpart here: each says what to do instead."""

from typing import Any, NoReturn

from tracker.wandb.errors import UnsupportedError


def sweep(*_: Any, **__: Any) -> NoReturn:
    """Raise: searches are made by other libraries, and tracked. Raises: UnsupportedError."""
    raise UnsupportedError(
        "wandb.sweep: steplog searches no hyperparameters for wandb's sweeps; search with Optuna, Ray Tune or "
        "scikit-learn (see tracker.integrations), or call the training for each set of params"
    )


def agent(*_: Any, **__: Any) -> NoReturn:
    """Raise, as `sweep`. Raises: UnsupportedError."""
    raise UnsupportedError("wandb.agent: there are no sweeps; call the function for each set of params yourself")


def controller(*_: Any, **__: Any) -> NoReturn:
    """Raise, as `sweep`. Raises: UnsupportedError."""
    raise UnsupportedError("wandb.controller: there are no sweeps")


def restore(name: str = "", *_: Any, **__: Any) -> NoReturn:
    """Raise: files come from artifacts. Raises: UnsupportedError."""
    raise UnsupportedError(f"wandb.restore({name!r}): use run.use_artifact(...).download(), or tracker.load_artifact")


def attach(*_: Any, **__: Any) -> NoReturn:
    """Raise: another process joins a run by its id. Raises: UnsupportedError."""
    raise UnsupportedError("wandb.attach: in another process, wandb.init(id=...) joins a run")


class Api:
    """Raises: UnsupportedError: runs are read from the store."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise UnsupportedError(
            "wandb.Api: runs are read with readers.Store(folder), compared with tracker.ExperimentComparator, and "
            "wandb's own runs come over by `steplog import wandb`"
        )

"""log_dir as an experiment and a run's name, as TensorBoard names runs: by their path below the folder it is given.

    runs/mnist/lr=0.1   (below the working folder)   experiment "runs", run "mnist/lr=0.1"
    my_experiment                                    experiment "my_experiment", run "my_experiment"
    /data/logs/mnist/3  (elsewhere)                  experiment "mnist", run "3"

So all that `tensorboard --logdir runs` shows together is one experiment.
"""

import os
import socket
from datetime import datetime
from pathlib import Path, PurePath
from typing import NamedTuple


class LogDir(NamedTuple):
    """A writer's folder, and what it is in a store."""

    path: str
    """As it was given."""
    identity: str
    """The same for each way to write it."""
    experiment: str
    name: str


def log_dir_of(given: str | os.PathLike[str]) -> LogDir:
    """What a folder means. Raises: TypeError: it is no path."""
    path = os.fspath(given)
    if not isinstance(path, str):
        raise TypeError(f"log_dir is a folder's path, not {type(given).__name__}")
    if "://" in path:
        parts = [part for part in path.split("://", 1)[1].split("/") if part] or [path]
        return LogDir(path, path.rstrip("/"), (parts[-2:-1] or parts)[0], parts[-1])
    whole = Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - links keep their names
    here = Path.cwd()
    parts = list(whole.relative_to(here).parts if whole.is_relative_to(here) else whole.parts[-2:])
    parts = [part for part in parts if part != whole.anchor] or [here.name or "runs"]
    name = PurePath(*parts[1:]).as_posix() if len(parts) > 1 else parts[0]
    return LogDir(path, str(whole), _text(parts[0]), _text(name))


def default_log_dir(comment: str) -> str:
    """Give the folder of a writer that was given none: runs/<month, day, time>_<host><comment>, as PyTorch's."""
    moment = datetime.now().strftime("%b%d_%H-%M-%S")  # noqa: DTZ005 - local time, as in the original
    return os.path.join("runs", f"{moment}_{socket.gethostname()}{comment}")  # noqa: PTH118 - a str, as in the original


def _text(name: str) -> str:
    """A file's name may have any bytes, a run's is text."""
    return name.encode(errors="backslashreplace").decode()

"""A stand-in for wandb: a script moves by one line.

    import wandb    ->    import tracker.wandb as wandb

Its calls write runs of a store in place of wandb's server and files; wandb isn't needed for it, and no account. The
store is STEPLOG_DIR, else "./experiments": project -> experiment, name, group, config -> params, log -> metrics.

    session        init, finish, and which run is the current one
    initsettings   what init is told, by arguments, Settings and the environment
    activerun      Run: its calls
    runabout       what a run is: id, name, config, summary ...
    runartifacts   its calls that are about files
    runconfig      config
    runsummary     summary
    metricrules    define_metric
    history        log: steps, rows, names
    runfiles       save, run.dir, and the files of media
    artifactfiles  Artifact
    data_types     Image, Html, Histogram, Audio, Video ...
    tables         Table
    mediafile      what these have in common
    plot           charts of tables
    errors  util  terminal  unsupported
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from tracker.wandb import data_types, errors, plot, util
from tracker.wandb.activerun import Run
from tracker.wandb.artifactfiles import Artifact
from tracker.wandb.data_types import Audio, Histogram, Html, Image, Molecule, Object3D, Plotly, Table, Video
from tracker.wandb.errors import CommError, Error, UsageError, before_init
from tracker.wandb.initsettings import Settings
from tracker.wandb.plot import plot_table
from tracker.wandb.runconfig import Config
from tracker.wandb.session import finish, init, login, session, setup, teardown
from tracker.wandb.terminal import termerror, termlog, termwarn
from tracker.wandb.unsupported import Api, agent, attach, controller, restore, sweep

if TYPE_CHECKING:
    from tracker.wandb.runsummary import Summary

    run: Run | None
    config: Config
    summary: Summary

__version__ = "0.31.0"
"""Of wandb, whose behaviour this was compared with."""
join = finish

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "CommError",
    "Config",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "agent",
    "alert",
    "attach",
    "config",
    "controller",
    "data_types",
    "define_metric",
    "ensure_configured",
    "errors",
    "finish",
    "init",
    "join",
    "link_model",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "require",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "util",
    "watch",
]


class AlertLevel(Enum):
    """How bad an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class _BeforeInit:
    """wandb.config and wandb.summary while there is no run."""

    def __init__(self, name: str) -> None:
        vars(self).update(_name=name)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        raise before_init(f"{vars(self)['_name']}.{key}")

    def __setattr__(self, key: str, value: Any) -> None:
        raise before_init(f"{vars(self)['_name']}.{key}")

    def __getitem__(self, key: str) -> Any:
        raise before_init(f"{vars(self)['_name']}[{key!r}]")

    def __setitem__(self, key: str, value: Any) -> None:
        raise before_init(f"{vars(self)['_name']}[{key!r}]")


def _of_the_run(name: str) -> Callable[..., Any]:
    """A call of whichever run is the current one."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(session.need(name), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = getattr(Run, name).__doc__
    return call


alert = _of_the_run("alert")
define_metric = _of_the_run("define_metric")
link_model = _of_the_run("link_model")
log = _of_the_run("log")
log_artifact = _of_the_run("log_artifact")
log_model = _of_the_run("log_model")
mark_preempting = _of_the_run("mark_preempting")
save = _of_the_run("save")
unwatch = _of_the_run("unwatch")
use_artifact = _of_the_run("use_artifact")
use_model = _of_the_run("use_model")
watch = _of_the_run("watch")


def require(*_: Any, **__: Any) -> None:
    """Do nothing: there is one way in which things are done."""


def ensure_configured() -> None:
    """Do nothing."""


def __getattr__(name: str) -> Any:
    if name == "run":
        return session.current
    if name in {"config", "summary"}:
        return _BeforeInit(name) if session.current is None else getattr(session.current, name)
    raise AttributeError(f"steplog's stand-in for wandb has no {name!r}; it has: {', '.join(__all__)}")

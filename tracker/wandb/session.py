# ruff: noqa: ARG001 - the signatures are wandb's
"""The process's run: wandb.init, and which run the calls of the module mean."""

import atexit
import os
import weakref
from pathlib import Path
from typing import Any

from ingest.errors import RunNotFound
from ingest.layout import new_run_id
from readers.imports.yamltext import read_yaml
from tracker.experiment import ExperimentTracker
from tracker.media.notkept import say_not_kept
from tracker.run import check_run_id
from tracker.tensorboard.writtenrun import sync_to
from tracker.wandb.activerun import Run
from tracker.wandb.errors import UnsupportedError, UsageError, before_init
from tracker.wandb.initsettings import Options, Settings, options_of
from tracker.wandb.runconfig import values_of
from tracker.wandb.terminal import termlog
from tracker.wandb.util import generate_id


class Session:
    """The runs of this process."""

    def __init__(self) -> None:
        self.runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self.settings: Settings | None = None
        self._current: Run | None = None
        self._pid = os.getpid()
        self._began = False

    @property
    def current(self) -> Run | None:
        """The run that is meant; None before init and after finish."""
        run = self._current
        return None if run is None or run._finished else run  # noqa: SLF001 - its other half

    def need(self, what: str) -> Run:
        """Give the current run. Raises: errors.Error: there is none."""
        run = self.current
        if run is None:
            raise before_init(what)
        return run

    def begin(self, options: Options, config: dict[str, Any]) -> Run:
        """Give the current run, or start one, as `reinit` says."""
        if self._pid != os.getpid():  # a forked child: the run is its parent's, and its own is another one
            self._current, self._pid = None, os.getpid()
        current = self.current
        if current is not None and options.reinit == "return_previous":
            termlog(f"init: run {current.id} is active, so it is given; say reinit='finish_previous' for a new one")
            current.config.update(config, allow_val_change=True)
            return current
        if current is not None and options.reinit == "finish_previous":
            current.finish()
        run = self._start(options, config)
        self.runs.add(run)
        if current is None or options.reinit != "create_new":
            self._current = run
        return run

    def _start(self, options: Options, config: dict[str, Any]) -> Run:
        if options.disabled:
            run = Run(options, None, options.id or generate_id(), resumed=False)
            run.config.update(config, allow_val_change=True)
            return run
        wanted = _checked(options.id)
        tracker = ExperimentTracker(experiment_name=options.project)
        try:
            run = self._run_in(tracker, options, wanted)
        except BaseException:
            tracker.close()
            raise
        run.config.update(config, allow_val_change=True)
        return run

    def _run_in(self, tracker: ExperimentTracker, options: Options, wanted: str | None) -> Run:
        known = wanted is not None and tracker._look_up(wanted) is not None  # noqa: SLF001 - a part of the tracker
        if options.resume == "never" and known:
            raise UsageError(f"run {wanted!r} is there already, and resume is 'never'")
        if options.resume == "must" and wanted is None:
            raise UsageError("resume='must' needs id=: which run shall go on?")
        if options.resume == "auto" and wanted is None:
            say_not_kept("which run of a script was the last one, for resume=True", "give wandb.init an id")
        if wanted is None and self._began:  # STEPLOG_RUN_ID names the first run of a process
            wanted = new_run_id(tracker._now())  # noqa: SLF001
        resume = {"must": "must", "allow": "allow", "auto": "allow"}.get(options.resume or "") if wanted else None
        try:
            run_id = tracker.start_run(
                options.name,
                run_id=wanted,
                resume=resume or False,  # type: ignore[arg-type]
                group=options.group,
                tags=_tags(options),
            )
        except RunNotFound as error:
            raise UsageError(f"resume is 'must': {error}") from error
        self._began = True
        return Run(options, tracker, str(run_id), resumed=known and resume is not None)


session = Session()


def init(  # noqa: PLR0917 - as wandb's
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - wandb's name
    id: str | None = None,  # noqa: A002 - wandb's name
    name: str | None = None,
    notes: str | None = None,
    tags: Any = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | dict[str, Any] | None = None,
    anonymous: Any = None,
    magic: Any = None,
) -> Run:
    """Start a run of a store, and make it the current one.

    Args:
        project: the experiment. Default: "uncategorized".
        name: the run's. Default: "run-" and the end of its id.
        id: of a run to join or to resume. Default: a new one.
        group: the run's.
        config: params: a dict, an argparse.Namespace, any object's attributes, or a YAML file's path.
        config_exclude_keys, config_include_keys: names of params to leave out, or to keep alone.
        allow_val_change: whether params may change without a word.
        entity, job_type, notes, tags: the tags "wandb.entity", "wandb.job_type", "note", "wandb.tags".
        mode: "disabled" stores nothing; any other one writes the store.
        dir: where the folder `wandb` with `run.dir` is made, should that be asked for.
        resume: "allow", "must", "never"; True and "auto" as "allow", by the id alone.
        reinit: what to do while a run is active: give that one (the default), "finish_previous" (True), "create_new".
        settings: Settings, or a dict of them: what isn't given above.
        force, save_code, anonymous, magic: taken and not needed.
        tensorboard, sync_tensorboard: what tracker.tensorboard.SummaryWriter writes from now on is of this run.
        monitor_gym: films are not kept; said once.

    The store is STEPLOG_DIR, else "./experiments". What isn't given comes from the environment, see
    tracker.wandb.initsettings.

    Raises: UsageError: an argument, or nothing to resume. UnsupportedError: fork_from, resume_from. TypeError.
        StoreUnavailable.
    """
    if resume_from or fork_from:
        raise UnsupportedError(
            "a run can't be forked from the middle of another one; start a run with its config, or resume it with "
            "id= and resume='allow'"
        )
    if monitor_gym:
        say_not_kept("films of gym", "log them as wandb.Video")
    given = {
        "entity": entity, "project": project, "dir": dir, "id": id, "name": name, "notes": notes, "tags": tags,
        "allow_val_change": allow_val_change, "group": group, "job_type": job_type, "mode": mode, "reinit": reinit,
        "resume": resume,
    }  # fmt: skip
    params = values_of(_of_file(config) if isinstance(config, str) else config)
    if config_include_keys is not None:
        params = {name: value for name, value in params.items() if name in config_include_keys}
    params = {name: value for name, value in params.items() if name not in (config_exclude_keys or ())}
    run = session.begin(options_of(given, session.settings if settings is None else settings), params)
    if (tensorboard or sync_tensorboard) and run.tracker is not None:
        sync_to(run.tracker)
    return run


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run; without one nothing happens."""
    if session.current is not None:
        session.current.finish(exit_code)


def setup(settings: Settings | None = None) -> None:
    """Remember settings for each init that has none of its own."""
    session.settings = settings or session.settings


def teardown(exit_code: int | None = None) -> None:
    """End every run of this process."""
    for run in list(session.runs):
        run.finish(exit_code)


def login(*_: Any, **__: Any) -> bool:
    """Give True: there is nothing to log in to."""
    return True


def _checked(run_id: str | None) -> str | None:
    try:
        return None if run_id is None else check_run_id(run_id, "id")
    except ValueError as error:
        raise UsageError(str(error)) from error


def _tags(options: Options) -> dict[str, Any]:
    given = {
        "note": options.notes,
        "wandb.entity": options.entity,
        "wandb.job_type": options.job_type,
        "wandb.tags": list(options.tags),
    }
    return {name: value for name, value in given.items() if value}


def _of_file(path: str) -> dict[str, Any]:
    """Params of a YAML file; wandb's own has each in a dict with its description. Raises: UsageError."""
    try:
        found = read_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"config is {path!r}, and no YAML file can be read there: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"config {path!r} has no names and values in it")
    return {
        name: value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in found.items()
        if name != "wandb_version"
    }


def _at_exit() -> None:
    for run in list(session.runs):
        run.settle()


def _after_fork_in_child() -> None:
    for run in list(session.runs):
        run.forked()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)  # hooks that came last go first: this before the trackers' own, which end the runs

"""What a run is: id, name, project, config, summary and so on, and how what is said of it is stored."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.events import FactLogged
from ingest.jsontext import REMOVED, from_json, to_json
from ingest.keys import checked_key
from tracker.media.notkept import say_not_kept
from tracker.wandb.errors import UsageError
from tracker.wandb.initsettings import Options, tags_of
from tracker.wandb.runconfig import Config
from tracker.wandb.runsummary import Path, Summary

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker


class RunAbout:
    """The part of Run that says what it is.

    Args:
        tracker: the one that the run was started in, which is the run's own; None where nothing is to be stored.
        resumed: whether it was there.
    """

    def __init__(self, options: Options, tracker: "ExperimentTracker | None", run_id: str, *, resumed: bool) -> None:
        self._options = options
        self._tracker = tracker
        self._id = run_id
        self._pid = os.getpid()
        self._resumed = resumed
        self._finished = False
        self._name = options.name or (f"dummy-{run_id}" if tracker is None else tracker._run(run_id).name)  # noqa: SLF001
        self._tags, self._notes = options.tags, options.notes
        self._started = time.time()
        self._config = Config(self._log_params, allow_val_change=options.allow_val_change)
        self._summary = Summary(self._log_summary)
        self._keys: set[str] = set()
        """Names of all metrics that were logged."""
        self._starting_step = self._take_up() if resumed else 0

    # --- what it is

    @property
    def id(self) -> str:
        """The run's id in the store."""
        return self._id

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = str(name)
        self._set_tags({"name": self._name})
        self._say_not_kept("a run's new name as its name", "it is the run's tag 'name'; give wandb.init(name=...)")

    @property
    def tracker(self) -> "ExperimentTracker | None":
        """The tracker that the run is written with, which wandb's has not; None where nothing is stored."""
        return self._tracker

    @property
    def project(self) -> str:
        """The experiment."""
        return self._options.project

    @property
    def entity(self) -> str:
        """Whose project it is, as the script says."""
        return self._options.entity

    @property
    def group(self) -> str:
        """The word that runs to be compared share."""
        return self._options.group or ""

    @property
    def job_type(self) -> str:
        """What the run does, as the script says."""
        return self._options.job_type or ""

    @property
    def tags(self) -> tuple[str, ...]:
        """The script's words for it; the tag "wandb.tags"."""
        return self._tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._tags = tags_of(tags)
        self._set_tags({"wandb.tags": list(self._tags)})

    @property
    def notes(self) -> str | None:
        """The note that the dashboard shows."""
        return self._notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._notes = notes
        self._set_tags({"note": notes})

    @property
    def config(self) -> Config:
        """Its params."""
        return self._config

    @property
    def summary(self) -> Summary:
        """What stands for its metrics."""
        return self._summary

    @property
    def starting_step(self) -> int:
        """The first step; of a run that is resumed behind its last one."""
        return self._starting_step

    @property
    def resumed(self) -> bool:
        """Whether it was there, and goes on."""
        return self._resumed

    @property
    def disabled(self) -> bool:
        """Whether nothing is stored."""
        return self._tracker is None

    @property
    def offline(self) -> bool:
        """Whether the script asked for that; there is no server in any case."""
        return self._options.mode in {"offline", "dryrun"}

    @property
    def path(self) -> str:
        """<entity>/<project>/<id>, as far as they are given."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970."""
        return self._started

    @property
    def settings(self) -> Options:
        """What it was told at its start."""
        return self._options

    url: str | None = None
    """There is no page of it on a server; `steplog ui` shows it."""
    project_url: str | None = None
    sweep_id: str | None = None
    sweep_url: str | None = None

    def get_url(self) -> str | None:
        """Give None: there is no page of it on a server."""
        return self.url

    def project_name(self) -> str:
        """Give the experiment."""
        return self.project

    # --- how it is stored

    def _is_active(self) -> bool:
        return self._tracker is not None and self.id in self._tracker._runs.by_id  # noqa: SLF001 - a part of the tracker

    def _check_active(self, what: str) -> None:
        if self._finished:
            raise UsageError(f"run {self.id} is finished, and takes no {what}; call wandb.init() for another one")

    def _log_params(self, params: Mapping[str, Any]) -> None:
        self._check_active("config")
        if self._tracker is not None:
            self._tracker.log_params(params, run_id=self.id)

    def _log_summary(self, path: Path, value: Any) -> None:
        """Keep what a script says."""
        self._check_active("summary")
        name = ".".join(path)
        if isinstance(value, dict):
            for key, inner in value.items():
                self._log_summary((*path, key), inner)
        elif _is_metric(value) and name not in self._keys and self._tracker is not None:
            self._tracker.log_metrics({name: value}, run_id=self.id)
        else:
            self._set_tags({f"summary.{name}": value})

    def _say_not_kept(self, what: str, instead: str) -> None:
        """Say once what isn't kept, of a run that is."""
        if self._tracker is not None:
            say_not_kept(what, instead)

    def _set_tags(self, tags: Mapping[str, Any]) -> None:
        if self._tracker is not None and not self._finished:
            self._tracker.set_tags(tags, run_id=self.id)

    def _tell(self, kind: str, key: str, value: object) -> None:
        tracker = self._tracker
        if tracker is not None:
            run = tracker._run(self.id)  # noqa: SLF001 - this is a part of the tracker
            text = to_json(value, where=f"{checked_key(key, 'value')!r}")
            tracker._append(FactLogged(run.id, run.experiment, tracker._now(), kind, {key: text}))  # noqa: SLF001

    def _take_up(self) -> int:
        """Read back what an earlier life logged; gives the step to go on with."""
        from readers.lookup import facts_of, last_metrics, last_step  # Arrow

        tracker = self._tracker
        if tracker is None:
            return 0
        for fact in facts_of(tracker.layout, "param", self.id):
            if fact.value != REMOVED:
                self._config._values[fact.key] = from_json(fact.value)  # noqa: SLF001 - its other half
        for name, value in last_metrics(tracker.layout, self.id).items():
            if not name.startswith("system/"):
                self._summary._put((name,), value)  # noqa: SLF001 - its other half
        last = last_step(tracker.layout, self.id)
        return 0 if last is None else int(last) + 1


def _is_metric(value: object) -> bool:
    """Whether it is a number that a float can hold."""
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 1024)

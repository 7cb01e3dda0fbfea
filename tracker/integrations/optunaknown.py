"""KnownStudy: what a store has of a study of Optuna: which of its trials, and where.

They are known by the trials' tags: the study's name, the trial's number, and when it began. So a study that has grown
adds what is new, in whatever process, and another study of the same name is told from it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna
import polars as pl
from optuna.trial import TrialState

from tracker.experiment import ExperimentTracker

if TYPE_CHECKING:
    from readers.store import Store

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
"""States of trials that have ended."""


class KnownStudy(NamedTuple):
    """What a store has of a study."""

    run_id: str
    """The run that its trials belong to."""
    search: int
    trials: dict[int, str]
    """The run of each trial, by Optuna's number."""

    @classmethod
    def of(cls, tracker: ExperimentTracker, study: optuna.Study, *, run_id: str | None = None) -> "KnownStudy | None":
        """Look it up, with the trials that any run has of it.

        Args:
            run_id: the run that is meant where several have it; the last one else.
        """
        found = _known(tracker._store(), study)  # noqa: SLF001 - this is a part of the tracker
        if not found:
            return None
        meant = next((known for known in found if known.run_id == run_id), found[-1])
        return meant._replace(trials={number: run for known in found for number, run in known.trials.items()})

    def lacks(self, study: optuna.Study) -> bool:
        """Whether the study has finished trials that aren't here."""
        return any(trial.number not in self.trials for trial in study.get_trials(deepcopy=False, states=FINISHED))


def _known(store: "Store", study: optuna.Study) -> list[KnownStudy]:
    """Each run that has this study, and not another one of its name, first started first."""
    keys = ["optuna.study", "optuna.number", "optuna.start", "trial.search"]
    tags = store.tags().filter(pl.col("key").is_in(keys)).collect()
    by_run: dict[str, dict[str, Any]] = {}
    for run_id, key, text in tags.select("run_id", "key", "text").iter_rows():
        by_run.setdefault(run_id, {})[key] = text
    mine = {run_id: told for run_id, told in by_run.items() if told.get("optuna.study") == study.study_name}
    if not mine:
        return []
    starts = {trial.number: moment(trial.datetime_start) for trial in study.get_trials(deepcopy=False)}
    found: dict[tuple[str, int], KnownStudy] = {}
    others: set[tuple[str, int]] = set()
    runs = store.runs(runs=list(mine)).select("run_id", "parent_run_id").collect()
    for run_id, parent in runs.iter_rows():
        told: Mapping[str, str] = mine[run_id]
        place, number = (parent, int(told["trial.search"])), int(told["optuna.number"])
        if starts.get(number) != told["optuna.start"]:
            others.add(place)
        found.setdefault(place, KnownStudy(*place, {})).trials[number] = run_id
    return sorted(known for place, known in found.items() if place not in others)


def moment(time: datetime | None) -> str:
    """A trial's start as its tag tells it."""
    return "" if time is None else time.isoformat()

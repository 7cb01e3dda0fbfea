"""Searched run: a run in which a model was searched for: what its search told, its trials, and how it stands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ingest.errors import LookupFailed, RunNotFound
from readers.automl.searchfacts import SearchFacts, as_count, as_dict, read_facts
from readers.automl.trials import STATES, Trials, read_trials
from readers.best import Direction
from readers.source import RunFrames


class SearchedRun(NamedTuple):
    """A search in a run."""

    run: Mapping[str, Any]
    """The run's row: see readers.runs."""
    facts: SearchFacts
    trials: Trials

    @property
    def experiment(self) -> str:
        """The run's."""
        return str(self.run["experiment"])

    @property
    def direction(self) -> Direction:
        """Which way the metric is better."""
        return self.facts.direction(self.trials.metric)

    @property
    def status(self) -> str:
        """Whether the search is "running", "ended", or "interrupted"; empty where there is none."""
        if not self.facts.number and not self.trials.rows.height:
            return ""
        if self.facts.end:
            return "ended"
        return {"RUNNING": "running", "FINISHED": "ended"}.get(self.run["status"], "interrupted")

    @property
    def counts(self) -> dict[str, int]:
        """How many trials came to what (see STATES), those that made no runs included."""
        states: dict[str, int] = dict(self.trials.rows.group_by("state").len().iter_rows())
        told = as_dict(self.facts.end.get("trials"))
        return {state: max(states.get(state, 0), as_count(told.get(state))) for state in STATES}

    @property
    def started(self) -> datetime | None:
        """When the search began; else, when its first trial did."""
        starts: list[datetime] = self.trials.rows["start_time"].drop_nulls().to_list()
        return self.facts.started or min(starts, default=None)

    @property
    def spent(self) -> dict[str, Any]:
        """What the search told; without that, `trials` and `time_s` (until the last trial's end) are counted."""
        ends: list[datetime] = self.trials.rows["end_time"].drop_nulls().to_list()
        counted: dict[str, Any] = {"trials": sum(self.counts.values())}
        if ends and self.started is not None:
            counted["time_s"] = max((max(ends) - self.started).total_seconds(), 0.0)
        return counted | as_dict(self.facts.end.get("spent"))


def read_search(frames: RunFrames, run_id: str, search: int | None = None) -> SearchedRun:
    """Read a search of a run; the last one when None.

    Raises: RunNotFound. LookupFailed: it has no such search. TypeError: search is no whole number.
    """
    if search is not None and (isinstance(search, bool) or not isinstance(search, int)):
        raise TypeError(f"search is the number of one in its run, from 1, or None for the last, not {search!r:.40}")
    rows = frames.runs(None, [run_id]).collect()
    if rows.is_empty():
        newest_first = reversed(frames.runs().collect()["run_id"].to_list())
        raise RunNotFound.among("run", run_id, newest_first, frames.hint)
    run = rows.row(0, named=True)
    facts = read_facts(frames, run_id, run["experiment"], search)
    known = facts.numbers
    trials = read_trials(frames, run_id, run["experiment"], search=facts.number, known=known, metric=facts.metric)
    if search is not None and search not in known and not trials.rows.height:
        there = f"it has: {', '.join(map(str, known))}" if known else "it has none"
        raise LookupFailed(f"no search {search} in run {run_id}; {there}")
    return SearchedRun(run, facts, trials)

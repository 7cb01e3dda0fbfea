"""Search: what an engine tells of its search for a model, or whoever watches one.

A search belongs to a run, and a run may have several; they are numbered. Its trials are children of that run (see
tracker.automl.trial); all else are facts of kind "automl" of the run itself, under "<search>/<what>": how it was set up
("search"), each iteration of feature selection, the single model chosen ("selection"), the ensemble, how the final
model does on data that the choice didn't see ("evaluation"), and how it ended ("end"). A fact that is told again
replaces the one before. readers.automl makes a report of them, also while the search runs, and after it was killed.

Any thread may tell. A fault of the disk raises nothing here (see tracker.experiment); misuse of an argument does.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ingest.errors import WriterClosed
from ingest.events import FactLogged
from ingest.jsontext import from_json, to_json
from readers.best import Direction
from readers.best import direction as direction_of
from tracker.automl.decisions import Decisions
from tracker.automl.tally import Tally
from tracker.automl.trial import ENDED, State, Trial, as_ns
from tracker.childrun import ChildRun
from tracker.settings import check_name

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

FACT = "automl"
"""Kind of the facts that a search tells of itself."""


class Search(Decisions):
    """A search for a model.

    Args:
        tracker: any ExperimentTracker; what an AutoMLTracker isn't asked to track is left out.
        metric: what is searched for, such as "roc_auc"; the name of the trials' score.
        direction: "maximize" or "minimize"; None: by the metric's name (see readers.best).
        task: "binary", "multiclass", "regression", or what else fits.
        engine: who searches, such as "optuna".
        algorithms: those that may be tried.
        budget: what it may spend: {"time_s": 60, "trials": 100}.
        seed: of the search.
        cross_validation: how scores are made: {"folds": 5, "repeats": 1, "test_fraction": 0.2, ...}.
        data: what it is trained on: {"rows", "columns", "target", "sha256", ...}.
        run_id: the run that it belongs to; default: the current one.
        number: of a search of this run, which goes on: its trials are numbered on. None: a new one.
        start_time: when it began, where that is past; a naive datetime is local time.

    Raises: NoActiveRun. WriterClosed: the tracker is closed. TypeError, ValueError: of the arguments.

    As a context manager it ends with its block.
    """

    def __init__(
        self,
        tracker: "ExperimentTracker",
        metric: str,
        *,
        direction: Direction | None = None,
        task: str = "",
        engine: str = "",
        algorithms: Sequence[str] = (),
        budget: Mapping[str, object] | None = None,
        seed: int | None = None,
        cross_validation: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        run_id: str | None = None,
        number: int | None = None,
        start_time: datetime | None = None,
    ) -> None:
        if direction not in (None, "maximize", "minimize"):
            raise ValueError(f"direction is {direction!r}; it can be 'maximize', 'minimize', or None for by the name")
        super().__init__(check_name("metric", metric), _tracked(tracker))
        self.direction: Direction = direction or direction_of(self.metric)
        self._tracker = tracker
        self._started = 0
        self._tally = Tally(self.direction)
        self._ended = False
        self._off = tracker.settings.disabled
        if self._off:
            self.run_id, self.number = run_id or "", 1
            return
        if tracker._pipeline.closed:  # noqa: SLF001 - this is a part of the tracker
            raise WriterClosed("the tracker is closed; make a new one, and start a run, before a search")
        run = tracker._run(run_id)  # noqa: SLF001
        self.run_id, self._experiment = run.id, run.experiment
        began = as_ns(start_time)
        self.number = number or _next_number(tracker, run.id)
        if number is not None:
            self._go_on()
            return
        told = {
            "metric": self.metric,
            "direction": self.direction,
            "task": task,
            "engine": engine,
            "algorithms": [str(name) for name in algorithms],
            "budget": dict(budget or {}),
            "seed": seed,
            "cross_validation": dict(cross_validation or {}),
            "data": dict(data or {}),
            "tracked": self._tracked,
            "started": _iso(tracker._now() if began is None else began),  # noqa: SLF001
        }
        self._say("search", told)

    # --- trials

    def start_trial(
        self,
        algorithm: str,
        params: Mapping[str, object],
        *,
        name: str | None = None,
        tags: Mapping[str, object] | None = None,
        start_time: datetime | None = None,
    ) -> Trial:
        """Start a trial.

        Args:
            algorithm: what is tried; trials of one algorithm are compared with each other, and make one row of the
                leaderboard.
            params: its hyperparameters, by their own names.
            name: of its run; default: the algorithm and the trial's number.
            tags: more of them.
            start_time: when it began; None: now. A naive datetime is local time.

        Raises: NoActiveRun: the search's run has ended. WriterClosed. TypeError, ValueError.
        """
        check_name("algorithm", algorithm)
        if not isinstance(params, Mapping):
            raise TypeError(f"params are a dict of name to value, not {type(params).__name__}")
        with self._lock:
            self._started += 1
            number = self._started
        child = None
        if not self._off and self._tracked["hyperparameter_search"]:
            child = ChildRun(
                self._tracker,
                self._tracker._run(self.run_id),  # noqa: SLF001 - this is a part of the tracker
                name=name or f"{algorithm} {number}",
                group=algorithm,
                params=params,
                tags={
                    **(tags or {}),
                    "trial.search": self.number,
                    "trial.number": number,
                    "trial.algorithm": algorithm,
                    "trial.state": "running",
                },
                time_ns=as_ns(start_time),
            )
        return Trial(self, number, algorithm, child, self._tally.add)

    def log_trial(
        self,
        algorithm: str,
        params: Mapping[str, object],
        score: float | None,
        *,
        state: State = "complete",
        std: float | None = None,
        fold_scores: Iterable[float] = (),
        fit_time_s: float | None = None,
        predict_time_s: float | None = None,
        metrics: Mapping[str, float] | None = None,
        intermediate: Mapping[int, float] | None = None,
        error: BaseException | str | None = None,
        error_type: str | None = None,
        tags: Mapping[str, object] | None = None,
        name: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> Trial:
        """Log a trial that has ended; arguments as of `start_trial`, Trial.complete and Trial.fail.

        Args:
            state: "complete", "pruned" or "failed".
            intermediate: values on the way, by their step.

        Raises: ValueError: no such state, or one that is complete without a score. Else as start_trial.
        """
        if state not in ENDED:
            raise ValueError(f"state is {state!r}; a trial that has ended is {', '.join(map(repr, ENDED))}")
        if score is None and state == "complete":
            raise ValueError("a complete trial has a score; of one without, say state='failed' or 'pruned'")
        trial = self.start_trial(algorithm, params, name=name, tags=tags, start_time=start_time)
        with trial:  # one whose arguments are refused has failed, and doesn't stay open
            for step, value in (intermediate or {}).items():
                trial.report(value, step)
            if state == "failed":
                trial.fail("" if error is None else error, error_type=error_type, end_time=end_time)
            else:
                ending = trial.prune if score is None or state == "pruned" else trial.complete
                ending(
                    score,  # type: ignore[arg-type]
                    std=std,
                    fold_scores=fold_scores,
                    fit_time_s=fit_time_s,
                    predict_time_s=predict_time_s,
                    metrics=metrics,
                    end_time=end_time,
                )
        return trial

    def end(
        self,
        *,
        stopped_by: str = "",
        spent: Mapping[str, object] | None = None,
        end_time: datetime | None = None,
    ) -> None:
        """Log that the search is over; twice is once.

        Args:
            stopped_by: "trials", "time", "exhausted", "error", "interrupt", ...
            spent: of what the budget is: {"time_s": 58.2, "trials": 100}.
            end_time: when it was over; None: now. A naive datetime is local time.
        """
        ended = as_ns(end_time)
        with self._lock:
            if self._ended:
                return
            self._ended = True
        told = {"stopped_by": stopped_by, "spent": dict(spent or {}), **self._tally.told()}
        self._say("end", {**told, "ended": _iso(self._tracker._now() if ended is None else ended)})  # noqa: SLF001

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(stopped_by="" if error is None else type(error).__name__)

    def _go_on(self) -> None:
        """Count on from what was told of the search before."""
        store = self._tracker._store()  # noqa: SLF001 - this is a part of the tracker
        children = store.runs().filter(parent_run_id=self.run_id).select("run_id")
        tags = store.tags().join(children, on="run_id").select("run_id", "key", "number").collect()
        mine = tags.filter(key="trial.search", number=self.number).select("run_id")
        numbers = tags.filter(key="trial.number").join(mine, on="run_id")["number"]
        self._started = int(max(numbers, default=0))
        facts = store.facts(kinds=[FACT], runs=[self.run_id]).filter(key=f"{self.number}/end").collect()
        if len(facts):
            told: Any = from_json(facts["value"][-1])
            self._tally.go_on(told)

    def _say(self, what: str, told: Mapping[str, object]) -> None:
        if self._off:
            return
        tracker, key = self._tracker, f"{self.number}/{what}"
        items = {key: to_json(told, where=what)}
        tracker._append(FactLogged(self.run_id, self._experiment, tracker._now(), FACT, items))  # noqa: SLF001


def _tracked(tracker: "ExperimentTracker") -> dict[str, bool]:
    """What the tracker is asked to track; one that isn't an AutoMLTracker takes everything."""
    names = ("hyperparameter_search", "model_selection", "ensemble_creation")
    return {name: bool(getattr(tracker, f"track_{name}", True)) for name in names}


def _next_number(tracker: "ExperimentTracker", run_id: str) -> int:
    """One more than the last search of the run, which another process may have made."""
    facts = tracker._store().facts(kinds=[FACT], runs=[run_id]).collect()  # noqa: SLF001 - this is a part of the tracker
    return 1 + max((int(key.partition("/")[0]) for key in facts["key"]), default=0)


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat()

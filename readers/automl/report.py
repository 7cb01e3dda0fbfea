"""AutoML report: what came of a search for a model, from the tables of any source.

It is made in a few reads whatever the number of trials, also of a search that is going on, that was killed, or that
another process made. What isn't known is empty, 0 or NaN, never left out; `caveats` say what to know before one
believes it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

from readers.automl import caveats
from readers.automl.choice import BestTrial, Selection, best_algorithm, best_trial, selection
from readers.automl.convergence import BestSoFar, best_so_far
from readers.automl.ensemble import Ensemble, ensemble
from readers.automl.evaluation import CVScore, Evaluation, cv_score, evaluation
from readers.automl.failures import ErrorGroup, error_groups
from readers.automl.featureselection import FeatureSelection, feature_selection
from readers.automl.leaderboard import LeaderboardRow, leaderboard
from readers.automl.parameters import AlgorithmParams, ImportantParam, algorithm_params, important_params, method_for
from readers.automl.searchedrun import SearchedRun, read_search
from readers.automl.searchfacts import as_dict, as_text, as_texts
from readers.automl.tieset import TieSet, tie_set
from readers.best import Direction
from readers.importance import Method
from readers.source import RunFrames


class AutoMLReport(TypedDict):
    """What came of a search."""

    algorithms_tested: int
    """How many were tried, baselines left out."""
    best_algorithm: str
    """The one that the search chose; else that of the best trial; empty for none."""
    hyperparameter_trials: int
    """Whatever became of them."""
    feature_selection_iterations: int
    ensemble_size: int
    cv_score: float
    """The final model's score by cross-validation; NaN for none."""
    cv_score_of: str
    """Whose it is, the first there is of: "evaluation on ... cross-validation", "ensemble", "selection", "best trial";
    else "evaluation on" other data."""
    run_id: str
    run_name: str
    experiment: str
    search: int
    """The search's number in its run, from 1; 0 where none was logged."""
    status: str
    """"ended", "running" or "interrupted"; empty where none was logged."""
    engine: str
    task: str
    metric: str
    direction: Direction
    leaderboard: list[LeaderboardRow]
    best_params: dict[str, Any]
    """Of the selection, else of the best trial."""
    best_trial: BestTrial | None
    selection: Selection
    trials_by_status: dict[str, int]
    """complete, pruned, failed, running, interrupted."""
    errors: list[ErrorGroup]
    best_so_far: list[BestSoFar]
    feature_selection: FeatureSelection
    ensemble: Ensemble
    parameter_importance: dict[str, list[ImportantParam]]
    """By algorithm; empty where too few trials tell."""
    parameter_method: Method
    """How importance was measured: see readers.importance.parameter_importance."""
    parameter_notes: dict[str, list[str]]
    """By algorithm: what to know before believing it, or why there is none."""
    tie_set: TieSet
    evaluation: Evaluation
    """The last one."""
    evaluations: list[Evaluation]
    """The last on each kind of data."""
    budget: dict[str, Any]
    spent: dict[str, Any]
    """As the search told; `trials` and `time_s` (until the last trial's end) are counted where it didn't."""
    stopped_by: str
    seed: int | None
    started: datetime | None
    data: dict[str, Any]
    cross_validation: dict[str, Any]
    tracked: dict[str, bool]
    caveats: list[str]


class Found(NamedTuple):
    """A report with what pictures are made of besides."""

    report: AutoMLReport
    searched: SearchedRun
    params: dict[str, AlgorithmParams]


def automl_report(frames: RunFrames, run_id: str, search: int | None = None) -> AutoMLReport:
    """What came of a search.

    Args:
        frames: where the run is: Store(...).frames(), tracker.frames(), MLflowSource(...).frames().
        search: its number in the run; None: the last one.

    Returns: all keys, always; also for a run in which nothing was searched.
    Raises: RunNotFound. LookupFailed: the run has no such search. TypeError: search is no whole number.
    """
    return find(frames, run_id, search).report


def find(frames: RunFrames, run_id: str, search: int | None = None) -> Found:
    """The same with what it was made from; errors as of automl_report."""
    searched = read_search(frames, run_id, search)
    rows = leaderboard_of(frames, searched)
    params = algorithm_params(frames, searched.experiment, searched.trials, searched.direction)
    return Found(_report(searched, rows, params), searched, params)


def leaderboard_of(frames: RunFrames, searched: SearchedRun) -> list[LeaderboardRow]:
    """The leaderboard of a search."""
    ended = as_dict(searched.facts.end.get("algorithms"))
    return leaderboard(frames, searched.experiment, searched.trials, searched.direction, ended)


def tie_set_of(searched: SearchedRun, rows: list[LeaderboardRow]) -> TieSet:
    """The tie set of a search."""
    return tie_set(rows, as_dict(searched.facts.setup.get("cross_validation")))


def _report(searched: SearchedRun, rows: list[LeaderboardRow], params: dict[str, AlgorithmParams]) -> AutoMLReport:
    facts, trials, direction = searched.facts, searched.trials, searched.direction
    setup, counts, ties = facts.setup, searched.counts, tie_set_of(searched, rows)
    made, chosen, best = ensemble(facts.ensemble, rows, direction), selection(facts.selection), best_trial(rows)
    evaluations = [evaluation(one) for one in facts.evaluations]
    of_best = rows[0]["score"] if best or (rows and not rows[0]["status"]) else float("nan")
    others = [CVScore(made["score"], "ensemble"), CVScore(chosen["score"], "selection"), CVScore(of_best, "best trial")]
    score = cv_score(trials.metric, evaluations, others)
    seed = setup.get("seed")
    return AutoMLReport(
        algorithms_tested=sum(not row["baseline"] for row in rows),
        best_algorithm=best_algorithm(chosen, rows),
        hyperparameter_trials=sum(counts.values()),
        feature_selection_iterations=len(facts.selections),
        ensemble_size=made["size"],
        cv_score=score.score,
        cv_score_of=score.of,
        run_id=searched.run["run_id"],
        run_name=searched.run["run_name"] or "",
        experiment=searched.experiment,
        search=trials.search,
        status=searched.status,
        engine=as_text(setup.get("engine")),
        task=as_text(setup.get("task")),
        metric=trials.metric,
        direction=direction,
        leaderboard=rows,
        best_params=chosen["params"] or (best["params"] if best else {}),
        best_trial=best,
        selection=chosen,
        trials_by_status=counts,
        errors=error_groups(trials),
        best_so_far=best_so_far(trials, direction, facts.started),
        feature_selection=feature_selection(facts.selections, _used(facts.selection)),
        ensemble=made,
        parameter_importance={name: important_params(found.importance) for name, found in params.items()},
        parameter_method=method_for(trials),
        parameter_notes={name: found.notes for name, found in params.items()},
        tie_set=ties,
        evaluation=evaluations[-1] if evaluations else evaluation({}),
        evaluations=evaluations,
        budget=as_dict(setup.get("budget")),
        spent=searched.spent,
        stopped_by=as_text(facts.end.get("stopped_by")),
        seed=seed if isinstance(seed, int) else None,
        started=searched.started,
        data=as_dict(setup.get("data")),
        cross_validation=as_dict(setup.get("cross_validation")),
        tracked=facts.tracked,
        caveats=[
            *caveats.of_record(searched),
            *caveats.of_trials(searched, rows),
            *caveats.of_scores(rows, ties, made, evaluations, counts["complete"]),
        ],
    )


def _used(chosen: Mapping[str, Any]) -> list[str] | None:
    """The features of the model that was chosen; None if not told."""
    return as_texts(chosen["features"]) if isinstance(chosen.get("features"), list) else None

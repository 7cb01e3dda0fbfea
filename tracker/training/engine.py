"""MLTrainingEngine: give it a table and labels, get a trained model, and a record of how it was found.

A small AutoML on scikit-learn that says what it did. The order of a fit:

    1  baseline, which doesn't look at X, then each algorithm with its default hyperparameters    (search)
    2  candidates proposed by TPE or by chance, climbing rungs of folds, in a race of algorithms  (halving, race)
    3  features eliminated step by step, each fold by its own rows                                (selecting)
    4  a weighted ensemble, or a stack, kept if it is no worse than the best single model         (choosing)
    5  the final model on fresh splits, or the whole search again within outer folds              (evaluation, nested)
    6  the final model trained on all rows, and logged

With a tracker all of it is logged: each candidate is a trial, a child of the run; the rest are facts of the run, of
which `AutoMLTracker.get_automl_report` makes its report.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, cast

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from ingest.errors import WriterClosed
from ingest.jsontext import to_json
from tracker.experiment import ExperimentTracker
from tracker.training.budget import Budget
from tracker.training.candidate import Learner
from tracker.training.choosing import Chosen
from tracker.training.learners import learners_for
from tracker.training.model import TableClassifier, TableRegressor
from tracker.training.nested import check_nested
from tracker.training.options import DEFAULT_TIME_S, Options, checked
from tracker.training.ownrun import own_run
from tracker.training.problem import Problem
from tracker.training.progress import Progress
from tracker.training.results import Results
from tracker.training.scoring import Scorer, scorer_for
from tracker.training.searchlog import SearchLog, log_trained, start_search
from tracker.training.training import Training, trained


def _classifies(engine: "MLTrainingEngine") -> bool:
    """Whether it has probabilities to give: unless it is known to predict quantities."""
    model = getattr(engine, "best_estimator_", None)
    return hasattr(model, "predict_proba") if model is not None else engine.task != "regression"


class MLTrainingEngine(BaseEstimator):  # type: ignore[misc]
    """Searches a model for a table, trains it, and logs how it was found. A scikit-learn estimator.

    Args:
        experiment_tracker: an AutoMLTracker, or any ExperimentTracker; None: nothing is logged. When a run is active,
            fit logs to it and leaves it open; else fit starts one of its own and ends it.
        enable_automl: False: no search; `estimator` (default: histogram boosting) is cross-validated and trained.
        task: "auto", "classification" ("binary", "multiclass") or "regression".
        metric: a name, such as "roc_auc", or a function of labels and predictions; None: roc_auc for two classes,
            log_loss for more, r2 for quantities.
        time_budget_s: seconds for all of fit, about two thirds of it for the search; None: any. Left at its default,
            STEPLOG_TIME_BUDGET_S counts instead where it is set. It is looked at between fits: without processes of its
            own (see n_jobs) a fit that runs then runs to its end, and training on all rows is always done.
        max_trials: candidates that are tried, baseline included; None: any number. With it, and time enough, the same
            seed finds the same model.
        trial_timeout_s: seconds that the fits of one trial may take; they then run in a process of their own, which is
            killed when it is over. None: half of the search's time, looked at between folds.
        algorithms: names of those to try; None: all that fit the task and are installed.
        search: "optuna" (TPE), "random", or "auto": Optuna's where it is installed.
        cv: folds of cross-validation; fewer where a class has fewer rows, or a fold of quantities fewer than two.
        repeats: how often the folds are drawn.
        nested_folds: the whole search is run again for each of so many outer folds, to tell how well the procedure
            does; 0: the chosen model is cross-validated on fresh splits, which flatters a little (see
            tracker.training.evaluation).
        feature_selection: True, False, or "auto": in tables of four features or more.
        ensemble: "greedy", "stacking" or "none"; an ensemble is kept only if it scores no worse than the best single
            model.
        estimator: what enable_automl=False trains: any scikit-learn estimator, which gets numbers (categories as codes,
            missing as NaN), and classes as codes.
        log_model: log the trained model: as "automl/<experiment>", or under a name of your own.
        seed: of the folds, the proposals and the models.
        n_jobs: processes to fit in; -1: one a core; 1: this one. With several, as many candidates are tried side by
            side, and a fit can be killed, so the time budget holds in the midst of one.
        progress: a bar on standard error; None: on a terminal.

    Attributes (after fit):
        results_: what was found: see Results.
        best_estimator_: the trained model (TableClassifier, TableRegressor): takes tables, gives labels, needs no
            engine.
        classes_: the labels, for classification.

    Raises: TypeError: experiment_tracker is no tracker; likewise other arguments. ValueError: an argument out of its
    range.

    The score of the best of many candidates flatters: `results_.search_score` is that, `results_.cv_score` is not, as
    far as the evaluation goes.
    """

    def __init__(
        self,
        experiment_tracker: ExperimentTracker | None = None,
        enable_automl: bool = True,
        *,
        task: str = "auto",
        metric: str | Callable[..., float] | None = None,
        time_budget_s: float | None = DEFAULT_TIME_S,
        max_trials: int | None = None,
        trial_timeout_s: float | None = None,
        algorithms: Sequence[str] | None = None,
        search: Literal["auto", "optuna", "random"] = "auto",
        cv: int = 5,
        repeats: int = 1,
        nested_folds: int = 0,
        feature_selection: bool | Literal["auto"] = "auto",
        ensemble: Literal["greedy", "stacking", "none"] = "greedy",
        estimator: Any = None,
        log_model: bool | str = True,
        seed: int = 0,
        n_jobs: int = 1,
        progress: bool | None = None,
    ) -> None:
        self.experiment_tracker = experiment_tracker
        self.enable_automl = enable_automl
        self.task = task
        self.metric = metric
        self.time_budget_s = time_budget_s
        self.max_trials = max_trials
        self.trial_timeout_s = trial_timeout_s
        self.algorithms = algorithms
        self.search = search
        self.cv = cv
        self.repeats = repeats
        self.nested_folds = nested_folds
        self.feature_selection = feature_selection
        self.ensemble = ensemble
        self.estimator = estimator
        self.log_model = log_model
        self.seed = seed
        self.n_jobs = n_jobs
        self.progress = progress
        self._options()

    # --- fit

    def fit(self, X: Any, y: Any) -> Results:
        """Search, choose, evaluate, train on all rows.

        Args:
            X: shape (rows, columns): NumPy array, list of rows, dict of columns, pandas or Polars frame, pyarrow table;
                numbers, text, categories, dates, missing cells.
            y: shape (rows,): labels.

        Returns: what was found (and not the engine, as scikit-learn's own do; its helpers don't mind).
        Raises: TypeError, ValueError: what can't be learned from. WriterClosed: the tracker is closed. RuntimeError: no
            candidate could be fitted. ImportError: search="optuna", or an algorithm, without its library.

        Ctrl-C ends the search, and goes on its way; `results_` has what is known then, and `refit` trains the best so
        far. `steplog stop`, and the button on the run's page, end the search and let the rest be done.
        """
        options = self._options()
        tracker = self._open_tracker()
        budget = Budget(options.time_budget_s, options.max_trials)
        problem = Problem.of(X, y, options.task)
        check_nested(problem, options.nested_folds)
        scorer = scorer_for(options.metric, problem.task)
        learners = learners_for(problem, options)
        self._forget()
        if tracker is None:
            return self._fit(X, problem, scorer, options, budget=budget, learners=learners)
        with own_run(tracker):
            return self._fit(X, problem, scorer, options, budget=budget, learners=learners)

    def _fit(
        self, X: Any, problem: Problem, scorer: Scorer, options: Options, *, budget: Budget, learners: Sequence[Learner]
    ) -> Results:
        tracker = self.experiment_tracker
        progress = Progress(scorer.name, scorer.direction, budget, shown=self.progress)
        names = [learner.name for learner in learners]
        search = None if tracker is None else start_search(tracker, problem, scorer, options, names)
        log = SearchLog(tracker, search, progress)
        training: Training | None = None
        stopped_by = "error"
        try:
            training = Training(problem, scorer, options, budget, log, learners=learners)
            self.best_estimator_ = training.run()
            stopped_by = training.stopped_by
        except KeyboardInterrupt:
            stopped_by = "interrupt"
            raise
        finally:
            spent: dict[str, object] = {"time_s": budget.spent_s()}
            if training is not None:
                training.stopped_by = stopped_by
                self.results_ = training.results(log.run_id)
                self._chosen = training.best_known()
                self._task = problem.task
                spent = training.spent()
            log.close(stopped_by, spent)
        if problem.classes is not None:
            self.classes_ = problem.classes
        if tracker is not None:
            log_trained(tracker, self.best_estimator_, self.results_, name=self.log_model, X=X)
        return self.results_

    def refit(self, X: Any, y: Any) -> Self:
        """Train the chosen model anew, on other rows, or more of them; nothing is searched, nothing is logged.

        Raises: NotFittedError: nothing is chosen yet. TypeError, ValueError: as fit; or X lacks features that it uses.
        """
        chosen: Chosen | None = getattr(self, "_chosen", None)
        if chosen is None:
            raise NotFittedError("there is no model to train again yet: call fit")
        problem = Problem.of(X, y, self._task)
        self.best_estimator_ = trained(chosen, problem)
        if problem.classes is not None:
            self.classes_ = problem.classes
        return self

    # --- use

    def predict(self, X: Any) -> np.ndarray:
        """Labels, or quantities; shape (rows,). Raises: NotFittedError. TypeError, ValueError: X lacks columns, say."""
        return self._model().predict(X)

    @available_if(_classifies)  # type: ignore[misc, untyped-decorator, unused-ignore]
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (rows, classes), in the order of `classes_`. Raises: as predict."""
        return cast("np.ndarray", self._model().predict_proba(X))

    def score(self, X: Any, y: Any) -> float:
        """The engine's metric on other rows; negative where less is better, as in scikit-learn. Raises: as predict."""
        return self._model().score_by(scorer_for(self.metric, self._task), X, y)

    def leaderboard(self) -> pl.DataFrame:
        """The algorithms, each with its best trial: rank, score, std, times, number of trials, state, params.

        Raises: NotFittedError.
        """
        if not hasattr(self, "results_"):
            raise NotFittedError("there is no leaderboard yet: call fit")
        rows = [{**row._asdict(), "params": to_json(row.params)} for row in self.results_.leaderboard]
        return pl.DataFrame(rows, infer_schema_length=None)

    def __getstate__(self) -> dict[str, Any]:
        """Once fitted it is pickled without its tracker: it predicts wherever it is loaded."""
        state = dict(super().__getstate__())
        if "best_estimator_" in state:
            state["experiment_tracker"] = None
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "best_estimator_", None) is not None

    def __sklearn_tags__(self) -> Tags:
        """Known before fit only where `task` says it: for scikit-learn's own helpers say so."""
        tags = super().__sklearn_tags__()
        task = getattr(self, "_task", self.task)
        if task != "auto":
            kind = TableRegressor if task == "regression" else TableClassifier
            own = kind().__sklearn_tags__()
            tags.estimator_type = own.estimator_type
            tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    # --- its parts

    def _options(self) -> Options:
        """The arguments, checked. Raises: TypeError, ValueError."""
        tracker = self.experiment_tracker
        if tracker is not None and not isinstance(tracker, ExperimentTracker):
            raise TypeError(
                "experiment_tracker is an AutoMLTracker, another ExperimentTracker, or None, "
                f"not {type(tracker).__name__}"
            )
        if not isinstance(self.log_model, (bool, str)):
            raise TypeError(f"log_model is True, False, or a name, not {self.log_model!r:.40}")
        if self.progress not in (None, True, False):
            raise TypeError(f"progress is True, False, or None for a terminal, not {self.progress!r:.40}")
        return checked({name: getattr(self, name) for name in Options.__struct_fields__})

    def _open_tracker(self) -> ExperimentTracker | None:
        """The tracker. Raises: WriterClosed."""
        tracker = self.experiment_tracker
        if tracker is not None and not tracker.settings.disabled and tracker._pipeline.closed:  # noqa: SLF001
            raise WriterClosed("the tracker is closed; make a new one and give it to the engine")
        return tracker

    def _forget(self) -> None:
        """Nothing of an earlier fit outlives the beginning of another."""
        for name in ("results_", "best_estimator_", "classes_", "_chosen", "_task"):
            self.__dict__.pop(name, None)

    def _model(self) -> TableClassifier | TableRegressor:
        model = getattr(self, "best_estimator_", None)
        if model is None:
            known = "; the best that is known can be trained by refit(X, y)" if hasattr(self, "results_") else ""
            raise NotFittedError(f"the engine has no trained model yet: call fit{known}")
        return cast("TableClassifier | TableRegressor", model)

"""Metrics are scikit-learn's, of predictions that are there; each knows its direction."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from tracker.training.problem import Task
from tracker.training.scoring import DEFAULTS, METRICS, scorer_for

rng = np.random.default_rng(0)
TWO = rng.integers(0, 2, 200)
TWO_PROBA = np.column_stack([1 - (p := np.clip(0.3 * TWO + 0.7 * rng.random(200), 0, 1)), p])
THREE = rng.integers(0, 3, 200)
THREE_PROBA = rng.dirichlet(np.ones(3), 200) * 0.7 + 0.3 * np.eye(3)[THREE]
QUANTITY = rng.gamma(2.0, size=200)
VALUES = QUANTITY * rng.normal(1.0, 0.1, 200)

SAME: list[tuple[str, Task, Any]] = [
    ("accuracy", "multiclass", lambda: metrics.accuracy_score(THREE, THREE_PROBA.argmax(1))),
    ("balanced_accuracy", "multiclass", lambda: metrics.balanced_accuracy_score(THREE, THREE_PROBA.argmax(1))),
    ("f1", "binary", lambda: metrics.f1_score(TWO, TWO_PROBA.argmax(1))),
    ("f1_macro", "multiclass", lambda: metrics.f1_score(THREE, THREE_PROBA.argmax(1), average="macro")),
    (
        "precision_weighted",
        "multiclass",
        lambda: metrics.precision_score(THREE, THREE_PROBA.argmax(1), average="weighted"),
    ),
    ("roc_auc", "binary", lambda: metrics.roc_auc_score(TWO, TWO_PROBA[:, 1])),
    ("roc_auc_ovr", "multiclass", lambda: metrics.roc_auc_score(THREE, THREE_PROBA, multi_class="ovr")),
    ("roc_auc_ovo", "multiclass", lambda: metrics.roc_auc_score(THREE, THREE_PROBA, multi_class="ovo")),
    ("average_precision", "binary", lambda: metrics.average_precision_score(TWO, TWO_PROBA[:, 1])),
    ("log_loss", "binary", lambda: metrics.log_loss(TWO, TWO_PROBA)),
    ("log_loss", "multiclass", lambda: metrics.log_loss(THREE, THREE_PROBA)),
    ("neg_log_loss", "multiclass", lambda: -metrics.log_loss(THREE, THREE_PROBA)),
    ("brier_score", "binary", lambda: metrics.brier_score_loss(TWO, TWO_PROBA[:, 1])),
    ("r2", "regression", lambda: metrics.r2_score(QUANTITY, VALUES)),
    ("rmse", "regression", lambda: metrics.root_mean_squared_error(QUANTITY, VALUES)),
    ("root_mean_squared_error", "regression", lambda: metrics.root_mean_squared_error(QUANTITY, VALUES)),
    ("neg_mean_absolute_error", "regression", lambda: -metrics.mean_absolute_error(QUANTITY, VALUES)),
    ("mape", "regression", lambda: metrics.mean_absolute_percentage_error(QUANTITY, VALUES)),
    ("rmsle", "regression", lambda: metrics.root_mean_squared_log_error(QUANTITY, VALUES)),
]
DATA: dict[str, tuple[Any, Any, Any]] = {
    "binary": (TWO, TWO_PROBA, np.array([0.9, 0.1])),
    "multiclass": (THREE, THREE_PROBA, np.full(3, 1 / 3)),
    "regression": (QUANTITY, VALUES, QUANTITY.mean()),
}


@pytest.mark.parametrize(("name", "task", "expected"), SAME, ids=[f"{name}-{task}" for name, task, _ in SAME])
def test_a_metric_is_scikit_learns(name: str, task: Task, expected: Any) -> None:
    """Of a model's output, whichever of labels and probabilities the metric needs."""
    y, output, _ = DATA[task]

    assert scorer_for(name, task).of_output(y, output) == pytest.approx(expected())


@pytest.mark.parametrize("task", DEFAULTS)
def test_each_metric_prefers_the_truth_and_comes_back_from_a_pickle(task: Task) -> None:
    """Perfect predictions are better than those that look at nothing, in the metric's own direction."""
    y, _, nothing = DATA[task]
    perfect = y if task == "regression" else np.eye(y.max() + 1)[y]
    poor = np.broadcast_to(nothing, perfect.shape)

    for name in [name for name, metric in METRICS.items() if task in metric.tasks]:
        scorer = pickle.loads(pickle.dumps(scorer_for(name, task)))
        assert scorer.name == name
        assert scorer.better(scorer.of_output(y, perfect), scorer.of_output(y, poor)), name


def test_a_surely_wrong_probability_has_a_finite_log_loss() -> None:
    """One model that is sure must not make a mean infinite."""
    wrong = np.eye(2)[1 - TWO]

    assert 30 < scorer_for("log_loss", "binary").of_output(TWO, wrong) < 40


def test_losses_are_minimized_under_their_own_name() -> None:
    """And maximized with neg_ before it, as in scikit-learn."""
    assert scorer_for("log_loss", "binary").direction == "minimize"
    assert scorer_for("neg_log_loss", "binary").direction == "maximize"
    assert scorer_for("rmse", "regression").direction == "minimize"
    assert scorer_for(None, "regression").direction == "maximize"


def test_nan_is_never_better() -> None:
    """Any score is better than none."""
    scorer = scorer_for("rmse", "regression")

    assert not scorer.better(float("nan"), 1.0)
    assert scorer.better(1.0, float("nan"))


def test_clearly_worse_is_worse_by_more_than_a_standard_error() -> None:
    """Of the differences fold by fold, in the metric's direction."""
    more, less = scorer_for("r2", "regression"), scorer_for("rmse", "regression")
    good, slightly, clearly = [0.8, 0.7, 0.9], [0.7, 0.75, 0.88], [0.7, 0.62, 0.8]

    assert not more.clearly_worse(slightly, good)
    assert more.clearly_worse(clearly, good)
    assert not more.clearly_worse(good, clearly)
    assert less.clearly_worse(good, clearly)
    assert not more.clearly_worse(good, good)
    assert more.clearly_worse([0.1], [0.2])


def share_of_hits(y: Any, labels: Any) -> float:
    """A metric of a caller's own."""
    return float(np.mean(y == labels))


def test_a_function_of_labels_is_a_metric() -> None:
    """Its direction is told by its name."""
    scorer = pickle.loads(pickle.dumps(scorer_for(share_of_hits, "multiclass")))

    assert (scorer.name, scorer.direction, scorer.needs) == ("share_of_hits", "maximize", "predict")
    assert scorer.of_output(THREE, THREE_PROBA) == metrics.accuracy_score(THREE, THREE_PROBA.argmax(1))


@pytest.mark.parametrize(
    ("made", "task", "expected"),
    [
        (lambda: metrics.get_scorer("roc_auc"), "binary", lambda: metrics.roc_auc_score(TWO, TWO_PROBA[:, 1])),
        (lambda: metrics.get_scorer("f1_macro"), "multiclass",
         lambda: metrics.f1_score(THREE, THREE_PROBA.argmax(1), average="macro")),
        (lambda: metrics.make_scorer(metrics.mean_pinball_loss, greater_is_better=False, alpha=0.9), "regression",
         lambda: -metrics.mean_pinball_loss(QUANTITY, VALUES, alpha=0.9)),
    ],
)  # fmt: skip
def test_scikit_learns_scorers_are_taken(made: Any, task: Task, expected: Any) -> None:
    """What make_scorer gives has its sign in it, so it is maximized."""
    y, output, _ = DATA[task]
    scorer = pickle.loads(pickle.dumps(scorer_for(made(), task)))

    assert scorer.direction == "maximize"
    assert scorer.of_output(y, output) == pytest.approx(expected())


def test_an_unknown_metric_is_refused_with_those_that_there_are() -> None:
    """Of the task, as others would only fail later."""
    with pytest.raises(ValueError, match="no metric 'acuracy'; for binary there is accuracy, average_precision"):
        scorer_for("acuracy", "binary")
    with pytest.raises(ValueError, match="'r2' is for regression, the task is binary; there is accuracy"):
        scorer_for("r2", "binary")
    with pytest.raises(ValueError, match="no metric 'neg_accuracy'"):
        scorer_for("neg_accuracy", "binary")
    with pytest.raises(TypeError, match="a name or a function, not int"):
        scorer_for(5, "binary")  # type: ignore[arg-type]

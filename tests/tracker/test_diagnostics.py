"""Diagnostics: the numbers are right, the picture shows them, and what makes no sense is refused."""

import enum
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tracker.confusion import confusion
from tracker.experiment import ExperimentTracker
from tracker.featureimportance import feature_importance
from tracker.pngtitle import titled

X, y = make_classification(120, n_features=6, n_informative=4, n_classes=3, random_state=0)
NAMES = [f"col {index}" for index in range(6)]


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def paths(tracker: ExperimentTracker) -> list[str]:
    """Name the run's artifacts."""
    return [entry["path"] for entry in tracker.list_artifacts()]


class Colour(enum.Enum):
    """Classes as an enum."""

    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("true", "pred"),
    [
        ([0, 1, 2, 2, 1], [0, 2, 2, 1, 1]),
        (["a", "b", "b"], ["a", "a", "b"]),
        ([True, False, True], [1, 0, 0]),
        (np.array([[1], [2]]), pd.Series([2, 2])),
        (pd.Categorical(["x", "y"]), pd.Series(["y", "y"], dtype="string")),
        (np.array([1.0, 2.0]), [1, 1]),
        (np.random.default_rng(0).integers(0, 100, 1000), np.random.default_rng(1).integers(0, 100, 1000)),
    ],
)  # fmt: skip
def test_the_counts_are_those_of_scikit_learn(true: Any, pred: Any) -> None:
    """Numbers, text, booleans, categories, columns: counted alike."""
    expected = confusion_matrix(np.ravel(np.asarray(true)).tolist(), np.ravel(np.asarray(pred)).tolist())

    np.testing.assert_array_equal(confusion(true, pred).matrix, expected)


def test_labels_choose_classes_and_their_order() -> None:
    """Rows of other classes are left out and counted; a class that doesn't occur has an empty row."""
    counted = confusion(["a", "b", "c", "a"], ["a", "a", "c", "b"], labels=["b", "a", "z"])

    assert counted.labels == ["b", "a", "z"]
    assert counted.matrix.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert counted.left_out == 1
    assert counted.accuracy == pytest.approx(1 / 3)
    assert counted.shares().tolist() == [[0, 1, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert confusion([Colour.RED, Colour.BLUE], [Colour.RED, Colour.RED]).labels == ["blue", "red"]


def test_a_confusion_matrix_is_stored_as_numbers_and_picture(tracker: ExperimentTracker) -> None:
    """Under its name, with both suffixes, whether or not the name has one."""
    tracker.log_confusion_matrix([0, 1, 1], [0, 1, 0])
    tracker.log_confusion_matrix([0, 1, 1], [0, 1, 0], name="val/cm.png", normalize=True)

    assert paths(tracker) == ["confusion_matrix.json", "confusion_matrix.png", "val/cm.json", "val/cm.png"]
    numbers: Any = tracker.load_artifact("confusion_matrix.json")
    assert numbers["labels"] == [0, 1]
    assert numbers["matrix"] == [[1, 0], [1, 1]]
    assert numbers["shares"] == [[1, 0], [0.5, 0.5]]
    assert (numbers["accuracy"], numbers["rows"], numbers["left_out"]) == (pytest.approx(2 / 3), 3, 0)
    assert tracker.get_artifact("val/cm.png").read_bytes().startswith(b"\x89PNG")


def test_classes_are_shown_by_the_names_that_scikit_learn_takes(tracker: ExperimentTracker) -> None:
    """display_labels in the order of labels, also as an array; the labels are kept beside them."""
    names = np.array(["setosa", "virginica"])
    tracker.log_confusion_matrix([0, 1, 1], [0, 1, 0], display_labels=names)
    tracker.log_confusion_matrix([0, 1, 1], [0, 1, 0], labels=[1, 0], display_labels=["b", "a"], name="turned")

    shown: Any = tracker.load_artifact("confusion_matrix.json")
    turned: Any = tracker.load_artifact("turned.json")
    assert (shown["labels"], shown["display_labels"]) == ([0, 1], ["setosa", "virginica"])
    assert (turned["labels"], turned["display_labels"], turned["matrix"]) == ([1, 0], ["b", "a"], [[1, 1], [0, 1]])
    with pytest.raises(ValueError, match=r"display_labels has 3 names for 2 classes: \[0, 1\]"):
        tracker.log_confusion_matrix([0, 1], [0, 1], display_labels=["a", "b", "c"], name="refused")
    assert "refused.json" not in paths(tracker)


def test_a_picture_says_which_run_it_is_of(tracker: ExperimentTracker) -> None:
    """In the PNG's own title, so that a stray file can be traced; it opens as before."""
    from matplotlib import image

    tracker.log_confusion_matrix([0, 1], [0, 1])
    path = tracker.get_artifact("confusion_matrix.png")
    with PIL.Image.open(path) as picture:
        title = picture.info["Title"]
    (run,) = tracker.get_experiment_runs()

    assert run["run_id"] in title
    assert repr(run["run_name"]) in title
    assert repr(run["experiment"]) in title
    assert image.imread(path).shape[2] == 4
    assert titled(path.read_bytes(), "another") == path.read_bytes()
    assert titled(b"no picture", "a title") == b"no picture"


refused: list[tuple[str, Any, Any, Any]] = [
    ("y_true is empty", [], [], None),
    ("y_true has 2 labels and y_pred 1", [0, 1], [0], None),
    (r"shape \(2, 3\); .*y_pred.argmax\(axis=1\)", [0, 1], np.ones((2, 3)), None),
    (r"y_true has the shape \(\)", 5, 5, None),
    (r"y_true has the shape \(1, 1, 1\)", [[[1]]], [1], None),
    ("y_true has 1 NaN", [0.0, np.nan], [0.0, 1.0], None),
    ("y_pred has missing labels", ["a", "b"], ["a", None], None),
    ("y_pred has missing labels", ["a", "b"], ["a", float("nan")], None),
    ("mixes int, str", np.array([1, "a"], dtype=object), [1, 1], None),
    ("y_true holds numbers and y_pred text", [1, 2], ["1", "2"], None),
    (r"none of labels 7 occurs; there is 0, 1", [0, 1], [0, 1], [7]),
    ("labels names a class twice", [0, 1], [0, 1], [0, 0]),
    ("labels is empty", [0, 1], [0, 1], []),
    ("1500 distinct labels are numbers", np.arange(1500) / 7, np.arange(1500) / 7, None),
]


@pytest.mark.parametrize(("message", "true", "pred", "labels"), refused, ids=[row[0] for row in refused])
def test_labels_that_cannot_be_counted_are_refused(
    message: str, true: Any, pred: Any, labels: Any, tracker: ExperimentTracker
) -> None:
    """The message says which of the two, and what to do; nothing is stored."""
    with pytest.raises(ValueError, match=message):
        tracker.log_confusion_matrix(true, pred, labels)
    assert paths(tracker) == []


models: list[tuple[str, str, Callable[[], Any]]] = [
    ("forest", "feature importance", lambda: RandomForestClassifier(10, random_state=0).fit(X, y)),
    ("tree", "feature importance", lambda: DecisionTreeClassifier(random_state=0).fit(X, y)),
    ("boosting", "feature importance", lambda: GradientBoostingClassifier(n_estimators=2).fit(X, y)),
    ("many classes", "mean size of the coefficients", lambda: LogisticRegression().fit(X, y)),
    ("linear", "size of the coefficients", lambda: LinearRegression().fit(X, y)),
    ("search", "mean size of the coefficients",
     lambda: GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"memory": [None]}, cv=2).fit(X, y)),
]  # fmt: skip


@pytest.mark.parametrize(("_", "method", "make"), models, ids=[row[0] for row in models])
def test_a_model_that_tells_its_importances_is_asked(_: str, method: str, make: Callable[[], Any]) -> None:
    """One number a feature, under the names given, or by number."""
    found = feature_importance(make(), NAMES)

    assert (found.names, found.method) == (NAMES, method)
    assert found.importances.shape == (6,)
    assert min(found.importances) >= 0
    assert feature_importance(make()).names == [f"feature_{index}" for index in range(6)]


def test_coefficients_count_by_size_and_class() -> None:
    """The mean over the classes of their absolute values; sparse ones too."""
    model = LogisticRegression().fit(X, y)
    expected = np.abs(model.coef_).mean(axis=0)

    np.testing.assert_allclose(feature_importance(model).importances, expected)
    np.testing.assert_allclose(feature_importance(model.sparsify()).importances, expected)


def test_a_forest_tells_the_spread_over_its_trees() -> None:
    """A standard deviation a feature; one tree has none."""
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)

    spread = feature_importance(forest).spread
    assert spread is not None
    np.testing.assert_allclose(spread, np.std([tree.feature_importances_ for tree in forest.estimators_], axis=0))
    assert feature_importance(DecisionTreeClassifier().fit(X, y)).spread is None


def test_names_go_through_a_pipeline() -> None:
    """One-hot columns get their names from the step that makes them; components from PCA; a scaler changes nothing."""
    frame = pd.DataFrame({"size": X[:, 0], "colour": np.where(X[:, 1] > 0, "red", "blue")})
    encoded = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"), DecisionTreeClassifier()
    ).fit(frame, y)
    components = make_pipeline(PCA(2), LogisticRegression()).fit(X, y)
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)

    assert feature_importance(encoded).names == [
        "onehotencoder__colour_blue",
        "onehotencoder__colour_red",
        "remainder__size",
    ]
    assert feature_importance(components, NAMES).names == ["pca0", "pca1"]
    assert feature_importance(components, ["first", "second"]).names == ["first", "second"]
    assert feature_importance(scaled, NAMES).names == NAMES
    assert feature_importance(scaled).names == [f"feature_{index}" for index in range(6)]


def test_names_come_from_the_frame_that_was_fitted() -> None:
    """Nobody has to repeat them."""
    frame = pd.DataFrame(X, columns=NAMES)

    assert feature_importance(DecisionTreeClassifier().fit(frame, y)).names == NAMES
    assert feature_importance(KNeighborsClassifier().fit(X, y), X=frame.to_numpy(), y=y).names[0] == "feature_0"


def test_importance_is_measured_where_the_model_tells_nothing() -> None:
    """By shuffling, the same each time, with its spread; of a pipeline the features that go in."""
    model = make_pipeline(PCA(3), KNeighborsClassifier()).fit(X, y)
    found = feature_importance(model, NAMES, X, y)

    assert (found.names, found.method) == (NAMES, "permutation importance")
    assert found.spread is not None
    np.testing.assert_array_equal(found.importances, feature_importance(model, NAMES, X, y).importances)


@pytest.mark.parametrize(
    "model", [KNeighborsClassifier().fit(X, y), RandomForestClassifier(), object()], ids=["kNN", "unfitted", "no model"]
)
def test_a_model_that_tells_nothing_needs_rows_to_measure_with(model: object, tracker: ExperimentTracker) -> None:
    """Also one that isn't fitted: the message says both."""
    with pytest.raises(ValueError, match=r"has no feature_importances_ and no coef_ \(is it fitted\?\); give X and y"):
        tracker.log_feature_importance(model)
    assert paths(tracker) == []


def test_names_of_the_wrong_number_are_refused(tracker: ExperimentTracker) -> None:
    """Too few, too many, for the model as for the rows that are measured with."""
    tree, neighbours = DecisionTreeClassifier().fit(X, y), KNeighborsClassifier().fit(X, y)

    for names in (NAMES[:-1], [*NAMES, "more"], []):
        with pytest.raises(ValueError, match=f"{len(names)} feature names are given for 6 features"):
            tracker.log_feature_importance(tree, names)
        with pytest.raises(ValueError, match=f"{len(names)} feature names are given for 6 features"):
            tracker.log_feature_importance(neighbours, names, X, y)
    assert paths(tracker) == []


def test_feature_importance_is_stored_as_numbers_and_picture(tracker: ExperimentTracker) -> None:
    """As the specification calls it, and with a name of one's own."""
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    tracker.log_feature_importance(forest, feature_names=[f"feature_{i}" for i in range(X.shape[1])])
    tracker.log_feature_importance(forest, name="other")

    assert paths(tracker) == ["feature_importance.json", "feature_importance.png", "other.json", "other.png"]
    numbers: Any = tracker.load_artifact("feature_importance.json")
    assert numbers["features"] == [f"feature_{i}" for i in range(6)]
    np.testing.assert_allclose(numbers["importances"], forest.feature_importances_)
    assert len(numbers["spread"]) == 6


def test_a_learning_curve_is_stored_as_numbers_and_picture(tracker: ExperimentTracker) -> None:
    """Scores of each fold at each size; the model that was given stays as it was."""
    model = LogisticRegression()
    tracker.log_learning_curve(model, X, y, cv=3, scoring="accuracy")

    assert paths(tracker) == ["learning_curve.json", "learning_curve.png"]
    numbers: Any = tracker.load_artifact("learning_curve.json")
    assert numbers["scoring"] == "accuracy"
    assert numbers["train_sizes"] == [8, 26, 44, 62, 80]
    assert np.shape(numbers["train_scores"]) == np.shape(numbers["test_scores"]) == (5, 3)
    assert not hasattr(model, "coef_")


def test_a_learning_curve_of_sorted_rows_is_fine(tracker: ExperimentTracker) -> None:
    """Rows are shuffled: without it the smallest part would hold one class."""
    order = np.argsort(y)
    tracker.log_learning_curve(LogisticRegression(), X[order], y[order], cv=3, train_sizes=[20, 80], name="sorted")

    numbers: Any = tracker.load_artifact("sorted.json")
    assert np.isfinite(numbers["test_scores"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:Scoring failed")
def test_a_learning_curve_that_cannot_be_scored_is_refused(tracker: ExperimentTracker) -> None:
    """An error of the estimator, or no score at all; nothing is stored."""

    def no_score(*_: object) -> float:
        raise RuntimeError("no score today")

    with pytest.raises(ValueError, match="could be scored"):
        tracker.log_learning_curve(LogisticRegression(), X, y, cv=3, scoring=no_score)
    with pytest.raises(ValueError, match=r"inconsistent|samples"):
        tracker.log_learning_curve(LogisticRegression(), X, y[:-1], cv=3)
    assert paths(tracker) == []


@pytest.mark.parametrize("name", ["../x", "", "/abs", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tracker: ExperimentTracker) -> None:
    """As for every artifact."""
    with pytest.raises(ValueError, match="is refused as artifact name"):
        tracker.log_confusion_matrix([0, 1], [0, 1], name=name)
    assert paths(tracker) == []

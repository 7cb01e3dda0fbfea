"""Forests are loaded without trust, since their trees are looked at; a hostile tree is found before it is used."""

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

from tracker.treecheck import unsound_tree

X = np.random.default_rng(0).random((200, 4))
y = (X[:, 0] + X[:, 1] > 1).astype(int)

sound: list[Callable[[], Any]] = [
    DecisionTreeClassifier,
    lambda: DecisionTreeClassifier(ccp_alpha=0.02),
    lambda: DecisionTreeClassifier(max_depth=1),
    ExtraTreeRegressor,
    lambda: RandomForestClassifier(5),
    lambda: ExtraTreesRegressor(5),
    lambda: AdaBoostClassifier(n_estimators=3),
    lambda: BaggingClassifier(n_estimators=3, max_features=2),
    lambda: VotingClassifier([("forest", RandomForestClassifier(3)), ("linear", LogisticRegression())]),
    lambda: make_pipeline(PolynomialFeatures(), RandomForestClassifier(3)),
    lambda: CalibratedClassifierCV(RandomForestClassifier(3), cv=2),
    LogisticRegression,
]


@pytest.mark.parametrize("make", sound)
def test_what_scikit_learn_has_trained_is_sound(make: Callable[[], Any]) -> None:
    """Trees, forests, and whatever holds them, with pruned trees and trees of one leaf."""
    assert unsound_tree(make().fit(X, y)) == ""
    assert unsound_tree(make().fit(X, np.zeros(len(X)) if "Extra" in repr(make()) else y)) == ""


def rebuilt(tree: Any, n_features: int | None = None, **changes: Any) -> Any:
    """Make a tree of the state of another, changed as a hostile file would."""
    kind, arguments, state = tree.__reduce__()
    state["nodes"] = state["nodes"].copy()
    for name, value in changes.items():
        if name in state:
            state[name] = value
        else:
            state["nodes"][name][0] = value
    made = kind(n_features or arguments[0], *arguments[1:])
    made.__setstate__(state)
    return made


hostile: list[tuple[str, dict[str, Any]]] = [
    ("more nodes than it has", {"node_count": 0}),
    ("more nodes than it has", {"node_count": -1}),
    ("feature that there isn't", {"feature": 4}),
    ("feature that there isn't", {"feature": -3}),
    ("feature that there isn't", {"feature": 2**62}),
    ("other features than its estimator", {"n_features": 2**40, "feature": 2**39}),
    ("a node that there isn't, or back", {"left_child": 10**9}),
    ("a node that there isn't, or back", {"left_child": -2}),
    ("a node that there isn't, or back", {"right_child": 0}),
    ("one child", {"left_child": -1}),
    ("one child", {"right_child": -1}),
    ("one node from two", {"left_child": 2}),
    ("deeper than it says", {"max_depth": 1}),
]


@pytest.mark.parametrize(("reason", "changes"), hostile, ids=[f"{row[0]} {row[1]}" for row in hostile])
def test_a_hostile_tree_is_found(reason: str, changes: dict[str, Any]) -> None:
    """Alone, in a forest, and deep in a pipeline; nothing is used before it is looked at."""
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    forest = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, y)
    tree.tree_ = rebuilt(tree.tree_, **changes)
    forest.estimators_[1].tree_ = rebuilt(forest.estimators_[1].tree_, **changes)

    assert reason in unsound_tree(tree)
    assert reason in unsound_tree(forest)
    assert reason in unsound_tree(make_pipeline(LogisticRegression(), {"hidden": [np.array([forest], dtype=object)]}))


def test_a_node_count_beyond_the_nodes_is_cut_by_scikit_learn() -> None:
    """Should that ever change, the check finds it before it reads that many."""
    tree = DecisionTreeClassifier(max_depth=3).fit(X, y)
    tree.tree_ = rebuilt(tree.tree_, node_count=10**9)

    assert (tree.tree_.node_count <= tree.tree_.capacity) == (unsound_tree(tree) == "")


def test_a_forest_that_checks_other_rows_than_its_trees_get_is_found() -> None:
    """The tree alone is sound, but the forest would hand it rows with too few features."""
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    forest.n_features_in_ = 1

    assert unsound_tree(forest) == "a forest and its trees expect different features"


def test_a_tree_where_nobody_checks_its_rows_is_found() -> None:
    """In a list, an array, a method, under another name, or in place of an estimator."""
    tree = DecisionTreeClassifier().fit(X, y).tree_
    other = DecisionTreeClassifier().fit(X, y)
    other.spare = tree

    for model in ([tree], {"a": tree}, np.array([tree, None], dtype=object), other, tree.predict,
                  types.SimpleNamespace(tree_=tree)):  # fmt: skip
        assert "where nothing checks" in unsound_tree(model)


@pytest.mark.parametrize(
    "model", [GradientBoostingClassifier(n_estimators=2), IsolationForest(n_estimators=2)], ids=repr
)
def test_ensembles_that_check_nothing_need_trust(model: Any) -> None:
    """They hand rows to their trees by a short cut."""
    assert unsound_tree(model.fit(X, y)) == f"{type(model).__name__} hands rows to its trees unchecked"

"""Whether the decision trees in a loaded scikit-learn model can be used without harm.

scikit-learn follows a tree's node numbers and feature numbers without looking where they lead, so a tree from a hostile
file can make `predict` read beyond its memory. skops therefore trusts no tree, and every forest would need trust=True,
which trusts all else in the file with it. This module looks instead. A model passes if each of its trees

    belongs to a decision tree estimator, which checks that rows have as many features as the tree expects,
    leads from each node only to later nodes, once each, and no deeper than it says,
    asks only for features that there are;

and if a forest and its trees agree on the number of features, since a forest checks the rows for all of them. Gradient
boosting and isolation forests take short cuts past these checks, so trees in them still need trust=True.

A class of a booster's library lies in no model of its own: a FunctionTransformer would call it with whatever the file
says, as a path to be read.

Of LightGBM's boosters it only sees to it that they have a model; their trees are the library's own to check.
"""

import gc
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CHECKED_TYPES = frozenset({"sklearn.tree._tree.Tree"})
"""What may be made without trust, as it is looked at before anything uses it."""
_LEAF = -1
_BOOSTERS = frozenset({"lightgbm", "xgboost"})
_OPAQUE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, str, bytes, int, float, type(None))


def unsound_tree(model: object) -> str:
    """Say what is wrong with a tree in a model that was just loaded and not used yet; nothing if all are sound."""
    from sklearn.ensemble._forest import BaseForest
    from sklearn.tree import BaseDecisionTree
    from sklearn.tree._tree import Tree

    for thing, parts in _walk(model):
        if called := _class_of_boosters(thing):
            return called
        if isinstance(thing, BaseDecisionTree):
            tree = vars(thing).get("tree_")
            reason = _fault_of(tree, vars(thing)) if isinstance(tree, Tree) else ""
            parts = [part for part in parts if part is not tree]  # noqa: PLW2901 - its own tree is looked at
        elif isinstance(thing, BaseForest):
            reason = _fault_of_forest(vars(thing), BaseDecisionTree)
        else:
            reason = _short_cut(thing, BaseDecisionTree) or _empty_booster(thing)
        if reason or any(isinstance(part, Tree) for part in parts):
            return reason or f"a tree lies in a {type(thing).__name__}, where nothing checks the rows it gets"
    return ""


def _walk(model: object) -> Iterator[tuple[object, list[object]]]:
    """Give each object that the model leads to, with the objects it leads to itself."""
    waiting, seen = [model], {id(model): model}
    while waiting:
        thing = waiting.pop()
        parts = [part for part in _parts(thing) if not isinstance(part, _OPAQUE)]
        yield thing, parts
        for part in parts:
            if id(part) not in seen:
                seen[id(part)] = part  # kept, so that no other object gets its id
                waiting.append(part)


def _parts(thing: Any) -> list[object]:
    """Give what an object holds."""
    if getattr(getattr(thing, "dtype", None), "hasobject", False):  # arrays don't tell the garbage collector
        return list(thing.ravel().tolist())
    own = getattr(thing, "__dict__", None)
    if not isinstance(own, dict):
        return gc.get_referents(thing)
    return [*own.values(), *(part for part in gc.get_referents(thing) if part is not own)]


def _fault_of(tree: Any, owner: dict[str, Any]) -> str:
    """Say what is wrong with a decision tree estimator's tree."""
    if not 1 <= tree.node_count <= tree.capacity:
        return "a tree says that it has more nodes than it has"
    if tree.n_features != owner.get("n_features_in_"):
        return "a tree expects other features than its estimator"
    import numpy as np

    state = tree.__getstate__()
    nodes: np.ndarray[Any, Any] = state["nodes"]
    left, right, feature = nodes["left_child"], nodes["right_child"], nodes["feature"]
    inner = np.flatnonzero(left != _LEAF)
    if not ((right == _LEAF) == (left == _LEAF)).all():
        return "a tree has a node with one child"
    if not ((feature[inner] >= 0) & (feature[inner] < tree.n_features)).all():
        return "a tree asks for a feature that there isn't"
    children = np.concatenate([left[inner], right[inner]])
    if not (children < len(nodes)).all() or not (children > np.concatenate([inner, inner])).all():
        return "a tree leads to a node that there isn't, or back"
    if len(np.unique(children)) != len(children):
        return "a tree leads to one node from two"
    return "" if _depth(left, right, inner) <= tree.max_depth else "a tree is deeper than it says"


def _depth(left: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]", inner: "np.ndarray[Any, Any]") -> int:
    """Give the length of the longest way down; children come after their parents."""
    depth = [0] * len(left)
    for node in inner.tolist():
        depth[left[node]] = depth[right[node]] = depth[node] + 1
    return max(depth)


def _fault_of_forest(forest: dict[str, Any], tree_class: type) -> str:
    """Say what is wrong with a forest: it checks the rows, and its trees take them as they are."""
    for member in forest.get("estimators_", ()):
        if not isinstance(member, tree_class) or vars(member).get("n_features_in_") != forest.get("n_features_in_"):
            return "a forest and its trees expect different features"
    return ""


def _short_cut(thing: object, tree_class: type) -> str:
    """Say whether an ensemble hands rows to its trees without any check."""
    if type(thing).__name__ not in {"IsolationForest", "GradientBoostingClassifier", "GradientBoostingRegressor"}:
        return ""
    members = vars(thing).get("estimators_", ())
    flat = members.ravel().tolist() if hasattr(members, "ravel") else list(members)
    has_trees = any(isinstance(member, tree_class) for member in flat)
    return f"{type(thing).__name__} hands rows to its trees unchecked" if has_trees else ""


def _empty_booster(thing: object) -> str:
    """Say whether it is a Booster of LightGBM's without a model, whose null pointer the library would follow."""
    kind = type(thing)
    if (kind.__module__, kind.__qualname__) != ("lightgbm.basic", "Booster"):
        return ""
    return "" if getattr(vars(thing).get("_handle"), "value", None) else "a Booster of LightGBM's has no model"


def _class_of_boosters(thing: object) -> str:
    """Say whether an object holds a class of LightGBM's or XGBoost's itself, not something made of it."""
    for part in _parts(thing):
        if isinstance(part, type) and part is not type(thing) and part.__module__.partition(".")[0] in _BOOSTERS:
            return f"a {type(thing).__name__} holds {part.__module__}.{part.__qualname__} itself, to be called"
    return ""

"""A problem is checked once: what kind of task it is, which labels there are, and what can't be learned."""

from typing import Any

import numpy as np
import pytest

from tests.training.tables import LIBRARIES, ROWS, as_library, cancer, diabetes, mixed, mixed_labels, wine
from tracker.training.problem import Problem

X = np.arange(60.0).reshape(30, 2) % 7


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b", "b"] * 10, "binary"),
        (["a", "b", "c"] * 10, "multiclass"),
        ([True, False] * 15, "binary"),
        ([0, 1] * 15, "binary"),
        ([1.0, 2.0, 3.0] * 10, "multiclass"),
        (list(range(30)), "regression"),
        (list(range(10)) * 3, "regression"),
        ([0.5, 1.0, 1.5] * 10, "regression"),
    ],
)
def test_the_task_is_told_by_the_labels(y: list[Any], task: str) -> None:
    """Few whole numbers are classes, many a quantity, as are broken ones."""
    assert Problem.of(X, y).task == task
    assert Problem.of(X, np.array(y)).task == task


def test_real_data_have_the_tasks_they_are_known_for() -> None:
    """Tumours, wines, and the progress of a disease."""
    assert [Problem.of(*data()).task for data in (cancer, wine, diabetes)] == ["binary", "multiclass", "regression"]


@pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "rows"])
def test_labels_are_coded_and_come_back(library: str) -> None:
    """Codes 0 to k-1 in the labels' order; decode gives the caller's own labels."""
    y: Any = mixed_labels()
    if library in {"pandas", "polars"}:
        y = pytest.importorskip(library).Series(y)
    problem = Problem.of(as_library(mixed(), library), y)

    assert problem.y.dtype == np.int64
    assert problem.classes is not None
    assert problem.classes.tolist() == ["no", "yes"]
    assert problem.decode(problem.y).tolist() == mixed_labels()
    assert (problem.n_rows, problem.n_classes) == (ROWS, 2)


def test_labels_keep_their_type() -> None:
    """Whole numbers come back as whole numbers, bools as bools, a quantity as it was."""
    kinds: list[list[Any]] = [[3, 5, 9] * 10, [True, False] * 15, [0.5, 1.5] * 15, ["b", "a"] * 15]
    for y in kinds:
        expected: list[Any] = sorted(set(y))[:2]
        for labels in (y, np.array(y), np.array(y, dtype=object), *_frames(y)):
            decoded = Problem.of(X, labels, "classification").decode(np.array([0, 1])).tolist()
            assert decoded == expected
            assert type(decoded[0]) is type(expected[0])
    quantity = Problem.of(X, np.linspace(0, 1, 30))
    assert quantity.classes is None
    np.testing.assert_array_equal(quantity.decode(quantity.y), np.linspace(0, 1, 30))


def _frames(y: list[Any]) -> list[Any]:
    """Labels as columns of frames, categories too."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    return [pandas.Series(y), pandas.Series(y, dtype="category"), pandas.Series(y).convert_dtypes(), polars.Series(y)]


def test_labels_may_be_one_column_of_a_frame_or_of_an_array() -> None:
    """A frame's name becomes the target's."""
    labels = [0, 1, 1] * 10
    assert Problem.of(X, np.array(labels).reshape(-1, 1)).y.tolist() == labels
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame({"sick": labels})
        problem = Problem.of(X, frame)
        assert problem.y.tolist() == labels
        assert problem.fingerprint()["target"] == "sick"


def test_a_fingerprint_tells_data_apart_and_knows_it_again() -> None:
    """The same content in another library has the same hash; one other cell, name or label another one."""
    problem = Problem.of(mixed(), mixed_labels())
    told = problem.fingerprint()

    assert {name: told[name] for name in ("rows", "columns", "target", "classes", "missing")} == {
        "rows": ROWS,
        "columns": 6,
        "target": "y",
        "classes": ["no", "yes"],
        "missing": 2,
    }
    polars = pytest.importorskip("polars")
    assert Problem.of(polars.DataFrame(mixed()), mixed_labels()).fingerprint() == told
    others = [
        Problem.of(mixed() | {"age": [1.5, *mixed()["age"][1:]]}, mixed_labels()),
        Problem.of({"Age" if name == "age" else name: cells for name, cells in mixed().items()}, mixed_labels()),
        Problem.of(mixed(), ["no", *mixed_labels()[1:]]),
        Problem.of(mixed(), [label.upper() for label in mixed_labels()]),
    ]
    assert len({str(other.fingerprint()["sha256"]) for other in others} | {str(told["sha256"])}) == 5


def test_fewer_features_make_the_same_problem_smaller() -> None:
    """New rows are cut likewise; a selection of a selection too."""
    problem = Problem.of(mixed(), mixed_labels())

    fewer = problem.select(["since", "city", "age"]).select(["city", "since"])

    assert fewer.feature_names == ["city", "since"]
    assert fewer.cardinalities == [3, 0]
    np.testing.assert_array_equal(fewer.take(mixed()), fewer.X)
    assert problem.n_features > 2
    with pytest.raises(ValueError, match="no features \\['height'\\]"):
        problem.select(["height"])


def test_new_rows_need_no_labels_and_may_be_few() -> None:
    """One row is enough."""
    problem = Problem.of(mixed(), mixed_labels())

    one = {name: cells[:1] for name, cells in mixed().items()}

    np.testing.assert_array_equal(problem.take(one), problem.rows([0]))


BAD: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (None, {}, TypeError, "one label a row"),
    ("labels", {}, TypeError, "one label a row"),
    (7, {}, TypeError, "one label a row"),
    ({"a", "b"}, {}, TypeError, "one label a row"),
    (["a", 1] * 15, {}, ValueError, "numbers and text"),
    ([True, 2] * 15, {"task": "classification"}, ValueError, "bools and numbers"),
    ([0, 1] * 14, {}, ValueError, "30 rows, y has 28"),
    (np.zeros((30, 2)), {}, ValueError, "one label a row"),
    ([0, None, 1] * 10, {}, ValueError, r"10 missing labels \(rows 1, 4, 7, 10, 13, \.\.\.\)"),
    ([0.5, float("nan"), 1] * 10, {}, ValueError, "10 missing labels"),
    (["a", None, "b"] * 10, {}, ValueError, "10 missing labels"),
    ([0.5, float("inf"), 1] * 10, {}, ValueError, "10 infinite"),
    ([1] * 30, {}, ValueError, "must be two"),
    (["a"] * 30, {}, ValueError, "all 30 labels are 'a'"),
    ([2.5] * 30, {"task": "regression"}, ValueError, "nothing to learn"),
    (["a", "b", "c"] * 10, {"task": "regression"}, ValueError, "numbers"),
    (["a", "b", "c"] * 10, {"task": "binary"}, ValueError, "3 classes"),
    ([0, 1] * 15, {"task": "multiclass"}, ValueError, "two classes"),
    ([0] * 27 + [1] * 3, {"folds": 5}, ValueError, r"'1' \(3\)"),
    ([0, 1] * 14 + [2, 0], {}, ValueError, r"1 of 3 classes .* '2' \(1\).*task='regression'"),
    ([0, 1] * 15, {"task": "clustering"}, ValueError, "'auto', 'binary'"),
    ([[0], [1, 2]] * 15, {}, TypeError, "list in row 0"),
    (np.array(["2024-01-01"] * 30, dtype="datetime64[D]"), {}, TypeError, "times"),
]


@pytest.mark.parametrize(("y", "options", "error", "says"), BAD, ids=[str(place) for place in range(len(BAD))])
def test_labels_that_cannot_be_learned_are_refused(
    y: Any, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """The message says which rows or classes, and what to do."""
    with pytest.raises(error, match=says):
        Problem.of(X, y, **options)

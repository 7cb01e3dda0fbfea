"""Tables of every library become the same matrix; what no model can take is refused by name."""

import datetime as dt
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tables import LIBRARIES, ROWS, as_library, mixed
from tracker.training.columns import read_columns
from tracker.training.tablecoder import HASHED, TableCoder


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_gives_the_same_matrix(library: str) -> None:
    """The same cells are the same numbers, whoever holds them."""
    expected = TableCoder().fit_transform(mixed())
    coder = TableCoder()

    matrix = coder.fit_transform(as_library(mixed(), library))

    np.testing.assert_array_equal(matrix, expected)
    assert len(coder.features_) == matrix.shape[1]
    assert np.isnan(matrix[3, 0])


def test_a_matrix_tells_its_columns_by_name_and_kind() -> None:
    """Numbers stay, categories are coded by their text, times come apart where the parts vary."""
    coder = TableCoder()
    matrix = coder.fit_transform(mixed())

    assert coder.kinds_ == {
        "age": "number",
        "children": "number",
        "member": "number",
        "city": "category",
        "since": "time",
        "for": "number",
    }
    assert coder.features_[3:8] == ["city", "since", "since#month", "since#weekday", "since#hour"]
    assert coder.cardinalities_[3] == 3
    assert coder.categories_ == {"city": ["Bern", "Oslo", "Rom"]}
    first = dict(zip(coder.features_, matrix[0], strict=True))
    monday_morning = dt.datetime(2024, 1, 1, 6, tzinfo=dt.UTC)
    assert first["since"] == monday_morning.timestamp()
    assert (first["since#month"], first["since#weekday"], first["since#hour"]) == (1, 0, 6)
    assert matrix[7, coder.features_.index("for")] == 7 * 60


def test_new_rows_meet_columns_in_another_order_more_of_them_and_new_categories() -> None:
    """Columns go by name; a category that wasn't there counts as missing."""
    coder = TableCoder().fit(mixed())
    pandas = pytest.importorskip("pandas")
    new = {name: cells[:2] for name, cells in reversed(mixed().items())} | {"city": ["Paris", "Rom"], "more": [1, 2]}

    matrix = coder.transform(pandas.DataFrame(new))

    city = coder.features_.index("city")
    assert np.isnan(matrix[0, city])
    assert matrix[1, city] == 2
    rest = [place for place in range(matrix.shape[1]) if place != city]
    np.testing.assert_array_equal(matrix[:, rest], coder.transform(mixed())[:2, rest])


def test_a_category_is_known_again_when_its_numbers_come_as_another_type() -> None:
    """3, 3.0 and "3" are one category: a file that is read again has other types."""
    pandas = pytest.importorskip("pandas")
    coder = TableCoder().fit(pandas.DataFrame({"zip": pandas.Categorical([3, 7, 3])}))

    assert coder.kinds_ == {"zip": "category"}
    for again in (np.array([[7.0], [3.0]]), [["7"], ["3"]], pandas.DataFrame({"zip": [7, 3]})):
        np.testing.assert_array_equal(coder.transform(again), [[1.0], [0.0]])


def test_a_frames_own_order_of_categories_is_kept() -> None:
    """Small, medium, large is no alphabet."""
    polars = pytest.importorskip("polars")
    sizes = polars.Series("size", ["large", "small", "medium"], dtype=polars.Enum(["small", "medium", "large", "huge"]))

    assert TableCoder().fit_transform(sizes.to_frame()).ravel().tolist() == [2, 0, 1]


def test_what_says_nothing_is_left_out_with_the_reason() -> None:
    """Empty and constant columns, and identifiers, of which a warning tells."""
    table = {
        "empty": [None] * ROWS,
        "same": [1.0] * ROWS,
        "code": [f"k{row}" for row in range(ROWS)],
        "there or not": [None if row % 3 else "yes" for row in range(ROWS)],
        "x": list(range(ROWS)),
    }
    coder = TableCoder()

    with pytest.warns(UserWarning, match="left out 'code'"):
        matrix = coder.fit_transform(table)

    assert list(coder.dropped_) == ["empty", "same", "code"]
    assert "no value" in coder.dropped_["empty"]
    assert coder.features_ == ["there or not", "x"]
    assert matrix.shape == (ROWS, 2)
    without = {"there or not": ["yes"], "x": [5]}
    np.testing.assert_array_equal(coder.transform(without), [[0, 5]])


def test_many_numbers_written_as_text_are_numbers_with_a_warning() -> None:
    """An array of mixed cells makes text of all; few values stay categories, as do categories that a frame names."""
    cells = np.array([[f"{row / 7:.3f}", str(row % 3), "a" if row % 2 else "b"] for row in range(ROWS)])
    coder = TableCoder()

    with pytest.warns(UserWarning, match="'feature_0': numbers written as text"):
        matrix = coder.fit_transform(cells)

    assert list(coder.kinds_.values()) == ["number", "category", "category"]
    np.testing.assert_allclose(matrix[:, 0], [round(row / 7, 3) for row in range(ROWS)])
    np.testing.assert_array_equal(
        coder.transform([["2.5", "1", "a"], [None, "2", "b"], [4, 0, "a"]])[:, 0], [2.5, np.nan, 4]
    )
    with pytest.raises(ValueError, match="held a number"):
        coder.transform([["much", "1", "a"]])
    pandas = pytest.importorskip("pandas")
    codes = pandas.DataFrame({"zip": pandas.Categorical([str(row % 30) for row in range(ROWS)])})
    assert TableCoder().fit(codes).kinds_ == {"zip": "category"}


def test_free_text_becomes_its_length_and_its_words() -> None:
    """Texts of several words, mostly distinct, are no category."""
    texts = [f"the {'good' if row % 2 else 'bad'} review number {row}" for row in range(ROWS)]
    coder = TableCoder()

    matrix = coder.fit_transform({"review": texts})

    assert coder.kinds_ == {"review": "text"}
    assert matrix.shape == (ROWS, 2 + HASHED)
    assert matrix[0, 0] == 5
    np.testing.assert_array_equal(matrix[:1], coder.transform({"review": texts[:1]}))


def test_cells_of_several_simple_types_are_categories_by_their_text() -> None:
    """1, "1", 1.0 and True are one value; Decimals alone are numbers."""
    columns = read_columns({"mixed": [1, "1", 1.0, True, None], "money": [Decimal("1.5"), None, Decimal(2), 3, 4]})

    assert columns[0].kind == "category"
    assert columns[0].values.tolist() == ["1", "1", "1", "1", None]
    assert columns[1].kind == "number"
    np.testing.assert_array_equal(columns[1].values, [1.5, np.nan, 2, 3, 4])


def test_rows_may_be_dicts_and_times_of_day_are_numbers() -> None:
    """A row that lacks a key lacks a value."""
    rows = [{"at": dt.time(1, 0, 5), "x": 1}, {"x": 2}, {"at": dt.time(0, 1), "x": 3}]

    np.testing.assert_array_equal(TableCoder().fit_transform(rows), [[3605, 1], [np.nan, 2], [60, 3]])


def test_a_single_column_is_told_how_to_be_a_table() -> None:
    """Of an array and of a frame's column."""
    with pytest.raises(ValueError, match=r"reshape\(-1, 1\)"):
        TableCoder().fit(np.arange(3))
    with pytest.raises(ValueError, match=r"to_frame\(\)"):
        TableCoder().fit(pytest.importorskip("pandas").Series([1, 2]))


def test_masked_cells_are_missing() -> None:
    """A masked array's hidden numbers stay hidden."""
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])

    assert np.isnan(TableCoder().fit_transform(np.ma.vstack([masked, masked]))[0, 1])


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_infinity=False),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
)
KINDS = st.sampled_from([st.floats(allow_infinity=False), st.sampled_from("abc"), st.dates(), st.booleans(), CELLS])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kinds=st.lists(KINDS, min_size=1, max_size=4), rows=st.integers(1, 30))
def test_a_rows_numbers_depend_on_no_other_row(data: st.DataObject, kinds: list[Any], rows: int) -> None:
    """Any table of simple cells either says nothing, or becomes a matrix, row by row the same as all at once."""
    table = {
        f"column {place}": data.draw(st.lists(cells, min_size=rows, max_size=rows)) for place, cells in enumerate(kinds)
    }
    coder = TableCoder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # identifiers, numbers as text
        try:
            matrix = coder.fit_transform(table)
        except ValueError as error:
            assert "no column of X can tell" in str(error)  # noqa: PT017 - only some tables are refused
            return

    assert matrix.shape == (rows, len(coder.features_))
    np.testing.assert_array_equal(coder.transform(table), matrix)
    for row in {0, rows - 1}:
        alone = {name: [cells[row]] for name, cells in table.items()}
        np.testing.assert_array_equal(coder.transform(alone), matrix[[row]])


BAD: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "NoneType"),
    ("text", TypeError, "str"),
    (42, TypeError, "int"),
    (np.arange(3.0), ValueError, r"shape \(3,\).*reshape"),
    (np.zeros((2, 2, 2)), ValueError, "two-dimensional"),
    (np.array(5.0), ValueError, "two-dimensional"),
    ([1, 2, 3], ValueError, "list of single values"),
    ([[1, 2], [3]], ValueError, "row 1 has 1"),
    ([], ValueError, "empty"),
    (np.zeros((0, 3)), ValueError, "empty: 0 rows"),
    (np.zeros((3, 0)), ValueError, "empty"),
    ({}, ValueError, "empty"),
    (np.ones((3, 2)), ValueError, "no column of X can tell"),
    ([[1.0, np.inf], [2.0, 3.0]], ValueError, r"'feature_1'.*1 infinite values \(row 0\)"),
    ([[1, object()], [2, None]], TypeError, r"'feature_1'.*object in row 0"),
    ([[1, [2]], [3, [4]]], TypeError, "list in row 0"),
    ([[1, b"a"], [3, b"b"]], TypeError, "bytes in row 0"),
    (np.array([[1 + 2j], [3]]), TypeError, "complex"),
    ([[10**400], [1]], ValueError, "too large"),
    ({"a": [1, 2], "b": [1, 2, 3]}, ValueError, "several lengths"),
    (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), ValueError, "two-dimensional"),
]


@pytest.mark.parametrize(("X", "error", "says"), BAD, ids=[str(place) for place in range(len(BAD))])
def test_what_is_no_table_is_refused_by_name(X: Any, error: type[Exception], says: str) -> None:
    """The message names the column or the row, and what to do."""
    with pytest.raises(error, match=says):
        TableCoder().fit(X)


def test_frames_with_two_columns_of_one_name_are_refused() -> None:
    """Else one would stand in for the other."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])

    with pytest.raises(ValueError, match="more than one column of X is named 'a'"):
        TableCoder().fit(frame)


def test_nested_columns_of_polars_are_refused() -> None:
    """A list is no number."""
    polars = pytest.importorskip("polars")

    with pytest.raises(TypeError, match=r"'tags' of X has the type List"):
        TableCoder().fit(polars.DataFrame({"tags": [[1], [2]]}))


def test_a_sparse_matrix_is_refused_with_the_way_out() -> None:
    """It would have to be made dense, which may not fit."""
    sparse = pytest.importorskip("scipy.sparse")

    with pytest.raises(TypeError, match="toarray"):
        TableCoder().fit(sparse.eye(3))


def test_new_rows_that_lack_columns_or_have_text_for_numbers_are_refused() -> None:
    """The model's columns are named, and those that are there."""
    coder = TableCoder().fit(mixed())

    with pytest.raises(ValueError, match=r"lacks 5 of the 6.*'age'.*it has 1: 'city'"):
        coder.transform({"city": ["Rom"]})
    with pytest.raises(ValueError, match=r"column 'age' held a number.*now it holds a category: 'old'"):
        coder.transform({name: cells[:1] for name, cells in mixed().items()} | {"age": ["old"]})

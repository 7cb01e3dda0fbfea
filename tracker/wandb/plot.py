# ruff: noqa: ARG001, PLR0917 - the signatures are wandb's
"""wandb.plot: charts of a table. The table is kept; the drawing, which wandb's page makes, is not: said once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tracker.media.notkept import say_not_kept
from tracker.wandb.tables import Table


class CustomChart(Table):
    """A table, and how it would be drawn."""

    def __init__(self, kind: str, table: Table, fields: dict[str, Any], title: str | None) -> None:
        super().__init__(table.columns, table.data)
        self.kind, self.fields, self.title = kind, fields, title
        self.table = table
        say_not_kept(f"the drawing of wandb.plot.{kind}", "its table is; log a matplotlib figure to have a picture")

    def described(self) -> dict[str, Any]:
        """The chart's kind, title, and the columns it is made of."""
        return {"chart": self.kind, "title": self.title, "fields": self.fields}


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str | None = None, split_table: bool = False
) -> CustomChart:
    """Chart one column over another, a line for each value of `stroke`."""
    return CustomChart("line", table, {"x": x, "y": y, "stroke": stroke}, title)


def scatter(table: Table, x: str, y: str, title: str | None = None, split_table: bool = False) -> CustomChart:
    """Chart points."""
    return CustomChart("scatter", table, {"x": x, "y": y}, title)


def bar(table: Table, label: str, value: str, title: str | None = None, split_table: bool = False) -> CustomChart:
    """Chart a bar for each row."""
    return CustomChart("bar", table, {"label": label, "value": value}, title)


def histogram(table: Table, value: str, title: str | None = None, split_table: bool = False) -> CustomChart:
    """Chart how often values come."""
    return CustomChart("histogram", table, {"value": value}, title)


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Sequence[Any]],
    keys: Sequence[str] | None = None,
    title: str | None = None,
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Chart several lines: of one sequence of x for all, or of one for each."""
    each = xs if len(xs) and isinstance(xs[0], Iterable) and not isinstance(xs[0], str) else [xs] * len(ys)
    names = keys if keys is not None else [f"key_{place}" for place in range(len(ys))]
    rows = [
        [x, name, y] for name, one, many in zip(names, each, ys, strict=True) for x, y in zip(one, many, strict=False)
    ]
    return CustomChart("line_series", Table(["step", "lineKey", "lineVal"], rows), {"x": xname}, title)


def confusion_matrix(
    probs: Any = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Count how often each true class was taken for each other.

    Args:
        probs: shape (n, classes); or `preds`: n class numbers.
        y_true: n class numbers.

    Raises: ValueError: neither or both of probs and preds, or other lengths.
    """
    if (probs is None) == (preds is None) or y_true is None:
        raise ValueError("confusion_matrix needs y_true, and either probs or preds")
    guessed = [max(range(len(row)), key=list(row).__getitem__) for row in probs] if preds is None else list(preds)
    truth = list(y_true)
    if len(truth) != len(guessed):
        raise ValueError(f"y_true has {len(truth)} labels, and there are {len(guessed)} answers")
    numbers = sorted({*map(int, truth), *map(int, guessed)})
    named = {number: number for number in numbers} if class_names is None else dict(enumerate(class_names))
    counted = Counter((int(true), int(answer)) for true, answer in zip(truth, guessed, strict=True))
    rows = [[named[true], named[answer], counted[true, answer]] for true in named for answer in named]
    return CustomChart("confusion_matrix", Table(["Actual", "Predicted", "nPredictions"], rows), {}, title)


def roc_curve(
    y_true: Sequence[Any],
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Keep what a ROC curve is made of: the truth, and the probability of each class."""
    return CustomChart("roc_curve", _of_probabilities(y_true, y_probas, labels), {"classes": classes_to_plot}, title)


def pr_curve(
    y_true: Sequence[Any],
    y_probas: Any,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Keep what a precision-recall curve is made of: the truth, and the probability of each class."""
    return CustomChart("pr_curve", _of_probabilities(y_true, y_probas, labels), {"classes": classes_to_plot}, title)


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Keep the table of a chart of one's own."""
    return CustomChart("plot_table", data_table, {"spec": vega_spec_name, **fields, **(string_fields or {})}, None)


def _of_probabilities(y_true: Sequence[Any], y_probas: Any, labels: Sequence[str] | None) -> Table:
    rows = [[true, *row] for true, row in zip(list(y_true), [list(row) for row in y_probas], strict=True)]
    classes = len(rows[0]) - 1 if rows else 0
    names = list(labels) if labels is not None and len(labels) == classes else [f"class_{n}" for n in range(classes)]
    return Table(["y_true", *names], rows)

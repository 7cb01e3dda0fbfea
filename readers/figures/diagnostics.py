"""Pictures of one model: confusion matrix, feature importance, learning curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from readers.figures.style import BLUE, GREY, ORANGE, new_figure, short, take_literally

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Numbers = Sequence[float] | np.ndarray[Any, Any]
    Table = Sequence[Sequence[float]] | np.ndarray[Any, Any]

MOST_CELLS_WITH_TEXT = 20
"""Classes up to which each cell of a confusion matrix shows its number; in more, none could be read."""
MOST_BARS = 30
"""Features that get a bar; the rest is summed up in words."""
_MOST_TICKS = 25


def confusion_matrix_figure(matrix: "Table", labels: Sequence[object], *, normalize: bool = False) -> "Figure":
    """Draw how often each true class was taken for each other.

    Colour is the share of the true class, so that a rare class shows as well as a common one; in many classes it rises
    steeply from 0, so that a few mistakes show beside a strong diagonal. A cell's text is its count, or its share.

    Args:
        matrix: shape (n, n), counts; a row is a true class.
        labels: the n classes.
        normalize: show shares in the cells.
    """
    import numpy as np
    from matplotlib.colors import PowerNorm

    counts = np.asarray(matrix, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(counts)
    side = min(2.6 + 0.5 * n, 10.0)
    figure, axes = new_figure(side + 1.2, side)
    readable = n <= MOST_CELLS_WITH_TEXT
    scale = PowerNorm(1.0 if readable else 0.4, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap="Blues", norm=scale, interpolation="nearest")
    if readable:
        _write_cells(axes, counts, shares, normalize=normalize)
    names = [short(label) for label in labels]
    ticks = list(range(0, n, -(-n // _MOST_TICKS)))
    turned = max((len(names[tick]) for tick in ticks), default=0) > 3
    axes.set_xticks(
        ticks, [names[tick] for tick in ticks], rotation=45 if turned else 0, ha="right" if turned else "center"
    )
    axes.set_yticks(ticks, [names[tick] for tick in ticks])
    if turned:
        for text in axes.get_xticklabels():
            text.set_rotation_mode("anchor")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    right = float(np.trace(counts) / max(counts.sum(), 1))
    axes.set_title(f"{right:.1%} of {counts.sum():,.0f} right", loc="left", fontsize="medium")
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    take_literally([*axes.get_xticklabels(), *axes.get_yticklabels()])
    return figure


def feature_importance_figure(
    names: Sequence[object],
    values: "Numbers",
    spread: "Numbers | None" = None,
    *,
    method: str = "importance",
    never_negative: bool = False,
) -> "Figure":
    """Draw the most important features as bars, largest first; what gets no bar is summed up below.

    Args:
        names: the n features.
        values: shape (n,); NaN counts as 0.
        spread: shape (n,), standard deviations, drawn as lines.
        method: what the values are, for the axis.
        never_negative: the values are shares, as those of trees: no line goes below 0.
    """
    import numpy as np

    heights = np.nan_to_num(np.asarray(values, dtype=float))
    order = np.argsort(-np.abs(heights), kind="stable")
    shown, rest = order[:MOST_BARS], order[MOST_BARS:]
    figure, axes = new_figure(7.0, 1.1 + 0.26 * max(len(shown), 3))
    places = np.arange(len(shown))
    lines = None
    if spread is not None:
        above = np.nan_to_num(np.asarray(spread, dtype=float))[shown]
        below = np.minimum(above, np.maximum(heights[shown], 0)) if never_negative else above
        lines = np.stack([below, above])
    colours = [BLUE if heights[index] >= 0 else ORANGE for index in shown]
    axes.barh(places, heights[shown], height=0.72, color=colours, xerr=lines, ecolor=GREY, error_kw={"elinewidth": 1})
    axes.set_yticks(places, [short(names[index]) for index in shown])
    axes.set_ylim(max(len(shown), 3) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e6e8ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(method if spread is None else f"{method} (lines: 1 standard deviation)")
    if len(rest):
        total = np.abs(heights).sum()
        part = f"; the others make up {np.abs(heights[rest]).sum() / total:.0%}" if total > 0 else ""
        axes.set_title(f"the {len(shown)} largest of {len(order)} features{part}", loc="left", fontsize="medium")
    take_literally(axes.get_yticklabels())
    return figure


def learning_curve_figure(
    train_sizes: "Numbers", train_scores: "Table", test_scores: "Table", *, scoring: str = "score"
) -> "Figure":
    """Draw the score against the number of training rows: mean over the folds, and one standard deviation around it.

    Args:
        train_sizes: shape (n,).
        train_scores: shape (n, folds), on the rows that were trained on.
        test_scores: shape (n, folds), on the rows that were held out. NaN marks a fold that failed, and is left out.
        scoring: what the score is, for the axis.
    """
    import numpy as np

    figure, axes = new_figure(6.4, 4.2)
    sizes = np.asarray(train_sizes, dtype=float)
    for label, scores, colour in (("training", train_scores, ORANGE), ("validation", test_scores, BLUE)):
        folds = np.ma.masked_invalid(np.asarray(scores, dtype=float))
        mean, spread = folds.mean(axis=1).filled(np.nan), folds.std(axis=1).filled(np.nan)
        axes.fill_between(sizes, mean - spread, mean + spread, color=colour, alpha=0.16, linewidth=0)
        axes.plot(sizes, mean, color=colour, marker="o", markersize=4, linewidth=1.8, label=label)
    axes.set_xlabel("training rows")
    axes.set_ylabel(scoring)
    axes.grid(color="#e6e8ec", linewidth=0.8)
    axes.set_axisbelow(True)
    folds_count = np.asarray(test_scores).shape[1]
    axes.set_title(f"mean and standard deviation of {folds_count} folds", loc="left", fontsize="medium")
    axes.legend(frameon=False)
    take_literally([axes.yaxis.label])
    return figure


def _write_cells(axes: "Axes", counts: Any, shares: Any, *, normalize: bool) -> None:
    """Write each cell's number, dark on light and light on dark; zeros faintly."""
    import numpy as np

    size = 10 if len(counts) <= 10 else 7
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{share:.2f}" if normalize else _count(count)
        colour = "#b6bcc6" if count == 0 else "white" if share > 0.55 else "#20242b"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def _count(count: float) -> str:
    """Write a count in five characters or less."""
    if count < 100_000:
        return f"{count:.0f}"
    return f"{count / 1e3:.0f}k" if count < 1e6 else f"{count / 1e6:.1f}M"

"""The comparator's pictures: runs in, a Figure out, which is also written where `save_path` says.

What a picture shows is read and computed here and elsewhere; what it looks like stands in readers.figures.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readers.best import Mode, resolve_mode
from readers.comparestatistics import ComparisonStatistics
from readers.differences import differences
from readers.runtable import RunTable, Statistic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from readers.curves import Align, BandKind

_Path = str | os.PathLike[str]


class ComparisonPlots(ComparisonStatistics):
    """What ExperimentComparator draws. `save_path` ends in .png, .svg or .pdf; its folders are made."""

    def plot_metric_comparison(
        self,
        run_ids: Sequence[str],
        metric: str,
        save_path: _Path | None = None,
        *,
        value: Statistic = "last",
        mode: Mode = "auto",
        title: str | None = None,
    ) -> "Figure":
        """One value a run, the best first; of very many runs their distribution."""
        from readers.figures.metrics import metric_comparison_figure

        direction = resolve_mode(mode, metric)
        table = self._chosen.these(run_ids)
        values = table.metric(metric, value, direction)
        statuses = table.runs["status"].to_list()
        figure = metric_comparison_figure(
            table.names, values, metric=metric, direction=direction, title=title, statuses=statuses
        )
        return _saved(figure, save_path)

    def plot_curves(
        self,
        run_ids: Sequence[str],
        metric: str,
        save_path: _Path | None = None,
        *,
        x: str = "step",
        smoothing: float = 0.0,
        group_by: str | None = None,
        band: "BandKind" = "ci",
        align: "Align" = "interpolate",
        log_x: bool = False,
        log_y: bool = False,
        level: float = 0.95,
        title: str | None = None,
    ) -> "Figure":
        """A metric's history in each run, and a mean with a band for each group; see readers.curves for the options.

        Args:
            x: "step", "time", "relative_time", or another metric.
            smoothing: from 0 (none) to below 1.
        """
        from readers.curves import read_curves
        from readers.figures.curves import curves_figure

        frames = self._chosen.frames()
        curves = read_curves(
            frames,
            self._chosen.these(run_ids, frames),
            metric,
            x=x,
            smoothing=smoothing,
            group_by=group_by,
            band=band,
            align=align,
            level=level,
        )
        return _saved(curves_figure(curves, log_x=log_x, log_y=log_y, title=title), save_path)

    def plot_parallel_coordinates(
        self,
        run_ids: Sequence[str],
        metric: str,
        params: Sequence[str] | None = None,
        save_path: _Path | None = None,
        *,
        value: Statistic = "last",
        mode: Mode = "auto",
        title: str | None = None,
    ) -> "Figure":
        """A line a run through its params, coloured by the metric.

        Args:
            params: in this order; None for those that vary.
        """
        from readers.figures.parallel import parallel_coordinates_figure

        direction = resolve_mode(mode, metric)
        table = self._chosen.these(run_ids)
        values = table.metric(metric, value, direction)
        names = _varying(table) if params is None else list(params)
        columns = [table.value(name) for name in names]
        figure = parallel_coordinates_figure(
            table.names, columns, values, metric=metric, direction=direction, title=title
        )
        return _saved(figure, save_path)

    def plot_groups(
        self,
        by: str,
        metric: str,
        save_path: _Path | None = None,
        *,
        run_ids: Sequence[str] | None = None,
        experiment: str | None = None,
        pair_on: str | None = None,
        mode: Mode = "auto",
        value: Statistic = "last",
        level: float = 0.95,
        baseline: object = None,
        title: str | None = None,
    ) -> "Figure":
        """The values of each group with their mean's interval, and the verdict in words; see `compare_groups`."""
        from readers.figures.groups import groups_figure

        verdicts = self.compare_groups(
            by, metric, run_ids=run_ids, experiment=experiment, pair_on=pair_on, mode=mode, value=value, level=level,
            baseline=baseline,
        )  # fmt: skip
        return _saved(groups_figure(verdicts, title=title), save_path)

    def plot_critical_difference(
        self,
        method: str,
        dataset: str,
        metric: str,
        save_path: _Path | None = None,
        *,
        run_ids: Sequence[str] | None = None,
        experiment: str | None = None,
        mode: Mode = "auto",
        value: Statistic = "last",
        level: float = 0.95,
        title: str | None = None,
    ) -> "Figure":
        """The mean ranks of methods on one axis, those that aren't told apart joined; see `rank_methods`."""
        from readers.figures.ranks import critical_difference_figure

        ranks = self.rank_methods(
            method, dataset, metric, run_ids=run_ids, experiment=experiment, mode=mode, value=value, level=level
        )
        return _saved(critical_difference_figure(ranks, title=title), save_path)


def _varying(table: RunTable) -> list[str]:
    """The params that aren't the same in all runs; all, when none varies."""
    return [row.name for row in differences(table).rows if row.kind == "param"] or table.param_names


def _saved(figure: "Figure", save_path: _Path | None) -> "Figure":
    from readers.figures.style import save

    if save_path is not None:
        save(figure, save_path)
    return figure

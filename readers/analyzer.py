"""HyperparameterAnalyzer: what a metric depends on, where its best runs lie, and pictures of both."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from readers.best import Direction, Mode, resolve_mode
from readers.source import AnySource, Reading

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from readers.importance import Method, ParameterImportance
    from readers.ranges import OptimalRange
    from readers.runtable import RunTable, Statistic

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Runs = Sequence[Mapping[str, Any]] | Sequence[str] | str
"""Records of get_experiment_runs (filtered as one likes), run ids, or the name of an experiment."""


class HyperparameterAnalyzer:
    """Answers about the params of runs.

    In every method `runs` may be the records of get_experiment_runs, a list of run ids, or an experiment's name; a run
    that is given twice counts once. `mode` says which way the metric is better; "auto" goes by its name. `value` says
    which number of a metric's history speaks for a run; records know only the last. Runs without a finite value are
    left out of every answer.

    For no runs each method answers, with nothing or zeros, and warns. A metric that none of the runs has is an error.

    Args:
        source: an ExperimentTracker, a Store, the folder of one, or an MLflowSource.
        cluster: who reads the files of its store; as for ExperimentComparator.
    """

    def __init__(self, source: AnySource, *, cluster: object = None) -> None:
        self._reading = Reading(source, cluster)  # a folder without a store is said here, not at the first question

    def analyze_parameter_importance(
        self,
        runs: Runs,
        target_metric: str,
        parameters: Sequence[str] | None = None,
        *,
        method: "Method" = "permutation",
        mode: Mode = "auto",
        value: "Statistic" = "last",
        level: float = 0.95,
        seed: int = 0,
    ) -> "ParameterImportance":
        """How much of a metric's variation goes with each param: a dict that sums to 1, with intervals and ranks.

        A param that is missing or the same in all runs gets 0.0 and a warning. Methods and their sources: see
        readers.importance.

        Args:
            parameters: the params, in the order of the answer; None for all, most important first.
            level: of the intervals, in (0, 1).

        Raises: MetricNotFound: none of the runs has the metric. RunNotFound, ExperimentNotFound: naming what is there.
        """
        from readers.importance import parameter_importance

        table, target, direction = self._read(runs, target_metric, mode, value, empty_is_said=True)
        found = parameter_importance(
            table, target, target_metric, _names(parameters), method=method, direction=direction, level=level, seed=seed
        )
        _warn(found.warnings)
        return found

    def find_optimal_ranges(
        self,
        runs: Runs,
        target_metric: str,
        percentile: float = 90,
        *,
        parameters: Sequence[str] | None = None,
        mode: Mode = "auto",
        value: "Statistic" = "last",
    ) -> "dict[str, OptimalRange]":
        """Where the best runs lie on each param, and whether that tells anything: see readers.ranges.

        Args:
            percentile: in [0, 100]; 90 means the best 10 % of the runs, 0 all, 100 the best alone.
            parameters: None for all that any run has, by name.

        Raises: ValueError: another percentile. MetricNotFound, RunNotFound, ExperimentNotFound: naming what is there.
        """
        from readers.ranges import optimal_ranges

        table, target, direction = self._read(runs, target_metric, mode, value)
        found = optimal_ranges(table, target, _names(parameters), direction=direction, percentile=percentile)
        _warn(_by_text({name: each["warnings"] for name, each in found.items()}))
        return found

    def plot_parameter_interactions(
        self,
        runs: Runs,
        parameters: Sequence[str],
        target_metric: str,
        save_path: str | os.PathLike[str] | None = None,
        *,
        mode: Mode = "auto",
        value: "Statistic" = "last",
        kind: Literal["auto", "surface", "cells"] = "auto",
        title: str | None = None,
        seed: int = 0,
    ) -> "Figure":
        """Draw a metric over params: one as a curve, two as a heat map, more as a matrix of all pairs.

        Params that don't vary are left out, and said. See readers.dependence for how it is computed.

        Args:
            save_path: where to write it too: .png, .svg or .pdf; folders are made.
            kind: of two params: "surface" (a forest's fit) or "cells" (means); "auto" takes cells for levels and grids.

        Raises: LookupFailed: no run has a param of that name. MetricNotFound, RunNotFound, ExperimentNotFound.
            ValueError: no parameters, an unknown kind, or a file that isn't a picture.
        """
        from readers.dependence import Landscape
        from readers.figures.dependence import dependence_figure
        from readers.figures.interactions import interaction_figure, interaction_matrix_figure
        from readers.figures.style import words_figure
        from readers.pairs import pairs

        asked = _names(parameters)
        if not asked:
            raise ValueError("parameters is empty; name one for a curve, two for a heat map, more for all pairs")
        if kind not in {"auto", "surface", "cells"}:
            raise ValueError(f"no kind {kind!r}; there is: 'auto', 'surface', 'cells'")
        table, target, direction = self._read(runs, target_metric, mode, value)
        scene = Landscape(table, target, target_metric, asked, direction=direction, seed=seed)
        names = list(scene.asked.drawable)
        said: dict[str, Any] = {"metric": target_metric, "direction": direction, "title": title}
        if not names:
            heading = title or f"{target_metric} by {', '.join(asked)}"
            return _saved(words_figure(heading, scene.nothing), save_path)
        if len(names) == 1:
            return _saved(dependence_figure(scene.dependence(names[0]), **said), save_path)
        if len(names) > 2:
            return _saved(interaction_matrix_figure(pairs(scene, names), **said), save_path)
        one, other = names
        chosen = scene.best_shown_as(one, other) if kind == "auto" else kind
        shown = scene.surface(one, other) if chosen == "surface" else scene.cells(one, other)
        return _saved(interaction_figure(shown, **said), save_path)

    def plot_importance(
        self,
        runs: Runs,
        target_metric: str,
        parameters: Sequence[str] | None = None,
        save_path: str | os.PathLike[str] | None = None,
        *,
        method: "Method" = "permutation",
        mode: Mode = "auto",
        value: "Statistic" = "last",
        level: float = 0.95,
        title: str | None = None,
        seed: int = 0,
    ) -> "Figure":
        """Draw analyze_parameter_importance: bars with intervals, and ranks; its warnings are in the picture."""
        from readers.figures.importance import importance_figure
        from readers.importance import parameter_importance

        table, target, direction = self._read(runs, target_metric, mode, value)
        found = parameter_importance(
            table, target, target_metric, _names(parameters), method=method, direction=direction, level=level, seed=seed
        )
        return _saved(importance_figure(found, title=title), save_path)

    def plot_slice(
        self,
        runs: Runs,
        parameters: Sequence[str] | None,
        target_metric: str,
        save_path: str | os.PathLike[str] | None = None,
        *,
        mode: Mode = "auto",
        value: "Statistic" = "last",
        title: str | None = None,
    ) -> "Figure":
        """Draw a metric against each of up to 12 params, as the runs have it, with a trend: see readers.slices.

        Raises: LookupFailed: no run has a param of that name. MetricNotFound, RunNotFound, ExperimentNotFound.
        """
        from readers.figures.dependence import slice_figure
        from readers.slices import slices

        table, target, direction = self._read(runs, target_metric, mode, value)
        found = slices(table, target, target_metric, _names(parameters), direction=direction)
        return _saved(slice_figure(found, title=title), save_path)

    def _read(
        self, runs: Runs, metric: str, mode: Mode, value: "Statistic", *, empty_is_said: bool = False
    ) -> "tuple[RunTable, Floats, Direction]":
        """The runs, one value of the metric each, and which way it is better; a warning where there are none."""
        direction = resolve_mode(mode, metric)
        table = self._table(runs)
        if not len(table) and not empty_is_said:
            _warn([f"there are no runs to look at, so nothing is known about {metric!r}"], further=1)
        return table, table.metric(metric, value, direction), direction

    def _table(self, runs: Runs) -> "RunTable":
        from readers.runtable import RunTable

        if isinstance(runs, str):
            return RunTable.read(self._reading.frames(), experiments=[runs])
        if isinstance(runs, Mapping) or not hasattr(runs, "__iter__"):
            raise TypeError(
                f"runs is {runs!r:.80}; it is the list that get_experiment_runs gives, run ids, or an experiment's name"
            )
        listed: list[Any] = list(runs)
        if listed and all(isinstance(run, str) for run in listed):
            return RunTable.read(self._reading.frames(), listed)
        unique = {
            run["run_id"] if isinstance(run, Mapping) and "run_id" in run else place: run
            for place, run in enumerate(listed)
        }
        return RunTable.of_records(list(unique.values()))


def _names(parameters: Sequence[str] | None) -> list[str] | None:
    """Each once; a single text would be taken for a list of its letters."""
    if isinstance(parameters, str):
        raise TypeError(f"parameters is {parameters!r}; it is a list of names, as in [{parameters!r}]")
    return None if parameters is None else list(dict.fromkeys(parameters))


def _by_text(warned: Mapping[str, Sequence[str]]) -> list[str]:
    """Each text once, with the params that it is about."""
    about: dict[str, list[str]] = {}
    for name, texts in warned.items():
        for text in texts:
            about.setdefault(text, []).append(name)
    from readers.paramaxes import listed

    return [f"{listed(names)}: {text}" for text, names in about.items()]


def _warn(texts: Sequence[str], further: int = 0) -> None:
    """Say them in the name of whoever called the analyzer."""
    if texts:
        warnings.warn("; ".join(texts), UserWarning, stacklevel=3 + further)


def _saved(figure: "Figure", save_path: str | os.PathLike[str] | None) -> "Figure":
    from readers.figures.style import save

    if save_path is not None:
        save(figure, save_path)
    return figure

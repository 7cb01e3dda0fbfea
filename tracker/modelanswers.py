"""What is asked of models: one version in full, where it comes from, versions side by side, a metric over versions."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.layout import Layout
from readers.best import Mode, resolve_mode
from readers.modelinfo import ModelEntry
from readers.models import Models
from tracker.facade import Facade

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from readers.modelcomparison import ModelComparison
    from readers.modellineage import ModelLineage


class ModelAnswers(Facade):
    """The methods of the tracker that answer questions about models."""

    def get_model_info(self, name: str, version: int | str | None = None) -> ModelEntry:
        """Tell all that a version says of itself: class, size, run, metrics, params, signature, data, aliases, tags.

        Args:
            version: a number or alias; None for the latest.

        Raises: ModelNotFound: no such model or version. SegmentCorrupt: what describes it isn't what was written.
        """

        def entry(layout: Layout) -> ModelEntry:
            models = Models(layout)
            return models.entry(name, models.resolve(name, version))

        return self._nearest(entry)

    def get_model_lineage(self, name: str, version: int | str | None = None) -> "ModelLineage":
        """Tell where a version comes from: run and its params, metrics, data, code, packages, parents; its children.

        Args:
            version: a number or alias; None for the latest.

        Raises: ModelNotFound: no such model or version. StoreUnavailable: nothing is stored (STEPLOG_MODE).
        """
        from readers.modellineage import model_lineage

        return self._answered(lambda store: model_lineage(store, name, Models(store.layout).resolve(name, version)))

    def compare_versions(
        self, name: str, versions: Sequence[int | str] | None = None, *, metrics: Sequence[str] | None = None
    ) -> "ModelComparison":
        """Compare versions of a model: metrics, params, size, data, code, signature, packages, tags side by side.

        Args:
            versions: numbers or aliases; None for all.
            metrics: only these; None for all but those of the machine.

        Returns: a table that shows itself in notebooks and terminals, with `differences` and `to_frame()`.
        Raises: ModelNotFound: no such model or version. MetricNotFound: no version has it.
        """
        from readers.modelcomparison import compare_versions

        return self._answered(lambda store: compare_versions(store, name, versions, metrics))

    def plot_model_evolution(
        self,
        name: str,
        metric: str,
        save_path: str | os.PathLike[str] | None = None,
        *,
        mode: Mode = "auto",
        title: str | None = None,
    ) -> "Figure":
        """Draw a metric over the versions of a model, with the best so far, aliases and stages.

        Args:
            save_path: where the picture is written too: .png, .svg or .pdf; folders are made.
            mode: which way the metric is better: "auto" (by its name), "max" or "min".

        Raises: ModelNotFound. MetricNotFound: no version has it. ValueError: no such mode, or another suffix.
        """
        from readers.figures.modelevolution import model_evolution_figure
        from readers.figures.style import save
        from readers.modelevolution import model_evolution

        direction = resolve_mode(mode, metric)
        evolution = self._nearest(lambda layout: model_evolution(Models(layout), name, metric, direction))
        figure = model_evolution_figure(evolution, title=title)
        if save_path is not None:
            save(figure, save_path)
        return figure

"""The comparator's statistics: runs in, numbers and verdicts out.

The runs' values are read here and handed on as plain arrays; what is computed of them, and by which method, stands in
readers.stats, readers.verdict and readers.ranks.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from readers.best import Mode, resolve_mode
from readers.chosen import Chosen
from readers.grouping import counted, grouped, scores
from readers.runtable import Statistic

if TYPE_CHECKING:
    from readers.ranks import MethodRanks
    from readers.stats import Description
    from readers.verdict import Verdicts

_FAILED = ("FAILED", "KILLED", "INTERRUPTED")


class ComparisonStatistics:
    """What ExperimentComparator computes."""

    _chosen: Chosen

    def get_statistical_summary(
        self, run_ids: Sequence[str], metric: str, *, value: Statistic = "last", level: float = 0.95
    ) -> "Description":
        """Mean, std, min, max, interval of the mean, quartiles, IQM of one value a run; see readers.stats.describe.

        NaN for what can't be told: everything of no run, std and interval of one. `missing` counts runs without a
        value, `failed` those that didn't finish; the values of these count as any others.
        """
        from readers.stats import describe

        table = self._chosen.these(run_ids)
        failed = int(table.runs["status"].is_in(_FAILED).sum())
        return describe(table.metric(metric, value), level, failed=failed)

    def compare_groups(
        self,
        by: str,
        metric: str,
        *,
        run_ids: Sequence[str] | None = None,
        experiment: str | None = None,
        pair_on: str | None = None,
        mode: Mode = "auto",
        value: Statistic = "last",
        level: float = 0.95,
        baseline: object = None,
    ) -> "Verdicts":
        """Whether runs that differ in one thing differ in a metric, and how sure that is; see readers.verdict.

        Args:
            by: a param, a tag or a column of runs that makes the groups; "params.x" and "tags.x" say which is meant.
            pair_on: what says which runs of two groups belong together, as "seed" does.
            level: of the intervals; 1 - level is the rate of false positives, over all comparisons of the call.
            baseline: the group to compare all others with, in place of every pair.

        Raises: LookupFailed: no run has such a param, tag or column. ValueError: it makes no groups to compare.
        """
        from readers.verdict import compare_groups

        direction = resolve_mode(mode, metric)
        table = self._chosen.runs(run_ids, experiment)
        found = grouped(table, by, table.metric(metric, value, direction), pair_on)
        against = None if baseline is None else found.group(baseline)
        verdicts = compare_groups(
            found.values, metric=metric, by=by, direction=direction, level=level, keys=found.keys, baseline=against
        )
        if not found.left_out:
            return verdicts
        return verdicts._replace(words=f"{verdicts.words} {counted(found.left_out)} without {by!r} left out.")

    def rank_methods(
        self,
        method: str,
        dataset: str,
        metric: str,
        *,
        run_ids: Sequence[str] | None = None,
        experiment: str | None = None,
        mode: Mode = "auto",
        value: Statistic = "last",
        level: float = 0.95,
    ) -> "MethodRanks":
        """Which of many methods ranks best over many data sets, with a critical difference; see readers.ranks.

        Args:
            method, dataset: a param, a tag or a column of runs each. Runs of one method on one data set (seeds, folds)
                count as one, by their mean.
        """
        from readers.ranks import rank_methods

        direction = resolve_mode(mode, metric)
        table = self._chosen.runs(run_ids, experiment)
        values = table.metric(metric, value, direction)
        means, methods, datasets = scores(table, method, dataset, values)
        return rank_methods(means, methods, datasets, direction=direction, level=level)

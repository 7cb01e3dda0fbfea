"""RunTable: some runs side by side, with their params, tags and metrics; what comparisons and analyses compute from.

It comes from a store (`read`) or from the records of get_experiment_runs, which a user may have filtered or written by
hand (`of_records`). The order of the runs is the one that was asked for. What a store holds is read when it is first
asked for and kept: a RunTable is the runs as of then.

Names: params and tags that are nested dicts have one name a leaf, dotted ("optimizer.lr"). In the wide form a column is
called as MLflow's search_runs calls it: `params.lr`, `metrics.loss`, `tags.team`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
import polars as pl

from ingest.errors import ExperimentNotFound, LookupFailed, MetricNotFound, RunNotFound
from readers.best import Direction, direction
from readers.params import latest
from readers.recordframes import RecordFrames
from readers.runvalues import Values
from readers.wide import with_metrics, with_values

if TYPE_CHECKING:
    from readers.source import RunFrames

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Statistic = Literal["last", "best", "min", "max", "mean", "first"]
"""Which number of a metric's history speaks for a run. "best" is its min or its max, as the direction says."""
_STATISTICS: tuple[str, ...] = get_args(Statistic)
_NOTHING_LOGGED = pl.DataFrame(schema=dict.fromkeys(("run_id", "experiment", "key", "value"), pl.String()))


class RunTable:
    """Runs with their params, tags and metrics.

    Args:
        runs: one row a run: see readers.runs.
        params, tags: give one row for each run and name: see readers.params.
        summaries: gives one row for each run and metric: see readers.summaries.
        logged: gives of facts of a kind the last under each key of these runs, as in readers.params.latest.
        lasts: gives of the summaries run_id, key and last, where these alone come much sooner.
    """

    def __init__(
        self,
        runs: pl.DataFrame,
        *,
        params: Callable[[], pl.DataFrame],
        tags: Callable[[], pl.DataFrame],
        summaries: Callable[[Sequence[str] | None], pl.DataFrame],
        logged: Callable[[str, Sequence[str] | None], pl.DataFrame],
        lasts: Callable[[], pl.DataFrame] | None = None,
    ) -> None:
        self.runs = runs
        self._read_params, self._read_tags, self._read_summaries = params, tags, summaries
        self._alone: dict[str, pl.DataFrame] = {}
        self._read_logged, self._read_lasts = logged, lasts

    @classmethod
    def read(
        cls, frames: "RunFrames", run_ids: Sequence[str] | None = None, experiments: Sequence[str] | None = None
    ) -> Self:
        """The runs of a source: these, in this order (each once); or those of some experiments, or all, by start.

        Raises: RunNotFound, ExperimentNotFound: naming what is there. TypeError: a text where a list belongs.
        """
        if isinstance(run_ids, str):
            raise TypeError(f"run_ids is {run_ids!r}; it is a list of run ids, as in [{run_ids!r}]")
        wanted = None if run_ids is None else list(dict.fromkeys(str(run_id) for run_id in run_ids))
        found = frames.runs(experiments, wanted).collect()
        if experiments is not None and wanted is None:
            _check_experiments(frames, experiments, found)
        if wanted is not None:
            _check_runs(wanted, found, frames, experiments)
            order = pl.DataFrame({"run_id": wanted}, {"run_id": pl.String()})
            found = order.join(found, on="run_id", how="left", maintain_order="left").select(found.columns)
        lasts = frames.lasts(wanted, experiments)
        few = None if run_ids is None else wanted  # all of an experiment's runs are found faster by the experiment
        return cls(
            found,
            params=lambda: frames.params(few, experiments).collect(),
            tags=lambda: frames.tags(few, experiments).collect(),
            summaries=lambda keys: frames.summaries(keys, few, experiments).collect(),
            logged=lambda kind, runs: latest(
                frames.facts([kind], few if runs is None else runs, experiments).collect()
            ),
            lasts=None if lasts is None else lasts.collect,
        )

    @classmethod
    def of_records(cls, records: Sequence[Mapping[str, Any]]) -> Self:
        """The runs of get_experiment_runs; of each metric only its last value is known then.

        Raises: TypeError, ValueError: not such records, saying which one and what it lacks.
        """
        frames = RecordFrames(records)
        return cls(
            frames.runs,
            params=lambda: frames.params,
            tags=lambda: frames.tags,
            summaries=lambda keys: _named(frames.last, keys),
            logged=lambda kind, _: frames.logged.get(kind, _NOTHING_LOGGED),
        )

    def __len__(self) -> int:
        return self.runs.height

    @property
    def run_ids(self) -> list[str]:
        """The ids, in order."""
        return self.runs["run_id"].to_list()

    @property
    def names(self) -> list[str]:
        """What each run is called; its id where it has no name."""
        return self.runs.select(pl.coalesce("run_name", "run_id")).to_series().to_list()

    @cached_property
    def params(self) -> pl.DataFrame:
        """One row for each run and param: run_id, key, value (JSON), number, text."""
        return self._read_params()

    @cached_property
    def tags(self) -> pl.DataFrame:
        """One row for each run and tag, likewise."""
        return self._read_tags()

    @cached_property
    def summaries(self) -> pl.DataFrame:
        """One row for each run and metric: see readers.summaries; of records only run_id, key and last."""
        return self._read_summaries(None)

    @cached_property
    def lasts(self) -> pl.DataFrame:
        """The same, or of it run_id, key and last alone, where a server has these at hand and the rest is dear."""
        return self.summaries if self._read_lasts is None else self._read_lasts()

    @property
    def param_names(self) -> list[str]:
        """The params that any run has, sorted."""
        return self.params["key"].unique().sort().to_list()

    @property
    def metric_names(self) -> list[str]:
        """The metrics that any run has, sorted; those of the machine ("system/...") too."""
        return self.lasts["key"].unique().sort().to_list()

    def logged(self, kind: str, run_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """What was logged last under each key of one kind of fact, as it was logged: run_id, key, value (JSON).

        Args:
            kind: "param", "tag" (nested ones whole), "env" (what auto_log found), "model", "artifact"; of records only
                the first two are known.
            run_ids: only these of the runs.
        """
        wanted = self.run_ids if run_ids is None else list(run_ids)
        found = self._read_logged(kind, run_ids).select("run_id", "key", "value")
        return found.filter(pl.col("run_id").is_in(wanted))

    def metric(self, name: str, statistic: Statistic = "last", towards: Direction | None = None) -> "Floats":
        """One number a run, shape (n_runs,); NaN where a run doesn't have the metric, or it was NaN.

        Args:
            towards: which way is better, for "best"; by the metric's name when None.

        Raises: MetricNotFound: no run has it (and there are runs). ValueError: an unknown statistic, or records, which
            tell only the last value.
        """
        rows = self._lasts_of(name) if statistic == "last" else self.summaries_of(name)
        column = self._column(name, statistic, towards, rows)
        found = rows.select("run_id", pl.col(column).cast(pl.Float64))
        joined = self.runs.select("run_id").join(found, on="run_id", how="left", maintain_order="left")
        if joined[column].null_count() == len(self) and len(self) and name not in self.metric_names:
            raise MetricNotFound.among("metric", name, self.metric_names)
        return joined[column].fill_null(float("nan")).to_numpy().copy()

    def param(self, name: str) -> Values:
        """One param over the runs; all missing when no run has it."""
        return Values.of(self.params, self.runs, name)

    def tag(self, name: str) -> Values:
        """One tag over the runs, likewise."""
        return Values.of(self.tags, self.runs, name)

    def value(self, name: str) -> Values:
        """What one groups by: "params.x", "tags.x", a column of runs ("run_name", "status", "group"), or a bare name.

        A bare name is a param where there is one, else a tag, else a column of runs.

        Raises: LookupFailed: nothing of that name; the message lists what there is.
        """
        kind, _, rest = name.partition(".")
        if kind in ("params", "tags") and rest:
            found = self.param(rest) if kind == "params" else self.tag(rest)
            if any(text is not None for text in found.texts):
                return found
        for found in (self.param(name), self.tag(name)):
            if any(text is not None for text in found.texts):
                return found
        if name in self.runs.columns:
            texts = self.runs[name].cast(pl.String).to_list()
            return Values(name, np.full(len(self), np.nan), texts, "text")
        tags = self.tags["key"].unique().sort().to_list()
        raise LookupFailed.among("param, tag or column", name, [*self.param_names, *tags, *self.runs.columns])

    def wide(
        self,
        metrics: Sequence[str] | None = None,
        params: Sequence[str] | None = None,
        tags: Sequence[str] | None = (),
        statistics: Sequence[Statistic] = ("last",),
    ) -> pl.DataFrame:
        """One row a run: the columns of `runs`, then `params.x`, `tags.x`, `metrics.x`; null where a run lacks it.

        A param's column is of whole numbers, numbers or booleans where all runs that have it hold such, else of texts.
        A metric's further statistics are in `metrics.x.min` and so on.

        Args:
            metrics, params, tags: the names wanted, None for all that any run has.

        Raises: ValueError: more cells than memory is likely to hold; ask for fewer names.
        """
        columns = ["min", "max"] if "best" in statistics else []
        rows = self._rows(metrics, statistics)
        for column in [*(name for name in statistics if name != "best"), *columns]:
            _check_column(column, "a metric", rows)
        frame = self.runs
        for prefix, names in (("params", params), ("tags", tags)):
            if names is None or len(names):
                frame = with_values(frame, _named(self.params if prefix == "params" else self.tags, names), prefix)
        return with_metrics(frame, rows, statistics)

    def summaries_of(self, name: str) -> pl.DataFrame:
        """The rows of one metric. The first that is asked for is read alone, which takes a part of the time.

        Of a server each is: who asks for two metrics shouldn't wait for the histories of all.
        """
        unread = "summaries" not in vars(self) and name not in self._alone
        if unread and (not self._alone or self._read_lasts is not None):
            self._alone[name] = self._read_summaries([name])
        return self._alone[name] if name in self._alone else self.summaries.filter(pl.col("key") == name)

    def _lasts_of(self, name: str) -> pl.DataFrame:
        return self.summaries_of(name) if self._read_lasts is None else _named(self.lasts, [name])

    def _rows(self, metrics: Sequence[str] | None, statistics: Sequence[Statistic]) -> pl.DataFrame:
        """The summaries of these metrics, as far as these statistics need them."""
        if self._read_lasts is None:
            return _named(self.summaries, metrics)
        if set(statistics) <= {"last"}:
            return _named(self.lasts, metrics)
        return self.summaries if metrics is None else self._read_summaries(metrics)

    @staticmethod
    def _column(name: str, statistic: Statistic, towards: Direction | None, rows: pl.DataFrame) -> str:
        better = "max" if (towards or direction(name)) == "maximize" else "min"
        column = better if statistic == "best" else statistic
        _check_column(column, repr(name), rows)
        return column


def _check_column(column: str, of_what: str, rows: pl.DataFrame) -> None:
    """Raise ValueError unless these summaries have it."""
    if column not in _STATISTICS:
        raise ValueError(f"no statistic {column!r}; there is: {', '.join(_STATISTICS)}")
    if column not in rows.columns:
        raise ValueError(f"records tell only the last value of {of_what}, not its {column}; give run ids instead")


def _check_experiments(frames: "RunFrames", experiments: Sequence[str], found: pl.DataFrame) -> None:
    there = set(found["experiment"])
    for name in experiments:
        if name not in there and name not in (names := frames.experiments()):  # a server has empty ones
            raise ExperimentNotFound.among("experiment", name, names)


def _check_runs(
    wanted: Sequence[str], found: pl.DataFrame, frames: "RunFrames", experiments: Sequence[str] | None
) -> None:
    there = set(found["run_id"])
    for run_id in wanted:
        if run_id not in there:
            newest_first = reversed(frames.runs(experiments).collect()["run_id"].to_list())
            raise RunNotFound.among("run", run_id, newest_first, frames.hint)


def _named(rows: pl.DataFrame, names: Sequence[str] | None) -> pl.DataFrame:
    if isinstance(names, str):
        raise TypeError(f"the names are {names!r}; they are a list, as in [{names!r}]")
    return rows if names is None else rows.filter(pl.col("key").is_in(list(names)))

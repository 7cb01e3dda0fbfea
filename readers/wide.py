"""The wide form of runs: one row a run, one column for each param, tag and metric."""

from collections.abc import Sequence

import polars as pl

from readers.best import direction

_MOST_CELLS = 100_000_000


def with_values(frame: pl.DataFrame, rows: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Add a column for each name of the rows (see readers.params), of the type that all its values have.

    Raises: ValueError: more cells than memory is likely to hold.
    """
    _check_size(frame.height, rows["key"].n_unique())
    # Under its full name a key can't be taken for the run_id beside it, nor for a pattern of columns ("*").
    rows = rows.with_columns(key=pl.concat_str(pl.lit(f"{prefix}."), "key"))
    value = pl.col("value")
    kinds = rows.group_by("key").agg(
        pl.col("number").is_not_null().all().alias("numbers"),
        value.is_in(["true", "false"]).all().alias("bools"),
        value.str.contains(r"^-?\d{1,18}$").all().alias("ints"),
    )
    numeric = kinds.filter(pl.col("numbers"))["key"]
    is_numeric = pl.col("key").is_in(numeric.implode())
    of_numbers = rows.select("run_id", "key", "number").filter(is_numeric)
    texts = rows.select("run_id", "key", "text").filter(~is_numeric)
    types = [
        *(pl.col(key).cast(pl.Boolean) for key in kinds.filter(pl.col("bools"))["key"]),
        *(pl.col(key).cast(pl.Int64) for key in kinds.filter(pl.col("ints"))["key"]),
    ]
    numbers = of_numbers.pivot("key", index="run_id", values="number").with_columns(types)
    wide = frame.select("run_id")
    for part in (numbers, texts.pivot("key", index="run_id", values="text")):
        wide = wide.join(part, on="run_id", how="left", maintain_order="left")
    return frame.hstack([wide[name] for name in sorted(wide.columns[1:])])


def with_metrics(frame: pl.DataFrame, summaries: pl.DataFrame, statistics: Sequence[str]) -> pl.DataFrame:
    """Add a column for each metric and statistic; "best" goes by the metric's name.

    Where two come to one name (the min of "loss", and a metric "loss.min") the statistic asked for first counts.

    Raises: ValueError: as above.
    """
    _check_size(frame.height, summaries["key"].n_unique() * len(statistics))
    for statistic in statistics:
        rows = summaries.with_columns(best=_best_of(summaries)) if statistic == "best" else summaries
        ending = "" if statistic == "last" else f".{statistic}"
        rows = rows.with_columns(key=pl.concat_str(pl.lit("metrics."), "key", pl.lit(ending)))
        wide = rows.pivot("key", index="run_id", values=statistic, sort_columns=True)
        new = [name for name in wide.columns if name not in frame.columns]
        frame = frame.join(wide.select("run_id", *new), on="run_id", how="left", maintain_order="left")
    return frame


def _check_size(runs: int, columns: int) -> None:
    if columns * runs > _MOST_CELLS:
        raise ValueError(f"{runs} runs x {columns} names don't fit one table; choose some of the names")


def _best_of(summaries: pl.DataFrame) -> pl.Expr:
    larger = [key for key in summaries["key"].unique() if direction(key) == "maximize"]
    return pl.when(pl.col("key").is_in(larger)).then("max").otherwise("min")

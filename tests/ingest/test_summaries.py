"""Summaries: merging them in any way gives what the points themselves give."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.columns import PointBlock
from ingest.summaries import merge, summarise
from ingest.tables import SUMMARIES, Dictionaries, metric_rows

Point = tuple[int, float, int | None]
values = st.one_of(
    st.floats(-100, 100), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 1.0, 1e308, 5e-324])
)
logged = st.lists(st.tuples(st.integers(0, 2), values, st.none() | st.integers(-5, 5)), min_size=1, max_size=30)


def summary(points: Sequence[tuple[int, Point]], writer: str = "w") -> pa.Table:
    """The summary that sealing makes of (seq, point)s."""
    names = Dictionaries.empty()
    blocks = []
    for seq, (key, value, step) in sorted(points, key=lambda one: (one[1][0], one[0])):
        steps = None if step is None else np.array([step])
        ids = np.array([seq]), np.array([seq * 1_000_000])
        blocks.append(PointBlock("run", "e", (f"k{key}",), *ids, steps, np.array([[value]])))
    return summarise(metric_rows(blocks, names), names, writer)


def model(points: Sequence[tuple[int, Point]]) -> dict[str, dict[str, Any]]:
    """The same, in the plainest way."""
    found = {}
    for key in sorted({point[0] for _, point in points}):
        mine = sorted((seq, value, step) for seq, (k, value, step) in points if k == key)
        numbers = np.array([value for _, value, _ in mine if not math.isnan(value)])
        with np.errstate(all="ignore"):
            found[f"k{key}"] = {
                "count": len(numbers),
                "nan_count": len(mine) - len(numbers),
                "first": mine[0][1],
                "first_step": mine[0][2],
                "first_seq": mine[0][0],
                "last": mine[-1][1],
                "last_step": mine[-1][2],
                "last_seq": mine[-1][0],
                "min": numbers.min() if len(numbers) else math.nan,
                "max": numbers.max() if len(numbers) else math.nan,
                "mean": numbers.mean() if len(numbers) else math.nan,
                "m2": ((numbers - numbers.mean()) ** 2).sum() if len(numbers) else math.nan,
                "min_steps": {step for _, value, step in mine if len(numbers) and value == numbers.min()},
                "max_steps": {step for _, value, step in mine if len(numbers) and value == numbers.max()},
            }
    return found


def assert_same(table: pa.Table, points: Sequence[tuple[int, Point]]) -> None:
    """Compare a summary with the model; sums may round differently, or overflow where two passes don't."""
    expected = model(points)
    rows = {row["key"]: row for row in table.to_pylist()}
    assert table.schema.equals(SUMMARIES)
    assert list(rows) == list(expected)
    for key, want in expected.items():
        row = rows[key]
        for name in ("count", "nan_count", "first", "first_step", "first_seq", "last", "last_step", "last_seq"):
            assert row[name] == want[name] or (row[name] != row[name] and want[name] != want[name]), name
        for name in ("min", "max"):
            assert row[name] == want[name] or (row[name] != row[name] and want[name] != want[name]), name
            assert not want["count"] or row[f"{name}_step"] in want[f"{name}_steps"], name
        if all(abs(value) < 1e3 for _, (k, value, _) in points if f"k{k}" == key and not math.isnan(value)):
            assert row["mean"] == pytest.approx(want["mean"], rel=1e-9, abs=1e-9, nan_ok=True)
            assert row["m2"] == pytest.approx(want["m2"], rel=1e-6, abs=1e-6, nan_ok=True)


@given(logged)
def test_a_summary_says_what_the_points_say(points: list[Point]) -> None:
    """Count, first, last, min, max, mean, m2; NaN counted apart, infinities kept."""
    numbered = list(enumerate(points))
    assert_same(summary(numbered), numbered)


@given(logged, st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_merging_segments_in_any_grouping_gives_the_summary_of_all(points: list[Point], groups: list[int]) -> None:
    """Folding is associative, also when compaction merges segments that aren't neighbours."""
    numbered = list(enumerate(points))
    segments = [numbered[start : start + 3] for start in range(0, len(numbered), 3)]
    parts = [summary(segment) for segment in segments]
    tiers = [
        merge(pa.concat_tables([part for part, group in zip(parts, groups, strict=False) if group == tier]))
        for tier in range(4)
        if any(group == tier for _, group in zip(parts, groups, strict=False))
    ]

    assert_same(merge(pa.concat_tables(tiers)), numbered)
    assert_same(merge(pa.concat_tables(reversed(tiers))), numbered)


def test_the_last_value_is_the_last_though_an_older_part_was_merged_later() -> None:
    """Regression: segments 1 and 3 merged first, then 2: 'last' was the one of 2."""
    points = [(seq, (0, float(seq), seq)) for seq in range(3)]
    one, two, three = ([point] for point in points)
    outer = merge(pa.concat_tables([summary(one), summary(three)]))

    assert merge(pa.concat_tables([outer, summary(two)]))["last"].to_pylist() == [2.0]


def test_writers_stay_apart() -> None:
    """Each writer's sequence is its own; who reads folds them by time."""
    both = pa.concat_tables([summary([(1, (0, 1.0, None))], "a"), summary([(1, (0, 2.0, None))], "b")])

    assert merge(both)["writer"].to_pylist() == ["a", "b"]


def test_nothing_merges_to_nothing() -> None:
    """No rows, no summary."""
    assert len(merge(SUMMARIES.empty_table())) == 0


def test_a_million_points_near_each_other_keep_their_variance() -> None:
    """Merging parts by Chan's formula doesn't cancel where the naive sum of squares would."""
    numbers = 1e9 + np.random.default_rng(1).normal(size=20_000)
    parts = []
    for start in range(0, len(numbers), 1000):
        piece = numbers[start : start + 1000]
        seq = np.arange(start, start + len(piece))
        names = Dictionaries.empty()
        block = PointBlock("run", "e", ("k",), seq, seq, None, piece.reshape(-1, 1))
        parts.append(summarise(metric_rows([block], names), names, "w"))
    row = merge(pa.concat_tables(parts)).to_pylist()[0]

    assert row["m2"] / (row["count"] - 1) == pytest.approx(numbers.var(ddof=1), rel=1e-6)

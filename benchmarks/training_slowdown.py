"""What logging costs a training loop: five scalars each iteration of about 200 µs, half numpy and half pure Python.

Blocks with and without logging alternate in one process (see training_loop). The slowdown is the mean iteration of the
logged blocks over that of the plain ones, so that stalls count; its 95 % interval is a bootstrap over pairs of
neighbouring blocks. "later" is the CPU that the tracker still needed after the logged blocks, per logged iteration: a
backlog that a longer training would meet inside the loop. The p99.9 of the iteration time is over all blocks of a kind.
"""

import argparse
import math
import sys
from array import array
from collections.abc import Sequence
from random import Random
from typing import Any

from benchmarks.launch import Outcome
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table

NAME = "training_slowdown"
_RESAMPLES = 5000


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__)
    parser.add_argument("--iteration", type=float, default=200.0, help="microseconds of an iteration without logging")
    parser.add_argument("--block", type=float, default=2.5, help="seconds of a block")
    parser.add_argument("--blocks", type=int, default=24, help="blocks for ours, a multiple of 4")
    parser.add_argument("--peer-blocks", type=int, default=12, help="blocks for each peer, a multiple of 4")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.block, chosen.blocks, chosen.peer_blocks = 0.5, 4, 4
    with document_of(NAME, chosen) as (document, lineup):
        document["iteration_us"] = chosen.iteration
        document["figures"] = _measured(lineup, chosen)
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One line a tracker."""
    head = (
        "training",
        "slowdown",
        "95 % interval",
        "p50 µs",
        "with log",
        "p99.9 µs",
        "with log",
        "later µs CPU",
        "CPU x",
    )
    rows = []
    for row in document["figures"]:
        low, high = row["slowdown_interval"]
        rows.append(
            [
                row["peer"],
                _percent(row["slowdown"]),
                f"{_percent(low)} to {_percent(high)}",
                number(row["p50_plain"]),
                number(row["p50_logged"]),
                number(row["p999_plain"]),
                number(row["p999_logged"]),
                number(row["later_us"]),
                f"{row['cpu_logged'] / row['cpu_plain']:.2f}x",
            ]
        )
    note = (
        "p50, p99.9: of the iteration time. later: CPU a logged iteration that was still to do after its block. "
        "CPU x: whole CPU of an iteration with logging over without, helper processes included."
    )
    return f"### 5 scalars each iteration of about {document['iteration_us']:.0f} µs\n\n{table(head, rows)}\n\n{note}"


def _measured(lineup: Lineup, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Every tracker's figures, ours first."""
    figures = []
    for peer in lineup.peers():
        blocks = chosen.blocks if peer.name == OURS else chosen.peer_blocks
        print(f"training, {blocks} blocks of {chosen.block} s: {peer.name}", file=sys.stderr)
        job = {"loop": "training", "iteration_us": chosen.iteration, "block_s": chosen.block, "blocks": blocks}
        if outcome := lineup.run(peer, job, timeout_s=blocks * (chosen.block + 10) + 120):
            figures.append({"peer": peer.name, **_figures(outcome)})
    return figures


def _figures(outcome: Outcome) -> dict[str, Any]:
    """Slowdown with its interval, and percentiles in microseconds."""
    blocks, start = [], 0
    for block in outcome.answer["blocks"]:
        times = outcome.times[start : start + block["iterations"]]
        blocks.append((block["logged"], times))
        start += block["iterations"]
    # plain, logged, logged, plain: neighbours two by two make pairs of one kind each
    pairs = []
    for (kind, times), (_, others) in zip(blocks[::2], blocks[1::2], strict=True):
        pairs.append((others, times) if kind else (times, others))
    plain = sorted(taken for pair in pairs for taken in pair[0])
    logged = sorted(taken for pair in pairs for taken in pair[1])
    return {
        "slowdown": _slowdown(pairs),
        "slowdown_interval": _interval(pairs),
        **{f"{name}_plain": _quantile(plain, q) for name, q in (("p50", 0.5), ("p999", 0.999))},
        **{f"{name}_logged": _quantile(logged, q) for name, q in (("p50", 0.5), ("p999", 0.999))},
        "iterations_plain": len(plain),
        "iterations_logged": len(logged),
        "cpu_plain": _cpu_us(outcome, logged=False),
        "cpu_logged": _cpu_us(outcome, logged=True),
        "later_us": 1e6 * outcome.answer["deferred_cpu_s"] / len(logged),
        "opening_s": outcome.answer["opening_s"],
        "closing_s": outcome.answer["closing_s"],
        "points_on_disk": outcome.points_on_disk,
    }


Pairs = Sequence[tuple["array[int]", "array[int]"]]


def _slowdown(pairs: Pairs) -> float:
    """Mean logged iteration over mean plain one, less 1."""
    return _ratio([_sums(pair) for pair in pairs]) - 1


def _interval(pairs: Pairs) -> tuple[float, float]:
    """Percentile bootstrap over the pairs, 95 %."""
    chance, sums = Random(7), [_sums(pair) for pair in pairs]
    ratios = sorted(_ratio(chance.choices(sums, k=len(sums))) - 1 for _ in range(_RESAMPLES))
    return ratios[int(0.025 * _RESAMPLES)], ratios[int(0.975 * _RESAMPLES)]


def _sums(pair: tuple["array[int]", "array[int]"]) -> tuple[float, int, float, int]:
    """(ns, iterations) of the plain block, then of the logged one."""
    plain, logged = pair
    return sum(plain), len(plain), sum(logged), len(logged)


def _ratio(sums: Sequence[tuple[float, int, float, int]]) -> float:
    """Mean of the logged over mean of the plain."""
    plain_ns, plain, logged_ns, logged = (float(sum(column)) for column in zip(*sums, strict=True))
    return (logged_ns / logged) / (plain_ns / plain)


def _cpu_us(outcome: Outcome, *, logged: bool) -> float:
    """Mean CPU an iteration of all processes, over the blocks of a kind."""
    used = [block["cpu_us"] for block in outcome.answer["blocks"] if block["logged"] is logged]
    return float(sum(used) / len(used))


def _quantile(ordered: Sequence[int], q: float) -> float:
    """Nearest rank, in microseconds."""
    return ordered[math.ceil(q * len(ordered)) - 1] / 1e3


def _percent(share: float) -> str:
    """A slowdown as people say it: percent up to double the time, then a factor."""
    return f"{100 * share:+.1f} %" if abs(share) < 1 else f"{1 + share:.1f}x"


if __name__ == "__main__":
    main()

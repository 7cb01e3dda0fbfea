"""What one log call costs its caller, and what one point costs in all.

For 1 and for 10 scalars a call, as fast as it goes ("tight") and at 1,000 calls a second ("paced"). The caller's times
are those of each call, less the timer's own. CPU a point is that of every process the tracker used, from the first
measured call until the last process is gone: finish, close and exit counted, the harness's own share taken away (see
log_loops), start-up and the first 1,000 calls left out. It is divided by the points of the measured calls; a fixed cost
at the end therefore weighs more where calls are few, and stands apart in "of it end". Rounds of all peers alternate;
each figure is the median of the rounds.
"""

import argparse
import math
import statistics
import sys
from typing import Any

from benchmarks.launch import Outcome
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS, Installed
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table, times

NAME = "log_call"
_QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
_FIGURES = (*_QUANTILES, "timer", "cpu_us_per_point", "cpu_us_per_point_end", "end_s", "opening_s", "calls", "calls_s")
_PILOTS = 5


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__)
    parser.add_argument("--scalars", type=int, nargs="+", default=[1, 10], help="scalars a call")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each peer")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds a peer may take for all its tight rounds")
    parser.add_argument("--most-calls", type=int, default=2_000_000, help="most calls of a tight round")
    parser.add_argument("--rate", type=float, default=1000.0, help="calls a second of the paced loop")
    parser.add_argument("--paced", type=float, default=5.0, help="seconds of a paced round")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.budget, chosen.most_calls, chosen.paced = 1, 1.0, 100_000, 1.0
    with document_of(NAME, chosen) as (document, lineup):
        document["rate"] = chosen.rate
        document["figures"] = [
            figure
            for scalars in chosen.scalars
            for loop in ("tight", "paced")
            for figure in _compare(lineup, loop, scalars, chosen)
        ]
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each loop and number of scalars."""
    parts = []
    groups = dict.fromkeys((figure["loop"], figure["scalars"]) for figure in document["figures"])
    for loop, scalars in groups:
        rows = [f for f in document["figures"] if (f["loop"], f["scalars"]) == (loop, scalars)]
        ours: dict[str, Any] = next((row for row in rows if row["peer"] == OURS), {})
        pace = "as fast as it goes" if loop == "tight" else f"{document['rate']:,.0f} calls/s asked for"
        parts.append(f"### {scalars} scalar{'s' * (scalars > 1)} a call, {pace}\n")
        head = ("µs", *_QUANTILES, "p50 x", "p99 x", "CPU/point", "of it end", "CPU x", "end s", "calls", "calls/s")
        parts.append(table(head, [_row(row, ours) for row in rows]) + "\n")
    timer = statistics.median(figure["timer"] for figure in document["figures"]) if document["figures"] else 0.0
    note = "x: how many times ours. end: after the last call until the last process is gone."
    return "\n".join([*parts, f"{note} Timer, taken away: {number(1000 * timer)} ns."])


def _row(row: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """One line of a table."""
    return [
        row["peer"],
        *(number(row[name]) for name in _QUANTILES),
        times(row["p50"], ours.get("p50")),
        times(row["p99"], ours.get("p99")),
        number(row["cpu_us_per_point"]),
        number(row["cpu_us_per_point_end"]),
        times(row["cpu_us_per_point"], ours.get("cpu_us_per_point")),
        number(row["end_s"]),
        f"{row['calls']:,.0f}",
        f"{row['calls'] / row['calls_s']:,.0f}",
    ]


def _compare(lineup: Lineup, loop: str, scalars: int, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """All peers' figures for one loop."""
    jobs: dict[str, dict[str, Any]] = {}
    for peer in lineup.peers():
        job: dict[str, Any] = {"loop": loop, "scalars": scalars}
        if loop == "paced":
            job |= {"calls": int(chosen.rate * chosen.paced), "rate": chosen.rate, "limit_s": 2 * chosen.paced}
            jobs[peer.name] = job
        elif calls := _affordable_calls(lineup, peer, job, chosen):
            jobs[peer.name] = job | {"calls": calls}
    rounds: dict[str, list[dict[str, float]]] = {}
    for turn in range(chosen.rounds):
        peers = [peer for peer in lineup.peers() if peer.name in jobs]
        for peer in peers[turn:] + peers[:turn]:
            print(f"{loop}, {scalars} scalar(s), round {turn + 1}: {peer.name}", file=sys.stderr)
            if outcome := lineup.run(peer, jobs[peer.name]):
                rounds.setdefault(peer.name, []).append(_figures(outcome, scalars))
            else:
                del jobs[peer.name]
    return [
        {
            "peer": peer.name,
            "loop": loop,
            "scalars": scalars,
            "rounds": len(rounds[peer.name]),
            **{name: statistics.median(round_[name] for round_ in rounds[peer.name]) for name in _FIGURES},
        }
        for peer in lineup.peers()
        if peer.name in rounds
    ]


def _affordable_calls(lineup: Lineup, peer: Installed, job: dict[str, Any], chosen: argparse.Namespace) -> int:
    """How many calls fit a round's share of the budget, the peer's end included; found by growing pilots."""
    budget: float = chosen.budget / chosen.rounds
    most: int = chosen.most_calls
    calls = 500
    for _ in range(_PILOTS):
        outcome = lineup.run(peer, job | {"calls": calls})
        if outcome is None:
            return 0
        took = outcome.answer["calls_s"] + outcome.ended_at - outcome.answer["last_call_at"]
        fitting = int(calls * budget / took)
        if fitting < 3 * calls or calls >= most:
            return max(100, min(fitting, most))
        calls = min(fitting, most)
    return calls


def _figures(outcome: Outcome, scalars: int) -> dict[str, float]:
    """One round's figures; microseconds where the name doesn't say otherwise."""
    answer = outcome.answer
    calls = answer["calls"]
    taken, timer = sorted(outcome.times[:calls]), statistics.median(outcome.times[calls:])
    harness_s = calls * answer["harness_cpu_s"]
    whole_s = outcome.cpu_s - answer["cpu_s_at_first_call"] - answer["bookkeeping_cpu_s"] - harness_s
    during_s = answer["cpu_s_at_last_call"] - answer["cpu_s_at_first_call"] - harness_s
    points = calls * scalars
    return {
        **{name: max(0.0, taken[math.ceil(q * calls) - 1] - timer) / 1e3 for name, q in _QUANTILES.items()},
        "timer": timer / 1e3,
        "cpu_us_per_point": 1e6 * whole_s / points,
        "cpu_us_per_point_end": 1e6 * (whole_s - during_s) / points,
        "end_s": outcome.ended_at - answer["last_call_at"] - answer["bookkeeping_cpu_s"],
        "opening_s": answer["opening_s"],
        "calls": calls,
        "calls_s": answer["calls_s"],
    }


if __name__ == "__main__":
    main()

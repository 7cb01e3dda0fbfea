"""How many points a second one process brings to its final files, on one core, and what they cost there.

The process and everything it starts is pinned to one core. Time runs from the first call until the tracker is closed
(ours: everything is sealed Parquet). Points are counted again on disk afterwards where the format can be read. Memory
is that of all processes together, sampled from outside: at a fifth of the time (when buffers have filled), at the last
call, at its highest; "anonymous" leaves out files mapped into memory. Peers log as many points as fit their budget.
"""

import argparse
import os
import sys
from typing import Any

from benchmarks.launch import Outcome
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS, Installed
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table, times

NAME = "write_throughput"
_SAMPLE_S = 0.2
_PILOTS = 4
_TIMEOUT_S = 1800.0


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__)
    parser.add_argument("--points", type=int, default=10_000_000, help="points of ours; 100000000 for the long run")
    parser.add_argument("--scalars", type=int, nargs="+", default=[1, 10], help="scalars a call")
    parser.add_argument("--values", choices=("losses", "doubles"), nargs="+", default=["losses"], help="see write_loop")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds each peer may take")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core they are pinned to")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.points, chosen.budget = 200_000, 2.0
    jobs = [
        {"loop": "writing", "scalars": scalars, "values": kind} for kind in chosen.values for scalars in chosen.scalars
    ]
    with document_of(NAME, chosen) as (document, lineup):
        measured = [_measured(lineup, peer, job, chosen) for job in jobs for peer in lineup.peers()]
        document["figures"] = [found for found in measured if found is not None]
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each kind of values and number of scalars."""
    parts = []
    groups = dict.fromkeys((figure["values"], figure["scalars"]) for figure in document["figures"])
    head = (
        "tracker",
        "points/s",
        "ours x",
        "points",
        "found",
        "B/point",
        "CPU µs/point",
        "RSS MB",
        "at 20 %",
        "highest",
        "anonymous at 20 %",
        "at end",
    )
    for kind, scalars in groups:
        rows = [f for f in document["figures"] if (f["values"], f["scalars"]) == (kind, scalars)]
        ours = next((row["points_per_s"] for row in rows if row["peer"] == OURS), None)
        parts.append(f"### {scalars} scalar{'s' * (scalars > 1)} a call, values: {kind}\n")
        parts.append(table(head, [_row(row, ours) for row in rows]) + "\n")
    return "\n".join([*parts, "ours x: how many times faster ours is. found: points counted on disk afterwards."])


def _row(row: dict[str, Any], ours: float | None) -> list[str]:
    """One line of a table."""
    found = row["points_on_disk"]
    return [
        row["peer"],
        f"{row['points_per_s']:,.0f}",
        times(ours, row["points_per_s"]),
        f"{row['points']:,}",
        "-" if found is None else f"{found:,}",
        number(row["bytes_per_point"]),
        number(row["cpu_us_per_point"]),
        *(number(row[name]) for name in ("rss_end", "rss_early", "rss_most", "anonymous_early", "anonymous_end")),
    ]


def _measured(
    lineup: Lineup, peer: Installed, job: dict[str, Any], chosen: argparse.Namespace
) -> dict[str, Any] | None:
    """One tracker's figures; peers find the number of calls that fits their budget by growing runs."""
    scalars, most = job["scalars"], max(1, chosen.points // job["scalars"])
    calls = most if peer.name == OURS else max(1, 5000 // scalars)
    figures: dict[str, Any] | None = None
    for _ in range(_PILOTS):
        print(f"{job['values']}, {scalars} scalar(s) a call, {calls * scalars:,} points: {peer.name}", file=sys.stderr)
        whole = job | {"calls": calls}
        outcome = lineup.run(peer, whole, sample_memory_s=_SAMPLE_S, cores={chosen.core}, timeout_s=_TIMEOUT_S)
        if outcome is None:
            return None
        figures = {"peer": peer.name, **whole, **_figures(outcome, calls * scalars)}
        fitting = int(calls * chosen.budget / figures["took_s"])
        if calls >= most or fitting < 2 * calls:
            break
        calls = min(fitting, most)
    return figures


def _figures(outcome: Outcome, points: int) -> dict[str, Any]:
    """Rates, sizes and memory of one run."""
    answer = outcome.answer
    first, last, closed = answer["first_call_at"], answer["last_call_at"], answer["closed_at"]
    while_logging = [sample for sample in outcome.memory if first <= sample[0] <= last]
    early = [sample for sample in while_logging if sample[0] >= first + (last - first) / 5]
    return {
        "points": points,
        "took_s": closed - first,
        "points_per_s": points / (closed - first),
        "points_per_s_logging": points / (last - first),
        "closing_s": closed - last,
        "points_on_disk": outcome.points_on_disk,
        "bytes_per_point": outcome.disk_bytes / points,
        "cpu_us_per_point": 1e6 * (outcome.cpu_s - answer["cpu_s_at_first_call"]) / points,
        "rss_early": early[0][1] if early else None,
        "rss_end": early[-1][1] if early else None,
        "rss_most": max((sample[1] for sample in outcome.memory), default=None),
        "anonymous_early": early[0][2] if early else None,
        "anonymous_end": early[-1][2] if early else None,
        "left_behind": outcome.left_behind,
    }


if __name__ == "__main__":
    main()

"""How long after its log call a point is with a follower in another process, with everybody's default settings.

Two processes on one machine, the tool's own writer and its own reader (see followers/), at a training loop's pace and
at a fast one. What a follower didn't have before the run was closed, it has not seen; quantiles are of all points, so
"-" stands where too many of them were not seen. What the follower costs is CPU of one core, in percent.
"""

import argparse
import math
import sys
from typing import Any

from benchmarks import followers
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS, PEERS
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table, times

NAME = "tail_latency"
_QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
_FOLLOWED = {name: PEERS[name] for name in followers.NAMES}


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, _FOLLOWED)
    parser.add_argument("--rates", type=float, nargs="+", default=[20.0, 1000.0], help="log calls a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each tool is followed")
    parser.add_argument(
        "--limit", type=float, default=10.0, help="seconds a follower may be behind after the last call"
    )
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds, chosen.limit = 3.0, 3.0
    with document_of(NAME, chosen, _FOLLOWED) as (document, lineup):
        document["seconds"] = chosen.seconds
        document["how"] = {name: followers.named(name).how for name in lineup.places}
        measured = [_measured(lineup, name, rate, chosen) for rate in chosen.rates for name in _names(lineup)]
        document["figures"] = [found for found in measured if found is not None]
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each rate."""
    parts = []
    head = ("ms", *_QUANTILES, "p50 x", "points", "not seen before the end", "follower CPU %")
    for rate in dict.fromkeys(figure["rate"] for figure in document["figures"]):
        rows = [figure for figure in document["figures"] if figure["rate"] == rate]
        ours: dict[str, Any] = next((row for row in rows if row["peer"] == OURS), {})
        parts.append(f"### {rate:g} log calls a second\n")
        parts.append(table(head, [_row(row, ours) for row in rows]) + "\n")
    how = [f"- {name} followed by {told}" for name, told in document["how"].items()]
    return "\n".join([*parts, "x: how many times ours.", *how])


def _row(row: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """One line of a table."""
    return [
        row["peer"],
        *("-" if row[name] is None else number(row[name]) for name in _QUANTILES),
        "-" if row["p50"] is None else times(row["p50"], ours.get("p50")),
        f"{row['points']:,}",
        f"{row['not_seen']:,}",
        number(100 * row["follower_cpu"]),
    ]


def _names(lineup: Lineup) -> list[str]:
    return [peer.name for peer in lineup.peers()]


def _measured(lineup: Lineup, name: str, rate: float, chosen: argparse.Namespace) -> dict[str, Any] | None:
    """One tool at one rate."""
    print(f"{rate:g} calls/s: {name}", file=sys.stderr)
    job = {"loop": "following", "calls": int(rate * chosen.seconds), "rate": rate, "limit_s": chosen.limit}
    outcome = lineup.run(PEERS[name], job, counted=False)
    if outcome is None:
        return None
    seen = dict(outcome.answer["seen"])
    late_s = [seen[step] - at if step in seen else math.inf for step, at in enumerate(outcome.answer["logged"])]
    return {
        "peer": name,
        "rate": rate,
        "points": len(late_s),
        "not_seen": sum(map(math.isinf, late_s)),
        "follower_cpu": outcome.answer["follower_cpu"],
        **{quantile: _quantile(late_s, q) for quantile, q in _QUANTILES.items()},
    }


def _quantile(late_s: list[float], q: float) -> float | None:
    """Milliseconds; None where it isn't finite."""
    found = sorted(late_s)[math.ceil(q * len(late_s)) - 1]
    return None if math.isinf(found) else 1000 * found


if __name__ == "__main__":
    main()

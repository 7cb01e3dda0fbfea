"""What forwarding to an MLflow server costs the training, how fast it is, and what an outage of the server costs.

Everybody gets a real `mlflow server` of their own (SQLite, one worker), fresh, on this machine.

    calls   what `log_metrics` of one scalar costs its caller with backend "local" and "both", the server up or dead, at
            1,000 calls a second ("paced") and as fast as it goes ("tight"). "local" is measured twice: what the two
            differ by is noise. x is the median over rounds of a backend's figure over that of "local" in that round
    rates   points a second from the first call until the server has all, counted in its database; as many points as
            fit the budget, start-up left out
    outage  a day of 1,000 points a second in the store, written in bulk with the times of a day, of a run that asked to
            be forwarded to a server that is dead: size of the store and of the forwarder's state, memory of its process
            (resident; most: at any moment, as the kernel tells it); then the server comes up
"""

import statistics
import sys
from typing import Any

from benchmarks.callers import BACKENDS, LOOPS
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS
from benchmarks.results import Document, document_of, publish
from benchmarks.senders import SENDERS
from benchmarks.table import number, table, times

NAME = "forwarding"
PARTS = ("calls", "rates", "outage")
_POINTS_A_DAY = 86_400_000
_SOURCE = {"calling": "benchmarks.callers", "sending": "benchmarks.senders", "recovering": "benchmarks.senders"}


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, SENDERS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the calls")
    parser.add_argument("--paced", type=float, default=2.0, help="seconds of a paced round")
    parser.add_argument("--tight-calls", type=int, default=500_000, help="calls of a tight round")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds each way of sending may take")
    parser.add_argument("--minutes", type=int, default=1440, help="minutes that the server was dead")
    parser.add_argument("--dead", type=float, default=15.0, help="seconds that the forwarder is watched meanwhile")
    parser.add_argument("--catch-up", type=float, default=40.0, help="seconds that it is watched catching up")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.paced, chosen.tight_calls, chosen.budget = 1, 1.0, 50_000, 1.0
        chosen.minutes, chosen.dead, chosen.catch_up = 20, 8.0, 5.0
    paced = {"calls": int(1000 * chosen.paced), "rate": 1000, "limit_s": 3 * chosen.paced}
    jobs = {
        "calls": {"loop": "calling", "rounds": chosen.rounds, "paced": paced, "tight": {"calls": chosen.tight_calls}},
        "rates": {"loop": "sending", "budget_s": chosen.budget},
        "outage": {
            "loop": "recovering",
            "minutes": chosen.minutes,
            "dead_s": chosen.dead,
            "catch_up_s": chosen.catch_up,
        },
    }
    with document_of(NAME, chosen, SENDERS) as (document, lineup):
        for part in chosen.parts:
            document[part] = _measured(lineup, part, jobs[part])
    publish(NAME, document, rendered(document), chosen)


def _measured(lineup: Lineup, part: str, job: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers of those that have this part: all for the rates, ours for the others."""
    found = []
    for peer in lineup.peers():
        if part == "rates" or peer.name == OURS:
            print(f"{part}: {peer.name}", file=sys.stderr)
            told = {**job, "adapters": _SOURCE[job["loop"]]}
            if outcome := lineup.run(peer, told, counted=False, timeout_s=900.0):
                found.append({"peer": peer.name, **outcome.answer})
    return found


def rendered(document: Document) -> str:
    """A table for each part."""
    parts = []
    for answer in document.get("calls", []):
        parts += [_calls(answer["rows"], loop) for loop in LOOPS]
    if document.get("rates"):
        parts.append(_rates(document["rates"]))
    parts += [_outage(answer) for answer in document.get("outage", [])]
    return "\n".join(parts)


def _calls(rows: list[dict[str, Any]], loop: str) -> str:
    """One loop's backends."""
    head = ("µs", "p50", "p99", "p50 x", "lowest", "highest", "p99 x", "lowest", "highest")
    lines = []
    for backend in BACKENDS:
        cells = []
        for name in ("p50", "p99"):
            of_rounds = [row[name] for row in rows if (row["loop"], row["backend"]) == (loop, backend)]
            locally = [row[name] for row in rows if (row["loop"], row["backend"]) == (loop, BACKENDS[0])]
            ratios = [mine / base for mine, base in zip(of_rounds, locally, strict=True)]
            lines_of = statistics.median(ratios), min(ratios), max(ratios)
            cells.append((number(statistics.median(of_rounds)), [f"{number(ratio)}x" for ratio in lines_of]))
        lines.append([backend, cells[0][0], cells[1][0], *cells[0][1], *cells[1][1]])
    rounds = 1 + max(row["round"] for row in rows)
    pace = "1,000 calls a second" if loop == "paced" else "as fast as it goes"
    return f"### The caller's `log_metrics`, {pace}, {rounds} rounds\n\n{table(head, lines)}\n"


def _rates(rows: list[dict[str, Any]]) -> str:
    """One line for each way."""
    ours = next((row["points"] / row["took_s"] for row in rows if row["peer"] == OURS), None)
    head = ("sent by", "points/s", "ours x", "points", "arrived", "seconds", "of it the caller's")
    lines = [
        [
            row["peer"],
            f"{row['points'] / row['took_s']:,.0f}",
            times(ours, row["points"] / row["took_s"]),
            f"{row['points']:,}",
            f"{row['arrived']:,}",
            number(row["took_s"]),
            number(row["called_s"]),
        ]
        for row in rows
    ]
    note = "ours x: how many times faster ours is. arrived: rows of the server's database."
    return f"### Points a second to the server\n\n{table(head, lines)}\n\n{note}\n"


def _outage(found: dict[str, Any]) -> str:
    """One column of what it came to."""
    resident = {name: [mb for _, mb, _ in found[name]] for name in ("dead", "alive")}
    rate = found["caught_up"] / found["caught_up_s"]
    lines = [
        ["points in the store", f"{found['points']:,}"],
        ["of it written in bulk, seconds", number(found["written_s"])],
        ["store, MB", number(found["store_bytes"] / 1e6)],
        ["bytes a point", number(found["store_bytes"] / found["points"])],
        [
            "24 h at 1,000 points/s at that size, MB",
            number(_POINTS_A_DAY * found["store_bytes"] / found["points"] / 1e6),
        ],
        ["forwarder's state, bytes: while dead", f"{found['state_bytes']:,}"],
        ["after catching up for a while", f"{found['state_bytes_after']:,}"],
        ["forwarder's memory, MB: at the end of the outage", number(resident["dead"][-1])],
        ["most at any moment", number(found["peak_mb"])],
        ["at the end of the measurement", number(resident["alive"][-1])],
        ["caught up with, points/s", f"{rate:,.0f}"],
        ["over seconds", number(found["caught_up_s"])],
        ["all of it at that rate, h", number(found["points"] / rate / 3600)],
    ]
    return f"### An outage of the server\n\n{table(('', 'figure'), lines)}"


if __name__ == "__main__":
    main()

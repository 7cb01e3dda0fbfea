"""What a store on object storage costs a month, on paper: requests, objects, bytes, money.

    python -m benchmarks.object_costs
    python -m benchmarks.object_costs --nodes 100 --points-per-s 10

No server is asked: it is arithmetic over the constants that the uploader and its compaction have (imported, not
copied), over the bytes that parts and live pieces of such a load really have (made here, by the project's own writer),
and over list prices, which are parameters. Each line says what it counts. What it leaves out: artifacts, models and
checkpoints (their bytes are their own), requests that fail and are repeated, and transfer out of the region.
"""

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.conditions import conditions
from benchmarks.many_runs_data import METRICS, Sweep, sweeps
from benchmarks.many_runs_store import rows_of
from benchmarks.results import Document, publish
from benchmarks.table import number, table
from ingest.layout import Layout
from ingest.objects import compaction
from ingest.objects.names import HEARTBEAT_S, SNAPSHOT_S
from ingest.parts import write_scratch
from ingest.summaries import summarise
from ingest.tables import sealed_metrics
from readers.objects.view import LONGEST_S, LOOK_S
from tracker.spool import SEAL_INTERVAL_S

NAME = "object_costs"
_PAGE = 1000
_EARLY = 0.95  # a snapshot comes after 0.9 to 1.0 of SNAPSHOT_S


@dataclass(frozen=True)
class Prices:
    """US dollars; S3 Standard, us-east-1, as published in November 2026 for the first tier; DELETE is free."""

    put_per_1000: float = 0.005
    """PUT, COPY, POST, LIST."""
    get_per_1000: float = 0.0004
    gb_month: float = 0.023
    """A GB is 10⁹ bytes here; the published one has 2³⁰."""


@dataclass(frozen=True)
class Load:
    """Nodes that log all month, one process each."""

    nodes: int = 1000
    points_per_s: float = 100.0
    """A node."""
    run_s: float = 8 * 3600.0
    """A run; ten metrics a call (see many_runs_data)."""
    days: float = 30.0

    @property
    def seconds(self) -> float:
        """Of all nodes together."""
        return self.nodes * self.days * 86_400

    @property
    def points(self) -> float:
        """In all."""
        return self.seconds * self.points_per_s


@dataclass(frozen=True)
class Constants:
    """What the uploader does how often; the defaults are its own."""

    snapshot_s: float = SNAPSHOT_S
    heartbeat_s: float = HEARTBEAT_S
    seal_s: float = SEAL_INTERVAL_S
    compact_s: float = compaction.EVERY_S
    young_s: float = compaction.YOUNG_S
    most_parts: int = compaction._MOST_PARTS  # noqa: SLF001 - the arithmetic is about these
    most_bytes: int = compaction._MOST_BYTES_IN_TRAINING  # noqa: SLF001
    budget_s: float = compaction._BUDGET_S  # noqa: SLF001
    looks_s: float = LOOK_S


@dataclass(frozen=True)
class Sizes:
    """Bytes of what a node uploads."""

    live_point: float
    """A point in a live piece."""
    metrics: float
    """A part of metrics, as one node seals it."""
    summaries: float
    """The part of summaries beside it."""
    merged_point: float
    """A point in a large part."""


@dataclass(frozen=True)
class Line:
    """What one thing comes to in a month."""

    what: str
    puts: float = 0.0
    """PUT, COPY and LIST."""
    gets: float = 0.0
    sent: float = 0.0
    """Bytes to the bucket."""

    def dollars(self, prices: Prices) -> float:
        """What its requests cost; sending costs nothing."""
        return self.puts / 1000 * prices.put_per_1000 + self.gets / 1000 * prices.get_per_1000


def measured(load: Load, constants: Constants) -> Sizes:
    """Weigh what a node logs between two seals, and a million points that were merged."""
    many = next(sweeps(0, 100))
    calls = max(1, round(load.points_per_s * constants.seal_s / len(METRICS)))
    one = _one_run(many, calls)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(folder)
        rows, names = rows_of(one)
        node = write_scratch(layout, "metrics", [sealed_metrics(rows, names, one.writers[0])])
        summary = write_scratch(layout, "summaries", [summarise(rows, names, one.writers[0])])
        rows, names = rows_of(many)
        merged = write_scratch(layout, "metrics", [sealed_metrics(rows, names, "node0000-4023-0-019b7a6e2f00ed593")])
        return Sizes(
            _live_bytes(one, load, constants) / (calls * len(METRICS)),
            node.stat().st_size,
            summary.stat().st_size,
            merged.stat().st_size / len(rows.run),
        )


def _one_run(many: Sweep, calls: int) -> Sweep:
    """A single run of so many calls, of the values of several."""
    used = math.ceil(calls / many.values.shape[2])
    values = np.concatenate([*many.values[:used]], axis=1)[:, :calls]
    times = many.time_us[:used] - many.time_us[:used, :1] + 100_000_000 * np.arange(used)[:, None] + many.time_us[0, 0]
    return many._replace(values=values[None], time_us=times.reshape(1, -1)[:, :calls], run_ids=many.run_ids[:1])


def _live_bytes(one: Sweep, load: Load, constants: Constants) -> int:
    """The calls of a run as frames of a queue, in pieces of a snapshot each, compressed."""
    from ingest.events import Points, encode
    from ingest.frames import frame

    rows = np.concatenate([one.values[0].T], axis=1)
    calls = [
        np.array([at * 1000, step], "<i8").tobytes() + values.astype("<f8").tobytes()
        for step, (at, values) in enumerate(zip(one.time_us[0], rows, strict=True))
    ]
    frames = [frame(encode(Points(0, call))) for call in calls]
    a_piece = max(1, round(min(len(frames), load.points_per_s * constants.snapshot_s / len(METRICS))))
    pieces = [b"".join(frames[start : start + a_piece]) for start in range(0, len(frames), a_piece)]
    return sum(len(pa.compress(piece, codec="zstd", asbytes=True)) for piece in pieces)


def month(load: Load, constants: Constants, sizes: Sizes) -> list[Line]:
    """What a month of it comes to, thing by thing."""
    seals = load.seconds / constants.seal_s
    runs = load.seconds / load.run_s
    parts = 2 * seals + 2 * runs
    merges = _merges(seals, sizes.metrics, constants) + _merges(seals, sizes.summaries, constants)
    turns = load.days * 86_400 / constants.compact_s
    objects = outstanding(load, constants, sizes)
    live = load.seconds / (_EARLY * constants.snapshot_s)
    beats = seals if constants.snapshot_s <= constants.heartbeat_s else load.seconds / constants.heartbeat_s
    return [
        Line("live snapshots", puts=live, sent=load.points * sizes.live_point),
        Line("heartbeats: one a seal, as live snapshots tell the same", puts=beats, sent=20 * beats),
        Line("sealed parts: metrics, summaries, facts", puts=parts, sent=seals * (sizes.metrics + sizes.summaries)),
        Line("compaction: parts fetched, and kept for an hour", puts=parts, gets=parts),
        Line("compaction: merged parts, states", puts=4 * merges, sent=load.points * sizes.merged_point),
        Line("compaction: nodes that ask whose turn it is", puts=load.nodes * turns),
        Line("compaction: listings", puts=turns * (2 * objects / _PAGE + 8)),
    ]


def outstanding(load: Load, constants: Constants, sizes: Sizes) -> float:
    """Objects that are listed at the end of the month: merged parts, those that aren't merged yet, live ones."""
    merged = load.points * sizes.merged_point / constants.most_bytes
    young = 2 * load.nodes * (constants.compact_s + constants.young_s) / constants.seal_s
    return merged + young + load.nodes * constants.seal_s / constants.snapshot_s / 2


def reader(load: Load, constants: Constants, sizes: Sizes) -> Line:
    """One dashboard, or another reader that looks all month at that store as it is at the month's end."""
    lists = outstanding(load, constants, sizes) / _PAGE + 6
    every_s = max(constants.looks_s, min(20 * 0.1 * lists, LONGEST_S))  # of 1,000 keys it takes 0.1 s
    return Line(
        f"one reader that never stops looking, every {every_s:.0f} s", puts=lists * load.days * 86_400 / every_s
    )


def _merges(parts: float, size: float, constants: Constants) -> float:
    """Merges that so many parts of a size come to, by tiers, until they are large."""
    together = max(2.0, min(constants.most_parts, constants.most_bytes / size))
    merges = 0.0
    while parts > together and size < constants.most_bytes:
        parts, size = parts / together, size * together
        merges += parts
    return merges


def turn(load: Load, constants: Constants, *, request_s: float = 0.03, at_once: int = 8) -> tuple[float, float]:
    """(parts that arrive between two compactions, parts that one can retire within its budget, by requests alone)."""
    arriving = 2 * load.nodes * constants.compact_s / constants.seal_s
    return arriving, constants.budget_s * at_once / (2 * request_s)


def cheaper(constants: Constants) -> Iterator[tuple[str, Constants]]:
    """Ways to pay less."""
    yield "as it is", constants
    yield "a snapshot each minute: seen within 60 s", replace(constants, snapshot_s=60.0)
    yield "sealed each half hour", replace(constants, seal_s=1800.0)
    yield "both", replace(constants, snapshot_s=60.0, seal_s=1800.0)
    yield "no snapshots at all: seen when sealed, each 5 minutes", replace(constants, snapshot_s=math.inf)


def main() -> None:
    """Count, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=Load.nodes)
    parser.add_argument("--points-per-s", type=float, default=Load.points_per_s, help="a node")
    parser.add_argument("--days", type=float, default=Load.days)
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    chosen.quick = False
    load = Load(chosen.nodes, chosen.points_per_s, days=chosen.days)
    document = counted(load, Constants(), Prices())
    publish(NAME, document, rendered(document), chosen)


def counted(load: Load, constants: Constants, prices: Prices) -> Document:
    """All figures."""
    sizes = measured(load, constants)
    lines = month(load, constants, sizes)
    stored = load.points * sizes.merged_point
    arriving, retired = turn(load, constants)
    watching = reader(load, constants, sizes)
    return {
        "benchmark": NAME,
        "quick": False,
        "conditions": conditions(),
        "peers": {},
        "absent": {},
        "load": vars(load),
        "prices": vars(prices),
        "sizes": vars(sizes),
        "points": load.points,
        "stored_bytes": stored,
        "stored_dollars": stored / 1e9 * prices.gb_month,
        "objects": outstanding(load, constants, sizes),
        "arriving": arriving,
        "retired": retired,
        "lines": [vars(line) | {"dollars": line.dollars(prices)} for line in [*lines, watching]],
        "dollars": sum(line.dollars(prices) for line in lines),
        "cheaper": {
            what: sum(line.dollars(prices) for line in month(load, other, measured(load, other)))
            for what, other in cheaper(constants)
        },
    }


def rendered(document: Document) -> str:
    """The tables."""
    load, sizes = document["load"], document["sizes"]
    head = ("a month", "PUT, LIST, million", "GET, million", "GB sent", "$")
    rows = []
    for line in document["lines"]:
        counts = (line["puts"] / 1e6, line["gets"] / 1e6, line["sent"] / 1e9, line["dollars"])
        rows.append([line["what"], *map(number, counts)])
    ways = [[what, number(dollars)] for what, dollars in document["cheaper"].items()]
    words = (
        f"{load['nodes']:,} nodes x {load['points_per_s']:g} points/s x {load['days']:g} days: "
        f"{document['points']:.3g} points; requests ${document['dollars']:,.0f}, and "
        f"{document['stored_bytes'] / 1e9:,.0f} GB kept, ${document['stored_dollars']:,.0f} a month; "
        f"{document['objects']:,.0f} objects at the end.\n"
        f"Bytes: {sizes['live_point']:.1f} a point in live pieces, {sizes['metrics']:,} a part of metrics, "
        f"{sizes['summaries']:,} of summaries, {sizes['merged_point']:.2f} a point when merged.\n"
        f"Between two turns of compaction {document['arriving']:,.0f} parts arrive; one can retire "
        f"{document['retired']:,.0f} of them, at 30 ms a request.\n"
    )
    return "\n".join([words, table(head, rows), "", table(("requests, if", "$ a month"), ways)])


if __name__ == "__main__":
    main()

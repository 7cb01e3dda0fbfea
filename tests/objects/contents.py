"""What a bucket holds, by the rules that its names state: each row as often as it counts. Slow, and simple."""

from collections import Counter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.layout import Table, segment_name, split_part
from ingest.objects.bucket import Bucket
from ingest.objects.names import LIVE, LiveKey, parse_live, pieces, retired_key
from ingest.objects.swaps import read_state
from ingest.sealing import Contents


class Held(NamedTuple):
    """What a bucket holds."""

    points: Counter[tuple[str, str, float]]
    """(run id, key, value) of each point."""
    facts: Counter[tuple[str, str, str]]
    """(run id, kind, key) of each fact."""
    live: list[tuple[str, int]]
    """Segments that are live."""


def held(bucket: Bucket) -> Held:
    """Read it all; nobody may write meanwhile."""
    points: Counter[tuple[str, str, float]] = Counter()
    facts: Counter[tuple[str, str, str]] = Counter()
    found: dict[tuple[str, int], list[LiveKey]] = {}
    for key in filter(None, (parse_live(entry.key) for entry in bucket.list(LIVE))):
        found.setdefault((key.writer, key.segment), []).append(key)
    chains = {segment: chain for segment, keys in found.items() if (chain := pieces(keys))}
    for segment, chain in chains.items():
        contents = Contents.of_queue(*segment, _bytes(bucket, chain))
        for experiment in contents.experiments():
            points.update(_points(contents.metrics(experiment)[0]))
            facts.update(_facts(contents.facts(experiment)))
    live = {segment_name(*segment) for segment in chains}
    for body in _parts(bucket, "metrics", live):
        points.update(_points(pq.read_table(pa.BufferReader(body))))
    for body in _parts(bucket, "facts", live):
        facts.update(_facts(pq.read_table(pa.BufferReader(body))))
    return Held(points, facts, sorted(chains))


def _bytes(bucket: Bucket, chain: list[LiveKey]) -> bytes:
    data = b""
    for key in chain:
        size = key.end - key.start
        piece = pa.decompress(bucket.get(key.key), decompressed_size=size, codec="zstd", asbytes=True) if size else b""
        assert data[key.start :] == piece[: len(data) - key.start], "overlapping pieces differ"
        data = data[: key.start] + piece
    return data


def _parts(bucket: Bucket, table: Table, live: set[str]) -> list[bytes]:
    _, state = read_state(bucket)
    keys = []
    for entry in bucket.list(table):
        named = split_part(entry.key.rpartition("/")[2])
        if named and not named[0].startswith("compacted-") and entry.key not in state.replaced and named[0] not in live:
            keys.append([entry.key])
    keys += [[part.path, part.scratch, retired_key(part.path)] for part in state.parts if part.table == table]
    return [_first(bucket, places) for places in keys]


def _first(bucket: Bucket, places: list[str]) -> bytes:
    for place in places:
        if bucket.head(place) is not None:
            return bucket.get(place)
    raise AssertionError(f"none of {places} is there")


def _points(rows: pa.Table) -> list[tuple[str, str, float]]:
    return list(zip(*(rows[name].to_pylist() for name in ("run_id", "key", "value")), strict=True))


def _facts(rows: pa.Table) -> list[tuple[str, str, str]]:
    return list(zip(*(rows[name].to_pylist() for name in ("run_id", "kind", "key")), strict=True))

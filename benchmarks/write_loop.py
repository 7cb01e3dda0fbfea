"""The loop of `write_throughput`: one process logs as fast as it can until a number of points is safe on disk."""

import math
import time
from array import array
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.peers import Peer
from benchmarks.usage import tree_cpu_s

_POOL = 1 << 20


def writing(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """`calls` calls of `scalars` metrics each, then the peer's own end."""
    keys = [f"metric_{number}" for number in range(job["scalars"])]
    pool, width, calls = values(job["values"]), job["scalars"], job["calls"]
    last_start = _POOL - width
    log = peer.open(Path(job["folder"]))
    first, cpu = time.monotonic(), tree_cpu_s()
    start = 0
    for step in range(calls):
        log(dict(zip(keys, pool[start : start + width], strict=True)), step)
        start += width
        if start > last_start:
            start = 0
    last = time.monotonic()
    peer.close()
    return {
        "first_call_at": first,
        "last_call_at": last,
        "closed_at": time.monotonic(),
        "cpu_s_at_first_call": cpu,
    }


def values(kind: str) -> "array[float]":
    """A pool of values, long enough that compression can't live on its repetition.

    Args:
        kind: "losses" is what a network's loss gives, a falling noisy float32 turned into float64; "doubles" has 53
            bits of chance in each value, which no compression can shorten.
    """
    chance = Random(7)
    if kind == "doubles":
        return array("d", (chance.random() for _ in range(_POOL)))
    single = array("f", (math.exp(-3 * i / _POOL) * (1 + 0.1 * chance.gauss(0, 1)) for i in range(_POOL)))
    return array("d", single)

"""The loops of `log_call`: calls as fast as they go, and calls at a steady pace.

A tight loop hides a queue (it never drains while it is measured, or it blocks); a paced one meets cold caches and an
awake background thread, as training does. Both make a new dict for each call, outside the timed span, because peers
keep the dict. The times go to a file as they are, so that no statistics are computed in the process whose CPU counts.

The harness's own CPU is taken away. In the tight loop it is that of the same loop without a call, run before the peer
is opened. Waking up a thousand times a second costs ten times what is measured and varies, so the paced loop reads the
thread's CPU clock around each call, and everything else this thread used is the harness's.
"""

import time
from array import array
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.peers import LogCall, Peer
from benchmarks.usage import own_cpu_s, tree_cpu_s, wait_until_quiet

_WARM_UP_CALLS = 1000
_WARM_UP_S = 2.0
_QUIET_LIMIT_S = 15.0
_VALUES = 4096

Loop = Callable[[LogCall | None, list[str], list[float], int, int], "tuple[array[int], int]"]
"""(log, keys, values, calls, first step) -> nanoseconds of each call, and this thread's CPU inside them (0: not read).

Steps never repeat: wandb drops those that do.
"""


def tight(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """`calls` calls, one right after the other."""
    return _measure(peer, job, _as_fast_as_possible)


def paced(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """`calls` calls at `rate` a second, given up after `limit_s` where the peer can't keep up."""
    interval_ns, limit_ns = int(1e9 / job["rate"]), int(job["limit_s"] * 1e9)

    def loop(
        log: LogCall | None, keys: list[str], values: list[float], calls: int, first_step: int
    ) -> "tuple[array[int], int]":
        return _at_a_pace(log, keys, values, calls, first_step, interval_ns=interval_ns, limit_ns=limit_ns)

    return _measure(peer, job, loop)


def _measure(peer: Peer, job: dict[str, Any], loop: Loop) -> dict[str, Any]:
    """Harness alone, start-up, warm-up, the calls, the end."""
    chance = Random(7)
    keys = [f"metric_{number}" for number in range(job["scalars"])]
    values = [chance.random() for _ in range(_VALUES + len(keys))]
    control = min(job["calls"], 2000 if job["loop"] == "paced" else 200_000)
    before = own_cpu_s()
    timer, inside = loop(None, keys, values, control, 0)
    harness_cpu_s, reading_ns = (own_cpu_s() - before) / control, inside / control

    opening, cpu = time.monotonic(), tree_cpu_s()
    log = peer.open(Path(job["folder"]))
    warm_up_calls = _warm_up(log, keys, values)
    opened = time.monotonic()
    wait_until_quiet(_QUIET_LIMIT_S)
    first, cpu_first = time.monotonic(), tree_cpu_s()
    thread_s = time.thread_time()
    times, inside = loop(log, keys, values, job["calls"], warm_up_calls)
    thread_s = time.thread_time() - thread_s
    last, cpu_last = time.monotonic(), tree_cpu_s()
    bookkeeping = time.thread_time()
    if inside:
        harness_cpu_s = thread_s / len(times) - (inside / len(times) - reading_ns) / 1e9
    with Path(job["times"]).open("wb") as file:
        times.tofile(file)
        timer.tofile(file)
    bookkeeping = time.thread_time() - bookkeeping
    closing = time.monotonic()
    answer = {
        "calls": len(times),
        "warm_up_calls": warm_up_calls,
        "opening_s": opened - opening,
        "opening_cpu_s": cpu_first - cpu,
        "calls_s": last - first,
        "cpu_s_at_first_call": cpu_first,
        "cpu_s_at_last_call": cpu_last,
        "harness_cpu_s": harness_cpu_s,
        "bookkeeping_cpu_s": bookkeeping,
        "last_call_at": last,
    }
    peer.close()
    answer["closing_s"] = time.monotonic() - closing
    return answer


def _warm_up(log: LogCall, keys: list[str], values: list[float]) -> int:
    """The first calls, which import, open and connect; their cost is start-up, not the cost of a call."""
    until = time.monotonic() + _WARM_UP_S
    for number in range(_WARM_UP_CALLS):
        log(dict(zip(keys, values, strict=False)), number)
        if time.monotonic() > until:
            return number + 1
    return _WARM_UP_CALLS


def _as_fast_as_possible(
    log: LogCall | None, keys: list[str], values: list[float], calls: int, first_step: int
) -> "tuple[array[int], int]":
    """Calls without a pause."""
    clock, width = time.perf_counter_ns, len(keys)
    times = array("q", bytes(8 * calls))
    for number in range(calls):
        start = number % _VALUES
        metrics = dict(zip(keys, values[start : start + width], strict=True))
        if log is None:
            before = clock()
            times[number] = clock() - before
        else:
            before = clock()
            log(metrics, first_step + number)
            times[number] = clock() - before
    return times, 0


def _at_a_pace(
    log: LogCall | None,
    keys: list[str],
    values: list[float],
    calls: int,
    first_step: int,
    *,
    interval_ns: int,
    limit_ns: int,
) -> "tuple[array[int], int]":
    """Calls at their time; those that are late are made at once, and none after the limit."""
    clock, sleep, cpu_clock, width = time.perf_counter_ns, time.sleep, time.thread_time_ns, len(keys)
    inside = 0
    times = array("q", bytes(8 * calls))
    due = begun = clock()
    for number in range(calls):
        due += interval_ns
        early = due - clock()
        if early > 0:
            sleep(early / 1e9)
        elif clock() - begun > limit_ns:
            return times[:number], inside
        start = number % _VALUES
        metrics = dict(zip(keys, values[start : start + width], strict=True))
        cpu = cpu_clock()
        if log is None:
            before = clock()
            times[number] = clock() - before
        else:
            before = clock()
            log(metrics, first_step + number)
            times[number] = clock() - before
        inside += cpu_clock() - cpu
    return times, inside

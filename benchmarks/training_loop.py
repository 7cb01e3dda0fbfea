"""The loop of `training_slowdown`: blocks of training with and without logging, alternated in one process.

An iteration is calibrated to the asked length, half of it numpy (which lets other threads run) and half pure Python
(which doesn't), because what a background thread does under the GIL is part of what logging costs. Blocks alternate as
plain, logged, logged, plain, so that a drift of the machine hits both alike. After a logged block the loop waits until
the tracker has caught up, so that a backlog doesn't slow the plain block down; the CPU used meanwhile is told apart.
"""

import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers import LogCall, Peer
from benchmarks.usage import tree_cpu_s, wait_until_quiet

_WARM_UP_CALLS = 100
_QUIET_LIMIT_S = 10.0
_DISCARDED = 20
"""Iterations at the start of each block that aren't counted: caches change hands."""


def training(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """`blocks` blocks of `block_s` seconds each, of iterations of about `iteration_us`."""
    step_of_training = calibrated(job["iteration_us"])
    opening = time.monotonic()
    log = peer.open(Path(job["folder"]))
    for step in range(_WARM_UP_CALLS):
        log(_metrics(0.5, step), step)
    opened = time.monotonic()
    wait_until_quiet(_QUIET_LIMIT_S)

    step, blocks, deferred_cpu_s = _WARM_UP_CALLS, [], 0.0
    with Path(job["times"]).open("wb") as file:
        for number in range(job["blocks"]):
            logged = number % 4 in {1, 2}
            cpu = tree_cpu_s()
            times = block(step_of_training, log if logged else None, step, job["block_s"])
            cpu = tree_cpu_s() - cpu
            step += len(times)
            times[_DISCARDED:].tofile(file)
            blocks.append({"logged": logged, "iterations": len(times[_DISCARDED:]), "cpu_us": 1e6 * cpu / len(times)})
            if logged:
                deferred_cpu_s += wait_until_quiet(_QUIET_LIMIT_S)
    closing = time.monotonic()
    peer.close()
    return {
        "opening_s": opened - opening,
        "closing_s": time.monotonic() - closing,
        "blocks": blocks,
        "steps": step,
        "deferred_cpu_s": deferred_cpu_s,
    }


def calibrated(iteration_us: float) -> Callable[[], float]:
    """An iteration of training that takes about so long, half of it in numpy; returns a loss."""
    import numpy as np

    chance = np.random.default_rng(7)
    inputs, weights = chance.standard_normal((32, 128)), chance.standard_normal((128, 64)) / 11

    def numpy_half(repeats: int) -> float:
        loss = 0.0
        for _ in range(repeats):
            hidden = np.tanh(inputs @ weights)
            loss = float((hidden * hidden).mean())
        return loss

    def python_half(repeats: int) -> int:
        total = 0
        for number in range(repeats):
            total += (number * 7) % 5
        return total

    repeats = max(1, round(iteration_us / 2 / _least_us(numpy_half, 20)))
    loops = max(1, round(iteration_us / 2 / _least_us(python_half, 2000)))

    def iteration() -> float:
        return numpy_half(repeats) + python_half(loops) * 1e-9

    return iteration


def _least_us(work: Callable[[int], object], repeats: int) -> float:
    """Microseconds of one repeat, the least of many tries."""
    least = float("inf")
    for _ in range(500):
        before = time.perf_counter_ns()
        work(repeats)
        least = min(least, (time.perf_counter_ns() - before) / repeats / 1e3)
    return least


def _metrics(loss: float, step: int) -> dict[str, float]:
    """The five scalars of an iteration."""
    return {
        "train/loss": loss,
        "train/accuracy": 1.0 - loss / 2,
        "train/grad_norm": loss * 3.7,
        "train/learning_rate": 1e-3 * 0.999 ** (step % 1000),
        "train/epoch": step / 1000,
    }


def block(iteration: Callable[[], float], log: LogCall | None, step: int, seconds: float) -> "array[int]":
    """Nanoseconds of each iteration, logging included where there is a log."""
    clock = time.perf_counter_ns
    times = array("q")
    before = clock()
    until = before + int(seconds * 1e9)
    while before < until:
        loss = iteration()
        if log is not None:
            log(_metrics(loss, step), step)
        step += 1
        after = clock()
        times.append(after - before)
        before = after
    return times

"""The loop of `tail_latency`: one process logs at a pace, another follows, and both read the machine's monotonic clock.

The follower is started first and says when it is ready. Calls come at times drawn evenly around the pace, so that they
fall at any moment between two looks. The time of a point is taken before its log call, and when the follower has it.
After the last call the writer waits for the follower, then closes the run; what the follower never had until then is
counted as not seen. The follower's CPU is its process's between the first and the last point.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.peers import Peer

_METRIC = "metric_0"
_READY = "ready"


def following(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    """`calls` calls at `rate` a second, then at most `limit_s` of waiting for the follower."""
    folder = Path(job["folder"])
    calls, chance = job["calls"], Random(7)
    told = json.dumps({"peer": job["peer"], "folder": job["folder"], "last": calls - 1})
    command = [sys.executable, "-m", "benchmarks.following_loop", told]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdin is not None
        assert follower.stdout is not None
        while follower.stdout.readline().strip() not in (_READY, ""):  # a library may print, too
            pass
        log = peer.open(folder)
        logged = []
        due = time.monotonic()
        for step in range(calls):
            due += chance.uniform(0.5, 1.5) / job["rate"]
            time.sleep(max(0.0, due - time.monotonic()))
            logged.append(time.monotonic())
            log({_METRIC: chance.random()}, step)
        seen = _answer(follower, job["limit_s"])
        peer.close()
    return {**seen, "logged": logged}


def _answer(follower: "subprocess.Popen[str]", limit_s: float) -> dict[str, Any]:
    """What the follower saw; it is asked for that when it had all, or the time is over."""
    assert follower.stdin is not None
    assert follower.stdout is not None
    timer = threading.Timer(limit_s, follower.stdin.close)
    timer.start()
    lines = [line for line in follower.stdout.read().splitlines() if line.startswith("{")]
    timer.cancel()
    if not lines:
        raise RuntimeError(f"the follower of {follower.args!r} gave no answer")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def follow(job: dict[str, Any]) -> None:
    """Follow until the last step, or until stdin closes; print what was seen when."""
    from benchmarks.followers import named

    ended = threading.Event()
    seen: dict[int, float] = {}
    cpu: dict[str, float] = {}
    threading.Thread(target=_wait_for_eof, args=(ended,), daemon=True).start()
    threading.Thread(target=_watch, args=(named(job["peer"]), job, seen, cpu, ended), daemon=True).start()
    ended.wait()
    used = (cpu.get("last", 0.0) - cpu["first"]) / max(1e-9, cpu["at_last"] - cpu["at_first"]) if "last" in cpu else 0.0
    print(json.dumps({"seen": list(seen.items()), "follower_cpu": used}), flush=True)


def _wait_for_eof(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _watch(
    tool: Any, job: dict[str, Any], seen: dict[int, float], cpu: dict[str, float], ended: threading.Event
) -> None:
    """Note when each step was there."""
    looks = tool.steps(Path(job["folder"]), _METRIC)
    next(looks)
    print(_READY, flush=True)
    for steps in looks:
        now = time.monotonic()
        if not steps:
            continue
        seen.update((step, now) for step in steps if step not in seen)
        which = "last" if "first" in cpu else "first"
        cpu[which], cpu[f"at_{which}"] = time.process_time(), now
        if len(seen) > job["last"]:
            ended.set()
            return


if __name__ == "__main__":
    follow(json.loads(sys.argv[1]))

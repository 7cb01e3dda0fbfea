"""CPU and memory of a process and everything it started, from /proc, with the standard library only.

Trackers move work into helper processes, so the caller's own CPU tells little. Two measures meet here. While a tree
runs, `tree_cpu_s` adds up its living members (to a clock tick each, 10 ms). Once it is gone, the kernel's own account
of waited-for children is exact, and `adopt_orphans` makes sure that daemons, too, end as children of the process that
counts (see launch). Where there is no /proc, only direct children are counted.
"""

import ctypes
import os
import resource
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant whose own parent ends; False where the system can't."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def own_cpu_s() -> float:
    """User and system CPU of this process, its finished threads included, to the microsecond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def waited_cpu_s() -> float:
    """User and system CPU of every child that has been waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree_cpu_s() -> float:
    """CPU of this process and of all its descendants so far, the finished ones included."""
    tick = os.sysconf("SC_CLK_TCK")
    living = sum(sum(fields[11:15]) for fields in map(_stat, descendants(os.getpid())) if fields)
    return own_cpu_s() + waited_cpu_s() + living / tick


def descendants(root: int) -> list[int]:
    """Process ids below `root`, nearest first."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(fields[1], []).append(int(entry.name))
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is walked
        found += children.get(pid, ())
    return found


def memory_mb(root: int) -> tuple[float, float]:
    """(resident, of it anonymous) megabytes of `root` and its descendants; the rest is files mapped into memory."""
    resident = anonymous = 0
    for pid in (root, *descendants(root)):
        try:
            status = (_PROC / str(pid) / "status").read_text()
        except OSError:  # ended meanwhile
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                resident += int(line.split()[1])
            elif line.startswith("RssAnon:"):
                anonymous += int(line.split()[1])
    return resident / 1024, anonymous / 1024


def wait_until_quiet(limit_s: float, *, calm_s: float = 0.3) -> float:
    """Wait until the tree uses less than 5 % of a core for `calm_s`, or for `limit_s`; returns the CPU it used."""
    started, before = time.monotonic(), tree_cpu_s()
    last = before
    while time.monotonic() - started < limit_s:
        time.sleep(calm_s)
        now = tree_cpu_s()
        if now - last < 0.05 * calm_s:
            break
        last = now
    return tree_cpu_s() - before


def _stat(pid: int) -> list[int]:
    """Numbers of /proc/<pid>/stat from the state on (as 0); empty if the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    fields = text[text.rindex(")") + 2 :].split()
    return [0, *(int(field) for field in fields[1:])]

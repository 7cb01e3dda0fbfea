"""Under which conditions figures were taken: machine, load, versions, commit, date."""

import datetime as dt
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.environments import REPOSITORY
from benchmarks.usage import own_cpu_s, waited_cpu_s


class OtherWork:
    """How much of the machine other processes used since this was made; figures taken beside them are worse."""

    def __init__(self) -> None:
        self._started = self._busy_and_all()

    def share(self) -> float | None:
        """Of all cores' time, 0 to 1; None where the system doesn't tell."""
        now = self._busy_and_all()
        if now is None or self._started is None or now[1] == self._started[1]:
            return None
        return max(0.0, (now[0] - self._started[0]) / (now[1] - self._started[1]))

    @staticmethod
    def _busy_and_all() -> tuple[float, float] | None:
        """Seconds of all cores that others were busy, and seconds in all."""
        stat = Path("/proc/stat")
        if not stat.is_file():
            return None
        ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in stat.read_text().split("\n", 1)[0].split()[1:9]]
        idle = ticks[3] + ticks[4]  # waiting for a disk is idle, too
        return sum(ticks) - idle - own_cpu_s() - waited_cpu_s(), sum(ticks)


def conditions(data: Path | None = None) -> dict[str, Any]:
    """What a reader must know to judge a figure; no name or path of the machine.

    Args:
        data: the folder that peers write to, for its file system.
    """
    where = data or Path(tempfile.gettempdir())
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib()} GiB, {_file_system(where)}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def headline(found: dict[str, Any]) -> str:
    """The conditions in two lines."""
    others = found.get("other_work")
    beside = "" if others is None else f" · other work meanwhile {100 * others:.0f} % of the machine"
    return (
        f"{found['date']} · commit {found['commit']} · load before {found['load_before']}{beside}\n"
        f"{found['machine']} · {found['system']}"
    )


def _commit() -> str:
    """The commit, marked where the packages that are measured differ from it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = [git, "-C", str(REPOSITORY)]
    head = subprocess.run([*here, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return "unknown"
    status = [*here, "status", "--porcelain", "--", "tracker", "ingest", "readers"]
    changed = subprocess.run(status, capture_output=True, text=True, check=False).stdout.strip()
    return head.stdout.strip() + (" + changes" if changed else "")


def _processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> int:
    """Physical memory."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _file_system(folder: Path) -> str:
    """The type of the file system that holds `folder`, as /proc/mounts names it."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "unknown file system"
    best, kind = "", "unknown file system"
    for line in mounts.read_text().splitlines():
        _, point, found, *_ = line.split()
        if folder.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind

"""What `queries` does in a tool's process: fill a store, or ask it one question again and again.

"asking" tells when it was ready (the library imported, the store open), when the first answer was there, and how long
each further one took, all by time.monotonic(), which all processes of a machine share; and the highest resident memory
so far, after the first answer and after all. Nothing that only checks the answer happens before the first one is timed.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.queries_of.contract import Queried

_STATUS = Path("/proc/self/status")


def creating(tool: "Queried", job: dict[str, Any]) -> dict[str, Any]:
    """Log `runs` runs to the folder `store`."""
    from benchmarks.query_data import runs

    folder = Path(job["store"])
    folder.mkdir(parents=True)
    started = time.monotonic()
    ids = tool.create(folder, runs(job["runs"]))
    return {"run_ids": ids, "took_s": time.monotonic() - started}


def asking(tool: "Queried", job: dict[str, Any]) -> dict[str, Any]:
    """Ask `question` once, then until `warm_s` have gone or `warm` answers were given, but at least once more."""
    question, metric, run_ids = job["question"], job["metric"], job["run_ids"]
    tool.open(Path(job["store"]))
    ready = time.monotonic()
    answer = tool.ask(question, metric, run_ids)
    answered, cpu = time.monotonic(), time.process_time()
    first_mb = _most_mb()
    told = tool.told(question, metric, answer)
    del answer
    warm: list[float] = []
    while not warm or (len(warm) < job["warm"] and sum(warm) < job["warm_s"]):
        began = time.monotonic()
        answer = tool.ask(question, metric, run_ids)
        warm.append(time.monotonic() - began)
        assert tool.told(question, metric, answer) == told, f"another answer: {told}"
        del answer
    return {
        "peer": tool.name,
        "question": question,
        "ready_at": ready,
        "answered_at": answered,
        "cold_cpu_s": cpu,
        "warm_s": warm,
        "first_mb": first_mb,
        "most_mb": _most_mb(),
        "told": told,
    }


def _most_mb() -> float | None:
    """The highest resident memory of this process, in MB; None where the system doesn't tell."""
    if not _STATUS.is_file():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024

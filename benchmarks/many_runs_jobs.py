"""What `many_runs` does in a fresh process: open the store, ask one question, ask it again, and tell what it took.

    python -m benchmarks.many_runs_jobs '{"store": …, "question": …, "runs": …, "warm": …, "cluster": …}'

Prints one line of JSON: when the first answer was there (time.monotonic(), which all processes of a machine share),
the seconds of each further one, the highest resident memory, the bytes and requests that a bucket has answered until
the first, and the sums by which the answer is checked.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.many_runs_data import ASKED, latest, run_id_of, spread

if TYPE_CHECKING:
    import polars as pl

    from readers.store import Store

SOME = 1000
QUESTIONS = {
    "table": "all runs with their params and last metrics, as one table",
    "best": "the best run of all by a metric",
    "spread": f"one metric's history over {SOME:,} runs, spread over all",
    "latest": f"one metric's history over the {SOME:,} runs that were started last",
}
_STATUS = Path("/proc/self/status")


def numbers_of(question: str, runs: int) -> list[int]:
    """The runs whose history is asked for, by number."""
    return spread(runs, SOME) if question == "spread" else latest(runs, SOME)


def ask(store: "Store", question: str, run_ids: list[str]) -> Any:
    """The answer, as a user would ask for it."""
    if question == "table":
        return store.table()
    if question == "best":
        from readers.compare import ExperimentComparator

        return ExperimentComparator(store).rank(ASKED, top_k=1)
    return store.metrics(keys=[ASKED], runs=run_ids).select("run_id", "step", "value").collect()


def told(question: str, answer: Any) -> dict[str, Any]:
    """The answer as a few numbers."""
    if question == "table":
        frame: pl.DataFrame = answer
        metrics = frame.select(name for name in frame.columns if name.startswith("metrics."))
        sums = {name: metrics[name].fill_nan(None).sum() for name in metrics.columns}
        return {"runs": frame["run_id"].n_unique(), "lr": frame["params.lr"].sum(), "metrics": sum(sums.values())}
    if question == "best":
        return {"run": answer[0]["run_id"], "value": answer[0]["value"]}
    return {"runs": answer["run_id"].n_unique(), "points": answer.height, "values": answer["value"].sum()}


def main() -> None:
    """Do the job given as the only argument."""
    from readers.store import Store

    job = json.loads(sys.argv[1])
    question, runs = job["question"], job["runs"]
    run_ids = [run_id_of(number) for number in numbers_of(question, runs)]
    store = Store(job["store"], cluster=job.get("cluster"))
    answer = ask(store, question, run_ids)
    found: dict[str, Any] = {"answered_at": time.monotonic(), "cpu_s": time.process_time(), "first_mb": _most_mb()}
    found |= _fetched(store)
    found["told"] = told(question, answer)
    del answer
    warm: list[float] = []
    for _ in range(job["warm"]):
        began = time.monotonic()
        answer = ask(store, question, run_ids)
        warm.append(time.monotonic() - began)
        del answer
    print(json.dumps(found | {"warm_s": warm, "most_mb": _most_mb()}))


def _fetched(store: "Store") -> dict[str, int]:
    """What was asked of the bucket so far; nothing of a folder."""
    bucket = getattr(store.layout, "bucket", None)
    if bucket is None:
        return {}
    counts = bucket.counts
    return {"fetched_bytes": counts.received_bytes, "requests": counts.gets + counts.lists}


def _most_mb() -> float | None:
    """The highest resident memory of this process, in MB; None where the system doesn't tell."""
    if not _STATUS.is_file():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()

"""What runs in a peer's environment: one job, told as JSON, answered as JSON.

    python -m benchmarks.child '{"peer": …, "loop": …, "folder": …, "answer": …, …}'

Standard library only, so that it runs in any environment. The answer goes to a file, because peers print. `adapters` is
the package whose `named` gives the peer, `benchmarks.peers` unless the job says another.
"""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = dict[str, Any]
LOOPS = {
    "tight": "benchmarks.log_loops",
    "paced": "benchmarks.log_loops",
    "training": "benchmarks.training_loop",
    "writing": "benchmarks.write_loop",
    "creating": "benchmarks.query_jobs",
    "asking": "benchmarks.query_jobs",
    "following": "benchmarks.following_loop",
    "lengthening": "benchmarks.dashboard_jobs",
    "calling": "benchmarks.callers",
    "sending": "benchmarks.senders",
    "recovering": "benchmarks.outage",
    "fitting": "benchmarks.automl_jobs",
}
"""Which module has the function of that name: `(peer, job) -> answer`."""


def main() -> None:
    """Run the job given as the only argument."""
    job: Job = json.loads(sys.argv[1])
    named: Callable[[str], Any] = importlib.import_module(job.get("adapters", "benchmarks.peers")).named
    run: Callable[[Any, Job], Job] = getattr(importlib.import_module(LOOPS[job["loop"]]), job["loop"])
    answer = run(named(job["peer"]), job)
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()

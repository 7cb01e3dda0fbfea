"""What MLflow's client costs on a store of ours (steplog://) and on MLflow's own database (sqlite:///).

The same calls of `mlflow` on both, each store fresh, in one process after the other: log calls and whole runs, one by
one, and questions over many runs with 10 params, 5 metrics and 3 tags each. Needs MLflow in this environment. Rounds
alternate; each figure is the median over rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.conditions import conditions, headline
from benchmarks.table import number, table, times

STORES = {"steplog": "steplog://{}/store", "sqlite": "sqlite:///{}/mlflow.db"}
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000, help="log calls")
    parser.add_argument("--runs", type=int, default=1000, help="runs that are asked about")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each store")
    parser.add_argument("--address", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.address is not None:
        print(json.dumps(measured(chosen.address, chosen.calls, chosen.runs)))
        return
    print(headline(conditions()) + "\n")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in STORES}
    for _ in range(chosen.rounds):
        for name, address in STORES.items():
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(_apart(address.format(folder), chosen.calls, chosen.runs))
    figures = {
        what: [statistics.median(each[what] for each in rounds) for rounds in found.values()]
        for what in found["steplog"][0]
    }
    rows = [[what, number(ours), number(theirs), times(theirs, ours)] for what, (ours, theirs) in figures.items()]
    print(table(("ms", *STORES, "x"), rows) + "\n")
    print(json.dumps(figures))


def measured(address: str, calls: int, runs: int) -> dict[str, float]:
    """Milliseconds of each thing that is done to one store."""
    import mlflow

    mlflow.set_tracking_uri(address)
    mlflow.set_experiment("benchmark")
    with mlflow.start_run():
        mlflow.log_metric("first", 0.0)
        each = [_ms(partial(mlflow.log_metric, "loss", step / 7, step=step)) for step in range(calls)]
    found = {
        f"{calls:,} x log_metric": sum(each),
        "log_metric, p50": statistics.median(each),
        "log_metric, p99": statistics.quantiles(each, n=100)[98],
        "20 x a whole run": _ms(partial(_log_runs, 0, 20)),
    }
    _log_runs(20, runs)
    return found | {f"{what}, of {runs:,} runs": _again(ask) for what, ask in _questions().items()}


def _questions() -> dict[str, Callable[[], Any]]:
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = [client.get_experiment_by_name("benchmark").experiment_id]
    (one,) = client.search_runs(experiment, "attributes.run_name = 'run 7'")
    return {
        "search_runs, the newest 100": lambda: client.search_runs(experiment, max_results=100),
        "search_runs by metric and param, sorted": lambda: client.search_runs(
            experiment, "metrics.m0 > 0.2 and params.p1 = '3'", order_by=["metrics.m1 DESC"], max_results=100
        ),
        "search_runs by tag": lambda: client.search_runs(experiment, "tags.team = 'x'", max_results=100),
        "get_run": lambda: client.get_run(one.info.run_id),
        "get_metric_history": lambda: client.get_metric_history(one.info.run_id, "m0"),
    }


def _log_runs(first: int, end: int) -> None:
    """Log runs as a script does."""
    import mlflow

    for run in range(first, end):
        with mlflow.start_run(run_name=f"run {run}"):
            mlflow.log_params({f"p{number}": run % (number + 5) for number in range(10)})
            mlflow.set_tags({"team": "xyz"[run % 3], "host": "h", "note": "n"})
            mlflow.log_metrics({f"m{number}": run * (number + 3) % 11 / 11 for number in range(5)}, step=1)


def _ms(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return 1e3 * (time.perf_counter() - began)


def _again(ask: Callable[[], Any]) -> float:
    """The median of five answers, after one that warms up."""
    ask()
    return statistics.median(_ms(ask) for _ in range(5))


def _apart(address: str, calls: int, runs: int) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.mlflow_client", "--address", address]
    command += ["--calls", str(calls), "--runs", str(runs)]
    environment = {**os.environ, **_QUIET}
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], env=environment, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()

"""Questions over 10⁷, 10⁸ and 10⁹ points: time, memory and bytes fetched, and how they grow.

Stores of 1,000, 10,000 and 100,000 runs (see many_runs_data) are made once (see many_runs_store) and asked

    local   as a folder
    s3      on an S3 server of this machine (SeaweedFS), nothing of it cached on this host
    dask    as a folder, the work done by two Dask worker processes on this machine

Each question is asked in a fresh process (see many_runs_jobs):

    start   seconds from the start of the process to the first answer: interpreter, imports, opening, answering
    CPU     processor time of these in the asking process, all threads
    warm    the same question again in that process, the shortest
    MB      highest resident memory of the process, all answers included; of a Dask worker the higher one
    fetched bytes and requests that the server answered, for the first answer

Figures are medians of rounds. Files are in the system's cache as far as it holds them, and have been verified by an
earlier process, as in daily use. Each answer is checked against what was logged.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.conditions import OtherWork, conditions
from benchmarks.environments import DEFAULT_FOLDER, REPOSITORY
from benchmarks.many_runs_data import METRICS, run_id_of
from benchmarks.many_runs_jobs import QUESTIONS, numbers_of
from benchmarks.many_runs_places import PLACES, Place
from benchmarks.many_runs_store import Truth, made
from benchmarks.results import Document, publish
from benchmarks.table import number, table, times

NAME = "many_runs"
_POINTS_A_RUN = 10_000
_TIMEOUT_S = 900.0


class WrongAnswer(Exception):
    """What was answered isn't what was logged."""


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000, 100_000], help="sizes, in hundreds")
    parser.add_argument("--where", nargs="+", choices=PLACES, default=list(PLACES), help="some of them")
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS), help="some of them")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each question")
    parser.add_argument("--warm", type=int, default=3, help="further answers in each process")
    parser.add_argument("--stores", type=Path, default=DEFAULT_FOLDER / "stores", help="where stores are kept: 3 GB")
    parser.add_argument("--quick", action="store_true", help="smoke run: small, and kept only where --results says")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.rounds, chosen.warm = [200], 1, 1
    stores = {runs: made(chosen.stores.expanduser(), runs) for runs in chosen.runs}
    document: Document = {
        "benchmark": NAME,
        "quick": chosen.quick,
        "conditions": conditions(chosen.stores.expanduser()),
    }
    others = OtherWork()
    figures: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for where in chosen.where:
        try:
            with PLACES[where](stores) as place:
                figures += _measured(place, where, stores, chosen)
        except (ImportError, FileNotFoundError, RuntimeError) as error:
            absent[where] = str(error)
            print(f"{where}: {error}", file=sys.stderr)
    document |= {"figures": figures, "peers": {}, "absent": absent}
    document["conditions"]["other_work"] = others.share()
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each question."""
    head = ("where", "points", "start s", "x", "CPU s", "warm s", "x", "MB", "x", "worker MB", "fetched MB", "requests")
    parts = []
    for question, words in QUESTIONS.items():
        rows = [figure for figure in document["figures"] if figure["question"] == question]
        if rows:
            parts.append(f"### {words[0].upper()}{words[1:]}\n\n{table(head, [_row(row, rows) for row in rows])}\n")
    return "\n".join([*parts, "x: how many times that of a tenth of the points."])


def _row(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    same = (other for other in rows if other["where"] == row["where"] and 10 * other["runs"] == row["runs"])
    tenth = next(same, {})
    fetched = row["fetched_bytes"]
    return [
        row["where"],
        f"{row['runs'] * _POINTS_A_RUN:,}",
        number(row["start_s"]),
        times(row["start_s"], tenth.get("start_s")),
        number(row["cpu_s"]),
        number(row["warm_s"]),
        times(row["warm_s"], tenth.get("warm_s")),
        number(row["most_mb"]),
        times(row["most_mb"], tenth.get("most_mb")),
        number(row["worker_mb"]),
        number(None if fetched is None else fetched / 2**20),
        "-" if row["requests"] is None else f"{row['requests']:,.0f}",
    ]


def _measured(
    place: Place, where: str, stores: dict[int, Path], chosen: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """The figures of one place, size by size."""
    for runs, store in stores.items():
        truth = Truth.read(store)
        for question in chosen.questions:
            rounds = []
            for _ in range(chosen.rounds):
                print(f"{where}, {runs:,} runs: {question}", file=sys.stderr)
                place.forget()
                found = _asked(place, store, question, runs, chosen.warm)
                _check(question, runs, truth, found["told"])
                rounds.append(found)
            yield {"where": where, "runs": runs, "question": question, "rounds": len(rounds)} | _together(rounds)


def _asked(place: Place, store: Path, question: str, runs: int, warm: int) -> dict[str, Any]:
    """What one process answered."""
    job = place.job(store) | {"question": question, "runs": runs, "warm": warm}
    command = [sys.executable, "-m", "benchmarks.many_runs_jobs", json.dumps(job)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | place.environment
    began = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=_TIMEOUT_S, cwd=REPOSITORY, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{question}: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"start_s": found["answered_at"] - began, "worker_mb": place.worker_mb()}


def _check(question: str, runs: int, truth: Truth, told: dict[str, Any]) -> None:
    """Raise WrongAnswer unless these sums are those of what was logged."""
    import numpy as np

    if question == "table":
        right: dict[str, Any] = {"runs": runs, "lr": truth.lr.sum(), "metrics": np.nansum(truth.last)}
    elif question == "best":
        last = truth.last[:, METRICS.index("val/accuracy")]
        right = {"run": run_id_of(int(last.argmax())), "value": last.max()}
    else:
        numbers = numbers_of(question, runs)
        right = {"runs": len(numbers), "points": 1000 * len(numbers), "values": truth.total[numbers].sum()}
    for name, wanted in right.items():
        found = told[name]
        if not (math.isclose(found, wanted, rel_tol=1e-9) if isinstance(wanted, float) else found == wanted):
            raise WrongAnswer(f"{question} over {runs:,} runs: {name} is {found}, not {wanted}")


def _together(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure over the rounds, of the warm ones the shortest."""
    names = ("start_s", "cpu_s", "first_mb", "most_mb", "worker_mb", "fetched_bytes", "requests")
    warm = min((second for found in rounds for second in found["warm_s"]), default=None)
    figures = {name: [found.get(name) for found in rounds] for name in names}
    known = {name: [value for value in found if value is not None] for name, found in figures.items()}
    return {name: statistics.median(found) if found else None for name, found in known.items()} | {"warm_s": warm}


if __name__ == "__main__":
    main()

"""How long the report of a search takes, and what its trials cost to log: `python -m benchmarks.automl_report`.

Searches of 100 to 10,000 trials over six algorithms with four params, five folds each, read by a reader that is warm
(the libraries are imported; the first report of a process takes a second more).
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.conditions import conditions, headline
from benchmarks.table import number, table
from readers.automl.page import write_automl_report
from readers.automl.plots import plot_optimization_history
from readers.automl.report import automl_report
from readers.store import Store
from tracker import AutoMLTracker

SIZES = (100, 1_000, 2_000, 10_000)
ALGORITHMS = ("forest", "boosting", "linear", "svm", "neighbours", "bayes")
_REPEATS = 5


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: the smallest search alone")
    chosen = parser.parse_args()
    rows = []
    for trials in SIZES[:1] if chosen.quick else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append([f"{trials:,}", *map(number, measured(Path(folder), trials))])
    print(headline(conditions()))
    print(table(["trials", "to log a trial (µs)", "report (ms)", "history picture (ms)", "page (ms)"], rows))


def measured(folder: Path, trials: int) -> list[float]:
    """Microseconds a logged trial; milliseconds of a report, of the history's picture, of the page."""
    with AutoMLTracker(folder / "store", "study", auto_log=False) as tracker:
        run_id = str(tracker.start_run("search"))
        began = time.perf_counter()
        log_search(tracker, trials)
        logged = 1e6 * (time.perf_counter() - began) / trials
        tracker.end_run()
    store = Store(folder / "store")
    tasks = (
        lambda: automl_report(store, run_id),
        lambda: plot_optimization_history(store, run_id, folder / "history.png"),
        lambda: write_automl_report(store, run_id, folder / "page.html"),
    )
    figures = [logged]
    for task in tasks:
        task()
        taken = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            task()
            taken.append(1e3 * (time.perf_counter() - began))
        figures.append(statistics.median(taken))
    return figures


def log_search(tracker: AutoMLTracker, trials: int) -> None:
    """Log a search in which two of four params matter."""
    rng = np.random.default_rng(0)
    search = tracker.start_search("accuracy", algorithms=ALGORITHMS, cross_validation={"folds": 5})
    for place in range(trials):
        lr, depth, *others = rng.random(4).tolist()
        params = {"lr": 10 ** (-4 * lr), "depth": int(8 * depth) + 1, "alpha": others[0], "beta": others[1]}
        folds = 0.9 - 0.1 * abs(lr - 0.5) - 0.02 * depth + rng.normal(0, 0.01, 5)
        search.log_trial(
            ALGORITHMS[place % 6], params, float(folds.mean()), std=float(folds.std(ddof=1)), fold_scores=folds.tolist()
        )
    search.end(stopped_by="trials")


if __name__ == "__main__":
    main()

"""How good the models are that an AutoML tool finds in a given time: ours, FLAML, and plain baselines.

Each tool gets the same rows of the same real data sets (see automl_data) and as many seconds, one thread, in a fresh
process of its own. Test rows of an outer fold are seen by no search; the outer folds are drawn anew for each repeat,
and are the same for every tool. Tools take turns, so that other work on the machine hits all.

    score      mean over the outer folds: roc_auc, r2 (more is better), log_loss (less is better)
    ours less  mean of the paired differences to ours, as better or worse for us, with a 95 % interval by the corrected
               resampled t (Nadeau & Bengio 2003): folds share training rows, an ordinary t would be too sure
    s          seconds of a fit by the clock, everything included; CPU seconds
"""

import argparse
import math
import statistics
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.automl_data import METRIC_OF, WORDS
from benchmarks.automl_of import NAMES, Fitter, named
from benchmarks.environments import Environment
from benchmarks.launch import JobFailed, Outcome, run
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table
from readers.automl.resampledt import resampled_t_test

NAME = "automl"
TOOLS: dict[str, Fitter] = {name: named(name) for name in NAMES}
_SLOWEST = 5.0  # times the budget, then a fit has failed


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, TOOLS)
    parser.add_argument("--budget", type=float, default=30.0, help="seconds that each fit is given")
    parser.add_argument("--folds", type=int, default=3, help="outer folds")
    parser.add_argument("--repeats", type=int, default=2, help="how often the outer folds are drawn")
    parser.add_argument("--data-sets", nargs="+", choices=WORDS, default=list(WORDS), help="some of them")
    parser.add_argument("--here", action="store_true", help="all tools in this interpreter, nothing is installed")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.budget, chosen.repeats, chosen.data_sets = 3.0, 1, ["wine", "cpu"]
    if chosen.here:
        _stay_here()
    with document_of(NAME, chosen, TOOLS) as (document, lineup):
        document |= {"budget_s": chosen.budget, "folds": chosen.folds, "repeats": chosen.repeats, "figures": []}
        for data_set in chosen.data_sets:
            document["figures"] += _measured(lineup, data_set, chosen)
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """A table for each data set, then how often ours was better or worse."""
    parts = [
        (
            f"{document['budget_s']:g} s a fit, {document['repeats']} x {document['folds']} outer folds. "
            "+ before a difference: ours is better. *: the interval leaves out zero.\n"
        )
    ]
    counts: dict[str, list[int]] = {}
    for data_set, words in WORDS.items():
        rows = [figure for figure in document["figures"] if figure["data_set"] == data_set]
        if not rows:
            continue
        ours = next((row for row in rows if row["tool"] == OURS), None)
        lines = [_line(row, ours, document["folds"], counts) for row in rows]
        parts.append(f"### {data_set}: {words}; {rows[0]['metric']}\n")
        parts.append(table(("tool", "score", "ours less", "± 95 %", "folds", "s", "CPU s", "slowest s"), lines) + "\n")
    summary = [[tool, *map(str, count)] for tool, count in counts.items()]
    if summary:
        head = ("ours against", "surely better", "better", "worse", "surely worse")
        parts.append("### Over the data sets\n\n" + table(head, summary) + "\n")
    return "\n".join(parts)


def _line(row: dict[str, Any], ours: dict[str, Any] | None, folds: int, counts: dict[str, list[int]]) -> list[str]:
    """One tool's line; notes in `counts` who was better."""
    difference = reach = math.nan
    if ours is not None and row is not ours:
        sign = -1.0 if row["metric"] == "log_loss" else 1.0
        mine, theirs = ([math.nan if s is None else sign * s for s in one["scores"]] for one in (ours, row))
        test = resampled_t_test(mine, theirs, 1 / (folds - 1))
        difference, reach = test.difference, test.reach
        place = (0 if difference > reach else 1) if difference > 0 else (3 if -difference > reach else 2)
        counts.setdefault(row["tool"], [0, 0, 0, 0])[place] += 1
    sure = "*" if abs(difference) > reach else ""
    there = [score for score in row["scores"] if score is not None]
    return [
        row["tool"],
        f"{statistics.mean(there):.4f}" if there else "-",
        "-" if math.isnan(difference) else f"{difference:+.4f}{sure}",
        "-" if math.isnan(reach) else f"{reach:.4f}",
        str(len(there)),
        *(number(row[name]) for name in ("fit_s", "fit_cpu_s", "slowest_s")),
    ]


def _measured(lineup: Lineup, data_set: str, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """The figures of all tools on one data set: fold by fold, in turns."""
    answers: dict[str, list[dict[str, Any] | None]] = {name: [] for name in lineup.places}
    folds = [(repeat, fold) for repeat in range(chosen.repeats) for fold in range(chosen.folds)]
    for turn, (repeat, fold) in enumerate(folds):
        names = list(answers)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            job = {"data_set": data_set, "repeat": repeat, "fold": fold, "folds": chosen.folds}
            outcome = _fitted(lineup, name, job | {"budget_s": chosen.budget})
            answers[name].append(None if outcome is None else outcome.answer)
            told = "failed" if outcome is None else f"{outcome.answer['score']:.4f} {outcome.answer['chosen']}"
            print(f"{data_set} {repeat}.{fold} {name}: {told}", file=sys.stderr)
    return [_figures(data_set, name, given) for name, given in answers.items()]


def _fitted(lineup: Lineup, name: str, job: dict[str, Any]) -> Outcome | None:
    """Run one fit; None where it failed, which is said in the results."""
    full = job | {"loop": "fitting", "adapters": "benchmarks.automl_of"}
    timeout_s = _SLOWEST * job["budget_s"] + 60.0
    try:
        return run(TOOLS[name], lineup.places[name], full, data=lineup.data, timeout_s=timeout_s, counted=False)
    except JobFailed as error:
        lineup.leave_out(f"{name} on {job['data_set']}, fold {job['repeat']}.{job['fold']}", f"failed: {error}")
        return None


def _figures(data_set: str, name: str, given: list[dict[str, Any] | None]) -> dict[str, Any]:
    there = [answer for answer in given if answer]
    from benchmarks.automl_data import load

    def mean(what: str) -> float | None:
        return statistics.mean(answer[what] for answer in there) if there else None

    return {
        "data_set": data_set,
        "tool": name,
        "metric": load(data_set).metric if not there else there[0].get("metric", METRIC_OF[load(data_set).task]),
        "scores": [answer["score"] if answer else None for answer in given],
        "chosen": [answer["chosen"] if answer else None for answer in given],
        "fit_s": mean("fit_s"),
        "fit_cpu_s": mean("fit_cpu_s"),
        "predict_s": mean("predict_s"),
        "slowest_s": max((answer["fit_s"] for answer in there), default=None),
    }


def _stay_here() -> None:
    """Give every tool this interpreter, with what is installed in it."""
    from benchmarks import environments

    versions = {found.metadata["Name"].lower(): found.version for found in metadata.distributions()}
    here = Environment(Path(sys.executable), versions)
    environments.environment = lambda *_: here


if __name__ == "__main__":
    main()

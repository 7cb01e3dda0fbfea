"""How long answers take over many runs, and how much memory: ours and its peers, asked the same of the same runs.

Every tool's store is filled with the same runs (see query_data: 10 params, 5 metrics, 100 steps each) by its own API,
and kept between invocations (see query_stores). Then each question is asked in a fresh process (see query_jobs):

    cold    seconds from the start of the process to the first answer: interpreter, imports, opening, answering
    CPU     processor time of these, all threads: it minds other work on the machine less
    first   the seconds from the opened store to the first answer, with what that still imports
    warm    the same question again in that process, the shortest of several
    MB      highest resident memory of the process, all answers included

Cold, first and MB are medians of rounds in which all tools alternate. Files are in the system's cache by then, and ours
have been verified by an earlier process, as in daily use. Each answer is brought to a few sums and compared with what
was logged: figures of a wrong answer are not shown.
"""

import argparse
import math
import statistics
import sys
from typing import Any

from benchmarks import query_data
from benchmarks.launch import JobFailed, Outcome
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS
from benchmarks.queries_of import NAMES, QUESTIONS, Queried, named
from benchmarks.query_stores import Filled, filled
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table, times

NAME = "queries"
TOOLS: dict[str, Queried] = {name: named(name) for name in NAMES}
_MOST_FOR_IMPORTANCE = 10_000
_TIMEOUT_S = 600.0


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, TOOLS)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000], help="numbers of runs for all tools")
    parser.add_argument("--more-runs", type=int, nargs="*", default=[10_000, 100_000], help="and for ours alone")
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS), help="some of them")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each question")
    parser.add_argument("--warm", type=int, default=7, help="most further answers in each process")
    parser.add_argument("--warm-s", type=float, default=3.0, help="seconds after which no further answer is asked for")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.more_runs, chosen.rounds, chosen.warm = [50], [], 1, 2
    with document_of(NAME, chosen, TOOLS) as (document, lineup):
        document["figures"] = []
        for runs in dict.fromkeys([*chosen.runs, *chosen.more_runs]):
            names = TOOLS if runs in chosen.runs else [OURS]
            document["figures"] += _measured(lineup, [n for n in names if n in lineup.places], runs, chosen)
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each question, then what filling the stores took."""
    parts = []
    head = ("runs", "tool", "warm ms", "x", "first ms", "cold ms", "x", "CPU ms", "MB", "10x runs: warm", "cold", "MB")
    for question, words in QUESTIONS.items():
        rows = [figure for figure in document["figures"] if figure["question"] == question]
        if rows:
            parts.append(f"### {words[0].upper()}{words[1:]}\n")
            parts.append(table(head, [_row(row, rows) for row in rows]) + "\n")
    stores = {(figure["runs"], figure["peer"]): figure for figure in document["figures"]}
    filling = [
        [f"{runs:,}", peer, number(figure["filling_s"]), number(figure["disk_bytes"] / 2**20)]
        for (runs, peer), figure in sorted(stores.items(), key=lambda item: item[0][0])
    ]
    parts.append("### Filling the stores, once\n\n" + table(("runs", "tool", "s", "MB on disk"), filling) + "\n")
    note = (
        "x: how many times ours. 10x runs: the time over that for a tenth of the runs, where both were asked. "
        "Filling was timed when it was done, which may have been on a busier machine than the questions."
    )
    return "\n".join([*parts, note])


def _row(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """One line of a question's table."""
    ours = next((r for r in rows if (r["runs"], r["peer"]) == (row["runs"], OURS)), {})
    tenth = next((r for r in rows if (10 * r["runs"], r["peer"]) == (row["runs"], row["peer"])), {})
    return [
        f"{row['runs']:,}",
        row["peer"],
        number(1e3 * row["warm_s"]),
        times(row["warm_s"], ours.get("warm_s")),
        number(1e3 * row["first_s"]),
        number(1e3 * row["cold_s"]),
        times(row["cold_s"], ours.get("cold_s")),
        number(1e3 * row["cold_cpu_s"]),
        number(row["most_mb"]),
        *(times(row[name], tenth.get(name)) for name in ("warm_s", "cold_s", "most_mb")),
    ]


def _measured(lineup: Lineup, names: list[str], runs: int, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """The figures of these tools over so many runs: question by question, in rounds."""
    stores: dict[str, Filled] = {}
    for name in names:
        try:
            stores[name] = filled(TOOLS[name], lineup.places[name], runs, chosen.envs)
        except JobFailed as error:
            lineup.leave_out(f"{name}, {runs:,} runs", f"not filled: {error}")
    right = query_data.expected(runs)
    figures = []
    for question in chosen.questions:
        if question == "importance" and runs > _MOST_FOR_IMPORTANCE:
            continue
        asked = [name for name in stores if question in TOOLS[name].questions]
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in asked}
        for turn in range(chosen.rounds):
            for name in asked[turn % len(asked) :] + asked[: turn % len(asked)]:
                outcome = _asked(lineup, TOOLS[name], stores[name], question, chosen)
                if outcome and not _is_wrong(lineup, outcome, stores[name], right[question]):
                    rounds[name].append(_figures(outcome))
        figures += [
            {"runs": runs, "question": question, "peer": name, "rounds": len(rounds[name])}
            | {"filling_s": stores[name].took_s, "disk_bytes": stores[name].disk_bytes}
            | _together(rounds[name])
            for name in asked
            if rounds[name]
        ]
    return figures


def _asked(lineup: Lineup, tool: Queried, store: Filled, question: str, chosen: argparse.Namespace) -> Outcome | None:
    """What one process answered; None where it failed."""
    print(f"{question}, {len(store.run_ids):,} runs: {tool.name}", file=sys.stderr)
    some = query_data.compared(len(store.run_ids)) if question == "compare" else []
    job = {
        "loop": "asking",
        "adapters": "benchmarks.queries_of",
        "store": str(store.folder),
        "question": question,
        "metric": query_data.ASKED,
        "run_ids": [store.run_ids[number] for number in some],
        "warm": chosen.warm,
        "warm_s": chosen.warm_s,
    }
    return lineup.run(tool, job, timeout_s=_TIMEOUT_S, counted=False)


def _is_wrong(lineup: Lineup, outcome: Outcome, store: Filled, right: dict[str, Any]) -> bool:
    """Whether an answer isn't what was logged; then the tool is left out, and what was wrong is said."""
    for name, wanted in right.items():
        found = outcome.answer["told"][name]
        if name == "run":
            wanted = store.run_ids[wanted]  # noqa: PLW2901 - runs are known by their numbers, and told by their ids
        same = math.isclose(found, wanted, rel_tol=1e-6) if isinstance(wanted, float) else found == wanted
        if not same:
            about = f"{outcome.answer['peer']}, {outcome.answer['question']}, {len(store.run_ids):,} runs"
            lineup.leave_out(about, f"wrong answer: {name} is {found}, not {wanted}")
            return True
    return False


def _figures(outcome: Outcome) -> dict[str, float]:
    """The figures of one process."""
    answer = outcome.answer
    return {
        "cold_s": answer["answered_at"] - outcome.started_at,
        "cold_cpu_s": answer["cold_cpu_s"],
        "first_s": answer["answered_at"] - answer["ready_at"],
        "warm_s": min(answer["warm_s"]),
        "first_mb": answer["first_mb"],
        "most_mb": answer["most_mb"],
    }


def _together(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over the rounds, of the warm ones the shortest."""
    figures = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    return figures | {"warm_s": min(found["warm_s"] for found in rounds)}


if __name__ == "__main__":
    main()

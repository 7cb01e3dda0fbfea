"""steplog automl: what came of a search for a model."""

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import RunNotFound
from tracker.cli.columns import Column, print_columns
from tracker.cli.options import DEFAULT_STORE, JsonOption, StoreOption, asking, open_store
from tracker.cli.screen import cell, console, count_of, duration, number, print_json, size

if TYPE_CHECKING:
    from rich.console import Console

    from readers.automl.report import AutoMLReport
    from readers.store import Store

_MOST_ROWS = 30
_MOST_ERRORS = 8
_MOST_PARAMS = 3
_LONGEST_PARAMS = 60


class Kind(StrEnum):
    """What is drawn, as one types it."""

    leaderboard = "leaderboard"
    history = "history"


def automl(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The run of the search; if left out, the one that searched last."),
    ] = None,
    *,
    search: Annotated[
        int | None, typer.Option("--search", metavar="N", help="Its number in the run; if left out, the last one.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also save a picture: .png, .svg or .pdf.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option("--kind", help="What the picture shows: leaderboard, or history of the trials.")
    ] = Kind.leaderboard,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write all of it as one HTML file.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Report a search for a model: its leaderboard, what can't be told apart, the ensemble, features, errors.

    Example: steplog automl "full pipeline" --report out/search.html
    """
    from readers.automl.page import write_automl_report
    from readers.automl.plots import plot_leaderboard, plot_optimization_history
    from readers.automl.report import automl_report

    opened = open_store(store)
    run_id = opened.resolve_run(run) if run is not None else _last_searched(opened)
    written = []
    with asking():
        found = automl_report(opened, run_id, search)
        if plot is not None:
            draw = plot_leaderboard if kind is Kind.leaderboard else plot_optimization_history
            draw(opened, run_id, plot, search=search)
            written.append(f"picture: {plot}")
        if report is not None:
            made = write_automl_report(opened, run_id, report, search=search)
            written.append(f"report: {made}  {size(made.stat().st_size)}")
    if json:
        print_json(_data(found))
        return
    screen = console()
    _print(screen, found)
    for line in written:
        screen.print(cell(line, "dim"), soft_wrap=True)


def _last_searched(store: "Store") -> str:
    """The run whose search began last. Raises: RunNotFound: nothing was searched."""
    from readers.automl.searchfacts import FACT

    facts = store.facts(kinds=[FACT]).collect().sort("time")
    begun = facts.filter(facts["key"].str.ends_with("/search"))
    if begun.is_empty():
        raise RunNotFound("no run has a search; give a RUN whose child runs are to be taken for trials")
    return str(begun["run_id"][-1])


def _data(report: "AutoMLReport") -> dict[str, Any]:
    """The report as plain data."""
    return {
        **report,
        "errors": [one._asdict() for one in report["errors"]],
        "best_so_far": [one._asdict() for one in report["best_so_far"]],
    }


def _print(screen: "Console", report: "AutoMLReport") -> None:
    by = f", engine {report['engine']}" if report["engine"] else ""
    screen.print(cell(report["run_name"] or report["run_id"], "bold"), cell(f"  {_about(report)}{by}", "dim"), sep="")
    for line in _headlines(report):
        screen.print(cell(line))
    _print_leaderboard(screen, report)
    _print_ensemble(screen, report)
    _print_features(screen, report)
    _print_params(screen, report)
    _print_errors(screen, report)
    if report["caveats"]:
        screen.print()
    for text in report["caveats"]:
        screen.print(cell(f"! {text}", "yellow"))


def _about(report: "AutoMLReport") -> str:
    number_of = f"search {report['search']}, " if report["search"] > 1 else ""
    return f"{number_of}{report['status'] or 'no search'}"


def _headlines(report: "AutoMLReport") -> list[str]:
    """What came of it, in a few lines."""
    states = ", ".join(f"{count:,} {state}" for state, count in report["trials_by_status"].items() if count)
    trials = count_of(report["hyperparameter_trials"], "trial") + (f" ({states})" if states else "")
    spent, stopped = report["spent"].get("time_s"), report["stopped_by"]
    took = f" in {duration(spent)}" if isinstance(spent, int | float) else ""
    ended = f", stopped by {stopped}" if stopped else ""
    lines = [f"{count_of(report['algorithms_tested'], 'algorithm')}, {trials}{took}{ended}"]
    if not math.isnan(report["cv_score"]):
        lines.append(f"{report['metric']} {number(report['cv_score']).plain} ({report['cv_score_of']})")
    if report["best_algorithm"]:
        lines.append(f"best: {report['best_algorithm']}  {_values(report['best_params'])}".rstrip())
    return lines


def _print_leaderboard(screen: "Console", report: "AutoMLReport") -> None:
    rows = report["leaderboard"][:_MOST_ROWS]
    if not rows:
        return
    tied = set(report["tie_set"]["algorithms"]) if len(report["tie_set"]["algorithms"]) > 1 else set()
    names = [
        cell(row["algorithm"], "bold" if row["algorithm"] in tied else "", 40).append(
            " baseline" if row["baseline"] and row["algorithm"] != "baseline" else "", style="dim"
        )
        for row in rows
    ]
    columns = [
        Column("", [cell(row["rank"], "dim") for row in rows], right=True),
        Column("algorithm", names),
        Column(report["metric"], [number(_or_none(row["score"])) for row in rows], right=True),
        Column("std", [number(_or_none(row["std"])) for row in rows], right=True),
        Column("trials", [cell(f"{row['trials']:,}") for row in rows], right=True),
        Column("fit", [cell(duration(_or_none(row["fit_time_s"]))) for row in rows], right=True),
        Column("best trial", [cell(row["status"] or "-") for row in rows]),
        Column("its params", [cell(_values(row["params"]), "dim", _LONGEST_PARAMS) for row in rows]),
    ]
    screen.print()
    print_columns(screen, columns, always=3)
    if len(rows) < len(report["leaderboard"]):
        screen.print(cell(f"… and {len(report['leaderboard']) - len(rows):,} more; --json has them all", "dim"))
    screen.print(cell(report["tie_set"]["words"]))


def _print_ensemble(screen: "Console", report: "AutoMLReport") -> None:
    made = report["ensemble"]
    if not made["members"]:
        return
    members = ", ".join(f"{one['algorithm']} {number(_or_none(one['weight'])).plain}" for one in made["members"])
    gain = "" if math.isnan(made["gain"]) else f", {made['gain']:+.4g} over {made['gain_over']}"
    screen.print(cell(f"ensemble of {made['size']:,}: {number(_or_none(made['score'])).plain}{gain}: {members}"))


def _print_features(screen: "Console", report: "AutoMLReport") -> None:
    found = report["feature_selection"]
    if not found["iterations"]:
        return
    stable = found["stability"]
    index = "" if math.isnan(stable["index"]) else f"; stability {stable['index']:.2f} ({stable['words']})"
    steps = count_of(report["feature_selection_iterations"], "iteration")
    screen.print(cell(f"features: {found['selected']:,} of {len(found['before']):,} kept in {steps}{index}"))


def _print_params(screen: "Console", report: "AutoMLReport") -> None:
    """The params that matter most, for each algorithm of which enough trials tell."""
    ranked = [row["algorithm"] for row in report["leaderboard"]]
    known = {name: params for name in ranked if (params := report["parameter_importance"].get(name))}
    if not known:
        return
    screen.print()
    about = f"  {report['parameter_method']}: share, with its 95% interval"
    screen.print(cell("params that matter", "bold"), cell(about, "dim"), sep="")
    for name, params in known.items():
        said = [f"{one['param']} {one['importance']:.0%} ({one['low']:.0%} to {one['high']:.0%})" for one in params]
        screen.print(cell(f"{name}: {', '.join(said[:_MOST_PARAMS])}"))
        for note in report["parameter_notes"][name][:1]:
            screen.print(cell(f"  ! {note}", "yellow"))


def _print_errors(screen: "Console", report: "AutoMLReport") -> None:
    errors = report["errors"][:_MOST_ERRORS]
    if not errors:
        return
    columns = [
        Column("error", [cell(one.error_type, "red", 40) for one in errors]),
        Column("algorithm", [cell(one.algorithm, limit=40) for one in errors]),
        Column("trials", [cell(f"{one.trials:,}") for one in errors], right=True),
        Column("for example", [cell(one.example, limit=80) for one in errors]),
    ]
    screen.print()
    print_columns(screen, columns, always=3)
    if len(errors) < len(report["errors"]):
        screen.print(cell(f"… and {len(report['errors']) - len(errors):,} more; --json has them all", "dim"))


def _values(values: Mapping[str, object]) -> str:
    said = (f"{name}={number(value).plain if isinstance(value, float) else value}" for name, value in values.items())
    return ", ".join(said)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value

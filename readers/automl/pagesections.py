"""Sections of a search's page: each asks one question of the report and lays the answer out.

A question that this search can't answer gives a section that says so, but for ensembles and features: a search that
made none has no section for them.
"""

import math
from collections.abc import Mapping, Sequence

from readers.automl.ensemble import Ensemble
from readers.automl.evaluation import Evaluation
from readers.automl.featureselection import FeatureSelection
from readers.automl.leaderboard import LeaderboardRow
from readers.automl.plots import history_figure, ranking_figure
from readers.automl.report import AutoMLReport, Found
from readers.automl.tieset import TieSet
from readers.figures.importance import importance_figure
from readers.report import Section, Table, number, picture

_MOST_ROWS = 40
_MOST_FEATURES = 40
_MOST_ALGORITHMS = 6
_LONGEST, _WHOLE = 200, 4_000
_NONE = "–"  # noqa: RUF001 - the dash is meant


def sections_of(found: Found) -> list[Section]:
    """All sections, in the order of a reader's questions."""
    report = found.report
    sections = [
        Section("caveats", "Before you believe it", report["caveats"] or ["Nothing to mind was found."]),
        _leaderboard(found),
        _course(found),
        _evaluation(report["evaluations"], report["metric"]),
    ]
    if report["ensemble"]["members"]:
        sections.append(_ensemble(report["ensemble"], report["metric"]))
    if report["feature_selection"]["iterations"]:
        sections.append(_features(report["feature_selection"], report["metric"]))
    return [*sections, _parameters(found), _errors(report), _setup(report)]


def _leaderboard(found: Found) -> Section:
    """Which algorithms are best, and which can't be told apart."""
    report, title = found.report, "Leaderboard"
    rows, ties, metric = report["leaderboard"], report["tie_set"], report["metric"]
    if not rows:
        return Section("leaderboard", title, ["No algorithm was tried."])
    columns = ["rank", "algorithm", metric, "std", "trials", "fit (s)", "predict (s)", "best trial", "its params"]
    cells = [
        [
            str(row["rank"]),
            row["algorithm"] + (" (baseline)" if row["baseline"] and row["algorithm"] != "baseline" else ""),
            number(row["score"]),
            number(row["std"]),
            f"{row['trials']:,}",
            number(row["fit_time_s"]),
            number(row["predict_time_s"]),
            row["status"] or _NONE,
            _values(row["params"]),
        ]
        for row in rows[:_MOST_ROWS]
    ]
    tied = frozenset(place for place, row in enumerate(rows) if row["algorithm"] in ties["algorithms"])
    board = Table(columns, cells, frozenset({"rank", metric, "std", "trials", "fit (s)", "predict (s)"}), tied)
    drawn = picture(
        ranking_figure(found.searched, rows, ties, "Each algorithm's best trial"), f"{metric} of each algorithm"
    )
    notes = [f"Tests: {ties['method']}."] if ties["comparisons"] else []
    notes += ["Bold: the best, and those that can't be told from it."] if tied else []
    notes += [f"{len(rows) - _MOST_ROWS} more algorithms are worse."] if len(rows) > _MOST_ROWS else []
    tables = [board, *([_comparisons(ties)] if ties["comparisons"] else [])]
    return Section("leaderboard", title, [ties["words"], *_chosen(report, rows)], [drawn], tables, notes)


def _chosen(report: AutoMLReport, rows: Sequence[LeaderboardRow]) -> list[str]:
    """What the search chose, in full; else the best trial."""
    chosen, best = report["selection"], report["best_trial"]
    if not chosen["algorithm"]:
        told = best and _values(best["params"], _WHOLE)
        return [f"Best trial {best['number']}, {best['algorithm']}: {told or 'no params'}."] if best else []
    first = rows[0]["algorithm"]
    instead = f", not {first}, the first of the leaderboard" if chosen["algorithm"] != first else ""
    return [f"The search chose {chosen['algorithm']}{instead}: {_values(chosen['params'], _WHOLE) or 'no params'}."]


def _comparisons(ties: TieSet) -> Table:
    level = f"{ties['level']:.0%} interval"
    columns = [f"compared with {ties['best']}", "difference", level, "p", "p (Holm)", "folds", "told apart"]
    rows = [
        [
            one["algorithm"],
            number(one["difference"]),
            _NONE if math.isnan(one["lower"]) else f"{number(one['lower'])} to {number(one['upper'])}",
            number(one["p_value"]),
            number(one["p_adjusted"]),
            str(one["folds"]),
            one["why"] or ("yes" if one["told_apart"] else "no"),
        ]
        for one in ties["comparisons"][:_MOST_ROWS]
    ]
    return Table(columns, rows, frozenset({"difference", "p", "p (Holm)", "folds"}))


def _course(found: Found) -> Section:
    """How the search went."""
    report, title = found.report, "Course of the search"
    counts = ", ".join(f"{count:,} {state}" for state, count in report["trials_by_status"].items() if count)
    if not report["hyperparameter_trials"]:
        return Section("course", title, ["There were no trials."])
    texts = [f"{report['hyperparameter_trials']:,} trials: {counts}."]
    if not found.searched.trials.rows.height:
        return Section("course", title, [*texts, "They made no runs of their own, so their course isn't known."])
    steps = report["best_so_far"]
    columns = ["trial", "after (s)", report["metric"], "algorithm"]
    rows = [[f"{one.number:,}", number(one.time_s), number(one.score), one.algorithm] for one in steps[-_MOST_ROWS:]]
    drawn = picture(history_figure(found.searched, "Each trial's score"), "scores of the trials in their order")
    tables = [Table(columns, rows, frozenset(columns[:3]), frozenset({len(rows) - 1}))] if rows else []
    notes = ["The table has the trials that improved on all before them, in the order in which they ended."] * bool(
        rows
    )
    return Section("course", title, texts, [drawn], tables, notes)


def _evaluation(evaluations: Sequence[Evaluation], metric: str) -> Section:
    """How good the final model is."""
    title = "How good the final model is"
    if not evaluations:
        return Section("evaluation", title, ["It wasn't evaluated on data that its choice didn't see."])
    columns = ["on", "metric", "value", "std"]
    rows = [
        [one["on"], name, number(value), number(one["std"].get(name, math.nan))]
        for one in evaluations
        for name, value in sorted(one["metrics"].items(), key=lambda item: item[0] != metric)
    ]
    main = frozenset(place for place, row in enumerate(rows) if row[1] == metric)
    return Section("evaluation", title, [], [], [Table(columns, rows, frozenset({"value", "std"}), main)])


def _ensemble(made: Ensemble, metric: str) -> Section:
    """What was put together, and what that gained."""
    texts = [f"{made['method'] or 'An ensemble'} of {made['size']:,} models, {metric} {number(made['score'])}."]
    if made["gain_over"]:
        what = "better" if made["gain"] > 0 else "worse" if made["gain"] < 0 else "neither better nor worse"
        by = f"by {number(abs(made['gain']))} " if made["gain"] else ""
        texts.append(f"That is {by}{what} than {number(made['best_single'])}, the score of {made['gain_over']}.")
    columns = ["algorithm", "weight", metric, "params"]
    rows = [
        [one["algorithm"], number(one["weight"]), number(one["score"]), _values(one["params"])]
        for one in made["members"][:_MOST_ROWS]
    ]
    return Section("ensemble", "Ensemble", texts, [], [Table(columns, rows, frozenset({"weight", metric}))])


def _features(found: FeatureSelection, metric: str) -> Section:
    """Which features were kept, and how stable that is."""
    stable = found["stability"]
    by = f", as iteration {found['iteration']} left them" if found["iteration"] else ""
    texts = [f"{found['selected']:,} of {len(found['before']):,} features were kept{by}."]
    if math.isnan(stable["index"]):
        texts.append(f"How stable the choice is isn't known: {stable['why']}.")
    else:
        known = not math.isnan(stable["lower"])
        between = f" ({stable['level']:.0%} interval {number(stable['lower'])} to {number(stable['upper'])})" * known
        texts.append(
            f"Stability {number(stable['index'])}{between}, {stable['words']}; 1 is always the same choice, "
            f"0 one by chance (Nogueira et al. 2018). From {stable['why']}."
        )
    columns = ["iteration", "method", "before", "kept", metric, "std", "dropped"]
    rows = [
        [
            str(place),
            one["method"],
            f"{one['before']:,}",
            f"{one['selected']:,}",
            number(one["score"]),
            number(one["std"]),
            _cut(", ".join(one["dropped"])),
        ]
        for place, one in enumerate(found["iterations"], 1)
    ]
    tables = [Table(columns, rows, frozenset({"iteration", "before", "kept", metric, "std"}))]
    if found["frequencies"]:
        kept = set(found["after"])
        shares = list(found["frequencies"].items())[:_MOST_FEATURES]
        cells = [[name, f"{share:.0%}", "yes" if name in kept else ""] for name, share in shares]
        tables.append(Table(["feature", "selected in", "chosen"], cells, frozenset({"selected in"})))
    else:
        texts.append(_cut(f"Kept: {', '.join(found['after'])}.", _WHOLE))
    return Section("features", "Features", texts, [], tables)


def _parameters(found: Found) -> Section:
    """Which params matter, for each algorithm of which enough trials tell."""
    report, title = found.report, "Which params matter"
    if not found.params:
        return Section("parameters", title, ["There are no trials to tell by."])
    order = {row["algorithm"]: row["rank"] for row in report["leaderboard"]}
    known = [name for name in sorted(found.params, key=lambda name: order[name]) if found.params[name].importance]
    drawn = [
        picture(importance_figure(importance, title=f"{name}: what {report['metric']} depends on"), f"params of {name}")
        for name in known[:_MOST_ALGORITHMS]
        if (importance := found.params[name].importance) is not None
    ]
    texts = [] if known else ["No algorithm has trials enough to tell."]
    notes = [f"{name}: {note}" for name, one in found.params.items() for note in one.notes if name not in known]
    if len(known) > _MOST_ALGORITHMS:
        notes.append(f"Drawn are the best {_MOST_ALGORITHMS} of {len(known)} algorithms.")
    return Section("parameters", title, texts, drawn, [], notes)


def _errors(report: AutoMLReport) -> Section:
    """What went wrong."""
    if not report["errors"]:
        return Section("errors", "Errors", ["No trial failed."])
    rows = [
        [one.error_type, one.algorithm, f"{one.trials:,}", _cut(one.example)] for one in report["errors"][:_MOST_ROWS]
    ]
    columns = ["error", "algorithm", "trials", "for example"]
    return Section("errors", "Errors", [], [], [Table(columns, rows, frozenset({"trials"}))])


def _setup(report: AutoMLReport) -> Section:
    """How the search was set up, and what it took."""
    lines: dict[str, object] = {
        "metric": f"{report['metric']}, to {report['direction']}" if report["metric"] else "",
        "task": report["task"],
        "engine": report["engine"],
        "started": report["started"] and report["started"].strftime("%Y-%m-%d %H:%M:%S UTC"),
        "budget": _values(report["budget"]),
        "spent": _values(report["spent"]),
        "stopped by": report["stopped_by"],
        "seed": report["seed"],
        "cross-validation": _values(report["cross_validation"]),
        "data": _values(report["data"]),
    }
    rows = [[name, _cut(str(value))] for name, value in lines.items() if value not in ("", None)]
    return Section("setup", "How it was searched", [], [], [Table(["what", "how"], rows)])


def _values(values: Mapping[str, object], longest: int = _LONGEST) -> str:
    """Names and values in a line."""
    said = (
        f"{name} {number(value) if isinstance(value, float) else value}"
        for name, value in values.items()
        if value is not None
    )
    return _cut(", ".join(said), longest)


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

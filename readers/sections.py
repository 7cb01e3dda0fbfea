"""Sections of a report: each asks one question of the comparator or the analyzer and lays the answer out.

A question that these runs can't answer (no history, one run, no param that varies) gives a section that says so.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from readers.analyzer import HyperparameterAnalyzer
from readers.compare import ExperimentComparator
from readers.differences import Difference
from readers.figures.importance import importance_figure
from readers.report import Picture, Question, Section, Table, has_history, number, picture
from readers.runtable import RunTable

if TYPE_CHECKING:
    from readers.importance import ParameterImportance

_MOST_ROWS = 25
_MOST_PARAMS = 8
_MOST_DRAWN = 500
_FEW_RUNS = 6
_FEWEST_FOR_IMPORTANCE = 8
_GROUPS = range(2, 7)
_FEWEST_IN_GROUP = 3
_FEWEST_SHARE = 0.1
_MOST_GROUPINGS = 2
_MOST_DIFFERENCES = 60
_LONGEST = 80


class _Params(NamedTuple):
    """The params that vary, the most important first, and how that is known."""

    names: list[str]
    importance: "ParameterImportance | None"
    """None where it can't be told."""
    warnings: list[str]


def sections_of(question: Question) -> list[Section]:
    """All sections, in the order of a reader's questions."""
    params = _params(question)
    return [
        _best_runs(question, params),
        _differences(question),
        _curves(question),
        _parallel(question, params),
        _importance(question, params),
        _verdicts(question, params),
    ]


def _params(question: Question) -> _Params:
    """Which params vary, and which of them matter."""
    names = _varying(question.table)
    if not names or len(question.table) < _FEWEST_FOR_IMPORTANCE:
        return _Params(names, None, [])
    analyzer = HyperparameterAnalyzer(question.frames)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = analyzer.analyze_parameter_importance(
            question.table.run_ids, question.metric, names, mode=question.towards
        )
    ordered = sorted(names, key=lambda name: -found[name])
    return _Params(ordered, found, list(dict.fromkeys([*found.warnings, *(str(one.message) for one in said)])))


def _best_runs(question: Question, params: _Params) -> Section:
    """Which runs are best, and how all of them spread."""
    comparator, table = ExperimentComparator(question.frames), question.table
    ranked = comparator.rank(question.metric, question.towards, run_ids=table.run_ids)
    shown_params = params.names[:_MOST_PARAMS]
    columns = ["rank", "run", question.metric, "status", *shown_params]
    rows = [
        [str(run["rank"]), run["run_name"], number(run["value"]), run["status"].lower()]
        + [_text(_param(run["params"], name)) for name in shown_params]
        for run in ranked[:_MOST_ROWS]
    ]
    texts = []
    stats = comparator.get_statistical_summary(table.run_ids, question.metric)
    if stats["n"]:
        texts.append(
            f"{question.metric} of {stats['n']} runs: mean {number(stats['mean'])}, "
            f"{stats['level']:.0%} interval {number(stats['ci_lower'])} to {number(stats['ci_upper'])} "
            f"({stats['method']}), median {number(stats['median'])}, interquartile mean {number(stats['iqm'])}."
        )
    notes = [f"{len(ranked) - _MOST_ROWS} more runs have the metric."] if len(ranked) > _MOST_ROWS else []
    if stats["missing"]:
        notes.append(f"{stats['missing']} runs don't have the metric, or it was NaN.")
    drawn = comparator.plot_metric_comparison(table.run_ids, question.metric, mode=question.towards)
    shown = picture(drawn, f"{question.metric} of each run", "The last value of each run.")
    best = Table(columns, rows, frozenset({"rank", question.metric}), frozenset({0} if rows else ()))
    return Section("runs", "Best runs", texts, [shown], [best], notes)


def _differences(question: Question) -> Section:
    """What is not the same in all runs."""
    title = "What differs"
    found = ExperimentComparator(question.frames).differences(question.table.run_ids)
    if not found.rows:
        return Section("differences", title, [f"Nothing: {found.same} params, tags and facts are the same in all."])
    few = len(found.run_ids) <= _FEW_RUNS
    columns = ["what", "name", *(found.names if few else ["values"])]
    rows = [
        [row.kind, row.name, *([_text(value) for value in row.values] if few else [_counted(row.values)])]
        for row in sorted(found.rows, key=_is_rare)[:_MOST_DIFFERENCES]
    ]
    left = len(found.rows) - len(rows)
    notes = [f"{found.same} more params, tags and facts are the same in all runs."]
    return Section("differences", title, [], [], [Table(columns, rows)], notes + [f"{left} more differ."] * (left > 0))


def _curves(question: Question) -> Section:
    """How the metrics went."""
    comparator = ExperimentComparator(question.frames)
    run_ids = _shown(question)
    pictures: list[Picture] = []
    for metric in question.metrics:
        if not has_history(question.table, metric):
            continue
        drawn = comparator.plot_curves(run_ids, metric, group_by=question.group_by)
        pictures.append(picture(drawn, f"curves of {metric}", f"{metric} by step."))
    if not pictures:
        return Section("curves", "Curves", ["No metric was logged more than once in a run."])
    notes = [_cut_note(question)] if len(run_ids) < len(question.table) else []
    return Section("curves", "Curves", [], pictures, [], notes)


def _parallel(question: Question, params: _Params) -> Section:
    """How params and result go together."""
    title = "Params and result"
    if len(question.table) < 2 or not params.names:
        return Section("parallel", title, ["No param varies over these runs."])
    run_ids, drawn_params = _shown(question), params.names[:_MOST_PARAMS]
    drawn = ExperimentComparator(question.frames).plot_parallel_coordinates(
        run_ids, question.metric, drawn_params, mode=question.towards
    )
    left = len(params.names) - len(drawn_params)
    notes = [_cut_note(question)] if len(run_ids) < len(question.table) else []
    notes += [f"Left out: {left} more params that vary."] if left else []
    shown = picture(drawn, f"params against {question.metric}", "A line a run, by colour from worst to best.")
    return Section("parallel", title, [], [shown], [], notes)


def _importance(question: Question, params: _Params) -> Section:
    """Which params matter."""
    title, found = "Which params matter", params.importance
    if found is None:
        words = f"{len(question.table)} runs and {len(params.names)} params that vary are too few to tell."
        return Section("importance", title, [words])
    rows = [
        [name, f"{found[name]:.3f}", _span(found.intervals.get(name)), _span(found.rank_intervals.get(name))]
        for name in params.names
    ]
    columns = ["param", "importance", "interval", "rank between"]
    shown = picture(importance_figure(found), "importance of params", "Share of the importance, with its interval.")
    texts = [f"{found.method}, cross-validated R² {number(found.r2)}."]
    table = Table(columns, rows[:_MOST_ROWS], frozenset({"importance"}))
    return Section("importance", title, texts, [shown], [table], params.warnings)


def _verdicts(question: Question, params: _Params) -> Section:
    """Which groups of runs are better, and how sure that is."""
    comparator, table = ExperimentComparator(question.frames), question.table
    chosen = [question.group_by] if question.group_by else _groupings(table, params.names)
    texts, pictures = [], []
    for name in chosen:
        found = comparator.compare_groups(name, question.metric, run_ids=table.run_ids, mode=question.towards)
        texts.append(f"{name}: {found.words}")
        drawn = comparator.plot_groups(name, question.metric, run_ids=table.run_ids, mode=question.towards)
        pictures.append(picture(drawn, f"{question.metric} by {name}", f"{question.metric} by {name}."))
    if not texts:
        return Section("verdicts", "Verdicts", ["No param makes groups of at least three runs each to compare."])
    asked_by_itself = "Groups were chosen by this report, not before the runs were made: take them as hints."
    return Section("verdicts", "Verdicts", texts, pictures, [], [] if question.group_by else [asked_by_itself])


def _varying(table: RunTable) -> list[str]:
    """The params that have several values, and those that many runs have and many don't."""
    found = []
    for name in table.param_names:
        texts = table.param(name).texts
        missing = texts.count(None) / max(len(texts), 1)
        if len({*texts} - {None}) > 1 or _FEWEST_SHARE <= missing <= 1 - _FEWEST_SHARE:
            found.append(name)
    return found


def _groupings(table: RunTable, names: Sequence[str]) -> list[str]:
    """Params of few values, each of several runs; texts and booleans before numbers."""
    found: list[tuple[bool, int, str]] = []
    for name in names:
        param = table.param(name)
        counts = Counter(text for text in param.texts if text is not None)
        if len(counts) in _GROUPS and min(counts.values()) >= _FEWEST_IN_GROUP and name.lower() != "seed":
            found.append((param.kind in ("int", "float"), len(found), name))
    return [f"params.{name}" for _, _, name in sorted(found)[:_MOST_GROUPINGS]]


def _shown(question: Question) -> Sequence[str]:
    """The runs that are drawn one by one: all, or of very many the best."""
    run_ids = question.table.run_ids
    if len(run_ids) <= _MOST_DRAWN:
        return run_ids
    ranked = ExperimentComparator(question.frames).rank(question.metric, question.towards, _MOST_DRAWN, run_ids=run_ids)
    return [run["run_id"] for run in ranked]


def _cut_note(question: Question) -> str:
    return f"Drawn are the best {_MOST_DRAWN} of {len(question.table):,} runs."


def _param(params: object, name: str) -> object:
    """A param by its dotted name."""
    found = params
    if isinstance(found, dict) and name in found:
        return found[name]
    for part in name.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def _text(value: object) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - the dash is meant
    text = number(value) if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_rare(row: Difference) -> bool:
    """Whether most runs don't have it at all: these come last."""
    return 2 * row.values.count(None) > len(row.values)


def _counted(values: Iterable[str | None]) -> str:
    """Distinct values with their counts, most frequent first."""
    counts = Counter(_text(value) for value in values).most_common()
    shown = ", ".join(f"{value} ({count})" for value, count in counts[:4])
    return shown + (f" and {len(counts) - 4} more values" if len(counts) > 4 else "")


def _span(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{number(interval[0])} to {number(interval[1])}"  # noqa: RUF001 - likewise

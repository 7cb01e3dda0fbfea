"""steplog importance: which params a metric depends on, and how sure that is."""

import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import LookupFailed
from tracker.cli.columns import Column, print_columns
from tracker.cli.options import (
    DEFAULT_STORE,
    AskedWrongly,
    ClusterOption,
    JsonOption,
    Mode,
    ModeOption,
    Statistic,
    StoreOption,
    ValueOption,
    asking,
    open_store,
)
from tracker.cli.screen import cell, console, count_of, print_json
from tracker.cli.telling import headline_of, varying_params

if TYPE_CHECKING:
    from rich.text import Text

    from readers.importance import ParameterImportance
    from readers.runtable import RunTable

_BAR = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MOST_WARNINGS = 8


class Method(StrEnum):
    """How importance is measured, as one types it."""

    permutation = "permutation"
    pedanova = "pedanova"
    fanova = "fanova"
    mdi = "mdi"
    spearman = "spearman"


def importance(
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="The experiment whose runs are looked at.")],
    *,
    metric: Annotated[
        str | None,
        typer.Option("--metric", "-m", metavar="METRIC", help="Of this; if left out, of the most telling one."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="PARAM",
            help="Only this param; can be repeated. If left out, all that vary and half of the runs have.",
        ),
    ] = None,
    method: Annotated[
        Method, typer.Option("--method", help="How it is measured.", case_sensitive=False)
    ] = Method.permutation,
    mode: ModeOption = Mode.auto,
    value: ValueOption = Statistic.last,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also save a picture: .png, .svg or .pdf.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    cluster: ClusterOption = None,
) -> None:
    """Tell which params a metric depends on, with intervals and what to know before believing it.

    Example: steplog importance mnist --metric val_accuracy --param lr --param depth
    """
    from readers.analyzer import HyperparameterAnalyzer
    from readers.runtable import RunTable

    opened = open_store(store, cluster)
    with asking(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the answer has them too, and they are shown with it
        table = RunTable.read(opened, experiments=[experiment])
        metric = metric or headline_of(table)
        if metric is None:
            raise AskedWrongly("no run has a metric, so nothing depends on anything")
        found = HyperparameterAnalyzer(opened).analyze_parameter_importance(
            experiment, metric, _params(table, param), method=method.value, mode=mode.value, value=value.value
        )
        if plot is not None:
            _draw(found, plot)
    if json:
        print_json(_data(found))
        return
    _print(found)
    if plot is not None:
        console().print(cell(f"picture: {plot}", "dim"))


def _params(table: "RunTable", asked: list[str] | None) -> list[str] | None:
    """The params asked for; else those that vary and that half of the runs have; None, which is all, if none do.

    Raises: LookupFailed: no run has one that was asked for.
    """
    for name in asked or []:
        if name not in table.param_names:
            raise LookupFailed.among("param", name, table.param_names)
    return asked or varying_params(table) or None


def _draw(found: "ParameterImportance", path: Path) -> None:
    from readers.figures.importance import importance_figure
    from readers.figures.style import save

    save(importance_figure(found), path)


def _print(found: "ParameterImportance") -> None:
    screen = console()
    about = f"  {found.method}, {count_of(found.n, 'run')}"
    if found.r2 == found.r2:
        about += f"; the params foretell {max(found.r2, 0):.0%} of its variance in unseen runs (R2 {found.r2:.2f})"
    screen.print(cell(f"what {found.metric} depends on", "bold"), cell(about, "dim"), sep="")
    names = sorted(found, key=lambda name: (found.ranks.get(name, len(found)), name))
    level = f"{found.level:.0%} interval"
    columns = [
        Column("", [cell(found.ranks.get(name, "-"), "dim") for name in names], right=True),
        Column("param", [cell(name, limit=40) for name in names]),
        Column("importance", [cell(f"{found[name]:.1%}") for name in names], right=True),
        Column("", [_bar(found[name]) for name in names]),
        Column(level, [cell(_percent(found.intervals.get(name))) for name in names], right=True),
        Column("may rank", [cell(_ranks(found.rank_intervals.get(name))) for name in names], right=True),
        Column("more of it goes with", [cell(_effect(found, name)) for name in names]),
    ]
    print_columns(screen, columns, always=3)
    for text in found.warnings[:_MOST_WARNINGS]:
        screen.print(cell(f"! {text}", "yellow"))
    if len(found.warnings) > _MOST_WARNINGS:
        screen.print(cell(f"… and {len(found.warnings) - _MOST_WARNINGS} more warnings; --json has them all", "yellow"))


def _data(found: "ParameterImportance") -> dict[str, Any]:
    names = ("metric", "method", "direction", "level", "n", "left_out", "r2", "warnings")
    params = [
        {
            "param": name,
            "importance": share,
            "interval": found.intervals.get(name),
            "rank": found.ranks.get(name),
            "rank_interval": found.rank_intervals.get(name),
            "effect": found.effects.get(name),
        }
        for name, share in found.items()
    ]
    return {**{name: getattr(found, name) for name in names}, "params": params}


def _bar(share: float) -> "Text":
    """A share of 1 as a bar."""
    eighths = round(min(max(share, 0.0), 1.0) * _BAR * 8)
    return cell("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip(), "cyan")


def _percent(interval: tuple[float, float] | None) -> str:
    if interval is None or interval[0] != interval[0]:
        return "-"
    return f"{interval[0]:.0%} to {interval[1]:.0%}"


def _ranks(interval: tuple[int, int] | None) -> str:
    if interval is None:
        return "-"
    return f"{interval[0]}" if interval[0] == interval[1] else f"{interval[0]} to {interval[1]}"


def _effect(found: "ParameterImportance", name: str) -> str:
    """Whether more of a param goes with more of the metric."""
    rho = found.effects.get(name)
    if rho is None or rho != rho or abs(rho) < 0.1:  # noqa: PLR0124 - NaN
        return "-"
    return f"{'higher' if rho > 0 else 'lower'} {found.metric} ({rho:+.2f})"

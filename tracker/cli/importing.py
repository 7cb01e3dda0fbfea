"""steplog import: runs of another tracker into a store."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer

from readers.visible import visible
from tracker.cli.options import DEFAULT_STORE, JsonOption, StoreOption, asking
from tracker.cli.screen import cell, console, count_of, print_json, size, table

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from readers.imports.found import RunSource
    from readers.imports.outcome import ImportReport

_SHOWN = 20


class Kind(StrEnum):
    """A kind of source, as one types it."""

    tensorboard = "tensorboard"
    csv = "csv"
    mlflow = "mlflow"
    wandb = "wandb"


def import_(
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="Where the runs come from: mlflow, tensorboard, csv, wandb.")
    ],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The folder or file with the runs, or a server's address.")
    ],
    *,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", "-e", metavar="NAME", help="The experiment's name; with mlflow, only this one."),
    ] = None,
    step_column: Annotated[
        str | None, typer.Option("--step-column", metavar="NAME", help="With csv: the column of steps.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option("--time-column", metavar="NAME", help="With csv: the column of times.")
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Take runs of another tracker over into the store, which is made when missing; twice adds nothing.

    Times, steps and values stay what they are. Killed, the same command goes on; of a source that has grown, it adds
    what is new. Exit code 1 when something could not be read: it is said, and all else is there.

    Example: steplog import tensorboard runs/ --store experiments
    """
    from readers.imports.importer import Unwatched, import_runs

    with asking():
        found = _open(kind, source, experiment, step_column, time_column)
    if json or not sys.stderr.isatty():
        report = import_runs(found, store, watching=Unwatched())
    else:
        with _bar() as bar:
            report = import_runs(found, store, watching=bar)
    if json:
        print_json({"store": str(store), **{name: getattr(report, name) for name in report.__struct_fields__}})
    else:
        _print(report, store)
    if report.problems:
        raise typer.Exit(1)


def _open(kind: Kind, source: str, experiment: str | None, step: str | None, time: str | None) -> "RunSource":
    """The source. Raises: ImportFailed, ValueError: it is none of that kind."""
    if kind is not Kind.csv and (step is not None or time is not None):
        raise ValueError("--step-column and --time-column are for csv")
    match kind:
        case Kind.tensorboard:
            from readers.imports.tensorboard import TensorBoardLogs

            return TensorBoardLogs(source, experiment)
        case Kind.csv:
            from readers.imports.csvlogs import CsvLogs

            return CsvLogs(source, experiment, step=step, time=time)
        case Kind.wandb:
            from readers.imports.wandb import WandbExport

            return WandbExport(source, experiment)
        case Kind.mlflow:
            return _open_mlflow(source, experiment)


def _open_mlflow(source: str, experiment: str | None) -> "RunSource":
    """A server or database by its address; a folder by its path, also behind file:."""
    path = url2pathname(urlsplit(source).path) if source.startswith("file:") else source
    if "://" in path:
        from readers.imports.mlflowserver import MlflowServer

        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # MLflow's own go on for four minutes
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        return MlflowServer(path, experiment)
    from readers.imports.mlruns import MlrunsFolder

    return MlrunsFolder(path, experiment)


class _Bar:
    """A bar on stderr, so that stdout has the table alone."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("looking", total=None, points=0)
        self._points = self._runs = 0

    def begin(self, runs: int | None) -> None:
        """Know how many runs there are."""
        self._progress.update(self._task, total=runs)

    def run(self, name: str) -> None:
        """Show the run that is being looked at."""
        self._progress.update(self._task, completed=self._runs, description=visible(name, 40))
        self._runs += 1

    def points(self, count: int) -> None:
        """Show how many points came in."""
        self._points += count
        self._progress.update(self._task, points=self._points)


@contextmanager
def _bar() -> "Iterator[_Bar]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs  {task.fields[points]:,} points "),
        TimeElapsedColumn(),
        TextColumn(" {task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress)


def _print(report: "ImportReport", store: str) -> None:
    screen = console()
    if report.experiments:
        shown = table("experiment", "runs", right=("runs",))
        for name, runs in sorted(report.experiments.items()):
            shown.add_row(cell(name), f"{runs:,}")
        screen.print(shown)
    parts = [
        (report.runs, f"{count_of(report.runs, 'run')} came in"),
        (report.continued, f"{report.continued:,} continued"),
        (report.unchanged, f"{report.unchanged:,} there already"),
        (report.left_out, f"{report.left_out:,} left out"),
    ]
    words = ", ".join(text for count, text in parts if count) or "no runs found"
    artifacts = f", {count_of(report.artifacts, 'artifact')} ({size(report.artifact_bytes)})" * bool(report.artifacts)
    screen.print(cell(f"{store}: {words}; {count_of(report.points, 'point')}{artifacts}"), soft_wrap=True)
    for lines, style in ((report.notes, "dim"), (report.problems, "red")):
        for line in lines[:_SHOWN]:
            screen.print(cell(line, style), soft_wrap=True)
        if len(lines) > _SHOWN:
            screen.print(cell(f"and {len(lines) - _SHOWN:,} more; --json lists them all", style))

"""steplog demo: a real study, logged run by run, then read back from the files it left."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ingest.layout import TABLES, Layout
from readers.models import Models
from tracker.cli import study
from tracker.cli.options import DEFAULT_STORE
from tracker.cli.screen import cell, console, count_of, duration, number, size, table
from tracker.experiment import ExperimentTracker

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

    from readers.store import Store

EXPERIMENT = "digits/mlp-grid"
MODEL = "digits-mlp"
_BEST = 8
_SHOWN_PARAMS = ("hidden", "learning_rate", "batch_size", "alpha")
_SHOWN_METRICS = ("val_loss", "val_accuracy")


class Result(NamedTuple):
    """A finished trial."""

    run_id: str
    trial: study.Trial
    last: study.Epoch


class Diary:
    """Logs the study's runs, and knows how much of the time that took."""

    def __init__(self, tracker: ExperimentTracker) -> None:
        self.tracker = tracker
        self.calls_s: list[float] = []

    def epochs(self, epochs: Iterator[study.Epoch]) -> study.Epoch:
        """Log each epoch as it comes; returns the last."""
        last = None
        for step, last in enumerate(epochs):
            began = time.perf_counter()
            self.tracker.log_metrics(last._asdict(), step=step)
            self.calls_s.append(time.perf_counter() - began)
        if last is None:
            raise ValueError("a trial has at least one epoch")
        return last


def demo(
    *,
    output_dir: Annotated[
        str, typer.Option("--output-dir", envvar="STEPLOG_DIR", metavar="DIR", help="Where the store goes.")
    ] = DEFAULT_STORE,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Trials of the study, one run each.")] = 64,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Epochs of each trial.")] = 30,
) -> None:
    """Run a hyperparameter study on scikit-learn's digits and log every run of it (about 20 s)."""
    screen = console()
    with screen.status("Loading scikit-learn and its 1,797 handwritten digits"):
        data = study.load_digits()
    began = time.perf_counter()
    try:
        opened = ExperimentTracker(output_dir, EXPERIMENT)
    except ValueError as error:  # a STEPLOG_ variable says something impossible
        raise typer.BadParameter(str(error)) from error
    with opened as tracker, study.one_thread():
        diary = Diary(tracker)
        best = _search(screen, diary, data, study.trials(runs), epochs)
        with screen.status("Training the best one again, for the test images it has not seen"):
            final = _finish(diary, data, best, epochs)
    took = time.perf_counter() - began
    _report(screen, diary, took, runs + 1)
    _read_back(screen, tracker.layout, Path(output_dir), [best.run_id, final])


def _search(screen: "Console", diary: Diary, data: study.Digits, trials: list[study.Trial], epochs: int) -> Result:
    """Run every trial; returns the one that is best on the validation images."""
    tracker = diary.tracker
    results: list[Result] = []
    with _progress(screen) as progress:
        task = progress.add_task("training", total=len(trials), best="")
        for number_of, trial in enumerate(trials):
            with tracker.start_run(
                run_name=f"trial-{number_of:02d}", group="search", tags={"stage": "search"}
            ) as run_id:
                tracker.log_params(trial.params)
                last = diary.epochs(study.Network(trial).train(data, epochs))
            results.append(Result(str(run_id), trial, last))
            best = max(results, key=lambda result: (result.last.val_accuracy, -result.last.val_loss))
            progress.update(task, advance=1, best=f"best validation accuracy {best.last.val_accuracy:.4f}")
    return best


def _finish(diary: Diary, data: study.Digits, best: Result, epochs: int) -> str:
    """Train the selected settings once more, measure them on the test images, keep the model; returns the run's id."""
    tracker = diary.tracker
    network = study.Network(best.trial)
    with tracker.start_run(run_name="final", tags={"stage": "final", "selected_run": best.run_id}) as run_id:
        tracker.log_params(best.trial.params)
        diary.epochs(network.train(data, epochs))
        predicted = network.model.predict(data.test_images)
        tracker.log_metrics({"test_accuracy": float((predicted == data.test_digits).mean())})
        tracker.log_confusion_matrix(data.test_digits, predicted)
        tracker.log_model(network.model, MODEL)
    return str(run_id)


def _progress(screen: "Console") -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[best]}"),
        console=screen,
    )


def _report(screen: "Console", diary: Diary, took: float, runs: int) -> None:
    stats, calls = diary.tracker.stats(), diary.calls_s
    screen.print(
        cell(
            f"{count_of(runs, 'run')}, {count_of(stats.points, 'point')} in {duration(took)}. "
            f"{count_of(len(calls), 'log_metrics call')} took {sum(calls) * 1000:.0f} ms of it "
            f"({sum(calls) / took:.2%})."
        )
    )


def _read_back(screen: "Console", layout: Layout, shown_as: Path, runs: list[str]) -> None:
    """Show what the store says, which is all that is left of the study now."""
    from readers.store import Store

    store = Store(layout.root)
    screen.print()
    screen.print(cell("The best runs, by validation accuracy", "bold"))
    screen.print(_best_runs(store))
    screen.print()
    screen.print(cell("The files", "bold"))
    screen.print(_files(layout, shown_as, runs[-1]))
    screen.print()
    screen.print(cell("Read them with anything that reads Parquet", "bold"))
    metrics = str(shown_as / "metrics")
    lines = [
        f"polars   pl.read_parquet({metrics + '/'!r})",
        f"duckdb   SELECT key, min(value), max(value) FROM '{metrics}/*/*.parquet' GROUP BY key",  # noqa: S608 - shown
    ]
    for line in lines:
        screen.print(cell(f"  {line}"), soft_wrap=True)
    screen.print()
    where, there = ("", "") if shown_as == Path(DEFAULT_STORE) else (f" --store {shown_as}", f" {shown_as}")
    further = f"steplog ls{where} · steplog show{where} final · steplog ui{there}"
    screen.print(cell("Go on with", "bold"), cell(further), soft_wrap=True)


def _best_runs(store: "Store") -> "Table":
    """The runs of the search that end with the highest validation accuracy."""
    columns = (*_SHOWN_PARAMS, *_SHOWN_METRICS)
    rows = table("run", *columns, right=columns)
    runs = [run for run in store.experiment_runs(EXPERIMENT) if run["tags"].get("stage") == "search"]
    runs.sort(key=lambda run: (-run["metrics"]["val_accuracy"], run["metrics"]["val_loss"]))
    for run in runs[:_BEST]:
        params = (cell(run["params"][name]) for name in _SHOWN_PARAMS)
        rows.add_row(cell(run["run_name"]), *params, *(number(run["metrics"][key]) for key in _SHOWN_METRICS))
    return rows


def _files(layout: Layout, shown_as: Path, run_id: str) -> "Tree":
    """What the study left on disk, folder by folder."""
    from rich.tree import Tree

    tree = Tree(cell(f"{shown_as}/", "bold"), guide_style="dim")
    what = {
        "metrics": "every point",
        "facts": "params, tags, status",
        "summaries": "last, min, max",
    }
    for name in TABLES:
        branch = tree.add(cell(f"{name}/"))
        for partition in sorted(layout.table(name).iterdir()):
            branch.add(_folder(partition, f"{partition.name}/", what[name]))
    branch = tree.add(cell("artifacts/"))
    branch.add(_folder(layout.run_artifacts(run_id), f"{run_id}/", "confusion matrix"))
    branch = tree.add(cell("models/"))
    version = Models(layout).versions(MODEL)[-1]
    branch.add(_folder(layout.models / MODEL / str(version), f"{MODEL}/{version}/", "model of the final run"))
    return tree


def _folder(folder: Path, name: str, what: str) -> "Text":
    files = [path for path in folder.rglob("*") if path.is_file()]
    total = size(sum(path.stat().st_size for path in files))
    return cell(name).append(f"  {count_of(len(files), 'file')}, {total}: {what}", style="dim")

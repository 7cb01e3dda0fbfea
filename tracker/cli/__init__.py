"""The `steplog` command: look at a store, follow a run, keep the store in order, and a demo that fills one.

Exit codes: 0 done; 1 it could not be done, or `check` found damage; 2 asked wrongly, or for something that isn't there.
What goes wrong for a reason of the user's is one line on stderr, never a traceback; a traceback is a bug of ours.
Heavy packages are imported by the commands that need them, so that `steplog --help` answers at once.
"""

import sys
from typing import Annotated

import typer

from ingest.errors import LookupFailed, TrackerError
from readers.visible import visible
from tracker.cli import (
    automl,
    best,
    compare,
    demo,
    export,
    importance,
    importing,
    models,
    query,
    report,
    runs,
    show,
    stop,
    sync,
    tail,
    top,
    ui,
    upkeep,
    watch,
)
from tracker.cli.options import AskedWrongly

app = typer.Typer(
    name="steplog",
    help="Track machine-learning experiments in plain files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    """Print the installed package's version, and end."""
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"steplog {version('steplog')}")  # noqa: T201 - this is the output
    except PackageNotFoundError:
        fail("its version is unknown, because it isn't installed; install it with 'pip install .'", 1)
    raise typer.Exit


@app.callback()
def _steplog(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
) -> None:
    """Take what stands before the command."""


app.command("demo")(demo.demo)
app.command("ls")(runs.ls)
app.command("show")(show.show)
app.command("tail")(tail.tail)
app.command("top")(top.top)
app.command("watch")(watch.watch)
app.command("stop")(stop.stop)
app.command("ui")(ui.ui)
app.command("compare")(compare.compare)
app.command("best")(best.best)
app.command("importance")(importance.importance)
app.command("automl")(automl.automl)
app.command("query")(query.query)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("import")(importing.import_)
app.add_typer(models.app, name="models")
app.command("sync")(sync.sync)
app.command("check")(upkeep.check)
app.command("compact")(upkeep.compact)


def main() -> None:
    """Run the command line; the entry point of `steplog`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its escape
    try:
        app()
    except TrackerError as error:
        fail(str(error), 2 if isinstance(error, LookupFailed | AskedWrongly) else 1)
    except OSError as error:
        fail(f"{error.strerror or error}" + (f": {error.filename!r}" if error.filename else ""), 1)


def fail(message: str, code: int) -> None:
    """End with one line on stderr."""
    print(f"steplog: {visible(message)}", file=sys.stderr)  # noqa: T201 - the command's own voice
    sys.exit(code)

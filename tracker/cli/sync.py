"""steplog sync: send what a store has to an MLflow server, or to object storage; what is there stays as it is."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from readers.visible import visible
from tracker.cli import uploading
from tracker.cli.options import DEFAULT_STORE, AskedWrongly, JsonOption, open_layout
from tracker.cli.screen import cell, console, print_json

if TYPE_CHECKING:
    from readers.mlflow.attempts import State

_SHOWN = 10


def sync(
    context: typer.Context,
    store: Annotated[
        str,
        typer.Argument(
            envvar="STEPLOG_DIR", metavar="[STORE]", help="What output_dir was: a folder, or s3://...; or a spool."
        ),
    ] = DEFAULT_STORE,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            envvar="MLFLOW_TRACKING_URI",
            metavar="URI",
            help="An MLflow server, as http://localhost:5000, or s3://bucket/prefix. What was logged with an address "
            "needs none.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send everything once more; what is there already stays as it is.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0, help="Give up after so long; the next sync goes on."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send a store to an MLflow server or to object storage, from where the last sync stopped.

    Of a training with output_dir="s3://...", what is left on this host: steplog sync s3://bucket/prefix. Of a node that
    died, its disk's spool: steplog sync FOLDER.
    """
    source = context.get_parameter_source("to")
    upload = uploading.meant(store, to, explicit=source is not None and source.name == "COMMANDLINE")
    if upload is not None:
        uploading.upload(upload, again=again, timeout=timeout, json=json)
        return
    if to is None:
        raise AskedWrongly("where to? Give --to http://localhost:5000 for an MLflow server, or --to s3://bucket/prefix")
    from readers.mlflow.forwarder import Forwarder

    layout = open_layout(store)
    with Forwarder(layout.root, to, everything=True, again=again, on_change=_say_trouble()) as forwarder:
        before = forwarder.state
        done = forwarder.drain(timeout)
        after, aside = forwarder.state, forwarder.aside
    sent = {"points": after.points - before.points, "facts": after.facts - before.facts}
    if json:
        why = [{name: getattr(record, name) for name in record.__struct_fields__} for record in aside]
        print_json({"target": after.target, "done": done, "sent": sent, "error": after.error, "aside": why})
    else:
        screen = console()
        words = f"{sent['points']:,} points and {sent['facts']:,} params, tags and files sent to {after.target}."
        screen.print(cell(words), soft_wrap=True)
        if not done:
            screen.print(cell(f"Not all, in {timeout:g} s: the next sync goes on from here.", "yellow"))
        for record in aside[:_SHOWN]:
            what = f"Not taken: {record.kind} {record.key} of run {record.run_id}: {record.why}"
            screen.print(cell(what, "yellow"), soft_wrap=True)
        if len(aside) > _SHOWN:
            screen.print(cell(f"and {len(aside) - _SHOWN} more; --json has them all", "yellow"))
    if aside or not done:
        raise typer.Exit(1)


def _say_trouble() -> "Callable[[State], None]":
    """Make what says once, on stderr, each thing that is in the way."""
    said: set[str] = set()

    def say(state: "State") -> None:
        error = state.error
        if error is not None and error not in said:
            said.add(error)
            print(f"steplog: waiting for {state.target}: {visible(error)}", file=sys.stderr)  # noqa: T201

    return say

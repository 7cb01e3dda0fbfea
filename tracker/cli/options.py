"""What several commands take: the store, the run, JSON. Parsed here, so that it means the same everywhere."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import LookupFailed, StoreUnavailable
from ingest.layout import Layout

if TYPE_CHECKING:
    from readers.store import Store

StoreOption = Annotated[
    Path, typer.Option("--store", envvar="STEPLOG_DIR", metavar="DIR", help="The store: what output_dir was.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, a beginning of one that is unique, or its name.")
]
DEFAULT_STORE = Path("experiments")


class StoreNotFound(StoreUnavailable, LookupFailed):
    """No store lies where the command was told to look: asked for something that isn't there, so exit code 2."""


def open_layout(folder: Path) -> Layout:
    """The layout of an existing store.

    Raises: StoreNotFound: there is none. FormatTooNew: it was written by a newer version.
    """
    layout = Layout(folder)
    if not layout.check():
        message = (
            f"no store at {os.fspath(folder)!r}; give its folder with --store DIR or STEPLOG_DIR, "
            "or make one with 'steplog demo'"
        )
        raise StoreNotFound(message)
    return layout


def open_store(folder: Path) -> "Store":
    """The readers' view of an existing store; errors as for open_layout."""
    from readers.store import Store

    return Store(open_layout(folder).root)

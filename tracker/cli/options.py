"""What several commands take: the store, runs, a metric, JSON. Parsed here, so that it means the same everywhere."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import LookupFailed, StoreUnavailable, TrackerError
from ingest.layout import Layout
from readers.opening import layout_of

if TYPE_CHECKING:
    from readers.store import Store
from readers.visible import visible

StoreOption = Annotated[
    str, typer.Option("--store", envvar="STEPLOG_DIR", metavar="DIR", help="The store: what output_dir was.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, a beginning of one that is unique, or its name.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        envvar="STEPLOG_CLUSTER",
        metavar="ADDRESS",
        help="Who reads the files: a Dask scheduler, as tcp://host:8786, or Ray, as ray://host:10001.",
    ),
]
DEFAULT_STORE = "experiments"


class Mode(StrEnum):
    """Which way a metric is better, as one types it."""

    auto = "auto"
    min = "min"
    max = "max"


ModeOption = Annotated[
    Mode, typer.Option("--mode", help="Which way the metric is better; auto goes by its name.", case_sensitive=False)
]


class Statistic(StrEnum):
    """Which number of a metric's history speaks for a run, as one types it."""

    last = "last"
    best = "best"
    min = "min"
    max = "max"
    mean = "mean"
    first = "first"


ValueOption = Annotated[
    Statistic, typer.Option("--value", help="Which number of the metric's history speaks for a run.")
]


class StoreNotFound(StoreUnavailable, LookupFailed):
    """No store lies where the command was told to look: asked for something that isn't there, so exit code 2."""


class AskedWrongly(TrackerError):
    """What was asked can't be answered as it was asked: exit code 2."""


@contextmanager
def asking() -> Iterator[None]:
    """Around a question to the readers: misuse is exit code 2, and what they warn of is a line on stderr.

    Raises: AskedWrongly: in place of a ValueError.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except ValueError as error:
            raise AskedWrongly(str(error)) from error
    for text in dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning):
        print(f"steplog: {visible(text)}", file=sys.stderr)  # noqa: T201 - the command's own voice


def open_layout(place: str) -> Layout:
    """The layout of an existing store.

    Raises: StoreNotFound: there is none. FormatTooNew: it was written by a newer version. AskedWrongly: an address that
        is none.
    """
    try:
        layout = layout_of(place)
    except ValueError as error:
        raise AskedWrongly(str(error)) from error
    if not layout.check():
        if not layout.adopts:
            raise StoreNotFound(f"no store at {place!r}: nothing was uploaded there; --store or STEPLOG_DIR names one")
        message = (
            f"no store at {place!r}; give its folder with --store DIR or STEPLOG_DIR, or make one with 'steplog demo'"
        )
        raise StoreNotFound(message)
    return layout


def open_store(place: str, cluster: str | None = None) -> "Store":
    """The readers' view of an existing store; errors as for open_layout.

    Args:
        cluster: the address of who reads its files.

    Raises: AskedWrongly: that is none. ClusterUnavailable: nobody answers there.
    """
    from readers.store import Store

    opened = open_layout(place).place
    if not cluster:
        return Store(opened)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said once, and by us
    try:
        return Store(opened, cluster=cluster)
    except (ValueError, ImportError) as error:
        raise AskedWrongly(str(error)) from error


def run_ids(store: "Store", asked: list[str] | None) -> list[str] | None:
    """The ids of the runs that are meant, each once; None for none. Raises: RunNotFound."""
    return list(dict.fromkeys(map(store.resolve_run, asked))) if asked else None

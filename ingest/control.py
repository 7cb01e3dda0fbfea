"""What people ask of a run that goes on: to stop. A file each, control/<run_id>.stop, in the store.

A training loop asks for it every half second, in each of its processes, so it is a file: whether it is there costs one
`stat` and needs no reader. The request is a fact of the run, too (kind "control"), which stays when the file goes. The
file says who asked, for people; that it is there is all that programs look at. It goes when the run is resumed after
nobody ran it any more: a request is for the life that it was made in.
"""

import json
import os
import socket
from datetime import UTC, datetime

from ingest.layout import DIRECTORY_MODE, RUN_ID, Layout, write_atomically

KIND = "control"
"""Of the facts that say what was asked."""


def request_stop(layout: Layout, run_id: str, by: str) -> None:
    """Ask a run to stop; twice is once.

    Raises: ValueError: no run has such an id. OSError: the file can't be written.
    """
    if not RUN_ID.fullmatch(run_id):  # as in a store that somebody made by hand: it shall not name a file elsewhere
        raise ValueError(f"run {run_id!r} can't be asked to stop: its id is none that this project gives")
    about = {"by": by, "host": socket.gethostname(), "time": datetime.now(UTC).isoformat(timespec="seconds")}
    layout.control.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    write_atomically(layout.stop_file(run_id), json.dumps(about).encode(), layout.tmp)


def is_stop_requested(layout: Layout, run_id: str) -> bool:
    """Whether a run is asked to stop. Raises: OSError: it can't be told."""
    if not RUN_ID.fullmatch(run_id):
        return False
    try:
        os.stat(layout.stop_file(run_id))  # noqa: PTH116 - a Path would be made of it first
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def withdraw_stop(layout: Layout, run_id: str) -> None:
    """Ask it no more. Raises: OSError: the file can't be removed."""
    layout.stop_file(run_id).unlink(missing_ok=True)

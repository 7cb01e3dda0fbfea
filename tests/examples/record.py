"""Run one example and keep a copy of what it hands to the tracker, to compare with what the store gives back.

    python record.py EXAMPLE.py CALLS.pickle

Each public method that logs is wrapped for the time of the run; the example itself is not touched. A call is kept as it
was at the moment of the call: (method, positional arguments, keyword arguments, result).
"""

import functools
import pickle
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracker import ExperimentTracker

RECORDED = (
    "start_run",
    "log_params",
    "log_metrics",
    "set_tags",
    "set_run_status",
    "log_model",
    "log_text",
    "log_numpy_array",
    "log_dataframe",
    "log_artifact_data",
)


def recording(name: str, method: Callable[..., Any], calls: list[bytes]) -> Callable[..., Any]:
    """Wrap a method so that its arguments and result are kept."""

    @functools.wraps(method)
    def wrapped(self: ExperimentTracker, *args: Any, **kwargs: Any) -> Any:
        arguments = pickle.dumps((args, kwargs))
        result = method(self, *args, **kwargs)
        calls.append(pickle.dumps((name, *pickle.loads(arguments), str(result))))
        return result

    return wrapped


def main(example: str, calls_file: str) -> None:
    """Run the example; write the calls also when it fails."""
    calls: list[bytes] = []
    for name in RECORDED:
        setattr(ExperimentTracker, name, recording(name, getattr(ExperimentTracker, name), calls))
    try:
        runpy.run_path(example, run_name="__main__")
    finally:
        Path(calls_file).write_bytes(pickle.dumps([pickle.loads(call) for call in calls]))


if __name__ == "__main__":
    main(*sys.argv[1:])

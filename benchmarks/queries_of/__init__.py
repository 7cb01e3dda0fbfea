"""One adapter a tool for `queries`: fills a store, and asks it in the way that the tool's documentation gives.

Where a tool has several ways, the fastest is taken. Each question's answer is in the tool's own form (a data frame,
objects, dicts); `told` brings it to plain numbers, outside the measured time. The modules import their library late,
and this one imports only the adapter that is asked for, so that a process pays for one tool.
"""

import importlib

from benchmarks.queries_of.contract import QUESTIONS, Queried

__all__ = ["NAMES", "QUESTIONS", "Queried", "named"]

NAMES = ("steplog", "trackio", "aim", "mlflow", "tensorboard")
"""Every tool, ours first."""


def named(name: str) -> Queried:
    """The adapter of that name."""
    found: Queried = importlib.import_module(f"benchmarks.queries_of.{name}").TOOL
    return found

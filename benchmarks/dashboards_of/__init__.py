"""One adapter a tool for `dashboard`: starts its server over a store, and asks it over HTTP what its own pages ask.

Where a page asks request by request, so does its adapter; where the server has one request for all, that is taken.
"""

import importlib

from benchmarks.dashboards_of.contract import QUESTIONS, Client, Served

__all__ = ["NAMES", "QUESTIONS", "Client", "Served", "named"]

NAMES = ("steplog", "tensorboard", "trackio", "mlflow")
"""Every tool, ours first."""


def named(name: str) -> Served:
    """The adapter of that name."""
    found: Served = importlib.import_module(f"benchmarks.dashboards_of.{name}").TOOL
    return found

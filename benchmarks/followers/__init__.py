"""One adapter a tool for `tail_latency`: how another process follows a run while it is written.

Only tools whose documentation gives a way to read a run that goes on. Who has no way of following but to read again is
read again as often as ours looks by default. Aim is left out: `query_metrics` and `Run.metrics` of another process give
nothing of a run before Aim's own indexing process has come to it. The modules import their library late, and this one
imports only the adapter that is asked for.
"""

import importlib

from benchmarks.followers.contract import Follower

__all__ = ["NAMES", "Follower", "named"]

NAMES = ("steplog", "trackio", "tensorboard", "mlflow-async")
"""Every tool that can be followed, by the name of its peer."""


def named(name: str) -> Follower:
    """The adapter of that name."""
    found: Follower = importlib.import_module(f"benchmarks.followers.{name.partition('-')[0]}").TOOL
    return found

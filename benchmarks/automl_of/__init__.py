"""One adapter an AutoML tool for `automl`: it fits within some seconds, then predicts. Libraries are imported late."""

import importlib

from benchmarks.automl_of.contract import Fitter

__all__ = ["NAMES", "Fitter", "named"]

NAMES = ("steplog", "flaml", "flaml_ensemble", "histogram_boosting", "random_forest")
"""Every tool, ours first; the last two are plain baselines, fitted once with their defaults."""


def named(name: str) -> Fitter:
    """The adapter of that name."""
    module, _, variant = name.partition("_") if name.startswith("flaml") else (name, "", "")
    module = "plain" if name in {"histogram_boosting", "random_forest"} else module
    tools: dict[str, Fitter] = importlib.import_module(f"benchmarks.automl_of.{module}").TOOLS
    return tools[variant or name]

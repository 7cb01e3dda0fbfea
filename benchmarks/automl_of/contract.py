"""What `automl` asks of a tool."""

from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers import Installed

DATA = ("scikit-learn==1.9.1", "pandas==3.1.1")
"""The same for all: they hold the data, and read them."""
COMMON = (*DATA, "lightgbm==4.7.0", "xgboost==3.2.0")
"""What all searches may use."""


class Fitter(Installed, Protocol):
    """One tool, set up as its documentation says; one thread."""

    def load(self) -> None:
        """Import what a fit needs: its time doesn't count."""

    def fit(self, X: Any, y: Any, *, task: str, metric: str, budget_s: float, seed: int, folder: Path) -> Any:
        """Fit a model in about so many seconds. X: a pandas frame, y: codes or quantities."""

    def predict(self, model: Any, X: Any, task: str) -> Any:
        """Probabilities of the classes, shape (rows, classes), or quantities."""

    def chosen(self, model: Any) -> str:
        """What came out, in a word or two."""

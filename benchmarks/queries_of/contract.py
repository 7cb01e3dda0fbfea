"""What `queries` asks of a tool."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.peers.contract import Installed

if TYPE_CHECKING:
    from benchmarks.query_data import Run

QUESTIONS = {
    "table": "all runs with their params and last metrics, as one table",
    "history": "one metric's full history over all runs",
    "best": "the best run by a metric",
    "compare": "100 runs side by side: params and metrics",
    "importance": "which params matter, with intervals",
}
"""The questions, each a method of the same name."""

Told = dict[str, Any]


class Queried(Installed, Protocol):
    """One tool, its store filled and asked. A method that it lacks is a question that it can't answer."""

    @property
    def questions(self) -> Sequence[str]:
        """Those that it can answer."""

    def create(self, folder: Path, runs: "Iterable[Run]") -> list[str]:
        """Log the runs to `folder`; their ids, in order."""

    def open(self, folder: Path) -> None:
        """Import what the questions need, and open the store."""

    def ask(self, question: str, metric: str, run_ids: Sequence[str]) -> Any:
        """The answer, in the tool's own form.

        Args:
            metric: for "history", "best" and "importance".
            run_ids: for "compare".
        """

    def told(self, question: str, metric: str, answer: Any) -> Told:
        """What an answer says, in plain numbers: see query_data.expected; a run by its id."""

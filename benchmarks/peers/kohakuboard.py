"""KohakuBoard: a multiprocessing queue to a writer process."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class KohakuBoard:
    """A local board. Its own step counter gives the steps, so `log` isn't given ours."""

    name = "kohakuboard"
    requirements = ("kohakuboard==0.0.1", "kohakuvault==1.1.0", NUMPY)
    settings = "local, capture_output=False; steps counted by the board"
    environment: Mapping[str, str] = {}

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        from kohakuboard.client import Board

        self._board: Any = Board(name="r", project="bench", base_dir=folder, capture_output=False)
        log_values = self._board.log

        def log(metrics: dict[str, float], step: int) -> None:
            del step
            log_values(**metrics)

        return log

    def close(self) -> None:
        """Finish the board: it waits 30 s for its writer, then kills it and exits the process."""
        self._board.finish()

    def count_points(self, folder: Path) -> int | None:
        """Not told: the files are a private format."""
        del folder
        return None

"""Aim: RocksDB, written in the caller."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class Aim:
    """A local repository; `track` is given the whole dict, as its documentation allows."""

    name = "aim"
    requirements = ("aim==3.29.1", NUMPY, "setuptools==80.9.0")
    settings = "local repo, system_tracking_interval=None, capture_terminal_logs=False"
    environment: Mapping[str, str] = {"__AIM_DISABLE_TELEMETRY__": "1"}

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        import aim

        self._run: Any = aim.Run(
            repo=str(folder), experiment="bench", system_tracking_interval=None, capture_terminal_logs=False
        )
        track = self._run.track

        def log(metrics: dict[str, float], step: int) -> None:
            track(metrics, step=step)

        return log

    def close(self) -> None:
        """Close the run."""
        self._run.close()

    def count_points(self, folder: Path) -> int | None:
        """Not told: the files are a private format."""
        del folder
        return None

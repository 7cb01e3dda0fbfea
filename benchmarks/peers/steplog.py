"""Ours, from this repository."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class Steplog:
    """The default, crash-safe queue; automatic capture off, as with the peers."""

    name = "steplog"
    requirements = (".", NUMPY)
    settings = "auto_log=False; crash-safe queue (default)"
    environment: Mapping[str, str] = {}

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        from tracker import ExperimentTracker

        self._tracker: Any = ExperimentTracker(output_dir=folder, experiment_name="bench", auto_log=False)
        self._tracker.start_run("r")
        log: LogCall = self._tracker.log_metrics
        return log

    def close(self) -> None:
        """End the run; its files are sealed Parquet when this returns."""
        self._tracker.end_run()
        self._tracker.close()

    def count_points(self, folder: Path) -> int | None:
        """Rows of the sealed metrics files, from their footers."""
        from pyarrow import parquet

        parts = (folder / "metrics").rglob("*.parquet")
        return sum(int(parquet.read_metadata(part).num_rows) for part in parts)

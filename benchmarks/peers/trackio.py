"""Trackio: a list drained by a thread into SQLite."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class Trackio:
    """A local run; no server is started unless `trackio.show()` asks for one."""

    name = "trackio"
    requirements = ("trackio==0.43.0", NUMPY)
    settings = "local (SQLite), auto_log_cpu=False, auto_log_gpu=False, embed=False"
    environment: Mapping[str, str] = {
        "TRACKIO_DIR": "{folder}",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        del folder  # TRACKIO_DIR says it
        import trackio

        self._trackio: Any = trackio
        run = trackio.init(project="bench", name="r", embed=False, auto_log_cpu=False, auto_log_gpu=False)
        log: LogCall = run.log
        return log

    def close(self) -> None:
        """Finish the run; waits for its thread."""
        self._trackio.finish()

    def count_points(self, folder: Path) -> int | None:
        """Keys of the rows of the metrics tables."""
        points = 0
        for path in folder.glob("*.db"):
            with closing(sqlite3.connect(path)) as database:
                points += sum(len(json.loads(row)) for (row,) in database.execute("SELECT metrics FROM metrics"))
        return points

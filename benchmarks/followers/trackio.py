"""Trackio: the rows of its SQLite file behind the last one."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.followers.contract import LOOK_S


class Trackio:
    """Read-only SQL, as `trackio query` does it."""

    how = f"read-only SQL as `trackio query`, the rows behind the last step, every {LOOK_S} s"

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps of new rows; the folder is told by the environment."""
        del metric
        from trackio.sqlite_storage import SQLiteStorage

        last = -1
        while True:
            rows: list[dict[str, Any]] = []
            if any(folder.glob("*.db")):
                query = f"SELECT step FROM metrics WHERE step > {last} ORDER BY step"  # noqa: S608 - a number
                try:
                    rows = SQLiteStorage.query_project("bench", query, max_rows=1_000_000)["rows"]
                except Exception as error:  # noqa: BLE001 - the tables aren't there yet
                    print(error)
            steps = [int(row["step"]) for row in rows]
            last = max([last, *steps])
            yield steps
            time.sleep(LOOK_S)


TOOL = Trackio()

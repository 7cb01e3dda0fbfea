"""Aim: a run's series, whole each time."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.followers.contract import LOOK_S


class Aim:
    """`Repo.iter_runs`, `Run.metrics`, as its documentation reads a repository."""

    how = f"Repo.iter_runs and Run.metrics every {LOOK_S} s"

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps behind the last one."""
        import aim

        yield []
        while not (folder / ".aim" / "meta").exists():
            time.sleep(LOOK_S)
        last = -1
        while True:
            steps: list[int] = []
            try:
                repo = aim.Repo(str(folder))
                for run in repo.iter_runs():
                    for series in run.metrics():
                        if series.name == metric:
                            steps += [int(step) for step in series.values.sparse_list()[0] if step > last]
            except Exception as error:  # noqa: BLE001 - the repository is being made
                print(error)
            last = max([last, *steps])
            yield sorted(steps)
            time.sleep(LOOK_S)


TOOL = Aim()

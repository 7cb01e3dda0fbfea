"""Missing: runs that are to be sent whole, as the cursor has passed what nobody wanted then, or the server didn't take.

once            with all of a store's runs: those that weren't to be forwarded before
from the start  those whose catching up was broken off by the end of its process
each RETRY_S    those that the server didn't let us make
"""

import time
from collections.abc import Collection

from readers.mlflow.progress import Progress
from readers.mlflow.setaside import Refusals
from readers.store import Store

RETRY_S = 60.0


class Missing:
    """Which runs these are. One thread."""

    def __init__(self, store: Store, progress: Progress, refusals: Refusals, *, everything: bool) -> None:
        self._store = store
        self._progress = progress
        self._refusals = refusals
        self._behind = everything and not progress.fresh
        self._found = [] if everything else [run_id for run_id, run in progress.runs.items() if not run.whole]
        self._retried_at = time.monotonic()

    def runs(self, marked: Collection[str]) -> list[str]:
        """Them; the same ones until they are `done`.

        Args:
            marked: runs that are forwarded already.
        """
        self._found = self._found or self._find(marked)
        return self._found

    def done(self) -> None:
        """They were dealt with."""
        self._found = []

    def hurry(self) -> None:
        """Ask for refused ones at the next look."""
        self._retried_at = float("-inf")

    def _find(self, marked: Collection[str]) -> list[str]:
        found = {run_id for run_id in self._store.run_ids() if run_id not in marked} if self._behind else set()
        self._behind = False
        if self._refusals.runs and time.monotonic() - self._retried_at > RETRY_S:
            self._retried_at = time.monotonic()
            found |= self._refusals.runs - self._progress.runs.keys()
        for run_id in found:
            self._refusals.retry(run_id)
        return sorted(found)

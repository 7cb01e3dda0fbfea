"""should_stop: a training loop asks whether somebody wants its run to end.

The wish is a file in the store (see ingest.control), so it reaches each process of the run, forked or spawned, of any
rank, on any host that has the store. Looking is one `stat`, at most every 0.5 s for each run and process; between two
looks the last answer stands, for a tenth of a microsecond.
"""

import time
from contextlib import suppress

from ingest.control import is_stop_requested, withdraw_stop
from tracker.facade import Facade
from tracker.run import ActiveRun, ActiveRuns

LOOK_S = 0.5
_monotonic = time.monotonic


class Stopping(Facade):
    """The part of ExperimentTracker that hears from outside."""

    _runs: ActiveRuns

    def should_stop(self, run_id: str | None = None) -> bool:
        """Whether somebody asked the run to stop, on its page or by `steplog stop`.

        It is for the training loop to ask, and to leave as it sees fit: `if tracker.should_stop(): break`. It becomes
        true in every process of the run within 0.5 s and stays so. A run that is resumed after nobody ran it any more
        begins anew, without it.

        Args:
            run_id: default: the current run.

        Returns: False also when the run isn't active in this tracker, or when it can't be told. Never raises.
        """
        run = self._runs.only
        if run is None or run_id is not None:
            run = self._runs.current() if run_id is None else self._runs.by_id.get(str(run_id))
            if run is None:
                return False
        if _monotonic() < run.stop_look_s:
            return run.stop
        return self._look(run)

    def _look(self, run: ActiveRun) -> bool:
        """Look now, and not again for a while."""
        run.stop_look_s = _monotonic() + LOOK_S
        with suppress(OSError):  # a mount that is away, say: what was known stands
            run.stop = is_stop_requested(self.layout, run.id)
        return run.stop

    def _forget_stop(self, run_id: str) -> None:
        """At the resumption of a run: withdraw the wish of an earlier life, which ended or was killed.

        When somebody runs it at this moment (the other ranks, who resume it too, say), the wish is meant for that life.
        """
        try:
            if not is_stop_requested(self.layout, run_id):
                return
            from readers.lookup import is_running  # Arrow

            if not is_running(self.layout, run_id):
                withdraw_stop(self.layout, run_id)
        except OSError as error:
            self._fault(f"withdrawing the stop of run {run_id}", error)

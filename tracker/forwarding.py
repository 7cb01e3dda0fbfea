"""Backend "mlflow" or "both": a tracker's runs on an MLflow server, by a process that reads the store's files.

No log call knows of it. A run asks to be forwarded by one fact at its start; the process is started with the first run
and ends with the tracker. Ending a run waits for it, for `forward_wait_s` at most and only while the server answers, so
that the server has the run when `end_run` returns if it can. What is left then is in the store; it is forwarded by this
process as long as it lives, by the next tracker with this backend, or by `steplog sync`.

The user's own mlflow in this process is left alone: its active run, its experiment, its autologging.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING

from ingest.events import FactLogged
from readers.mlflow.address import check_uri, target_id, without_credentials
from readers.mlflow.installed import check_installed
from readers.mlflow.process import ForwarderProcess, Forwarding

if TYPE_CHECKING:
    from readers.mlflow.serverframes import ServerFrames
    from readers.mlflow.source import MLflowSource
    from tracker.experiment import ExperimentTracker
    from tracker.run import ActiveRun

MARK = "forward"
"""Kind of the fact by which a run asks to be forwarded; its key is the target's id."""
_log = logging.getLogger("steplog.mlflow")


class RemoteRuns:
    """The forwarding of one tracker.

    Raises: ForwardingError: no server is named, what is named is none, or MLflow isn't installed.
    """

    def __init__(self, tracker: "ExperimentTracker") -> None:
        uri = tracker.settings.mlflow_tracking_uri or _set_in_this_process()
        self._uri = check_uri(uri)
        check_installed(self._uri, "; or set STEPLOG_BACKEND=local and send the runs later")
        self._shown = without_credentials(self._uri)
        self._mark = target_id(self._uri)
        self._tracker = tracker
        self._process: ForwarderProcess | None = None
        self._pid = 0
        self._gave_up = False
        self._source: MLflowSource | None = None

    def begin(self, run: "ActiveRun") -> None:
        """Let a run that has just started be forwarded."""
        tracker = self._tracker
        tracker._append(  # noqa: SLF001 - the tracker's own part
            FactLogged(run.id, run.experiment, tracker._now(), MARK, {self._mark: f'"{_plain(self._shown)}"'})  # noqa: SLF001
        )
        if tracker.settings.rank == 0 and not self._alive():  # of a run's ranks one is enough
            self._launch()

    def settle(self, what: str) -> None:
        """Wait until the server has all, for a while; and say it if it hasn't."""
        process = self._process
        wait_s = self._tracker.settings.forward_wait_s
        if process is None or not self._alive() or (self._gave_up and not process.view().settled):
            return
        done = process.settle(wait_s)
        if process.busy:  # the other one sends it
            return
        if not done and not self._gave_up and wait_s:
            view = process.view()
            why = f" ({view.error})" if view.error else ""
            _log.warning(
                "%s: %s doesn't have everything after %g s%s; %d records that were read wait. All is in %s, and "
                "forwarding goes on; what is left at the end is sent by 'steplog sync'",
                what, self._shown, wait_s, why, view.waiting, self._tracker.root,
            )  # fmt: skip
        self._gave_up = not done

    def frames(self) -> "ServerFrames":
        """The runs as the server has them, after waiting as `settle` does; what it still lacks then is said.

        Raises: ServerUnavailable: it doesn't answer.
        """
        silent = self._gave_up or not self._tracker.settings.forward_wait_s
        self.settle("a question")
        if silent and self._gave_up:  # else settle has said it
            _log.warning(
                "%s is asked, but doesn't have everything yet: %d records that were read wait. All is in %s",
                self._shown, self.view().waiting, self._tracker.root,
            )  # fmt: skip
        if self._source is None:
            from readers.mlflow.source import MLflowSource  # Polars, for who asks

            root = str(self._tracker.root)
            otherwise = (
                f"What this tracker logged is in its store, too: Store({root!r}) answers, as does backend='both'"
            )
            self._source = MLflowSource(self._uri, otherwise=otherwise)
        return self._source.frames()

    def view(self) -> Forwarding:
        """How it stands."""
        if self._process is None or self._pid != os.getpid():
            return Forwarding(self._shown, False, 0, 0, 0, 0, False, None)  # noqa: FBT003 - a record
        return self._process.view()

    def close(self) -> None:
        """Wait once more, then end the process."""
        process, ours = self._process, self._pid == os.getpid()
        if process is not None and ours:
            self._tracker._make_visible()  # noqa: SLF001 - the tracker's own part
            self.settle("close")
            process.stop()
        self._process = None

    def _launch(self) -> None:
        tracker = self._tracker
        try:
            self._process = ForwarderProcess(
                tracker.root, self._uri, self._shown, linger_s=tracker.settings.forward_wait_s
            )
        except OSError as error:
            tracker._fault("forward", error)  # noqa: SLF001 - one place says, counts, or raises
            return
        self._pid, self._gave_up = os.getpid(), False
        tracker._at_close(self.close)  # noqa: SLF001 - it ends with the tracker

    def _alive(self) -> bool:
        return self._process is not None and self._pid == os.getpid() and self._process.alive


def _set_in_this_process() -> str | None:
    """Where the user's own mlflow logs to, if it was told."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and getattr(mlflow, "is_tracking_uri_set", bool)():
        return str(mlflow.get_tracking_uri())
    return None


def _plain(text: str) -> str:
    """A text that is JSON between quotes as it is."""
    return "".join(character for character in text if character.isprintable() and character not in '"\\')

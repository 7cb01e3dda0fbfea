"""What the tracker offers to the mixins that make it up, and the one way in which they all store a file.

`ExperimentTracker` is made of parts (artifacts, models, diagnostics, environment). A part uses only what stands here,
so that it can be read, and tested, without the rest.
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ingest.events import ArtifactLogged, FactEvent
from ingest.files import ByteSink, put_stream
from ingest.layout import Layout
from tracker.mediatypes import media_type
from tracker.pngtitle import titled
from tracker.run import ActiveRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.numbered import Reserve
    from readers.store import Store

_T = TypeVar("_T")


class Facade:
    """The tracker as its parts see it."""

    layout: Layout
    auto_log: bool
    _disabled: bool
    """Every log call is accepted and does nothing."""
    _last_run_id: str | None
    """The run that was started last, ended or not."""

    def _run(self, run_id: str | None) -> ActiveRun:
        """Give the active run that a log call means. Raises: NoActiveRun."""
        raise NotImplementedError

    def _asked_run(self, run_id: str | None) -> str:
        """Give the run that a question means: the current one, else the last. Raises: NoActiveRun."""
        raise NotImplementedError

    def _append(self, event: FactEvent) -> None:
        """Queue a fact."""
        raise NotImplementedError

    def _now(self) -> int:
        """Give the wall time in nanoseconds."""
        raise NotImplementedError

    def _make_visible(self) -> None:
        """Flush, as far as the disk lets it."""
        raise NotImplementedError

    def _store(self) -> "Store":
        """Flush, and give the store for reading back."""
        raise NotImplementedError

    def _answered(self, question: "Callable[[Store], _T]") -> "_T":
        """Flush, and ask the store; with an address that can't be reached, what this host has of it."""
        raise NotImplementedError

    def _nearest(self, question: "Callable[[Layout], _T]") -> "_T":
        """Ask the files of artifacts, models and checkpoints; with an address as `_answered`."""
        raise NotImplementedError

    def _reserve(self, home: Path, about: str) -> "Reserve | None":
        """Give what reserves numbers in a home where other nodes give numbers, too; see ingest.numbered."""
        raise NotImplementedError

    def _fault(self, what: str, error: Exception) -> None:
        """Count and show a failure that must not stop the training; raise it only in strict mode."""
        raise NotImplementedError

    def _keep(
        self, run: ActiveRun, path: str, data: "bytes | memoryview | Callable[[ByteSink], object]", kind: str
    ) -> None:
        """Store an artifact's bytes and log that they lie there; a disk that fails is a fault, not an error.

        A PNG that was drawn here gets the run's name for a title. Raises: ValueError: as `put_stream`.
        """
        if kind == "figure" and not callable(data):
            data = titled(data, f"run {run.name!r} ({run.id}) of experiment {run.experiment!r}, logged with steplog")
        write = data if callable(data) else lambda sink: sink.write(data)
        try:
            stored = put_stream(self.layout.run_artifacts(run.id), path, write, tmp=self.layout.tmp)
        except OSError as error:
            self._fault(f"artifact {path!r} of run {run.id}", error)
            return
        self._append(
            ArtifactLogged(
                run_id=run.id,
                experiment=run.experiment,
                time_ns=self._now(),
                path=stored.path,
                size=stored.size,
                sha256=stored.sha256,
                media_type=media_type(stored.path),
                kind=kind,
            )
        )

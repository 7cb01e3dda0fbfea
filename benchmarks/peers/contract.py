"""What a benchmark asks of a tracker."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

LogCall = Callable[[dict[str, float], int], object]
"""Logs the metrics of one step. The peer's own bound method where its arguments fit, so that nothing is added."""


class Installed(Protocol):
    """What a tracker needs to be there."""

    @property
    def name(self) -> str:
        """Short name, as in the tables."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """What pip installs, pinned; the first one's version stands in the tables. "." is this repository."""

    @property
    def settings(self) -> str:
        """What differs from the peer's defaults, or how it is served and asked, in a line."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables of its processes; `{folder}`, `{store}`: where it logs to."""


class Peer(Installed, Protocol):
    """One tracker, set up as its documentation says."""

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""

    def close(self) -> None:
        """End the run the documented way; what it wrote is safe when this returns."""

    def count_points(self, folder: Path) -> int | None:
        """Points that lie on disk after close, or None where that can't be told cheaply."""


NUMPY = "numpy==2.4.6"
"""The training loop's numpy, the same for all peers."""

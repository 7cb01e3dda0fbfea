"""What `tail_latency` asks of a tool."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

LOOK_S = 0.05
"""Seconds between two looks of a tool that has to be read again and again."""


class Follower(Protocol):
    """One tool, followed from another process."""

    @property
    def how(self) -> str:
        """How it is followed, in a line."""

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps of the metric's points as they become visible, each once; [] where nothing was new. Never ends.

        It begins before the run does: a folder without anything in it is one where nothing is new.
        """

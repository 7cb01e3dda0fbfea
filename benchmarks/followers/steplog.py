"""Ours, by follow_sync with its defaults."""

from collections.abc import Iterator
from pathlib import Path


class Steplog:
    """Batches as they come; nothing is said about how often to look."""

    how = "tracker.follow_sync, defaults"

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps of each batch."""
        from tracker import follow_sync

        yield []
        for batch in follow_sync(folder, keys=[metric]):
            yield batch.points["step"].to_list()


TOOL = Steplog()

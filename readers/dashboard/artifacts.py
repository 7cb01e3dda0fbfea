"""Artifacts of a run, addressed by their place in the order in which they were first logged.

No text of a request is ever made a path: the index leads to a fact, the fact's path is checked as artifact names are,
and walked from the store's folder one component at a time without following links (see ingest.files.open_beneath).
"""

from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from ingest.errors import ArtifactNotFound, SegmentCorrupt
from ingest.files import open_beneath
from ingest.layout import Layout
from readers.texts import parsed


class Artifact(NamedTuple):
    """What is known of an artifact."""

    index: int
    path: str
    size: int
    sha256: str
    media_type: str
    kind: str
    time: Any

    def told(self) -> dict[str, object]:
        """For the run's page."""
        about = self._asdict()
        del about["sha256"]
        return {**about, "previewable": False}


def listed(facts: pl.DataFrame) -> list[Artifact]:
    """A run's artifacts by the order of their first event; what is told of each is what its last one says."""
    rows = facts.filter(kind="artifact").select("key", "value", "time").iter_rows()
    last: dict[str, tuple[str, Any]] = {}
    for path, value, time in rows:
        last[path] = value, time  # keeps the place of the first
    return [_artifact(index, path, *about) for index, (path, about) in enumerate(last.items())]


def _artifact(index: int, path: str, value: str, time: object) -> Artifact:
    about = parsed(value)
    told = about if isinstance(about, Mapping) else {}
    size = told.get("size")
    return Artifact(
        index=index,
        path=path,
        size=size if isinstance(size, int) else 0,
        sha256=str(told.get("sha256", "")),
        media_type=str(told.get("media_type", "application/octet-stream"))[:200],
        kind=str(told.get("kind", "file"))[:200],
        time=time,
    )


def opened(layout: Layout, run_id: str, artifact: Artifact) -> BinaryIO:
    """The artifact's file. Raises: ArtifactNotFound: it is gone, or isn't a plain file of the run's own folder."""
    if "/" in run_id:
        raise ArtifactNotFound(f"artifact {artifact.index} can't be opened: its run's id is no folder's name")
    try:
        return open_beneath(layout.artifacts, f"{run_id}/{artifact.path}")
    except (OSError, ValueError, SegmentCorrupt) as error:
        message = f"artifact {artifact.index} was logged, but its file can't be opened; it was moved or deleted"
        raise ArtifactNotFound(message) from error

"""Counters that account for every event."""

import msgspec


class Stats(msgspec.Struct, frozen=True):
    """Where every event of one writer is: appended == queued + written + dropped + failed, between two drains."""

    appended: int
    """Events that log calls handed over."""
    queued: int
    """In the queue or the ring, not yet visible to readers."""
    written: int
    """Visible to readers, live or sealed."""
    dropped: int
    """Metrics given up because neither disk nor ring had room."""
    failed: int
    """Records that could not be understood when they were decoded."""
    points: int
    """Metric values written."""
    segments: int
    """Segments sealed as Parquet."""
    faults: int
    """Background failures so far, retried ones included."""
    last_error: str | None
    """What failed last, in words."""

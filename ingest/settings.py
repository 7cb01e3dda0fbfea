"""Every default of the pipeline once: its unit, what it trades, what the user sees at the edge."""

import os
from typing import Literal

import msgspec

MIB = 1 << 20
QueueKind = Literal["file", "append", "memory"]
Overflow = Literal["block", "drop_oldest", "raise"]


class PipelineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How events travel from a log call to files."""

    queue: QueueKind = "file"
    """Where the queue is. "file": a mapped file, so what was logged survives kill -9 (on network file systems: as
    "append"). "append": a file that takes one write a call, a microsecond more. "memory": what isn't flushed dies with
    the process."""

    queue_dir: str | os.PathLike[str] | None = None
    """A folder on local disk for the queue of a store on a network mount: a log call is as quick and as safe as on a
    local store then, and what travels over the network is sealed Parquet. Until a run is sealed, only readers on this
    host see it; and if the disk is wiped before that (scratch space of a job that was killed), what was not sealed is
    gone. None: the queue is in the store. A relative path is taken from where the tracker is made. For a store on
    object storage it is the folder that its spool is made in (see tracker.spool)."""

    overflow: Overflow = "block"
    """What a log call does when the queue is at its limit. "block" waits up to `block_timeout_s`, then keeps the event
    in a bounded ring in memory; "drop_oldest" goes to the ring at once; "raise" raises QueueFull. When the ring is full
    its oldest metrics are dropped and counted; params, tags and lifecycle events are never dropped."""

    block_timeout_s: float = 5.0
    """Seconds a log call may wait under "block". Longer loses less when the disk is slow; training stands meanwhile."""

    flush_interval_s: float = 0.4
    """Seconds between two looks of the background thread at the queue. Under queue "memory" it is the delay until a
    reader sees a point; otherwise readers see it at once, and a look only makes pages and files ahead."""

    stream_interval_s: float = 2.0
    """Seconds between two batches of the live Arrow streams, which other tools may read. Our own readers take from the
    queue file what was logged a moment ago; so each batch, a few milliseconds of work, can be rare."""

    sync_interval_s: float | None = 1.0
    """Seconds of logged events that a power cut can lose; None never syncs before sealing. A kill -9 loses none."""

    first_segment_bytes: int = 1 * MIB
    """Size of a writer's first queue file; each next one is four times as large, up to `segment_bytes`. Small keeps
    short runs cheap."""

    segment_bytes: int = 16 * MIB
    """Largest queue file; when full it becomes one sealed Parquet file a table (about 400,000 one-scalar calls)."""

    seal_interval_s: float = 60.0
    """Seconds after which logged events are sealed as Parquet even if the queue file isn't full. Shorter shows them
    sooner to tools that only read Parquet, and makes more small files for compaction. For a store on object storage the
    default is 300: what is logged is there long before, and each file costs requests."""

    end_seal_delay_s: float = 1.0
    """Seconds after the end of the last active run until what it left is sealed. Short runs that follow each other
    share a file; close(), exit and flush(seal=True) don't wait for it."""

    queue_bytes: int = 512 * MIB
    """Limit on events that are not yet sealed; beyond it `overflow` decides."""

    ring_bytes: int = 64 * MIB
    """Limit of the ring in memory that holds events while the disk takes none."""

    close_timeout_s: float = 30.0
    """Seconds that close() and exit wait for the background thread. What is left then is still safe in the queue file,
    and the next reader or tracker seals it."""

    compact_files: int = 32
    """Small files of one table and experiment that start an automatic compaction; 0 turns it off."""

    strict: bool = False
    """Raise a background failure at the next log call instead of warning once."""

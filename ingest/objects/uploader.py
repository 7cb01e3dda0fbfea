"""The uploader: a cursor over the files of one store, which brings what is new to a bucket, in an order that is safe.

One `drain`: (1) adopt what dead writers left (ingest.recovery); (2) fix what there is: the ends of the live segments,
then the sealed parts; (3) upload the files that are there by then, so that no row names a file that isn't; (4) sealed
parts, each segment committed (sealedparts); (5) live pieces (livepieces); (6) forget what is in the bucket for long.
Killed at any point and begun again it does what is left, and what is done twice changes nothing (journal).

The network. A request that fails for the network's or the server's sake is tried again, later and later, up to
`backoff_s`; one that is refused (credentials, no such bucket) at the slowest pace, as a person has to see to it. What
waits is the store's own files on disk; memory holds a few pieces and chunks. Nothing here is ever lost for a network
that is away; a drain that is out of time says so and leaves the rest to the next.

What the server does late (an answer that never came) can't harm: parts and pieces are the same bytes whenever they
arrive, and a late piece of a sealed segment is swept (livepieces). One process at a time uploads a store; others get
Busy.
"""

import random
import time
from collections.abc import Callable
from typing import Self

from ingest.compact import finish_swap_of
from ingest.errors import StoreError, StoreUnavailable
from ingest.layout import Layout, split_segment
from ingest.objects.attempts import Attempts, State
from ingest.objects.bucket import Bucket
from ingest.objects.claims import settle
from ingest.objects.compaction import adopt, compact_if_due
from ingest.objects.deletions import empty_deleted
from ingest.objects.journal import Journal, UploadLock
from ingest.objects.livepieces import LivePieces, Piece
from ingest.objects.names import SNAPSHOT_S
from ingest.objects.plainfiles import LocalFile, PlainFiles
from ingest.objects.sealedparts import MERGED, LocalPart, SealedParts
from ingest.objects.storefile import make_store
from ingest.objects.target import read_target
from ingest.objects.transfers import Halted, Transfers
from ingest.recovery import recover, remove_scratch

RECOVER_S = 30.0
SWEEP_S, QUIET_SWEEP_S = 60.0, 900.0
"""Seconds between two looks for what came late: while an answer is outstanding, and else."""
DOUBT_S = 1000.0
"""How long the server may do a put whose answer never came; S3 refuses signatures older than 900 s."""


class Uploader:
    """Uploads one store to one bucket; `close` it. One thread, but for `stop` and `state`.

    Args:
        layout: of the store. A spool's parts (see target) are deleted when they are in the bucket; no other's.
        bucket: where to. Its requests are made once here; repeating them is the uploader's.
        on_change: called with each new state, in the thread of `drain`.
        backoff_s: (first, longest) pause after a failure.

    Raises: Busy: another process uploads it. StoreUnavailable. FormatTooNew: the store's.
    """

    def __init__(
        self,
        layout: Layout,
        bucket: Bucket,
        *,
        on_change: Callable[[State], None] | None = None,
        backoff_s: tuple[float, float] = (0.25, 30.0),
    ) -> None:
        if not layout.check():
            raise StoreUnavailable(f"there is no store in {str(layout.root)!r} that could be uploaded")
        self._layout = layout
        self._bucket = bucket.once()
        self._attempts = Attempts(on_change or (lambda _state: None), backoff_s)
        self._lock = UploadLock(layout)
        try:
            self._journal = Journal(layout, bucket.address)
            self._is_spool = read_target(layout) == bucket.address
        except BaseException:
            self._lock.release()
            raise
        self._transfers = Transfers(meanwhile=self._beat)
        self._live = LivePieces(layout, self._bucket, self._transfers)
        self._sealed = SealedParts(layout, self._bucket, self._journal, self._live, self._transfers)
        self._files = PlainFiles(layout, self._bucket, self._journal, self._transfers)
        self._opened = False
        self._due_at = self._recovered_at = self._swept_at = -1e9
        self._doubt_until = time.monotonic()  # one sweep at the start: who was here before may have been killed

    # --- what its owner does

    def drain(self, timeout_s: float | None = None, *, last: bool = False) -> bool:
        """Bring all that is there now to the bucket; whether it is. If not, `state.error` says what is in the way.

        Args:
            timeout_s: after so many seconds it gives up; None: when something is in the way, after one try.
            last: it is the last time: look now who has died.
        """
        self._transfers.until = None if timeout_s is None else time.monotonic() + timeout_s
        if last:
            self._recovered_at = self._swept_at = -1e9
        try:
            if self._attempts.failing and not last:
                self._transfers.pause(self._attempts.pause_s)
            while True:
                try:
                    self._pass()
                    break
                except (StoreError, OSError) as error:
                    self._doubt_until = time.monotonic() + DOUBT_S
                    if not self._attempts.failed(error) or timeout_s is None:
                        return False
                    self._transfers.pause(self._attempts.pause_s)
        except Halted:
            self._doubt_until = time.monotonic() + DOUBT_S
            self._attempts.change(settled=False)
            return False
        self._due_at = time.monotonic() + SNAPSHOT_S * random.uniform(0.9, 1.0)  # noqa: S311 - nodes drift apart
        self._attempts.succeeded(self._files.left_out())
        self._compact()
        return True

    @property
    def state(self) -> State:
        """How it stands."""
        return self._attempts.state

    @property
    def pause_s(self) -> float:
        """Seconds until it is time for the next `drain`."""
        if self._attempts.failing:
            return self._attempts.pause_s
        return max(0.0, self._due_at - time.monotonic()) if self.state.settled else 0.0

    def stop(self) -> None:
        """End `drain` soon; any thread."""
        self._transfers.stop()

    def close(self) -> None:
        """Let another uploader go on."""
        self._transfers.close()
        self._journal.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # --- one pass

    def _pass(self) -> None:
        """Upload all that is there. Raises: ObjectsUnavailable. StoreError. OSError. Halted."""
        self._transfers.settle()  # what the last one left on its way
        self._open()
        self._recover()
        whole = False
        while not whole:  # what was sealed in the meantime is uploaded as such
            self._beat()
            pieces = self._live.waiting()
            parts, merged = self._sealed.waiting()
            self._sweep()
            self._transfers.one(lambda: settle(self._layout, self._bucket))
            files = self._files.waiting()
            self._tell_waiting(files, [*merged, *(part for found in parts.values() for part in found)], pieces)
            self._files.send(files, lambda file: self._attempts.sent(file.stamp.size, files=1))
            if self._is_spool:
                self._files.remove_gone()
                empty_deleted(self._layout, self._bucket)
            self._send_merged(merged)
            self._sealed.send(parts, lambda part: self._attempts.sent(part.size, parts=1))
            self._live.forget_gone(map(split_segment, parts))
            whole = self._live.send(pieces, self._count_piece)
        if self._is_spool:
            self._sealed.forget_old()
            self._files.forget_old()
        self._live.leave()

    def _open(self) -> None:
        """See that a store is there that this version can add to; and that here no compaction is in the middle."""
        if self._opened:
            return
        if self._layout.compaction_file.exists() and not finish_swap_of(self._layout):
            raise StoreUnavailable(f"{str(self._layout.root)!r} is being compacted; it is uploaded after that")
        self._transfers.one(lambda: make_store(self._bucket), self._note_opened)

    def _note_opened(self, _made: None) -> None:
        self._opened = True

    def _recover(self) -> None:
        if time.monotonic() - self._recovered_at < RECOVER_S:
            return
        report = recover(self._layout, pause=self._beat)
        remove_scratch(self._layout)
        self._recovered_at = time.monotonic()
        for line in report.trouble():
            self._attempts.say(line)

    def _sweep(self) -> None:
        """Look for what came to the bucket late; what is found goes with `forget_gone`."""
        pause_s = QUIET_SWEEP_S if self._swept_at > self._doubt_until else SWEEP_S
        if time.monotonic() - self._swept_at < pause_s:
            return
        self._live.sweep(split_segment(name)[0] for name in self._journal.segments if not name.startswith(MERGED))
        self._swept_at = time.monotonic()

    def _send_merged(self, merged: list[LocalPart]) -> None:
        """Bring parts that were compacted here before the first upload."""
        if not merged:
            return

        def adopted(_done: None) -> None:
            for part in merged:
                self._journal.note_segment(part.segment, time.time())
                self._attempts.sent(part.size, parts=1)
            self._journal.sync()

        self._transfers.one(
            lambda: adopt(self._bucket, [(part.table, part.key, part.path) for part in merged]), adopted
        )

    def _compact(self) -> None:
        """Compact the bucket if it is this node's turn; its troubles are its own."""
        try:
            compact_if_due(self._bucket, self._layout.tmp, self._journal.folder / "compacted")
        except (StoreError, OSError) as error:
            self._attempts.say(f"compaction waits: {error}")

    def _beat(self) -> None:
        if self._opened:
            self._live.beat()

    def _count_piece(self, piece: Piece) -> None:
        self._attempts.sent(piece.key.end - piece.key.start, waited=False, live=1)

    def _tell_waiting(self, files: list[LocalFile], parts: list[LocalPart], pieces: list[Piece]) -> None:
        self._attempts.change(
            waiting_parts=len(files) + len(parts),
            waiting_bytes=sum(file.stamp.size for file in files) + sum(part.size for part in parts),
            settled=self.state.settled and not (files or parts or pieces),
        )

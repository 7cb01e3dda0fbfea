"""Merges: the work of one compaction of a bucket. Several merged parts are made, and then count by one new state."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.compact import CompactionReport
from ingest.errors import ObjectsUnavailable
from ingest.layout import part_name
from ingest.objects.bucket import Bucket
from ingest.objects.merging import Input, describe, merge_inputs
from ingest.objects.names import RETIRED_S, scratch_key
from ingest.objects.retiring import finish, server_time
from ingest.objects.swaps import MergedPart, create, read_state
from ingest.objects.transfers import Transfers

MERGED = "compacted-"
"""Merged parts' names begin so."""
TOGETHER = 16
"""Merges that one state makes count: a state is as large as all that it says."""
_TRIES = 50


class _Merge(NamedTuple):
    """A merged part that lies in tmp/, and what it was made of."""

    part: MergedPart
    inputs: Sequence[Input]


class Merges:
    """Merges of one compaction: see compaction for the order. One thread.

    Raises: ObjectsUnavailable. FormatTooNew. SegmentCorrupt: the state is damaged.
    """

    def __init__(self, bucket: Bucket, tmp: Path, transfers: Transfers) -> None:
        self.report = CompactionReport()
        self.now = server_time(bucket)
        """The server's time at the start."""
        self._began = time.time(), time.monotonic()
        self._bucket = bucket
        self._tmp = tmp
        self._transfers = transfers
        self._made: list[_Merge] = []
        self.number, self.state = read_state(bucket)
        """The newest state as it is known."""

    def add(self, group: Sequence[Input]) -> None:
        """Merge one group. Raises: ObjectsUnavailable. OSError: the local disk."""
        merged = merge_inputs(self._bucket, self._tmp, group, self.report.damaged, self._transfers)
        if merged is None:
            return
        scratch, digest, whole = merged
        try:
            name = part_name(f"{MERGED}{scratch.stem}", digest)
            part = describe(whole[0].table, f"{whole[0].key.rpartition('/')[0]}/{name}", scratch_key(name), scratch)
            self._bucket.put(part.scratch, scratch)
        finally:
            scratch.unlink(missing_ok=True)
        self._made.append(_Merge(part, whole))
        if len(self._made) >= TOGETHER:
            self.commit()

    def commit(self) -> None:
        """Let the merges so far count, those of whose inputs none was merged by others. Raises: ObjectsUnavailable."""
        for _ in range(_TRIES):
            self._drop_late()
            if not self._made:
                return
            made, gone = self._made, {source.key for merge in self._made for source in merge.inputs}
            new = msgspec.structs.replace(
                self.state,
                parts=(*(part for part in self.state.parts if part.path not in gone), *(merge.part for merge in made)),
                replaced=(*self.state.replaced, *sorted(gone)),
                replaced_at=(*self.state.replaced_at, *(self.now for _ in gone)),
            )
            create(self._bucket, self.number + 1, new)
            self.number, self.state = read_state(self._bucket)
            if made[0].part.path in {*self.state.replaced, *(part.path for part in self.state.parts)}:
                finish(self._bucket, self.state, gone, self._transfers, only=[merge.part for merge in made])
                self._report()
                return
        raise ObjectsUnavailable(f"{self._bucket.address.shown}: others compact it all the time; try again later")

    def _drop_late(self) -> None:
        """Drop merges whose inputs don't all count any more, or that took too long to tell."""
        replaced, counted = {*self.state.replaced}, {part.path for part in self.state.parts}
        late = max(time.time() - self._began[0], time.monotonic() - self._began[1]) > RETIRED_S
        kept = [
            merge
            for merge in self._made
            if not late
            and all(
                source.key not in replaced and (source.key in counted or not is_merged(source.key))
                for source in merge.inputs
            )
        ]
        self._bucket.delete(merge.part.scratch for merge in self._made if merge not in kept)
        self._made = kept

    def _report(self) -> None:
        for merge in self._made:
            self.report.files_before += len(merge.inputs)
            self.report.files_after += 1
            self.report.bytes_before += sum(source.size for source in merge.inputs)
            self.report.bytes_after += merge.part.size
        self._made = []


def is_merged(key: str) -> bool:
    """Whether a part's key is that of a merged one."""
    return key.rpartition("/")[2].startswith(MERGED)

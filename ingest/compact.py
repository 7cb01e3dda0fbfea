"""Compaction: many small sealed parts become few large ones, sorted by run and key.

Guarantee (compaction): our readers count every row once at every moment of it (see catalog); a tool that lists the
folder itself can be off only between the two renames of one swap. Steps: (1) write the merged part in tmp/; (2) say so
in compaction.json: from here on the merged part counts and those it replaces don't; (3) rename it into place; (4) move
the replaced ones to retired/; (5) count up in compaction.json. A crash after (2) is finished by the next compaction: it
does (3)-(5) again, each of which does nothing when it is done already; should the merged part be gone by then, the swap
is taken back. One process at a time, by a lock that dies with it. Parts of live segments are left alone: readers rely
on finding them under their own names. A store that is, or was, uploaded isn't compacted: the bucket has its parts under
their names (see ingest.objects), and is compacted itself.

Which parts: tiers of about four-fold size, so that each row is rewritten a number of times that grows with the
logarithm of the table's size (as in O'Neil et al. 1996, "The log-structured merge-tree").
"""

import contextlib
import fcntl
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.catalog import Part, Swap, read_swap, snapshot
from ingest.digests import digest_of, verify
from ingest.errors import SegmentCorrupt
from ingest.layout import (
    DIRECTORY_MODE,
    FILE_MODE,
    TABLES,
    Layout,
    Table,
    new_run_id,
    part_name,
    sync_directory,
    write_atomically,
)
from ingest.parts import write_scratch
from ingest.summaries import merge

LARGEST_BYTES = 16 * 1024 * 1024
"""Parts of at least this size (about 5 million points) are left as they are."""
RETIRED_S = 600.0
"""Seconds for which replaced parts stay in retired/, for readers that listed them before."""
_FEWEST, _TIER = 4, 4
_MOST_BYTES, _MOST_BYTES_IN_TRAINING = (
    2 * LARGEST_BYTES,
    LARGEST_BYTES // 2,
)  # a merge takes some 20 times as much memory
_SORT: dict[Table, list[str]] = {"metrics": ["run_id", "key", "writer", "seq"], "facts": ["run_id", "writer", "seq"]}


class CompactionReport(msgspec.Struct):
    """What one compaction did."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    damaged: list[str] = []
    """Parts that were left alone because they are damaged."""
    busy: bool = False
    """Another process is compacting this store; nothing was done."""
    uploaded: bool = False
    """The store is uploaded to object storage, and compacted there; nothing was done."""


def compact(
    layout: Layout, *, fewest: int = 2, everything: bool = True, budget_s: float = math.inf
) -> CompactionReport:
    """Merge the small parts of every table and experiment.

    Args:
        layout: the store.
        fewest: number of parts that are worth merging.
        everything: merge all that is smaller than `LARGEST_BYTES`; otherwise only parts of about equal size.
        budget_s: begin no further merge after this time.

    Raises: OSError: the disk can't take it; the store is as before.
    """
    report = CompactionReport()
    with _only_one(layout) as alone:
        if not alone:
            report.busy = True
            return report
        _finish_swap(layout)
        if (layout.root / "upload").exists():
            report.uploaded = True
            return report
        _remove_retired(layout)
        deadline = time.monotonic() + budget_s
        for table in TABLES:
            for parts in _groups(layout, table, fewest, everything=everything):
                if time.monotonic() < deadline:
                    _merge(layout, table, parts, report)
    return report


def finish_swap_of(layout: Layout) -> bool:
    """Finish a swap that a crash interrupted; False when another process is at it."""
    with _only_one(layout) as alone:
        if alone:
            _finish_swap(layout)
        return alone


def compact_if_due(layout: Layout, files: int) -> None:
    """Merge parts of about equal size where an experiment has `files` or more; cheap when none has."""
    if any(_crowded(layout.table(table), files) for table in TABLES):
        compact(layout, fewest=max(_FEWEST, files // 2), everything=False, budget_s=1.0)


def _crowded(folder: Path, files: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(sum(1 for _ in partition.iterdir()) >= files for partition in folder.iterdir() if partition.is_dir())
    return False


@contextlib.contextmanager
def _only_one(layout: Layout) -> Iterator[bool]:
    """Hold the store's compaction lock; False when another process has it."""
    descriptor = os.open(layout.compaction_lock, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _groups(layout: Layout, table: Table, fewest: int, *, everything: bool) -> list[list[Part]]:
    """The parts to merge, group by group; each group is one experiment's and of a bounded size.

    What was written at one time is merged together: so a part holds the runs of some days, not some of all runs, and
    who asks for runs needs few parts.
    """
    groups: dict[tuple[str, int], list[tuple[int, int, Part]]] = defaultdict(list)
    most = _MOST_BYTES if everything else _MOST_BYTES_IN_TRAINING
    for part in snapshot(layout, table).parts:
        found = part.path.stat()
        if found.st_size < LARGEST_BYTES:
            tier = 0 if everything else int(math.log(max(found.st_size, 16 * 1024), _TIER))
            groups[part.experiment, tier].append((found.st_mtime_ns, found.st_size, part))
    aged = [[(size, part) for _, size, part in sorted(group)] for group in groups.values()]
    return [group for parts in aged for group in _bounded(parts, most) if len(group) >= fewest]


def _bounded(parts: Sequence[tuple[int, Part]], most: int) -> list[list[Part]]:
    """Cut a list into groups of at most `most` bytes, which bounds the memory of a merge."""
    groups: list[list[Part]] = [[]]
    total = 0
    for size, part in parts:
        if total + size > most and groups[-1]:
            groups.append([])
            total = 0
        groups[-1].append(part)
        total += size
    return groups


def _merge(layout: Layout, table: Table, parts: Sequence[Part], report: CompactionReport) -> None:
    """Merge one group, leaving damaged parts alone."""
    whole = [part for part in parts if _is_whole(part, report)]
    if len(whole) < 2:
        return
    sizes = [part.path.stat().st_size for part in whole]
    scratch = write_scratch(layout, table, [merged_rows(table, [part.path for part in whole])])
    name = part_name(f"compacted-{new_run_id()}", digest_of(scratch))
    final = layout.tmp / name
    scratch.rename(final)
    swap = Swap(
        generation=read_swap(layout).generation + 1,
        table=table,
        part=str((whole[0].path.parent / name).relative_to(layout.root)),
        scratch=str(final.relative_to(layout.root)),
        replaces=tuple(str(part.path.relative_to(layout.root)) for part in whole),
    )
    size = final.stat().st_size
    _write_swap(layout, swap)
    _finish_swap(layout)
    report.files_before += len(whole)
    report.files_after += 1
    report.bytes_before += sum(sizes)
    report.bytes_after += size


def merged_rows(table: Table, paths: Sequence[Path]) -> pa.Table:
    """The rows of several parts as one part holds them."""
    rows = pa.concat_tables(pq.ParquetFile(path).read() for path in paths)  # read_table imports much more
    if table == "summaries":
        return merge(rows)
    return rows.take(pc.sort_indices(rows, [(key, "ascending") for key in _SORT[table]]))


def _is_whole(part: Part, report: CompactionReport) -> bool:
    try:
        verify(part.path)
    except SegmentCorrupt as error:
        report.damaged.append(str(error))
        return False
    return True


def _finish_swap(layout: Layout) -> None:
    """Do what is left of the swap that compaction.json describes."""
    swap = read_swap(layout)
    if not swap.part:
        return
    target = layout.root / swap.part
    with contextlib.suppress(FileNotFoundError):  # renamed before the crash
        (layout.root / swap.scratch).rename(target)
    if target.exists():
        sync_directory(target.parent)
        for path in swap.replaces:
            _move(layout.root / path, layout.retired / path)
        sync_directory(target.parent)
    else:  # somebody emptied tmp/, or a power cut took a name: the parts that it was made of count again
        for path in swap.replaces:
            _move(layout.retired / path, layout.root / path)
    _write_swap(layout, Swap(generation=swap.generation + 1))


def _move(source: Path, target: Path) -> None:
    """Move a part; nothing is done when it was moved before the crash."""
    target.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        source.rename(target)
        os.utime(target)  # the grace period begins


def _write_swap(layout: Layout, swap: Swap) -> None:
    write_atomically(layout.compaction_file, msgspec.json.encode(swap), layout.tmp)


def _remove_retired(layout: Layout) -> None:
    """Remove replaced parts whose grace period is over."""
    for table in TABLES:
        for path in (layout.retired / table).glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > RETIRED_S:
                    path.unlink()
    for table in TABLES:
        for folder in (layout.retired / table).glob("*"):
            with contextlib.suppress(OSError):
                folder.rmdir()

"""The catalog: which files hold a table right now, exactly, without a lock.

Guarantee (snapshot): it holds every flushed event once, also while writers, sealing, recovery and compaction run.
Argument. A segment is live while its queue file exists. Live segments are listed before and after the sealed parts; a
segment that was live before and is gone after may have been listed half-sealed, so the listing is done again. Parts of
segments that are live after the listing are ignored: the live files hold the same rows. So each segment counts once.
Compaction describes its swap in compaction.json before it touches anything, and counts up there after it; equal content
before and after the listing means that no swap began or ended in between, and a swap in progress says which parts stand
for which. A file that vanishes between listing and reading makes the reader begin anew (`readers.scan`).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.home import may_be_home
from ingest.layout import Layout, Table, decode_name, segment_name, split_part

_TRIES = 200
_PAUSE_S = 0.005


class Part(NamedTuple):
    """A sealed Parquet file."""

    path: Path
    experiment: str
    segment: str
    digest: str


class LiveSegment(NamedTuple):
    """A segment that is not sealed yet."""

    writer: str
    number: int
    queue_file: Path


class Snapshot(NamedTuple):
    """Where one table's rows are at one moment."""

    parts: tuple[Part, ...]
    live: tuple[LiveSegment, ...]
    foreign: tuple[Path, ...]
    """Files in the table's folders that are not ours; ignored."""


class Swap(msgspec.Struct, frozen=True):
    """compaction.json: the swap in progress, or the count of those done."""

    generation: int = 0
    table: Table = "metrics"
    part: str = ""
    """Path of the new part relative to the root; "" when no swap is in progress."""
    scratch: str = ""
    """Where it lies until it is renamed to `part`."""
    replaces: tuple[str, ...] = ()
    """Paths of the parts it stands for, relative to the root."""


def snapshot(layout: Layout, table: Table) -> Snapshot:
    """List a table's files as of one moment.

    Raises: TimeoutError: the store changed in the middle of the listing, hundreds of times in a row.
    """
    for _ in range(_TRIES):
        before, swap = set(live_segments(layout)), read_swap(layout)
        found, foreign = list_parts(layout, table)
        after = live_segments(layout)
        if before.issubset(after) and read_swap(layout) == swap:
            live = {segment_name(segment.writer, segment.number) for segment in after}
            parts = _apply(layout, table, swap, found)
            return Snapshot(tuple(part for part in parts if part.segment not in live), tuple(after), tuple(foreign))
        time.sleep(_PAUSE_S)
    raise TimeoutError(f"the store {layout.root} changes faster than it can be listed; try again")


def live_segments(layout: Layout) -> list[LiveSegment]:
    """Every live segment, sorted by writer and number."""
    return sorted(segment for writer in live_writers(layout) for segment in segments_of(writer))


def live_writers(layout: Layout) -> list[Path]:
    """The folders of writers that have something unsealed, or live; of some only a link is here (see home)."""
    layout.refresh()
    try:
        with os.scandir(layout.live) as entries:
            return [Path(entry.path) for entry in entries if _is_writer(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_writer(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and may_be_home(Path(entry.path)))


def segments_of(folder: Path) -> Iterator[LiveSegment]:
    """The live segments of one writer's folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        stem, dot, kind = name.partition(".")
        if dot and kind == "queue" and stem.isdigit():
            yield LiveSegment(folder.name, int(stem), folder / name)


def read_swap(layout: Layout) -> Swap:
    """The state of compaction.

    Raises: SegmentCorrupt: the file that says it is damaged; to guess could count rows twice.
    """
    try:
        return msgspec.json.decode(layout.compaction_file.read_bytes(), type=Swap)
    except FileNotFoundError:
        return Swap()
    except msgspec.DecodeError as error:
        message = (
            f"{layout.compaction_file} is damaged ({error}): it says which parts a compaction is replacing. Restore it "
            "from a copy; or move it away, if no compaction was interrupted (tmp/ then holds no compacted-*.parquet)"
        )
        raise SegmentCorrupt(message) from error


def list_parts(layout: Layout, table: Table) -> tuple[list[Part], list[Path]]:
    """(parts, foreign files) of a table as the folders show them."""
    parts: list[Part] = []
    foreign: list[Path] = []
    listed = layout.listed(table)
    if listed is not None:
        return [*listed], []
    for folder, experiment in _partitions(layout, table):
        with os.scandir(folder) as entries:
            for entry in entries:
                named = split_part(entry.name)
                if named is None or not entry.is_file(follow_symlinks=False):
                    foreign.append(Path(entry.path))
                else:
                    parts.append(Part(Path(entry.path), experiment, *named))
    return parts, foreign


def _partitions(layout: Layout, table: Table) -> list[tuple[str, str]]:
    """(folder, experiment) for each experiment of a table."""
    try:
        with os.scandir(layout.table(table)) as entries:
            return sorted(
                (entry.path, decode_name(entry.name.removeprefix("experiment=")))
                for entry in entries
                if entry.name.startswith("experiment=") and entry.is_dir(follow_symlinks=False)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _apply(layout: Layout, table: Table, swap: Swap, parts: list[Part]) -> list[Part]:
    """Take a swap in progress as done: the new part for those it replaces, wherever each of them lies."""
    if not swap.part or swap.table != table:
        return parts
    target = layout.root / swap.part
    replaced = {layout.root / path for path in swap.replaces}
    kept = [part for part in parts if part.path not in replaced and part.path != target]
    named = split_part(target.name)
    if named is None:
        raise ValueError(f"{layout.compaction_file} names a part {swap.part!r} that is none")
    scratch = layout.root / swap.scratch
    if not scratch.exists() and not target.exists():  # in this order; both gone: the next compaction takes it back
        return parts
    where = scratch if scratch.exists() else target
    experiment = decode_name(target.parent.name.removeprefix("experiment="))
    return [*kept, Part(where, experiment, *named)]

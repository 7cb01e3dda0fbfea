"""Checking a store: is every file what was written, and does every table have what it should?

A check changes nothing; `repair` does what it can without guessing: it adopts what dead writers left, finishes a swap,
and moves damaged parts to retired/damaged, where they stay. Nothing is ever deleted.
"""

from pathlib import Path
from typing import Literal

import msgspec

from ingest.alive import is_alive
from ingest.catalog import Part, live_segments, live_writers, read_swap, snapshot
from ingest.compact import finish_swap_of
from ingest.digests import verify
from ingest.errors import SegmentCorrupt, StoreUnavailable
from ingest.home import home_of, is_wiped
from ingest.layout import DIRECTORY_MODE, TABLES, Layout, segment_name, sync_directory
from ingest.recovery import read_segment, recover

Kind = Literal["damaged", "torn", "lost", "orphan", "incomplete", "foreign", "swap"]
HARMFUL: frozenset[Kind] = frozenset({"damaged", "torn", "lost", "incomplete"})
"""Kinds that mean that something written is not there; the others mend themselves or do no harm."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that isn't as it should be."""

    kind: Kind
    path: str
    """Relative to the store's root."""
    detail: str
    repaired: bool = False


def check(layout: Layout, *, repair: bool = False) -> list[Finding]:
    """Look at every file of the store; with `repair`, mend what can be mended without guessing.

    Of a store on object storage every part is fetched for it, and nothing is mended.

    Raises: FormatTooNew, StoreUnavailable.
    """
    layout.check()
    if repair and not layout.adopts:
        raise StoreUnavailable(f"{layout.place!r} can be checked from here, but not mended; nothing was changed")
    findings = [Finding("foreign", name, "not a file of ours; ignored") for name in layout.foreign()]
    findings += _live(layout, repair=repair)
    findings += _swap(layout, repair=repair)
    found: dict[str, list[Part]] = {}
    for table in TABLES:
        shot = snapshot(layout, table)
        found[table] = list(shot.parts)
        findings += [
            Finding("foreign", _relative(layout, path), "not a file of ours; ignored") for path in shot.foreign
        ]
        for part in shot.parts:
            findings += _part(layout, part, repair=repair)
    return findings + _incomplete(layout, found)


def _live(layout: Layout, *, repair: bool) -> list[Finding]:
    """What dead writers left, and what of it is torn."""
    gone = "its queue folder {} is gone from this host, with what was not sealed"
    findings = [
        Finding("lost", _relative(layout, folder), gone.format(home_of(folder)), repair)
        for folder in live_writers(layout)
        if is_wiped(folder)
    ]
    dead = {folder.name for folder in live_writers(layout) if not is_alive(folder)}
    for segment in live_segments(layout):
        if segment.writer not in dead:
            continue
        where = _relative(layout, segment.queue_file)
        contents, extent, _ = read_segment(segment)
        events = f"{contents.events} events, {contents.points()} points of a dead writer"
        then = "the next reader or tracker adopts it" if layout.adopts else "the rest may be in the spool of its host"
        findings.append(Finding("orphan", where, f"{events}; {then}", repair))
        if extent.torn is not None:
            findings.append(Finding("torn", where, extent.torn, repair))
        findings += [Finding("damaged", where, line, repair) for line in contents.poisoned]
    if repair:
        recover(layout)
    return findings


def _swap(layout: Layout, *, repair: bool) -> list[Finding]:
    swap = read_swap(layout)
    if not swap.part:
        return []
    done = repair and finish_swap_of(layout)
    return [Finding("swap", swap.part, "a compaction was interrupted, or runs now; readers see through it", done)]


def _part(layout: Layout, part: Part, *, repair: bool) -> list[Finding]:
    try:
        layout.obtain(part.path)
        verify(part.path)
    except FileNotFoundError:  # compacted meanwhile
        return []
    except (SegmentCorrupt, OSError) as error:
        repaired = repair and _set_aside(layout, part.path)
        return [Finding("damaged", _relative(layout, part.path), str(error), repaired)]
    return []


def _set_aside(layout: Layout, path: Path) -> bool:
    kept = layout.retired / "damaged" / path.relative_to(layout.root)
    kept.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    path.rename(kept)
    sync_directory(path.parent)
    return True


def _incomplete(layout: Layout, found: dict[str, list[Part]]) -> list[Finding]:
    """Segments with metrics but no summaries or the other way round: one of them was lost."""
    keys = {
        table: {(part.experiment, part.segment) for part in parts if not part.segment.startswith("compacted-")}
        for table, parts in found.items()
    }
    live = {segment_name(segment.writer, segment.number) for segment in live_segments(layout)}
    compacted = {table: any(p.segment.startswith("compacted-") for p in parts) for table, parts in found.items()}
    findings = []
    for has, lacks in (("metrics", "summaries"), ("summaries", "metrics")):
        if compacted[lacks]:
            continue
        for experiment, segment in sorted(keys[has] - keys[lacks]):
            if segment not in live:
                where = f"{has}: {segment} of experiment {experiment!r}"
                findings.append(Finding("incomplete", where, f"it has {has} but no {lacks}"))
    return findings


def _relative(layout: Layout, path: Path) -> str:
    if not path.is_relative_to(layout.root):  # of a store that lies elsewhere
        return "/".join(path.parts[-3:])
    return str(path.relative_to(layout.root))

"""Kept: sealed parts of a spool that are in the bucket, and that somebody on this host may still ask for.

    <spool>/kept/metrics|facts|summaries/experiment=<e>/<name>.parquet

Readers of the bucket look at the spool's tables as well, for a moment after an upload; later a part must not lie there,
as compaction of the bucket puts its rows elsewhere. But two read the spool alone: who logs asks, without a network, for
the last values of its own runs; and a forwarder to an MLflow server may be hours behind. So the uploader moves a part
here while its writer lives or a forwarder is behind it, and removes it when neither is so any more. `SpoolLayout` is
the spool as these two see it: with what is here. It lists the tables first, so that a part that is being moved is seen.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ingest.alive import is_alive
from ingest.catalog import Part, list_parts
from ingest.home import home_of
from ingest.layout import DIRECTORY_MODE, TABLES, Layout, Table, split_segment
from ingest.objects.target import NAME

KEPT = "kept"


class SpoolLayout(Layout):
    """A spool with all that it has of its runs."""

    def listed(self, table: Table) -> Iterable[Part]:
        """The sealed parts of a table, each once."""
        found: dict[tuple[str, str], Part] = {}
        for layout in (Layout(self.root), _kept(self)):
            for part in list_parts(layout, table)[0]:
                found.setdefault((part.experiment, part.path.name), part)
        return found.values()


class _Cursor(msgspec.Struct):
    points: dict[str, int] = {}
    facts: dict[str, int] = {}


class _Progress(msgspec.Struct):
    """Of a forwarder's cursor.json what counts here."""

    cursor: _Cursor | None = None


def layout_at(root: str | os.PathLike[str]) -> Layout:
    """The layout of a folder: a spool's, if it is one."""
    layout = Layout(root)
    return SpoolLayout(root) if (layout.root / NAME).exists() else layout


def put_away(layout: Layout, table: Table, part: Path, segment: str) -> None:
    """Take a part out of a spool's tables: here, if it may be asked for. Raises: OSError."""
    if not (_lives(layout, segment) or _cursors(layout)):
        part.unlink(missing_ok=True)
        return
    folder = _kept(layout).table(table) / part.parent.name
    folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):  # somebody removed it by hand
        part.replace(folder / part.name)


def clear(layout: Layout) -> None:
    """Remove what nobody will ask for any more. Raises: OSError."""
    cursors = _cursors(layout)
    for table in TABLES:
        for part in list_parts(_kept(layout), table)[0]:
            if not _lives(layout, part.segment) and all(_is_behind(found, table, part) for found in cursors):
                part.path.unlink(missing_ok=True)


def _kept(layout: Layout) -> Layout:
    return Layout(layout.root / KEPT)


def _lives(layout: Layout, segment: str) -> bool:
    return is_alive(home_of(layout.writer(split_segment(segment)[0])))


def _cursors(layout: Layout) -> list[_Cursor]:
    """How far the forwarders of this store are."""
    return list(_read_cursors(layout.root / "forward"))


def _read_cursors(folder: Path) -> Iterator[_Cursor]:
    for file in folder.glob("*/cursor.json"):
        try:
            yield msgspec.json.decode(file.read_bytes(), type=_Progress).cursor or _Cursor()
        except FileNotFoundError:
            continue
        except ValueError:  # spoilt: it begins anew
            yield _Cursor()


def _is_behind(cursor: _Cursor, table: Table, part: Part) -> bool:
    """Whether a forwarder has taken all of a part."""
    if table == "summaries":
        return True
    import pyarrow.parquet as pq

    writer = split_segment(part.segment)[0]
    taken = (cursor.points if table == "metrics" else cursor.facts).get(writer, -1)
    metadata = pq.read_metadata(part.path)
    column = metadata.schema.names.index("seq")
    ends = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
    return all(end is not None and end.has_min_max and end.max <= taken for end in ends)

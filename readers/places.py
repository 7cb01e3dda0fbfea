"""Places: where a sealed part lies by the time it is read.

Compaction renames a part it made from tmp/ to its folder, and parts it replaced to retired/, where they stay for ten
minutes. The name stays the same and holds the checksum, so whichever place has the name has the bytes.
"""

from collections.abc import Iterator
from pathlib import Path

from ingest.catalog import Part
from ingest.layout import Layout, Table, decode_name
from readers.verified import Stamp, stamp_of

_PREFIX = "experiment="


def find(layout: Layout, table: Table, part: Part) -> tuple[Path, Stamp]:
    """The part's path now, and its stamp.

    Raises: FileNotFoundError: it was deleted, or replaced more than ten minutes ago.
    """
    layout.obtain(part.path)
    for path in _places(layout, table, part):
        try:
            return path, stamp_of(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(2, "deleted while it was read", str(part.path))


def is_partition(path: Path) -> bool:
    """Whether this is an experiment's folder."""
    return path.name.startswith(_PREFIX) and path.is_dir() and not path.is_symlink()


def _places(layout: Layout, table: Table, part: Part) -> Iterator[Path]:
    yield part.path
    folder = part.path.parent.name
    folders = [folder] if folder.startswith(_PREFIX) else _folders_of(layout, table, part.experiment)
    for name in folders:
        yield layout.table(table) / name / part.path.name
        yield layout.retired / table / name / part.path.name


def _folders_of(layout: Layout, table: Table, experiment: str) -> list[str]:
    """The folders that an experiment may have; one, but for names made up to look like a cut one."""
    names = [folder.name for folder in layout.table(table).glob(f"{_PREFIX}*")]
    return [name for name in names if decode_name(name.removeprefix(_PREFIX)) == experiment]

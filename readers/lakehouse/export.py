"""Export of a store's tables to Delta Lake or Iceberg.

What one gets: the tables `metrics` (one row a point), `facts` (all that was logged beside points, history included),
`summaries` (one row a run and metric), `params` and `tags` (their last values), `runs`; columns as the store's own
frames have them. Points, facts and summaries are partitioned by experiment. Sealed and live rows together; each table
as of the moment when it was read, `runs` last. Damaged files are left out, said, and named in the answer.

Guarantee (whole): each table changes in one commit: whoever reads it sees all of an export or nothing of it, also when
it is killed. A table that is there is refused, or replaced by a new version of it when asked; rows are never added to
what is there, so an export twice is an export once. Several tables are as many commits.
"""

import contextlib
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from ingest.errors import TrackerError
from ingest.objects.address import Address, is_address
from readers.lakehouse.datafiles import DataFile, arrow_schema, write
from readers.lakehouse.delta import DeltaTarget
from readers.lakehouse.iceberg import IcebergTarget
from readers.lakehouse.rows import LAKE_TABLES, LakeTable, Rows, schema_of
from readers.lakehouse.target import Target, TargetTable
from readers.runtable import RunTable
from readers.store import Store
from readers.verified import Damage

_PARTITIONED = ("metrics", "facts", "summaries")


class ExportedTable(NamedTuple):
    """A table that was written."""

    table: LakeTable
    address: str
    """Its folder or address; of Iceberg its identifier in the catalog."""
    rows: int
    files: int
    size: int
    """In bytes."""


class ExportedTables(NamedTuple):
    """What was written."""

    tables: list[ExportedTable]
    damaged: list[Damage]
    """Files of the store that were left out."""


def export_delta(
    store: Store,
    to: str | os.PathLike[str],
    *,
    tables: Sequence[LakeTable] | None = None,
    runs: Collection[str] | None = None,
    experiments: Collection[str] | None = None,
    replace: bool = False,
) -> ExportedTables:
    """Write tables as Delta tables in the folders `<to>/metrics` and so on.

    Args:
        to: a folder, or an address: s3://, gs://, az://.
        tables: which; None for all.
        runs, experiments: only these; None for all.
        replace: give tables that an earlier export made a new version; former ones can still be asked for.

    Raises: LibraryMissing (an ImportError): deltalake isn't installed. TableThere (a FileExistsError): a table is
        there. ValueError: something that isn't ours lies there, a wrong address, an unknown table. RunNotFound,
        ExperimentNotFound. ExportFailed: the target can't be written.
    """
    _check_apart(store, os.fspath(to))
    return _export(store, DeltaTarget(os.fspath(to)), tables, runs, experiments, replace=replace)


def export_iceberg(
    store: Store,
    to: str | os.PathLike[str],
    *,
    catalog: str | Mapping[str, str] | None = None,
    tables: Sequence[LakeTable] | None = None,
    runs: Collection[str] | None = None,
    experiments: Collection[str] | None = None,
    replace: bool = False,
) -> ExportedTables:
    """Write tables as Iceberg tables, `steplog.metrics` and so on.

    Args:
        to: a folder, in which the catalog is made, too; with `catalog`, the namespace.
        catalog: the name of a catalog that pyiceberg is configured for, or the properties of one with its `name`.
        tables, runs, experiments, replace: as for export_delta.

    Raises: as export_delta, of pyiceberg.
    """
    if catalog is None:
        _check_apart(store, os.fspath(to))
    return _export(store, IcebergTarget(os.fspath(to), catalog), tables, runs, experiments, replace=replace)


def _export(
    store: Store,
    target: Target,
    tables: Sequence[LakeTable] | None,
    runs: Collection[str] | None,
    experiments: Collection[str] | None,
    *,
    replace: bool,
) -> ExportedTables:
    wanted = _in_order(tables)
    known = RunTable.read(store, _names("runs", runs), _names("experiments", experiments))
    names = known.runs["experiment"].drop_nulls().unique()
    longest = max((len(name.encode()) for name in names), default=0)
    rows = Rows(store.layout, runs, experiments)
    there: list[tuple[LakeTable, TargetTable]] = []
    for table in wanted:
        split = table in _PARTITIONED and longest <= target.longest_partition
        there.append((table, target.table(table, arrow_schema(schema_of(table)), by_experiment=split, replace=replace)))
    done = [_written(rows, table, place) for table, place in there]
    return ExportedTables(done, rows.damaged())


def _written(rows: Rows, table: LakeTable, place: TargetTable) -> ExportedTable:
    files: list[DataFile] = []
    schema, prefix = arrow_schema(schema_of(table)), secrets.token_hex(8)
    with _discarding(place, files):  # not the commit: one that fails may have been done
        files += write(rows.of(table), schema, place.create, prefix, by_experiment=place.partitioned)
    place.commit(files)
    return ExportedTable(
        table, place.shown, sum(file.rows for file in files), len(files), sum(file.size for file in files)
    )


@contextlib.contextmanager
def _discarding(place: TargetTable, files: Sequence[DataFile]) -> Iterator[None]:
    """Remove the files that were finished if the table doesn't come about; as far as that can be done."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, TrackerError):
            place.discard([file.name for file in files])
        raise


def _names(what: str, names: Collection[str] | None) -> list[str] | None:
    if isinstance(names, str):
        raise TypeError(f"{what} is {names!r}; it is a list of names, as in [{names!r}]")
    return None if names is None else list(names)


def _in_order(tables: Sequence[LakeTable] | None) -> list[LakeTable]:
    _names("tables", tables)
    unknown = [table for table in tables or () if table not in LAKE_TABLES]
    if unknown:
        raise ValueError(f"no table {unknown[0]!r}; there is: {', '.join(LAKE_TABLES)}")
    return [table for table in LAKE_TABLES if tables is None or table in tables]


def _check_apart(store: Store, to: str) -> None:
    """Raise ValueError if the target lies in the store, whose folders hold nothing else."""
    place = store.layout.place
    if is_address(to) and is_address(place):
        within = f"{Address.of(to).url}/".startswith(f"{Address.of(place).url}/")
    elif is_address(to):
        within = False
    else:
        root = os.path.realpath(store.layout.root)
        within = os.path.commonpath([root, os.path.realpath(to)]) == root
    if within:
        raise ValueError(f"the target {to!r} lies in the store {place!r}; give one outside of it")

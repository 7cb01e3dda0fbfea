"""Apache Iceberg, by pyiceberg: tables `metrics` and so on in a namespace of a catalog.

To a folder: its catalog is a SQLite file in it, `catalog.db`, and the namespace is `steplog`. The tables' metadata have
the folder's absolute path in them, as Iceberg's do: it can't be moved. To a catalog of the user's (Glue, Hive, REST,
SQL): the name that pyiceberg's own configuration knows it by, or its properties; the catalog says where files lie.

Files are written by us and become the table by one commit at the catalog: killed at any moment, an export leaves the
table as it was, and files that no snapshot has. A replaced table keeps its former snapshots until they are expired.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.objects.address import is_address
from ingest.redact import redact
from readers.lakehouse.datafiles import DataFile
from readers.lakehouse.rows import LakeTable
from readers.lakehouse.target import MARK, ExportFailed, LibraryMissing, TableThere, TargetTable, foreign

NAMESPACE = "steplog"
"""Of the tables in a folder."""
_MARK = "steplog"
_LONGEST_PARTITION = 2048  # bytes; Parquet keeps no range of longer texts, by which pyiceberg finds a file's partition
_LONGEST = 400
_IN_PATHS = {"#", "?"}
_FOREIGN = {"pyiceberg", "sqlalchemy", "botocore", "pydantic_core"}  # whose errors have no base in common


class IcebergTarget:
    """A namespace of an Iceberg catalog.

    Args:
        to: a folder; with `catalog` the namespace, its levels with dots between.
        catalog: the name of a catalog of pyiceberg's configuration (~/.pyiceberg.yaml, PYICEBERG_CATALOG__…), or the
            properties of one, and its `name` ("steplog" if left out), by which a SQL catalog knows its tables.

    Raises: LibraryMissing: pyiceberg isn't installed. ValueError: an address without a catalog, or no namespace.
        ExportFailed: the catalog can't be opened.
    """

    longest_partition = _LONGEST_PARTITION

    def __init__(self, to: str, catalog: str | Mapping[str, str] | None = None) -> None:
        try:
            import pyiceberg.catalog  # noqa: F401
        except ImportError as error:
            raise LibraryMissing("Iceberg tables need pyiceberg: pip install 'steplog[iceberg]'") from error
        self._folder = None if catalog is not None else _folder(to)
        self.namespace = (NAMESPACE,) if catalog is None else tuple(to.split("."))
        if not all(self.namespace):
            raise ValueError(f"with a catalog, the target is a namespace of it such as 'ml.steplog', not {to!r}")
        with _telling(self._shown()):
            self.catalog = _of_folder(self._folder) if self._folder is not None else _named(catalog)

    def table(self, table: LakeTable, schema: pa.Schema, *, by_experiment: bool, replace: bool) -> "_IcebergTable":
        """The table of that name: see Target."""
        with _telling(self._shown()):
            self.catalog.create_namespace_if_not_exists(self.namespace)
        return _IcebergTable(self, table, schema, by_experiment=by_experiment, replace=replace)

    def _shown(self) -> str:
        return str(self._folder) if self._folder is not None else ".".join(self.namespace)


class _IcebergTable(TargetTable):
    """A table: a transaction that is committed in the end."""

    def __init__(
        self, target: IcebergTarget, table: LakeTable, schema: pa.Schema, *, by_experiment: bool, replace: bool
    ) -> None:
        identifier = (*target.namespace, table)
        self.shown = ".".join(identifier)
        with _telling(self.shown):
            found = target.catalog.load_table(identifier) if target.catalog.table_exists(identifier) else None
        if found is not None and not replace:
            raise TableThere(self.shown)
        if found is not None and found.properties.get(_MARK) != MARK:
            raise foreign(self.shown, "is an Iceberg table")
        if found is not None and not found.spec().is_unpartitioned() and not by_experiment:
            raise ValueError(
                f"{self.shown} is partitioned by experiment, and a name of an experiment is longer than "
                f"{_LONGEST_PARTITION} bytes: give another target, where it won't be"
            )
        with _telling(self.shown):
            if found is None:
                self._change = target.catalog.create_table_transaction(
                    identifier,
                    _schema(schema),
                    partition_spec=_parts(by_experiment=by_experiment),
                    properties=_properties(schema),
                )
            else:
                self._change = found.transaction()
                with self._change.update_schema() as update:
                    update.union_by_name(_schema(schema))
        self._replaced = found
        self._place = self._change.table_metadata.location
        self._io = self._change._table.io  # noqa: SLF001 - a table that is being made has no other way to it
        self.partitioned = not self._change.table_metadata.spec().is_unpartitioned()

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Any]:
        """Make a file in its final place; nothing is left there when that fails."""
        try:
            with _telling(self.shown), self._io.new_output(f"{self._place}/{name}").create() as file:
                yield file
        except BaseException:
            with contextlib.suppress(ExportFailed):
                self.discard([name])
            raise

    def commit(self, files: Sequence[DataFile]) -> None:
        """One commit: what was there goes, these files come."""
        from pyiceberg.expressions import AlwaysTrue

        with _telling(self.shown):
            if self._replaced is not None and _has_files(self._replaced):
                self._change.delete(AlwaysTrue())
            if files:
                paths = [f"{self._place}/{file.name}" for file in files]
                self._change.add_files(paths, check_duplicate_files=False)
            self._change.commit_transaction()

    def discard(self, names: Sequence[str]) -> None:
        """Remove files that won't be part of it."""
        with _telling(self.shown):
            for name in names:
                self._io.delete(f"{self._place}/{name}")


def _folder(to: str) -> Path:
    if is_address(to):
        raise ValueError(
            f"an Iceberg table needs a catalog, which can't lie at {to!r}: give a folder, or a catalog whose warehouse "
            "is there (--catalog)"
        )
    folder = Path(os.path.abspath(to))  # noqa: PTH100 - resolve() would follow links
    if not _IN_PATHS.isdisjoint(str(folder)):
        raise ValueError(f"Iceberg's paths are addresses, so the folder {str(folder)!r} can't have # or ? in its name")
    return folder


def _of_folder(folder: Path) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy import URL

    folder.mkdir(parents=True, exist_ok=True)
    database = URL.create("sqlite", database=str(folder / "catalog.db"))
    return SqlCatalog("steplog", uri=str(database), warehouse=f"file://{folder}")


def _named(catalog: str | Mapping[str, str] | None) -> Any:
    from pyiceberg.catalog import load_catalog

    return load_catalog(catalog) if isinstance(catalog, str) else load_catalog(**{"name": "steplog", **(catalog or {})})


def _schema(schema: pa.Schema) -> Any:
    """The columns as Iceberg has them, none of them required."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import DoubleType, LongType, NestedField, StringType, TimestamptzType

    def kind(of: pa.DataType) -> Any:
        if pa.types.is_timestamp(of):
            return TimestamptzType()
        if pa.types.is_floating(of):
            return DoubleType()
        return LongType() if pa.types.is_integer(of) else StringType()

    fields = (NestedField(place, field.name, kind(field.type)) for place, field in enumerate(schema, start=1))
    return Schema(*fields)


def _parts(*, by_experiment: bool) -> Any:
    """How files are partitioned. The experiment is the first column."""
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    if not by_experiment:
        return UNPARTITIONED_PARTITION_SPEC
    return PartitionSpec(PartitionField(source_id=1, field_id=1000, transform=IdentityTransform(), name="experiment"))


def _properties(schema: pa.Schema) -> dict[str, str]:
    """What marks a table as ours; and that floats have no ranges (see datafiles), which pyiceberg warns of else."""
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    return {_MARK: MARK, **{f"write.metadata.metrics.column.{name}": "none" for name in floats}}


def _has_files(table: Any) -> bool:
    snapshot = table.current_snapshot()
    return snapshot is not None and snapshot.summary["total-data-files"] != "0"


@contextlib.contextmanager
def _telling(shown: str) -> Iterator[None]:
    """Give pyiceberg's errors, and those of the database of its catalog, as ours, without what may be a secret."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _FOREIGN:
            raise
        words = redact(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise ExportFailed(f"{shown} can't be written as an Iceberg table: {words[:_LONGEST]}") from error

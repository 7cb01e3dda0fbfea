"""Delta Lake: each table a folder, or a prefix of a bucket, `<to>/metrics` and so on.

Files are written by us and become the table by one commit of deltalake's, which is one new file in `_delta_log`: killed
at any moment, an export leaves the table as it was, and files that no version has (`DeltaTable.vacuum` removes them). A
replaced table keeps its former versions until they are vacuumed. Files lie in `data/` and hold the column `experiment`
too: a folder's name has no room for some experiments, and Polars believes a folder's name more than the log.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from ingest.layout import sync_directory
from ingest.objects.address import Address, is_address
from ingest.objects.bucket import Bucket
from ingest.objects.credentials import connect
from ingest.redact import redact
from readers.lakehouse.datafiles import DataFile
from readers.lakehouse.rows import LakeTable
from readers.lakehouse.target import MARK, ExportFailed, LibraryMissing, TableThere, TargetTable, foreign

_OURS = {"_delta_log", "data"}
_IN_ADDRESS = {"bucket", "container_name"}
_LONGEST = 400


class DeltaTarget:
    """A folder of Delta tables.

    Args:
        to: the folder, or an address of object storage.

    Raises: LibraryMissing: deltalake isn't installed. ValueError: a wrong address.
    """

    longest_partition = sys.maxsize

    def __init__(self, to: str) -> None:
        try:
            import deltalake  # noqa: F401
        except ImportError as error:
            raise LibraryMissing("Delta tables need deltalake: pip install 'steplog[delta]'") from error
        self._address = Address.of(to) if is_address(to) else None
        self._folder = Path(os.path.abspath(to))  # noqa: PTH100 - resolve() would follow links

    def table(self, table: LakeTable, schema: pa.Schema, *, by_experiment: bool, replace: bool) -> "_DeltaTable":
        """The table of that name: see Target."""
        if self._address is None:
            made: _DeltaTable = _InFolder(self._folder / table, table, schema, by_experiment=by_experiment)
        else:
            place = self._address._replace(prefix="/".join(filter(None, (self._address.prefix, table))))
            made = _InBucket(place, table, schema, by_experiment=by_experiment)
        made.check(replace=replace)
        return made


class _DeltaTable(TargetTable):
    """What is the same on disk and in a bucket."""

    def __init__(
        self, shown: str, table: LakeTable, schema: pa.Schema, options: dict[str, str] | None, *, by_experiment: bool
    ) -> None:
        self.shown = shown
        self.partitioned = by_experiment
        self._table, self._schema, self._options = table, schema, options
        self._mode = "error"

    def check(self, *, replace: bool) -> None:
        """Look what is there. Raises: TableThere, ValueError, ExportFailed."""
        from deltalake import DeltaTable

        with _telling(self.shown):
            found = DeltaTable.is_deltatable(self.shown, self._options)
            described = DeltaTable(self.shown, storage_options=self._options).metadata().description if found else ""
        if not found:
            return
        if not replace:
            raise TableThere(self.shown)
        if MARK not in (described or ""):
            raise foreign(self.shown, "is a Delta table")
        self._mode = "overwrite"

    def commit(self, files: Sequence[DataFile]) -> None:
        """One new version, with these files and no others."""
        from deltalake import Schema
        from deltalake.transaction import AddAction, create_table_with_add_actions

        now_ms = time.time_ns() // 1_000_000
        actions = [
            AddAction(
                path=file.name,
                size=file.size,
                partition_values={"experiment": file.experiment} if self.partitioned else {},
                modification_time=now_ms,
                data_change=True,
                stats=_stats(file),
            )
            for file in files
        ]
        with _telling(self.shown):
            create_table_with_add_actions(
                self.shown,
                Schema.from_arrow(self._schema),
                actions,
                mode=self._mode,
                partition_by=["experiment"] if self.partitioned else [],
                name=self._table,
                description=f"{self._table} of a steplog store, {MARK}",
                storage_options=self._options,
            )


def _stats(file: DataFile) -> str:
    """What the log says of a file's rows, by which engines leave out files."""
    return msgspec.json.encode({"numRecords": file.rows, "minValues": file.lowest, "maxValues": file.highest}).decode()


class _InFolder(_DeltaTable):
    """A table in a folder."""

    def __init__(self, folder: Path, table: LakeTable, schema: pa.Schema, *, by_experiment: bool) -> None:
        super().__init__(str(folder), table, schema, None, by_experiment=by_experiment)
        self._folder = folder

    def check(self, *, replace: bool) -> None:
        if self._folder.is_dir() and not _OURS.issuperset(path.name for path in self._folder.iterdir()):
            raise foreign(self.shown, "is a folder with other files in it")
        super().check(replace=replace)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Any]:
        """Make a file in its final place; synced when it is whole."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with pa.OSFile(str(path), "wb") as file:
                yield file
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def commit(self, files: Sequence[DataFile]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if files:
            sync_directory(self._folder / "data")
        super().commit(files)

    def discard(self, names: Sequence[str]) -> None:
        """Remove files that won't be part of it."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


class _InBucket(_DeltaTable):
    """A table below a prefix of a bucket. A file is written on local disk first, and goes up when it is whole."""

    def __init__(self, address: Address, table: LakeTable, schema: pa.Schema, *, by_experiment: bool) -> None:
        super().__init__(address.url, table, schema, _options(address), by_experiment=by_experiment)
        self._bucket = Bucket(address)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Any]:
        """Make a file that is put in its place when it is whole."""
        with tempfile.TemporaryDirectory(prefix="steplog-export-") as folder:
            path = Path(folder, "part.parquet")
            with pa.OSFile(str(path), "wb") as file:
                yield file
            self._bucket.put(name, path)

    def discard(self, names: Sequence[str]) -> None:
        """Remove files that won't be part of it."""
        self._bucket.delete(names)


def _options(address: Address) -> dict[str, str]:
    """What deltalake is to know beyond the environment, which it reads by itself: see ingest.objects.credentials."""
    client = connect(address, {}, {})
    known = {**client.config, **client.client_options}
    provider = client.credential_provider
    given = {} if provider is None else provider()
    names = {"access_key_id": "access_key_id", "secret_access_key": "secret_access_key", "token": "session_token"}
    known |= {name: given[key] for key, name in names.items() if given.get(key)}
    named = {name.removeprefix("aws_"): str(value) for name, value in known.items() if name not in _IN_ADDRESS}
    return {f"aws_{name}" if address.scheme == "s3" else name: value for name, value in named.items()}


@contextlib.contextmanager
def _telling(shown: str) -> Iterator[None]:
    """Give deltalake's errors as ours, without what may be a secret."""
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        yield
    except (DeltaError, TableNotFoundError, OSError) as error:
        words = redact(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise ExportFailed(f"{shown} can't be written as a Delta table: {words[:_LONGEST]}") from error

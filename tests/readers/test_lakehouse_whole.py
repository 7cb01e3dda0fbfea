"""Exports to Delta Lake and Iceberg: whole or not at all, never doubled, never over what isn't ours."""

import contextlib
import itertools
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from readers.lakehouse import datafiles, rows
from readers.lakehouse.delta import DeltaTarget
from readers.lakehouse.export import export_delta, export_iceberg
from readers.lakehouse.iceberg import IcebergTarget
from readers.lakehouse.rows import LAKE_TABLES
from readers.lakehouse.target import ExportFailed, Target, TargetTable
from readers.store import Store
from tests.readers.lakes import EXPORTS, VALUES, catalog_of, count, fill, ours, same

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


@pytest.mark.parametrize("library", EXPORTS)
def test_a_table_that_is_there_is_refused(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """Unless it is to be replaced; nothing is written when one of several is there."""
    pytest.importorskip(library)
    export, to = EXPORTS[library], tmp_path / "out"
    fill(recorder, ("e",))
    export(store, to, tables=["runs"])

    with pytest.raises(FileExistsError, match="there is a table already") as refused:
        export(store, to)
    assert "runs" in str(refused.value.filename)
    assert (count(library, to, "runs"), count(library, to, "metrics")) == (1, None)
    recorder.start("another")
    recorder.flush()
    done = export(store, to, replace=True)
    assert [table.table for table in done.tables] == [*LAKE_TABLES]
    assert (count(library, to, "runs"), count(library, to, "metrics")) == (2, 36)


@pytest.mark.parametrize("library", EXPORTS)
def test_what_is_not_ours_is_left_alone(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """A table of somebody else's, with `replace` too; a folder with other files; the store itself."""
    pytest.importorskip(library)
    export, to = EXPORTS[library], tmp_path / "out"
    fill(recorder, ("e",))
    mine = pl.DataFrame({"mine": [1, 2, 3]})
    if library == "deltalake":
        mine.write_delta(to / "runs")
    else:
        to.mkdir()
        catalog = catalog_of(str(to))
        catalog.create_namespace("steplog")
        catalog.create_table("steplog.runs", mine.to_arrow().schema).append(mine.to_arrow())

    with pytest.raises(ValueError, match="not one that steplog exported"):
        export(store, to, replace=True)
    assert count(library, to, "runs") == 3
    for inside in (store.root, store.root / "out"):
        with pytest.raises(ValueError, match="lies in the store"):
            export(store, inside)
    if library == "deltalake":
        (tmp_path / "other" / "metrics").mkdir(parents=True)
        (tmp_path / "other" / "metrics" / "notes.txt").touch()
        with pytest.raises(ValueError, match="a folder with other files"):
            export(store, tmp_path / "other", replace=True)


DYING = """
import os, signal, sys
from readers.lakehouse import datafiles
from readers.lakehouse.export import export_delta, export_iceberg
from readers.store import Store
left, original = int(sys.argv[4]), datafiles._bounds
def bounds(footer):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(footer)
datafiles._bounds = bounds
export = export_delta if sys.argv[1] == "deltalake" else export_iceberg
export(Store(sys.argv[2]), sys.argv[3], replace=True)
"""


@pytest.mark.timeout(90)  # two processes that import everything
@pytest.mark.parametrize("library", EXPORTS)
def test_a_killed_export_leaves_no_half_table(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """Killed in the second table's files: the first is new, the others are as before, the next export works."""
    pytest.importorskip(library)
    export, to = EXPORTS[library], tmp_path / "out"

    def killed() -> list[int | None]:
        asked = [sys.executable, "-c", DYING, library, str(store.root), str(to), "5"]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        return [count(library, to, table) for table in LAKE_TABLES]

    fill(recorder, ("e", "f", "g"))
    recorder.seal()  # each table of points, facts, summaries has three files
    points = 3 * len(VALUES) * 2 * 3
    assert killed() == [points, None, None, None, None, None]

    export(store, to, replace=True)
    whole = [count(library, to, table) for table in LAKE_TABLES]
    assert whole == [ours(store, table).height for table in LAKE_TABLES]
    recorder.log("run0", {"loss": 1.0, "new": 2.0}, 1, "e")
    recorder.flush()
    assert killed() == [points + 2, *whole[1:]]
    export(store, to, replace=True)
    assert [count(library, to, table) for table in LAKE_TABLES] == [ours(store, table).height for table in LAKE_TABLES]


@pytest.mark.parametrize("library", EXPORTS)
def test_a_failure_leaves_no_files(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """What was written of a table that doesn't come about is removed."""
    pytest.importorskip(library)
    fill(recorder, ("e", "f", "g"))
    whole = datafiles._parts

    def broken(*args: Any, **options: Any) -> Iterator[Any]:
        yield from itertools.islice(whole(*args, **options), 2)
        raise OSError(5, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datafiles, "_parts", broken)
        with pytest.raises((OSError, ExportFailed), match="Input/output error"):
            EXPORTS[library](store, tmp_path / "out")

    assert [*(tmp_path / "out").rglob("*.parquet")] == []
    EXPORTS[library](store, tmp_path / "out")
    assert count(library, tmp_path / "out", "metrics") == ours(store, "metrics").height


@pytest.mark.parametrize("library", EXPORTS)
def test_of_two_exports_at_once_one_stays(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """Both wrote their files before either committed: the table has one's rows, not both's."""
    pytest.importorskip(library)
    fill(recorder, ("e",))
    EXPORTS[library](store, tmp_path / "out")
    table, expected = "facts", ours(store, "facts").height
    schema = datafiles.arrow_schema(rows.schema_of("facts"))

    def begun(prefix: str) -> tuple[TargetTable, list[datafiles.DataFile]]:
        target: Target = (DeltaTarget if library == "deltalake" else IcebergTarget)(str(tmp_path / "out"))
        place = target.table("facts", schema, by_experiment=True, replace=True)
        written = datafiles.write(rows.Rows(store.layout).of("facts"), schema, place.create, prefix, by_experiment=True)
        return place, list(written)

    both = begun("a"), begun("b")
    both[0][0].commit(both[0][1])
    with contextlib.suppress(ExportFailed):
        both[1][0].commit(both[1][1])

    assert count(library, tmp_path / "out", table) == expected


@pytest.mark.parametrize("library", EXPORTS)
def test_a_damaged_part_is_left_out_and_named(
    library: str, recorder: "Recorder", store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything else is exported."""
    pytest.importorskip(library)
    for run_id in ("r0", "r1"):
        recorder.start(run_id)
        recorder.log(run_id, {"loss": 1.0})
        recorder.seal()
    part = min(recorder.layout.partition("metrics", "e").iterdir())
    part.write_bytes(part.read_bytes()[:-9] + bytes(9))
    done = EXPORTS[library](store, tmp_path / "out")

    assert [damage.path for damage in done.damaged] == [part]
    assert part.name in caplog.text
    assert [count(library, tmp_path / "out", table) for table in ("metrics", "runs")] == [1, 2]


def test_points_whose_summary_is_damaged_are_exported(
    recorder: "Recorder", store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summaries say how many points are read at once; without them it is chunk by chunk."""
    pytest.importorskip("deltalake")
    fill(recorder, ("e", "f"))
    recorder.seal()
    part = next(recorder.layout.partition("summaries", "e").iterdir())
    part.write_bytes(b"")
    monkeypatch.setattr(rows, "_POINTS_AT_ONCE", 5)
    export_delta(store, tmp_path / "out", tables=["metrics"])

    assert count("deltalake", tmp_path / "out", "metrics") == ours(store, "metrics").height


@pytest.mark.parametrize("library", EXPORTS)
def test_a_missing_library_is_named_with_its_command(
    library: str, recorder: "Recorder", store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ImportError; nothing is made."""
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    extra = {"deltalake": "delta", "pyiceberg": "iceberg"}[library]

    with pytest.raises(ImportError, match=re.escape(f"pip install 'steplog[{extra}]'")):
        EXPORTS[library](store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_iceberg_goes_to_a_catalog_of_the_users(recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """Given by its properties: the target is a namespace, files lie where the catalog says."""
    pytest.importorskip("pyiceberg")
    from pyiceberg.catalog import load_catalog

    (tmp_path / "warehouse").mkdir()
    catalog = {
        "name": "mine",
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/mine.db",
        "warehouse": f"file://{tmp_path}/warehouse",
    }
    fill(recorder, ("e",))
    done = export_iceberg(store, "ml", catalog=catalog, tables=["params"])
    table = load_catalog(**catalog).load_table("ml.params")

    assert done.tables[0].address == "ml.params"
    assert table.location().startswith(f"file://{tmp_path}/warehouse")
    assert same(pl.DataFrame(table.scan().to_arrow()), ours(store, "params"))
    with pytest.raises(ValueError, match=r"a namespace of it such as 'ml\.steplog'"):
        export_iceberg(store, "ml..x", catalog=catalog)


def test_where_iceberg_can_not_lie(recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """An address without a catalog; a folder whose name its addresses would cut; a file."""
    pytest.importorskip("pyiceberg")
    (tmp_path / "file").touch()
    for to, error, words in (
        ("s3://bucket/warehouse", ValueError, "a catalog whose warehouse is there"),
        (str(tmp_path / "a#b"), ValueError, "can't have # or"),
        (str(tmp_path / "file"), ExportFailed, "can't be written as an Iceberg table"),
    ):
        with pytest.raises(error, match=words):
            export_iceberg(store, to)

"""Delta Lake and Iceberg: every table is read back by their own readers, value by value."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from ingest.errors import ExperimentNotFound, RunNotFound
from readers.lakehouse import datafiles, rows
from readers.lakehouse.export import export_delta, export_iceberg
from readers.lakehouse.rows import LAKE_TABLES, LakeTable
from readers.store import Store
from tests.readers.lakes import EXPERIMENTS, EXPORTS, Lake, catalog_of, count, fill, ours, same

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


@pytest.fixture(autouse=True)
def _planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polars reads Iceberg through pyiceberg, which it warns of where its own plugin isn't installed."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture(scope="module")
def lake(new_recorder: type["Recorder"], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A store with everything in it, exported twice over."""
    pytest.importorskip("deltalake")
    pytest.importorskip("pyiceberg")
    root = tmp_path_factory.mktemp("lake")
    recorder = new_recorder(root / "store")
    fill(recorder)
    made = Lake(Store(root / "store"), str(root / "delta"), str(root / "iceberg ü 100%"))
    for _ in range(2):
        export_delta(made.store, made.delta, replace=True)
        export_iceberg(made.store, made.iceberg, replace=True)
    yield made
    recorder.close()


def by_duckdb(arrow: Any) -> pl.DataFrame:
    """What DuckDB makes of a table that it is given through Arrow."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("it", arrow)
        return pl.DataFrame(connection.sql("SELECT * FROM it").to_arrow_table())


def by_deltalake(folder: str, table: str) -> Any:
    """What deltalake's own reader gives."""
    from deltalake import DeltaTable

    return DeltaTable(f"{folder}/{table}").to_pyarrow_dataset()


READ: dict[str, Callable[[Lake, str], pl.DataFrame]] = {
    "delta by deltalake": lambda lake, table: pl.DataFrame(by_deltalake(lake.delta, table).to_table()),
    "delta by Polars": lambda lake, table: pl.scan_delta(f"{lake.delta}/{table}").collect(),
    "delta by DuckDB": lambda lake, table: by_duckdb(by_deltalake(lake.delta, table)),
    "iceberg by pyiceberg": lambda lake, table: pl.DataFrame(
        catalog_of(lake.iceberg).load_table(f"steplog.{table}").scan().to_arrow()
    ),
    "iceberg by Polars": lambda lake, table: pl.scan_iceberg(
        catalog_of(lake.iceberg).load_table(f"steplog.{table}")
    ).collect(),
    "iceberg by DuckDB": lambda lake, table: by_duckdb(
        catalog_of(lake.iceberg).load_table(f"steplog.{table}").scan().to_arrow()
    ),
}


@pytest.mark.parametrize("table", LAKE_TABLES)
@pytest.mark.parametrize("reader", READ)
def test_a_table_is_read_back_value_by_value(reader: str, table: LakeTable, lake: Lake) -> None:
    """Sealed, merged and live rows, all names and values, after a second export of the same too."""
    expected = ours(lake.store, table)

    assert expected.height > 0
    assert set(expected["experiment"]) == {*EXPERIMENTS}
    assert same(READ[reader](lake, table), expected)


def test_types_are_the_formats_own(lake: Lake) -> None:
    """Times are UTC microseconds; steps whole numbers; values doubles; JSON is text."""
    from deltalake import DeltaTable

    fields = DeltaTable(f"{lake.delta}/metrics").schema().fields
    delta = {field.name: field.type.type for field in fields if hasattr(field.type, "type")}
    iceberg = catalog_of(lake.iceberg).load_table("steplog.facts").schema()

    assert (delta["time"], delta["step"], delta["value"], delta["rank"]) == ("timestamp", "long", "double", "long")
    assert str(iceberg.find_type("time")) == "timestamptz"
    assert str(iceberg.find_type("value")) == "string"
    assert list(delta)[:2] == ["experiment", "run_id"]


def test_partitions_are_experiments(lake: Lake) -> None:
    """A question for one experiment opens its files only; the same rows come as from the whole."""
    from deltalake import DeltaTable

    metrics = catalog_of(lake.iceberg).load_table("steplog.metrics")
    logged = pl.DataFrame(DeltaTable(f"{lake.delta}/metrics").get_add_actions(flatten=True))["partition.experiment"]
    for experiment in EXPERIMENTS:
        files = [value for value in logged if value == experiment]
        found = pl.scan_delta(f"{lake.delta}/metrics").filter(experiment=experiment).collect()
        planned = [task for task in metrics.scan().plan_files() if task.file.partition[0] == experiment]

        assert 1 <= len(files) <= 2  # sealed rows, live rows
        assert same(found, ours(lake.store, "metrics").filter(experiment=experiment))
        assert len(planned) == len(files)


def test_nan_is_found_by_a_filter(lake: Lake) -> None:
    """Files have no ranges for floats, by which engines would leave NaN out."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    expected = ours(lake.store, "metrics")["value"].is_nan().sum()
    iceberg = catalog_of(lake.iceberg).load_table("steplog.metrics")

    assert by_deltalake(lake.delta, "metrics").to_table(filter=pc.is_nan(ds.field("value"))).num_rows == expected
    assert iceberg.scan(row_filter="value is nan").to_arrow().num_rows == expected


@pytest.mark.parametrize(
    ("column", "value"), [("key", "ключ/β"), ("step", 2**62), ("step", -1), ("run_id", "run3"), ("seq", 0)]
)
def test_files_are_left_out_by_true_ranges_only(column: str, value: object, lake: Lake) -> None:
    """A filter finds every row that fits, by each format's own statistics."""
    import pyarrow.dataset as ds
    from pyiceberg.expressions import EqualTo

    expected = ours(lake.store, "metrics").filter(pl.col(column) == value)
    condition: Any = value
    delta = by_deltalake(lake.delta, "metrics").to_table(filter=ds.field(column) == condition)
    iceberg = catalog_of(lake.iceberg).load_table("steplog.metrics").scan(row_filter=EqualTo(column, condition))

    assert same(pl.DataFrame(delta), expected)
    assert same(pl.scan_delta(f"{lake.delta}/metrics").filter(pl.col(column) == value).collect(), expected)
    assert same(pl.DataFrame(iceberg.to_arrow()), expected)


def test_former_versions_can_still_be_asked_for(lake: Lake) -> None:
    """A replaced table keeps its history."""
    from deltalake import DeltaTable

    table = catalog_of(lake.iceberg).load_table("steplog.metrics")
    first = min(table.snapshots(), key=lambda snapshot: snapshot.sequence_number)
    expected = ours(lake.store, "metrics").height

    assert DeltaTable(f"{lake.delta}/metrics").version() == 1
    assert pl.scan_delta(f"{lake.delta}/metrics", version=0).collect().height == expected
    assert table.scan(snapshot_id=first.snapshot_id).to_arrow().num_rows == expected


@pytest.mark.parametrize("at_once", [7, 40])  # points; a run has 36, of 2 metrics
@pytest.mark.parametrize("library", EXPORTS)
def test_pieces_of_any_size_give_the_same(
    library: str, at_once: int, recorder: "Recorder", store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is folded for a few runs at a time, and written to files of a few rows, is what comes at once."""
    pytest.importorskip(library)
    fill(recorder, ("e", "a/b", "f"))
    monkeypatch.setattr(rows, "_BATCH_BYTES", 300)
    monkeypatch.setattr(rows, "_POINTS_AT_ONCE", at_once)
    monkeypatch.setattr(datafiles, "_FILE_BYTES", 1)
    monkeypatch.setattr(datafiles, "_SLICE", 5)
    done = EXPORTS[library](store, tmp_path / "out")
    lake, both = Lake(store, str(tmp_path / "out"), str(tmp_path / "out")), "delta" if library == "deltalake" else "ice"

    assert min(table.files for table in done.tables if table.table in {"metrics", "facts"}) > 10
    for table in done.tables:
        for reader in (name for name in READ if name.startswith(both)):
            found = READ[reader](lake, table.table)
            assert same(found, ours(store, table.table)), (reader, table)
            assert found.height == table.rows


@pytest.mark.parametrize("library", EXPORTS)
def test_an_experiments_name_may_be_as_long_as_it_likes(
    library: str, recorder: "Recorder", store: Store, tmp_path: Path
) -> None:
    """Longer than Parquet keeps a range of: Iceberg's tables aren't partitioned then, or it is said why not."""
    pytest.importorskip(library)
    export, long = EXPORTS[library], "x" * 5000
    fill(recorder, ("e",))
    export(store, tmp_path / "old")
    fill(recorder, ("e", long))
    export(store, tmp_path / "new")
    lake = Lake(store, str(tmp_path / "new"), str(tmp_path / "new"))
    reader = "delta by Polars" if library == "deltalake" else "iceberg by pyiceberg"

    found = READ[reader](lake, "metrics")
    assert same(found, ours(store, "metrics"))
    assert found.filter(experiment=long).height == 36
    if library == "pyiceberg":
        with pytest.raises(ValueError, match="a name of an experiment is longer than 2048 bytes"):
            export(store, tmp_path / "old", replace=True)


@pytest.mark.parametrize("library", EXPORTS)
def test_runs_and_experiments_are_chosen(library: str, recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """Every table has the chosen ones' rows; what isn't there is said."""
    pytest.importorskip(library)
    export = EXPORTS[library]
    fill(recorder, ("e", "f"))
    export(store, tmp_path / "run", runs=["run1"])
    export(store, tmp_path / "experiment", experiments=["e"])
    export(store, tmp_path / "none", runs=[])

    for name, column, value in (("run", "run_id", "run1"), ("experiment", "experiment", "e")):
        chosen = [ours(store, table).filter(pl.col(column) == value).height for table in LAKE_TABLES]
        assert [count(library, tmp_path / name, table) for table in LAKE_TABLES] == chosen
        assert min(chosen) > 0
    assert [count(library, tmp_path / "none", table) for table in LAKE_TABLES] == [0] * 6
    for asked, error, words in (
        ({"runs": ["no"]}, RunNotFound, "no run 'no'"),
        ({"experiments": ["no"]}, ExperimentNotFound, "no experiment 'no'"),
        ({"tables": ["points"]}, ValueError, "no table 'points'; there is: metrics"),
        ({"tables": "runs"}, TypeError, "it is a list of names"),
        ({"runs": "run1"}, TypeError, "is a list of"),
    ):
        with pytest.raises(error, match=words):
            export(store, tmp_path / "refused", **asked)

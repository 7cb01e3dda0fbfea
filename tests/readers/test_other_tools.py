"""The sealed folders are plain data sets: DuckDB, pandas, pyarrow and Polars read them without our code."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.compact import compact
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

EXPERIMENTS = ("plain", "a/b c", "ünï ✓", "100% =x= [*]?", "'quoted' \"twice\"", "123", "..")
READ = {
    "duckdb": """
        import duckdb
        glob = f"{folder}/*/*.parquet"
        rows = duckdb.sql(f"SELECT {','.join(columns)} FROM read_parquet('{glob}', hive_partitioning=true, "
                          "hive_types={'experiment': VARCHAR})").fetchall()
    """,
    "pandas": """
        import pandas
        frame = pandas.read_parquet(folder)
        frame["experiment"] = frame["experiment"].astype(str)
        rows = frame[columns].values.tolist()
    """,
    "pyarrow": """
        import pyarrow as pa
        import pyarrow.dataset as ds
        partitioning = ds.partitioning(pa.schema([("experiment", pa.string())]), flavor="hive")
        rows = [tuple(row.values()) for row in ds.dataset(folder, partitioning=partitioning)
                .to_table(columns=columns).to_pylist()]
    """,
    "polars": """
        import polars as pl
        schema = {"experiment": pl.String}
        rows = pl.scan_parquet(folder, hive_schema=schema).select(columns).collect().rows()
    """,
}
HEAD = """
import json, sys
folder, columns = sys.argv[1], sys.argv[2].split(",")
"""
TAIL = """
def shown(value):
    return None if value is None or value is getattr(sys.modules.get("pandas"), "NA", 0) else repr(float(value)) \
        if isinstance(value, float) else value
assert not {"ingest", "readers", "tracker"} & {*sys.modules}
json.dump([[shown(value) for value in row] for row in rows], sys.stdout)
"""


def fill(recorder: "Recorder") -> None:
    """Log values that are hard to keep, under names that are hard to keep, in several parts."""
    for part in range(2):
        for number, experiment in enumerate(EXPERIMENTS):
            run_id = f"run{number}"
            recorder.start(run_id, experiment)
            for step, value in ((0, math.nan), (None, math.inf), (1.5, -0.0), (2**62, 5e-324), (-1, 1.797e308)):
                recorder.log(run_id, {"loss": value, "ключ/β": part}, step, experiment)
            recorder.params(run_id, {"lr": 0.1, "name": "x\ny"}, experiment)
        recorder.seal()


def read_with(tool: str, folder: Path, columns: list[str], cwd: Path) -> list[tuple[Any, ...]]:
    """The rows that a tool gives, in a process that can't find our code."""
    body = "\n".join(line.removeprefix(" " * 8) for line in READ[tool].splitlines())
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", HEAD + body + TAIL, str(folder), ",".join(columns)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(map(tuple, json.loads(done.stdout)), key=repr)


def ours(store: Store, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """The rows that our reader gives, floats as text so that NaN equals NaN and -0.0 isn't 0.0."""
    rows = getattr(store, table)().select(columns).collect().rows()
    return sorted((tuple(repr(v) if isinstance(v, float) else v for v in row) for row in rows), key=repr)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("tool", READ)
def test_a_tool_reads_the_same_rows(
    tool: str, compacted: bool, recorder: "Recorder", store: Store, tmp_path: Path
) -> None:
    """Each tool gives the metrics and facts that our reader gives, experiment names included."""
    fill(recorder)
    if compacted:
        assert compact(recorder.layout).files_after > 0
    metrics = ["experiment", "run_id", "writer", "seq", "key", "step_float", "value"]
    facts = ["experiment", "run_id", "writer", "seq", "kind", "key", "value"]

    for table, columns in (("metrics", metrics), ("facts", facts)):
        expected = ours(store, table, columns)
        assert {row[0] for row in expected} == {*EXPERIMENTS}
        found = read_with(tool, recorder.layout.root / table, columns, tmp_path)
        if tool == "pandas":  # it has one missing value for null and NaN
            expected = sorted((tuple(None if v == "nan" else v for v in row) for row in expected), key=repr)
            found = sorted((tuple(None if v == "nan" else v for v in row) for row in found), key=repr)
        assert found == expected


def test_tools_find_nan(recorder: "Recorder", store: Store) -> None:
    """A filter by value sees every row: Parquet's ranges leave NaN out, so sealed parts have none for floats."""
    import duckdb
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    recorder.start("r")
    for step, value in enumerate((1.0, math.nan, 2.0, math.nan)):
        recorder.log("r", {"loss": value}, step)
    recorder.seal()
    folder = recorder.layout.table("metrics")
    asked = "SELECT count(*) FROM read_parquet(?) WHERE isnan(value)"

    assert store.metrics().collect()["value"].is_nan().sum() == 2
    assert duckdb.execute(asked, [f"{folder}/*/*.parquet"]).fetchone() == (2,)
    assert ds.dataset(folder).to_table(filter=pc.is_nan(ds.field("value"))).num_rows == 2

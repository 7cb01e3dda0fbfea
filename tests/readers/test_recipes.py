"""The README's recipes for other engines, run as they stand: DuckDB and Spark on a folder.

The store is one that compaction has been at, of several experiments with odd names; what the engines find is what our
reader finds.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.events import ParamsLogged
from ingest.jsontext import REMOVED
from ingest.layout import decode_name, encode_name
from readers.store import Store
from tests.readers.lakes import EXPERIMENTS, fill
from tests.readers.recipes import last_params, lowest, shown, statements

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

SPARK = """
import json, sys
from pyspark.sql import SparkSession
options = {
    "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1", "spark.sql.warehouse.dir": sys.argv[1],
    "spark.sql.codegen.wholeStage": "false",  # few rows: compiling would take longer
}
builder = SparkSession.builder.master("local[1]")
for name, value in options.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
answers = [[list(row) for row in spark.sql(asked).collect()] for asked in json.load(sys.stdin)]
assert not {"ingest", "readers", "tracker"} & {*sys.modules}
print("ANSWERS " + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def store(new_recorder: type["Recorder"], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in the folder `experiments`, as in the README."""
    recorder = new_recorder(tmp_path_factory.mktemp("recipes") / "experiments")
    fill(recorder)
    recorder.params("run0", {"gone": 1}, "plain")
    recorder.pipeline.append(ParamsLogged("run0", "plain", recorder.tick(), {"gone": REMOVED}))
    recorder.seal()
    yield Store(recorder.layout.root)
    recorder.close()


def test_duckdb_answers_as_our_reader_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points and their minimum by experiment and metric; the last value of each param; a long name is the folder's."""
    duckdb = pytest.importorskip("duckdb")
    *views, question = statements("DuckDB")
    monkeypatch.chdir(store.root.parent)
    with duckdb.connect() as connection:
        for statement in views:
            connection.execute(statement)
        found = {(experiment, key): rest for experiment, key, *rest in connection.execute(question).fetchall()}
        params = connection.execute("FROM params").fetchall()

    named = {(decode_name(encode_name(experiment)), key): rest for (experiment, key), rest in lowest(store).items()}
    assert found == named
    assert {experiment for experiment, _ in found} > {*EXPERIMENTS} - {"long " + "x" * 300}
    assert shown(params) == last_params(store)


@pytest.mark.timeout(300)  # a Java machine starts, which takes half a minute where it shares a core
def test_spark_answers_as_our_reader_does(store: Store, tmp_path: Path) -> None:
    """The same by Spark's SQL, with every experiment's true name."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("no java here, which Spark runs in")
    asked = [*statements("Spark SQL"), "SELECT * FROM params"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", SPARK, str(tmp_path)],
        cwd=store.root.parent,
        env={**os.environ, "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[list[Any]] = json.loads(done.stdout.rpartition("ANSWERS ")[2])

    assert {(experiment, key): rest for experiment, key, *rest in answers[-2]} == lowest(store)
    assert shown(answers[-1]) == last_params(store)

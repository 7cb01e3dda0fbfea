import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest

from ingest.layout import Table
from ingest.tables import FACTS, METRICS, SUMMARIES
from readers.schemas import SCHEMAS

if TYPE_CHECKING:
    from readers.store import Store
    from tests.readers.conftest import Recorder

ASKED = """
import sys
from readers.runtable import RunTable
from readers.store import Store
print(len(RunTable.read(Store(sys.argv[1])).wide()), "pyarrow" in sys.modules)
"""


@pytest.mark.parametrize(("table", "arrow"), [("metrics", METRICS), ("facts", FACTS), ("summaries", SUMMARIES)])
def test_what_readers_give_is_what_is_sealed(table: Table, arrow: pa.Schema) -> None:
    """The readers' schema is the sealed files' one, and the experiment."""
    sealed = pl.DataFrame(arrow.empty_table()).schema

    assert SCHEMAS[table] == pl.Schema({**sealed, "experiment": pl.String()})


def test_sealed_runs_are_read_without_arrow(recorder: "Recorder", store: "Store", tmp_path: Path) -> None:
    """A fresh process that asks a store without live writers imports Polars, and not Arrow as well."""
    recorder.start("r1")
    recorder.log("r1", {"loss": 1.0}, 0)
    recorder.end("r1")
    recorder.close()

    command = [sys.executable, "-c", ASKED, str(store.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert answer.split() == ["1", "False"]

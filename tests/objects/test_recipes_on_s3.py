"""The README's recipe for DuckDB on a bucket.

DuckDB's own way there is its extension httpfs, which comes over the network; here it goes through fsspec, by the same
SQL on the same addresses.
"""

from pathlib import Path

import pytest

from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.compaction import compact_objects
from ingest.objects.uploader import Uploader
from readers.store import Store
from tests.objects.conftest import S3
from tests.readers.recipes import last_params, lowest, shown, statements
from tracker import ExperimentTracker

EXPERIMENTS = ("plain", "a/b c", "ünï ✓", "100% =x= [*]?", "123")


@pytest.mark.parametrize("compacted", [False, True])
def test_duckdb_reads_a_bucket(s3: S3, tmp_path: Path, compacted: bool) -> None:
    """Sealed parts, and merged ones, as they lie there: what our reader finds in the store that was uploaded."""
    duckdb = pytest.importorskip("duckdb")
    fsspec = pytest.importorskip("obstore.fsspec")
    for experiment in (*EXPERIMENTS, *EXPERIMENTS):
        with ExperimentTracker(tmp_path / "store", experiment, auto_log=False) as tracker, tracker.start_run("r"):
            tracker.log_params({"lr": 0.1, "net": {"depth": 3}})
            for step, value in enumerate((1.0, float("nan"), -2.5)):
                tracker.log_metrics({"loss": value}, step=step)
    store = Store(tmp_path / "store")
    with Bucket(Address.of(s3.address("lab"))) as bucket:
        with Uploader(store.layout, bucket) as uploader:
            assert uploader.drain(30), uploader.state.error
        if compacted:
            assert compact_objects(bucket, tmp_path / "tmp").files_after > 0

    *views, question = (each.replace("'experiments/", f"'{s3.address('lab')}/") for each in statements("DuckDB"))

    files = fsspec.FsspecStore("s3", endpoint=s3.server.endpoint, client_options={"allow_http": True})
    glob = files.glob
    files.glob = lambda path, **options: glob(
        path.removeprefix("s3://"), **options
    )  # it takes no address for a pattern
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        for statement in views:
            connection.execute(statement)
        found = {(experiment, key): rest for experiment, key, *rest in connection.execute(question).fetchall()}
        params = connection.execute("FROM params").fetchall()

    assert {experiment for experiment, _ in found} == {*EXPERIMENTS}
    assert found == lowest(store)
    assert shown(params) == last_params(store)

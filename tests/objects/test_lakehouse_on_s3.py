"""Delta Lake and Iceberg tables in a bucket: written with the usual credentials, read back by their own readers."""

import math
import os
from pathlib import Path

import polars as pl
import pytest

from ingest.errors import TrackerError
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.uploader import Uploader
from readers.lakehouse.export import export_delta, export_iceberg
from readers.lakehouse.rows import LAKE_TABLES, LakeTable
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.server import READER
from tests.readers.lakes import ours, same
from tracker import ExperimentTracker

EXPERIMENTS = ("plain", "a/b c", "ünï ✓ 100% =x=")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store on this machine."""
    for experiment in EXPERIMENTS:
        with ExperimentTracker(tmp_path / "store", experiment, auto_log=False) as tracker, tracker.start_run("r"):
            tracker.log_params({"lr": 0.1, "net": {"depth": 3}})
            tracker.set_tag("team", "ä")
            for step, value in enumerate((1.0, math.nan, -math.inf)):
                tracker.log_metrics({"loss": value}, step=step)
    return Store(tmp_path / "store")


def test_delta_tables_lie_in_a_bucket(s3: S3, store: Store) -> None:
    """Every table value by value; refused when there; a new version when asked; a prefix that is odd."""
    pytest.importorskip("deltalake")
    from deltalake import DeltaTable

    to = s3.address("lake é")
    options = {"aws_endpoint": s3.server.endpoint, "aws_allow_http": "true"}
    done = export_delta(store, to)
    with pytest.raises(FileExistsError, match="a table already"):
        export_delta(store, to)
    export_delta(store, to, replace=True)

    assert [table.address for table in done.tables] == [f"{to}/{table}" for table in LAKE_TABLES]
    for table in LAKE_TABLES:
        found = pl.DataFrame(DeltaTable(f"{to}/{table}", storage_options=options).to_pyarrow_table())
        assert same(found, ours(store, table))


def test_delta_finds_the_credentials_of_a_profile(
    s3: S3, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, server and region from the files that AWS_PROFILE leads to."""
    pytest.importorskip("deltalake")
    found = {name: os.environ[name] for name in s3.environment()}
    for name in found:
        monkeypatch.delenv(name)
    keys = f"aws_access_key_id = {found['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {found['AWS_SECRET_ACCESS_KEY']}"
    (tmp_path / "credentials").write_text(f"[lab]\n{keys}\n")
    (tmp_path / "config").write_text(f"[profile lab]\nregion = us-east-1\nendpoint_url = {s3.server.endpoint}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    export_delta(store, s3.address("lake"), tables=["runs"])

    assert len([key for key in s3.keys("lake/runs") if key.endswith(".parquet")]) == 1
    assert "_delta_log/00000000000000000000.json" in s3.keys("lake/runs")


def test_iceberg_tables_lie_in_a_bucket(s3: S3, store: Store, tmp_path: Path) -> None:
    """By a catalog on this machine whose warehouse is the bucket."""
    pytest.importorskip("pyiceberg")
    from pyiceberg.catalog import load_catalog

    catalog = {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/catalog.db",
        "warehouse": s3.address("warehouse"),
        "s3.endpoint": s3.server.endpoint,
        "s3.region": "us-east-1",
    }
    tables: list[LakeTable] = ["metrics", "params"]
    for _ in range(2):
        export_iceberg(store, "ml", catalog=catalog, tables=tables, replace=True)

    for table in tables:
        found = load_catalog("steplog", **catalog).load_table(f"ml.{table}")
        assert found.location().startswith(s3.address("warehouse"))
        assert same(pl.DataFrame(found.scan().to_arrow()), ours(store, table))


def test_a_store_in_a_bucket_is_exported(s3: S3, store: Store, tmp_path: Path) -> None:
    """From where it lies, to another prefix and to this machine; into itself it isn't."""
    pytest.importorskip("deltalake")
    with Bucket(Address.of(s3.address("lab"))) as bucket, Uploader(store.layout, bucket) as uploader:
        assert uploader.drain(30), uploader.state.error
    remote = Store(s3.address("lab"))
    export_delta(remote, s3.address("lake"))
    export_delta(remote, tmp_path / "lake")

    for table in LAKE_TABLES:
        assert same(pl.scan_delta(tmp_path / "lake" / table).collect(), ours(store, table))
    assert [key for key in s3.keys("lake/metrics") if key.endswith(".parquet")]
    for inside in (s3.address("lab"), s3.address("lab/lake")):
        with pytest.raises(ValueError, match="lies in the store"):
            export_delta(remote, inside)


def test_a_server_that_refuses_is_an_error_without_secrets(
    s3: S3, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may only read; who has the wrong key."""
    pytest.importorskip("deltalake")
    for key, secret in ((READER.key, READER.secret), ("wrong-key", "wrong-secret")):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        with pytest.raises(TrackerError, match="lake") as refused:
            export_delta(store, s3.address("lake"))
        assert secret not in str(refused.value)

    assert s3.keys("lake") == []

"""What leaves a spool's tables is still there for who reads the spool alone, and counts once for everybody."""

from pathlib import Path

import msgspec
import pytest

from ingest.layout import Layout
from ingest.objects import sealedparts
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.target import write_target
from ingest.objects.uploader import Uploader
from readers.lookup import extremes, find_run, last_metrics
from readers.opening import layout_of
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.uploaded import OtherHost
from tracker import ExperimentTracker


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """Who sees only what is in the bucket."""
    return OtherHost(tmp_path / "other hosts", monkeypatch)


@pytest.fixture
def spool(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is a spool from its beginning, and is to be uploaded by hand."""
    monkeypatch.setattr(sealedparts, "KEEP_S", -1.0)
    monkeypatch.setattr(sealedparts, "_CLEAR_S", -1.0)
    layout = Layout(tmp_path / "by hand")
    layout.create()
    write_target(layout, Address.of(s3.address("kept")))
    return layout.root


def uploaded(spool: Path, address: str) -> None:
    """Bring all of a spool to the bucket, and put away what is there."""
    with Bucket(Address.of(address)) as bucket, Uploader(Layout(spool), bucket) as uploader:
        assert uploader.drain(20)
        assert uploader.drain(20)


def parts(root: Path) -> list[Path]:
    """The sealed parts of metrics below a folder."""
    return sorted((root / "metrics").rglob("*.parquet"))


def test_a_run_s_own_history_is_known_as_long_as_it_is_logged(s3: S3, spool: Path, other_host: OtherHost) -> None:
    """Its last values, extremes and name, without a look at the bucket; then it is removed."""
    address = s3.address("kept")
    with ExperimentTracker(spool, "exp", auto_log=False) as tracker, tracker.start_run("mine", run_id="run"):
        tracker.log_metrics({"x": 5.0}, step=1)
        tracker.flush(seal=True)
        uploaded(spool, address)
        tracker.log_metrics({"y": 7.0}, step=2)
        tracker.flush()

        assert parts(spool) == []
        layout = layout_of(spool)
        assert last_metrics(layout, "run") == {"x": 5.0, "y": 7.0}
        assert ("x", 5.0, 5.0) in extremes(layout, "run")
        assert find_run(layout, "run") == ("exp", "mine")
        assert Store(spool).metrics().collect()["value"].sort().to_list() == [5.0, 7.0]
        assert other_host.points(address) == [5.0]
    uploaded(spool, address)

    assert list((spool / "kept").rglob("*.parquet")) == []
    assert other_host.points(address) == [5.0]
    assert other_host.points(address, "y") == [7.0]


def test_what_a_forwarder_has_not_read_stays_for_it(s3: S3, spool: Path) -> None:
    """However long the MLflow server is away; what it has taken goes."""
    address = s3.address("kept")
    with ExperimentTracker(spool, "exp", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0}, step=1)
    cursor = spool / "forward" / "target" / "cursor.json"
    cursor.parent.mkdir(parents=True)
    cursor.write_bytes(msgspec.json.encode({"target": "http://mlflow", "cursor": None}))
    uploaded(spool, address)

    assert parts(spool) == []
    (kept,) = parts(spool / "kept")
    assert Store(spool).metrics().collect()["value"].to_list() == [1.0]
    writer = kept.name.rpartition("-")[0]
    taken = {"points": {writer: 1 << 40}, "facts": {writer: 1 << 40}}
    cursor.write_bytes(msgspec.json.encode({"target": "http://mlflow", "cursor": taken}))
    uploaded(spool, address)

    assert list((spool / "kept").rglob("*.parquet")) == []

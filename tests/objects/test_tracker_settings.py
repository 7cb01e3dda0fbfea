"""What a tracker with an address is told: what is understood, what is refused, and where the spool lies."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ObjectsUnavailable, StoreUnavailable
from ingest.objects.address import Address, spool_folder
from ingest.objects.target import read_target
from ingest.settings import PipelineSettings
from tests.mlflow.test_installed import HIDDEN
from tracker import ExperimentTracker, spool
from tracker.settings import read_settings

URL = "s3://bucket/team/run"


@pytest.fixture(autouse=True)
def _spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spools below the test's folder, and no wait for a server that nobody has."""
    monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0")
    for name in ("STEPLOG_QUEUE_DIR", "STEPLOG_DIR", "STEPLOG_MODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("hdfs://namenode/x", r"'hdfs://namenode/x'.*s3://bucket/prefix, gs://bucket/prefix or az://.*No other scheme"),
        ("http://me:secret@host/x", r"'http://\*\*\*@host/x'.*No other scheme"),
        ("s3://", "it names no bucket"),
        ("s3://me:secret@bucket/x", r"s3://\*\*\*@bucket/x.*a user, password or port has no place"),
        ("s3://bucket/x?token=secret", r"s3://bucket/x\?\.\.\..*a query or fragment has no place"),
        ("s3://bucket/a/../b", r"'\.\.' component"),
        (Path("s3://bucket/x"), r"a Path makes one slash of two.*'s3://\.\.\.'"),
        ("gs:/bucket/x", "a Path makes one slash of two"),
    ],
)
def test_what_is_no_address_is_refused(place: Any, message: str) -> None:
    """The error says what is understood, and repeats no password."""
    with pytest.raises(ValueError, match=message) as caught:
        ExperimentTracker(place)

    assert "secret" not in str(caught.value)


def test_a_queue_dir_is_no_address() -> None:
    """It is a folder, of which the spool becomes a part."""
    with pytest.raises(ValueError, match="queue_dir is 's3://bucket/x'; it is a folder on this machine"):
        ExperimentTracker(URL, pipeline=PipelineSettings(queue_dir="s3://bucket/x"))


@pytest.mark.parametrize("alias", ["S3://bucket/team/run/", "s3a://bucket/team/run"])
def test_aliases_of_an_address_mean_one_store(alias: str) -> None:
    """Their spool is the same."""
    with ExperimentTracker(URL) as one, ExperimentTracker(alias) as other:
        assert (one.root, one.address) == (other.root, other.address)
        assert one.address == URL


def test_the_variable_may_hold_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_DIR, where output_dir was left at its default."""
    monkeypatch.setenv("STEPLOG_DIR", URL)

    with ExperimentTracker() as tracker:
        assert tracker.address == URL
    with ExperimentTracker(Path(os.environ["STEPLOG_SPOOL_DIR"]) / "local") as tracker:
        assert tracker.address is None
        assert tracker.uploading() is None


def test_the_spool_lies_where_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below queue_dir, else STEPLOG_QUEUE_DIR, else STEPLOG_SPOOL_DIR; its target is written into it."""
    address = Address.of(URL)
    with ExperimentTracker(URL) as tracker:
        assert tracker.root == tmp_path / "spools" / address.slug
        assert read_target(tracker.layout) == address
    monkeypatch.setenv("STEPLOG_QUEUE_DIR", str(tmp_path / "variable"))
    with ExperimentTracker(URL) as tracker:
        assert tracker.root == tmp_path / "variable" / address.slug
    with ExperimentTracker(URL, pipeline=PipelineSettings(queue_dir=tmp_path / "given")) as tracker:
        assert tracker.root == tmp_path / "given" / address.slug


def test_nothing_is_made_where_it_is_disabled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spool, no process."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    with ExperimentTracker(URL) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.log_text("text", "a.txt")

    assert tracker.uploading() is None
    assert not (tmp_path / "spools").exists()


def test_a_spool_that_can_not_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the constructor, with what to do; strict=False goes on in a temporary folder, which sync can send."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / "file"))

    with pytest.raises(StoreUnavailable, match=r"s3://bucket/team/run needs a folder on this host.*STEPLOG_SPOOL_DIR"):
        ExperimentTracker(URL)
    with pytest.warns(UserWarning, match=r"Logging to .* instead"):
        tracker = ExperimentTracker(URL, strict=False, auto_log=False)
    with tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
    assert read_target(tracker.layout) == Address.of(URL)


def test_a_user_without_a_home_is_told_what_to_set() -> None:
    """As in a container whose user has no entry anywhere."""
    code = f"from tracker import ExperimentTracker; ExperimentTracker({URL!r})"
    nobody = {name: value for name, value in os.environ.items() if name not in {"HOME", "STEPLOG_SPOOL_DIR"}}
    lost = "import os, pwd; os.getuid = lambda: 4_000_000_000 - 7; " + code
    done = subprocess.run([sys.executable, "-c", lost], capture_output=True, text=True, check=False, env=nobody)

    assert "needs a folder on this host, and it has no home" in done.stderr
    assert "set STEPLOG_SPOOL_DIR" in done.stderr


def test_a_spool_on_a_network_mount_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It works, and costs what nobody expects of a local queue."""
    monkeypatch.setattr(spool, "fits_mapped_queue", lambda _folder: False)
    ExperimentTracker(URL).close()

    assert "set STEPLOG_SPOOL_DIR to a folder on local disk" in caplog.text


def test_a_missing_extra_is_named() -> None:
    """At the constructor, and what to install."""
    code = HIDDEN + f"from tracker import ExperimentTracker; ExperimentTracker({URL!r})"
    done = subprocess.run([sys.executable, "-c", code, "obstore"], capture_output=True, text=True, check=False)

    assert f"ObjectsUnavailable: {URL} needs obstore, which isn't installed: pip install 'steplog[cloud]'" in (
        done.stderr
    )
    assert issubclass(ObjectsUnavailable, StoreUnavailable)


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "90000"])
def test_a_wait_that_makes_no_sense_is_refused(text: str) -> None:
    """The error names the variable, its value and what it may be."""
    arguments: dict[str, Any] = {"experiment_name": None, "backend": "local", "mlflow_tracking_uri": None}
    arguments |= {"auto_log": True, "strict": None, "pipeline": None}
    with pytest.raises(ValueError, match=r"STEPLOG_UPLOAD_WAIT is .*from 0 to 86400"):
        read_settings(URL, **arguments, environment={"STEPLOG_UPLOAD_WAIT": text})


def test_a_tracker_that_was_sent_elsewhere_has_that_host_s_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By pickle; the address goes with it, and the folder doesn't."""
    with ExperimentTracker(URL, "exp", auto_log=False) as tracker:
        sent = pickle.dumps(tracker)
        monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / "other host"))
        with pickle.loads(sent) as there:
            assert there.address == URL
            assert there.root == spool_folder(Address.of(URL))
            assert there.root != tracker.root


def test_logging_to_an_address_imports_nothing_more() -> None:
    """Neither obstore nor Polars, with a run, metrics, a file and a checkpoint."""
    code = (
        "import sys; from tracker import ExperimentTracker\n"
        f"t = ExperimentTracker({URL!r}, auto_log=False); t.start_run()\n"
        "t.log_metrics({'x': 1.0}, step=1); t.log_text('text', 'a.txt'); t.end_run(); t.close()\n"
        "print(*({'obstore', 'polars', 'ingest.objects.bucket'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split()) == (0, [])

"""The bucket can't be reached, or refuses: the training feels nothing, it is said once, and nothing is lost."""

import json
import logging
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.errors import SinkFailed
from ingest.objects.address import Address, spool_folder
from ingest.settings import PipelineSettings
from tests.objects.conftest import S3
from tests.objects.uploaded import OtherHost, run
from tracker import ExperimentTracker
from tracker.cli import app

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """Who sees only what is in the bucket."""
    return OtherHost(tmp_path / "other hosts", monkeypatch)


def logged(address: str, values: range, **options: object) -> ExperimentTracker:
    """A tracker that has logged a run with these values, and was closed."""
    with ExperimentTracker(address, "exp", auto_log=False, **options) as tracker, tracker.start_run("run"):  # type: ignore[arg-type]
        for value in values:
            tracker.log_metrics({"x": float(value)}, step=value)
    return tracker


def synced(*arguments: str) -> dict[str, object]:
    """What `steplog sync --json` says."""
    done = CliRunner().invoke(app, ["sync", *arguments, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    told: dict[str, object] = json.loads(done.stdout)
    return told


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said, in order."""
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_network_that_is_away_from_the_start_is_said_once_and_sync_sends_all(
    s3: S3, other_host: OtherHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The constructor doesn't fail, closing waits as long as it was told, and says what is left and what to do."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "2")
    address = s3.address("away")
    began = time.monotonic()
    logged(address, range(50))
    assert time.monotonic() - began < 15

    said = warnings_of(caplog)
    assert len(said) == 2, said
    assert said[0].startswith(f"uploading to {address} waits: can't ")
    assert f"{address} doesn't have everything after 2 s" in said[1]
    assert said[1].endswith(f"steplog sync {address}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.server.endpoint)
    told = synced(address)
    assert (told["target"], told["done"], told["error"]) == (address, True, None)
    assert other_host.points(address) == list(range(50))
    again = synced(address)
    assert again["sent"] == {"parts": 0, "live": 0, "files": 0, "bytes": 0}


def test_the_next_tracker_sends_what_the_last_one_could_not(
    s3: S3, other_host: OtherHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same host, with the same address."""
    address = s3.address("next")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", DEAD)
        patch.setenv("STEPLOG_UPLOAD_WAIT", "0.2")
        logged(address, range(10))
    logged(address, range(10, 20))

    assert other_host.points(address) == list(range(20))


def test_wrong_credentials_are_said_without_them(
    s3: S3, other_host: OtherHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with where they were looked for; `steplog sync` refuses at once, and sends all with the right ones."""
    address = s3.address("wrong")
    right = os.environ["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "2")
    logged(address, range(5))

    said = warnings_of(caplog)
    assert len(said) == 2, said
    assert "check the credentials and what they allow: looked at AWS_ACCESS_KEY_ID" in said[0]
    assert "a-wrong-secret" not in "".join(said)
    refused = CliRunner().invoke(app, ["sync", address])
    assert refused.exit_code == 1
    assert "check the credentials" in str(refused.exception)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", right)
    assert synced(address)["done"] is True
    assert other_host.points(address) == list(range(5))


def test_a_server_that_stands_still_holds_nobody_up(own_s3: S3, other_host: OtherHost) -> None:
    """SIGSTOP: it takes connections and answers none; later it goes on, and so does the uploader."""
    address = own_s3.address("still")
    with ExperimentTracker(address, "exp", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 0.0}, step=0)
        tracker.flush(10, upload=True)
        own_s3.server.pause()
        for step in range(1, 2000):
            tracker.log_metrics({"x": float(step)}, step=step)
        tracker.flush(5)
        with pytest.raises(TimeoutError, match=rf"{address} doesn't have everything after 0\.5 s.*it waits in"):
            tracker.flush(0.5, upload=True)
        own_s3.server.resume()

    assert other_host.points(address) == list(range(2000))


def test_a_server_that_is_killed_in_the_middle_loses_nothing(own_s3: S3, other_host: OtherHost) -> None:
    """And started again: the uploader finds it, and each point is there once."""
    address = own_s3.address("killed")
    with ExperimentTracker(address, "exp", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 0.0}, step=0)
        tracker.flush(10, upload=True)
        own_s3.server.stop()
        for step in range(1, 300):
            tracker.log_metrics({"x": float(step)}, step=step)
        own_s3.server.start()

    assert other_host.points(address) == list(range(300))


def test_strict_raises_at_close_what_is_not_there(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging goes on as long as the disk takes it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0.3")
    tracker = ExperimentTracker(s3.address("strict"), auto_log=False, strict=True)
    tracker.start_run()
    tracker.log_metrics({"x": 1.0})

    with pytest.raises(SinkFailed, match=r"doesn't have everything after 0\.3 s.*steplog sync s3://"):
        tracker.close()
    tracker.close()


def test_a_spool_of_another_folder_is_named_by_that(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With queue_dir= the address alone doesn't find it; what is said can be typed as it is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0.3")
    address = s3.address("elsewhere")
    tracker = logged(address, range(3), pipeline=PipelineSettings(queue_dir=tmp_path / "scratch"))
    command = warnings_of(caplog)[-1].rpartition("steplog sync ")[2]
    assert command == str(tracker.root)

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.server.endpoint)
    assert synced(command)["target"] == address


def test_a_dead_node_s_disk_is_uploaded_from_another_host(
    s3: S3, tmp_path: Path, other_host: OtherHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while nothing was uploaded: its spool, mounted elsewhere, says itself where it belongs.

    That goes before what the environment says of an MLflow server.
    """
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    address = s3.address("node")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(run_id='node')
        for step in range(100): t.log_metrics({'x': step}, step=step)
        t.log_text('text', 'a.txt')
        os.kill(t._uploads._process.pid, 9)
        os.kill(os.getpid(), 9)
    """
    dead = {**os.environ, "STEPLOG_SPOOL_DIR": str(tmp_path / "node"), "AWS_ENDPOINT_URL": DEAD}
    run(code, address, env=dead)
    (spool,) = (tmp_path / "node").iterdir()
    spool.rename(tmp_path / "mounted")

    told = synced(str(tmp_path / "mounted"))
    assert (told["target"], told["done"]) == (address, True)
    assert other_host.points(address) == list(range(100))
    assert "artifacts/node/a.txt" in s3.keys("node")


def test_any_store_in_a_folder_can_be_uploaded(s3: S3, tmp_path: Path, other_host: OtherHost) -> None:
    """With --to an address; it stays what it was."""
    root = tmp_path / "local"
    with ExperimentTracker(root, "exp", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.log_text("text", "a.txt")
    before = sorted(path for path in root.rglob("*.parquet"))

    told = synced(str(root), "--to", s3.address("copied"))
    assert told["target"] == s3.address("copied")
    assert other_host.points(s3.address("copied")) == [1.0]
    assert sorted(root.rglob("*.parquet")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s3://some-bucket/nothing"], "nothing of s3://some-bucket/nothing waits on this host: there is no spool at"),
        (["s3://"], "it names no bucket"),
        (["s3://me:secret@some-bucket/x"], "a user, password or port has no place"),
        (["STORE", "--to", "s3://some-bucket/x?y"], "a query or fragment has no place"),
        (["STORE"], "where to? Give --to"),
        (["SPOOL", "--to", "http://127.0.0.1:9"], "is uploaded by 'steplog sync', not sent to an MLflow server"),
    ],
)
def test_what_sync_can_not_do_is_said(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 2, and no password repeated."""
    monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    ExperimentTracker(tmp_path / "store", auto_log=False).close()
    ExperimentTracker("s3://some-bucket/there", auto_log=False).close()
    places = {"STORE": str(tmp_path / "store"), "SPOOL": "s3://some-bucket/there"}
    done = CliRunner().invoke(app, ["sync", *(places.get(part, part) for part in arguments)])

    assert message in str(done.exception)
    assert "secret" not in str(done.exception)
    assert type(done.exception).__name__ in {"AskedWrongly", "StoreNotFound"}


def test_sync_waits_for_the_training_that_uploads(s3: S3, other_host: OtherHost) -> None:
    """One of a spool uploads; the command asks it, and ends when all that was there is in the bucket."""
    address = s3.address("beside")
    with ExperimentTracker(address, auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.flush(10, upload=True)
        tracker.log_metrics({"x": 2.0})
        assert synced(address)["done"] is True
        assert other_host.points(address) == [1.0, 2.0]
        assert spool_folder(Address.of(address)) == tracker.root

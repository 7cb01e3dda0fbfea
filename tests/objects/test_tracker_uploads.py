"""A tracker with an address: what it logs is in the bucket, in time, whoever else logs and whatever is killed."""

import fcntl
import multiprocessing
import os
import pickle
import signal
from pathlib import Path

import pytest

from tests.objects.conftest import S3
from tests.objects.uploaded import OtherHost, parts, run
from tests.waiting import until
from tracker import ExperimentTracker, uploads


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """Who sees only what is in the bucket."""
    return OtherHost(tmp_path / "other hosts", monkeypatch)


def wait_for_end_of_uploads(root: Path) -> None:
    """Until nobody uploads a spool."""
    with (root / "upload" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_a_run_is_in_the_bucket_when_its_tracker_is_closed(s3: S3, other_host: OtherHost) -> None:
    """Params, metrics, tags and files; sealed, and nothing live is left."""
    address = s3.address("closed")
    with ExperimentTracker(address, "exp", auto_log=False) as tracker:
        run_id = tracker.start_run("run", params={"lr": 0.1}, tags={"team": "red"})
        for step in range(100):
            tracker.log_metrics({"x": step}, step=step)
        tracker.log_text("hello", "sub/a.txt")
        tracker.end_run()

    view = tracker.uploading()
    assert view is not None
    assert (view.target, view.running, view.settled, view.error) == (address, False, True, None)
    assert (view.files, view.waiting_parts, view.bytes > 0) == (1, 0, True)
    there = other_host.store(address)
    (found,) = there.experiment_runs("exp")
    assert (found["run_id"], found["status"], found["params"], found["metrics"]) == (
        str(run_id),
        "FINISHED",
        {"lr": 0.1},
        {"x": 99.0},
    )
    assert other_host.points(address) == list(range(100))
    keys = s3.keys("closed")
    assert f"artifacts/{run_id}/sub/a.txt" in keys
    assert len(parts(keys)) == 1
    assert [key for key in keys if key.startswith("live/") and key.endswith(".zst")] == []


def test_a_run_in_progress_is_there_when_flush_says_so(s3: S3, other_host: OtherHost) -> None:
    """With upload=True: by its live rows, not yet sealed."""
    address = s3.address("live")
    with ExperimentTracker(address, auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0}, step=1)
        tracker.flush(10, upload=True)
        assert other_host.points(address) == [1.0]
        assert other_host.store(address).experiment_runs("default")[0]["status"] == "RUNNING"
        tracker.log_metrics({"x": 2.0}, step=2)
        tracker.flush(10, upload=True)
        assert other_host.points(address) == [1.0, 2.0]
        view = tracker.uploading()
        assert view is not None
        assert (view.parts, view.live >= 2, view.running, view.settled, view.error) == (0, True, True, True, None)

    assert other_host.points(address) == [1.0, 2.0]


def test_ranks_of_a_host_share_a_spool_and_one_uploader(s3: S3, other_host: OtherHost) -> None:
    """Whoever closes has everything in the bucket, also while another one uploads and goes on."""
    address = s3.address("ranks")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(run_id='shared'); t.log_metrics({'x': 2.0}, step=0); t.close()
        print('closed', t.uploading().running)
    """
    with ExperimentTracker(address, "exp", auto_log=False) as tracker:
        tracker.start_run(run_id="shared")
        tracker.log_metrics({"x": 1.0}, step=0)
        tracker.flush(10, upload=True)  # so that it is this one who uploads
        done = run(code, address, env={**os.environ, "STEPLOG_RANK": "1"})

        assert (done.stdout.split(), done.stderr) == (["closed", "False"], "")
        assert other_host.points(address) == [1.0, 2.0]
        tracker.log_metrics({"x": 3.0}, step=1)

    assert other_host.points(address) == [1.0, 2.0, 3.0]
    assert len(list(tracker.root.parent.iterdir())) == 1


def test_the_turn_passes_to_a_rank_that_goes_on(s3: S3, other_host: OtherHost) -> None:
    """The one who uploads ends; what the other logs then is uploaded all the same."""
    address = s3.address("turn")
    with ExperimentTracker(address, "exp", auto_log=False) as second:
        with ExperimentTracker(address, "exp", auto_log=False) as first:
            first.start_run(run_id="one")
            first.log_metrics({"x": 1.0})
            first.flush(10, upload=True)
            second.start_run(run_id="two")
            second.log_metrics({"x": 2.0})
        second.log_metrics({"x": 3.0})
        second.flush(10, upload=True)

        assert other_host.points(address) == [1.0, 2.0, 3.0]


def test_what_a_killed_training_logged_is_uploaded_all_the_same(s3: S3, other_host: OtherHost) -> None:
    """Kill -9 right after the last log call: its uploader brings the rest, and ends."""
    address = s3.address("killed")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(run_id='killed')
        t.log_metrics({'x': 0}, step=0); t.flush(10, upload=True)
        for step in range(1, 200): t.log_metrics({'x': step}, step=step)
        print(t.root, t._uploads._process.pid, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = run(code, address)
    root, pid = done.stdout.split()
    wait_for_end_of_uploads(Path(root))

    until(lambda: not Path(f"/proc/{pid}").exists(), "the uploader goes on")
    assert other_host.points(address) == list(range(200))
    assert other_host.store(address).experiment_runs("exp")[0]["status"] == "INTERRUPTED"


def test_a_training_that_is_killed_at_once_is_uploaded(s3: S3, other_host: OtherHost) -> None:
    """Before its uploader had a look at anything."""
    address = s3.address("early")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(run_id='early')
        for step in range(20): t.log_metrics({'x': step}, step=step)
        os.kill(os.getpid(), 9)
    """
    assert run(code, address).returncode == -signal.SIGKILL

    until(lambda: len(parts(s3.keys("early"))) == 1, lambda: s3.keys("early"))
    until(lambda: other_host.points(address) == list(range(20)))


def test_a_killed_uploader_is_started_again(s3: S3, other_host: OtherHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the training goes on; nobody has to do anything."""
    monkeypatch.setattr(uploads, "RESTART_S", 0.05)
    address = s3.address("restarted")
    with ExperimentTracker(address, auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.flush(10, upload=True)
        assert tracker._uploads is not None
        process = tracker._uploads._process
        assert process is not None
        pid = process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        tracker.log_metrics({"x": 2.0})

        until(lambda: tracker._uploads is not None and tracker._uploads._process is not process)
        tracker.flush(15, upload=True)
        assert other_host.points(address) == [1.0, 2.0]


def test_an_uploader_that_was_killed_last_is_replaced_by_close(s3: S3, other_host: OtherHost) -> None:
    """So that close means the same."""
    address = s3.address("replaced")
    with ExperimentTracker(address, auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.flush(10, upload=True)
        assert tracker._uploads is not None
        process = tracker._uploads._process
        assert process is not None
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        tracker.log_metrics({"x": 2.0})

    assert other_host.points(address) == [1.0, 2.0]


def test_a_forked_child_logs_to_the_same_run(s3: S3, other_host: OtherHost) -> None:
    """Its parent's uploader sends it; neither waits for the other's."""
    address = s3.address("forked")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(run_id='forked'); t.log_metrics({'x': 1.0}, step=0); t.flush(10, upload=True)
        pid = os.fork()
        if not pid:
            t.log_metrics({'x': 2.0}, step=1)
            assert t._uploads._process is None or not t._uploads._alive()
            sys.exit(0)
        status = os.waitpid(pid, 0)[1]
        t.log_metrics({'x': 3.0}, step=2); t.close()
        print('ended', status)
    """
    done = run(code, address)

    assert (done.stdout.split(), done.stderr) == (["ended", "0"], "")
    assert other_host.points(address) == [1.0, 2.0, 3.0]


def _log_there(sent: bytes) -> None:
    with pickle.loads(sent) as tracker:
        tracker.log_metrics({"x": 2.0}, step=1)


def test_a_tracker_that_was_sent_to_another_process_uploads_there(s3: S3, other_host: OtherHost) -> None:
    """By pickle, into a spawned process, as Dask and Ray do."""
    address = s3.address("sent")
    with ExperimentTracker(address, "exp", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0}, step=0)
        process = multiprocessing.get_context("spawn").Process(target=_log_there, args=(pickle.dumps(tracker),))
        process.start()
        process.join()
        assert process.exitcode == 0

    assert other_host.points(address) == [1.0, 2.0]
    assert len(other_host.store(address).experiment_runs("exp")) == 1


def test_the_end_of_the_program_waits_for_the_bucket(s3: S3, other_host: OtherHost) -> None:
    """Nothing was closed; the exit code and the status are those of the program."""
    address = s3.address("exit")
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        t.start_run(); t.log_metrics({'x': 1.0})
        raise KeyError('mine')
    """
    done = run(code, address)

    assert (done.returncode, "KeyError: 'mine'" in done.stderr) == (1, True)
    assert other_host.points(address) == [1.0]
    assert other_host.store(address).experiment_runs("exp")[0]["status"] == "FAILED"


def test_the_tracker_s_own_questions_are_answered_by_all_nodes_runs(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another host has uploaded, and what was logged here a moment ago."""
    address = s3.address("both")
    elsewhere = {**os.environ, "STEPLOG_SPOOL_DIR": str(tmp_path / "elsewhere")}
    code = """
        with ExperimentTracker(sys.argv[1], 'exp', auto_log=False) as t, t.start_run(run_id='there', params={'lr': 1}):
            t.log_metrics({'x': 1.0})
    """
    assert run(code, address, env=elsewhere).returncode == 0

    with ExperimentTracker(address, "exp", auto_log=False) as tracker, tracker.start_run(run_id="here"):
        tracker.log_metrics({"x": 2.0})
        found = {record["run_id"]: record["metrics"] for record in tracker.get_experiment_runs()}
        assert found == {"there": {"x": 1.0}, "here": {"x": 2.0}}


def test_ending_a_run_waits_for_nothing(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers nothing any more doesn't hold up who logs."""
    code = """
        t = ExperimentTracker(sys.argv[1], 'exp', auto_log=False)
        for number in range(3):
            with t.start_run(): t.log_metrics({'x': 1.0})
        view = t.uploading(); t.close()
        print(view.parts, view.settled)
    """
    dead = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "STEPLOG_UPLOAD_WAIT": "0"}
    done = run(code, s3.address("nowhere"), env=dead)

    assert (done.returncode, done.stdout.split()) == (0, ["0", "False"])

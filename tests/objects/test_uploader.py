"""The uploader: what is logged is in the bucket, each row once, whatever happens on the way."""

import json
import os
from collections import Counter
from copy import copy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.compact import compact
from ingest.errors import Busy, StoreUnavailable
from ingest.frames import whole
from ingest.layout import Layout
from ingest.objects import plainfiles, sealedparts
from ingest.objects.bucket import Bucket
from ingest.objects.names import LIVE, STORE, heartbeat_key, live_key, parse_live
from ingest.objects.uploader import Uploader
from ingest.settings import PipelineSettings
from tests.objects.conftest import S3
from tests.objects.contents import held
from tests.objects.proxy import LossyProxy
from tests.objects.stores import bucket_of, die, doomed, log, once, tracker_of
from tracker import ExperimentTracker


def test_a_run_in_progress_is_in_the_bucket_and_then_its_sealed_files(s3: S3, tmp_path: Path) -> None:
    """Rows that were logged are there after each drain, as whole frames; after the end they are parts, not live."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            log(tracker, 0, 100)
            assert uploader.drain()
            assert held(bucket).points == once(run, range(100))
            log(tracker, 100, 300)
            assert uploader.drain()
            found = held(bucket)
            assert found.points == once(run, range(300))
            assert len(found.live) == 1
            keys = [key for entry in bucket.list(LIVE) if (key := parse_live(entry.key))]
            assert len(keys) == 2
            for key in keys:
                size = key.end - key.start
                body = pa.decompress(bucket.get(key.key), decompressed_size=size, codec="zstd", asbytes=True)
                assert whole(body).end == size
            tracker.end_run()
            tracker.close()
            assert uploader.drain(last=True)
            assert uploader.state.settled
            assert uploader.state.error is None
        found = held(bucket)
        assert found.points == once(run, range(300))
        assert found.live == []
        assert bucket.list(LIVE) == []
        assert set(found.facts.values()) == {1}
        assert (run, "end", "status") in found.facts


def test_a_drain_with_nothing_new_asks_the_server_nothing(s3: S3, tmp_path: Path) -> None:
    """Steady state costs no requests but heartbeats."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        tracker.start_run("a")
        log(tracker, 0, 10)
        tracker.log_dict({"a": 1}, "a.json")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            before = copy(bucket.counts)
            assert before.puts > 2
            assert uploader.drain()
            assert bucket.counts == before
            assert 13.0 < uploader.pause_s <= 15.0


def test_files_are_there_before_the_rows_that_name_them(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the first row arrives in the bucket, the artifacts logged before it are in it; also when it is replaced."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        odd = "é/50% \n%0A.json"
        tracker.log_dict({"a": 1}, odd)
        order: list[str] = []
        put = Bucket.put

        def noting(self: Bucket, key: str, data: bytes | Path, *, create: bool = False) -> bool:
            order.append(key)
            return put(self, key, data, create=create)

        monkeypatch.setattr(Bucket, "put", noting)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            file = f"artifacts/{run}/é/50% %0A%250A.json"
            rows = next(place for place, key in enumerate(order) if parse_live(key))
            assert order.index(file) < rows
            assert json.loads(bucket.get(file)) == {"a": 1}
            tracker.log_dict({"a": 2}, odd)
            assert uploader.drain()
            assert json.loads(bucket.get(file)) == {"a": 2}


def test_a_dead_writers_rest_is_adopted_and_uploaded(s3: S3, tmp_path: Path) -> None:
    """What was live in the bucket of a process that was killed becomes sealed parts, each row once; its sign goes."""
    with bucket_of(s3) as bucket:
        process = doomed(tmp_path, "r1", 500)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            assert held(bucket).points == once("r1", range(500))
            assert len(held(bucket).live) == 1
            die(process)
            assert uploader.drain(last=True)
        found = held(bucket)
        assert found.points == once("r1", range(500))
        assert found.live == []
        assert bucket.list(LIVE) == []


def test_another_process_takes_over_where_one_was_killed(s3: S3, tmp_path: Path) -> None:
    """A second uploader of the same store is told that it is busy; when the first is gone it goes on."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 50)
        layout = Layout(tmp_path)
        with Uploader(layout, bucket) as uploader:
            uploader.drain()
            with pytest.raises(Busy, match="another process uploads"):
                Uploader(layout, bucket)
        log(tracker, 50, 90)
        with Uploader(layout, bucket) as uploader:
            assert uploader.drain()
        assert held(bucket).points == once(run, range(90))


def test_a_spool_forgets_what_is_in_the_bucket_and_another_store_keeps_it(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool's parts go after their time; a local store that is uploaded by hand keeps all, and is uploaded once."""
    monkeypatch.setattr(sealedparts, "KEEP_S", -1.0)
    for name, is_spool in (("spool", True), ("plain", False)):
        with bucket_of(s3, name) as bucket:
            root = tmp_path / name
            with tracker_of(root, bucket.address if is_spool else None) as tracker:
                run = tracker.start_run("a")
                log(tracker, 0, 20)
            for _ in range(2):
                with Uploader(Layout(root), bucket) as uploader:
                    assert uploader.drain()
                    assert uploader.drain()
            assert bool([*root.glob("metrics/*/*.parquet")]) is not is_spool
            assert held(bucket).points == once(run, range(20))


def test_a_network_that_is_away_loses_nothing_and_is_said(s3: S3, tmp_path: Path, proxy: LossyProxy) -> None:
    """Refused, then swallowed: drains end in time and say why; when it is back everything arrives."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        with Uploader(Layout(tmp_path), Bucket(bucket.address, timeout_s=1.0), backoff_s=(0.01, 0.02)) as uploader:
            proxy.refuse()
            log(tracker, 0, 50)
            assert not uploader.drain(0.2)
            assert not uploader.state.settled
            assert s3.address("store") in str(uploader.state.error)
            proxy.accept()
            proxy.swallow()
            log(tracker, 50, 80)
            assert not uploader.drain(0.5)
            proxy.let_through()
            assert uploader.drain(15.0)
            assert uploader.state.error is None
            assert uploader.state.settled
        assert held(bucket).points == once(run, range(80))


def test_a_lossy_network_brings_each_row_once(s3: S3, tmp_path: Path, proxy: LossyProxy) -> None:
    """Connections cut anywhere, in requests and answers; the rows of live and sealed segments count once."""
    with tracker_of(tmp_path) as tracker:
        run = tracker.start_run("a")
        with Bucket(bucket_of(s3).address, timeout_s=2.0) as bucket:
            proxy.cut = 0.15
            with Uploader(Layout(tmp_path), bucket, backoff_s=(0.001, 0.01)) as uploader:
                for start in range(0, 400, 100):
                    log(tracker, start, start + 100)
                    tracker.log_dict({"at": start}, f"{start}.json")
                    tracker.flush(seal=start == 200)
                    assert uploader.drain(10.0), uploader.state.error
                tracker.end_run()
                tracker.close()
                assert uploader.drain(10.0, last=True), uploader.state.error
            proxy.cut = 0.0
            assert proxy.cuts
            found = held(bucket)
            assert found.points == once(run, range(400))
            assert found.live == []
            assert len(bucket.list(f"artifacts/{run}")) == 4


def test_wrong_credentials_wait_for_a_person(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and tried again slowly; with the right ones all arrives."""
    right = os.environ["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 5)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert not uploader.drain(5.0)
            assert "credentials" in str(uploader.state.error)
            assert "hunter2" not in str(uploader.state.error)
            assert uploader.pause_s > 50.0
            assert not uploader.drain(0.1)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", right)
            assert uploader.drain(15.0, last=True)
        bucket.close()
        assert held(bucket).points == once(run, range(5))


@pytest.mark.parametrize(("body", "says"), [(b'{"format_version": 99}', "format 99"), (b"[]", "something else")])
def test_what_is_no_store_of_this_format_is_left_alone(s3: S3, tmp_path: Path, body: bytes, says: str) -> None:
    """A prefix with a newer store, or other things, is refused readably; nothing is put there."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path) as tracker:
        bucket.put(STORE, body)
        tracker.start_run("a")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert not uploader.drain(5.0)
            assert says in str(uploader.state.error)
        assert [entry.key for entry in bucket.list()] == [STORE]


def test_a_folder_without_a_store_is_not_uploaded(s3: S3, tmp_path: Path) -> None:
    """It is said at once, and nothing is made there."""
    with bucket_of(s3) as bucket, pytest.raises(StoreUnavailable, match="no store"):
        Uploader(Layout(tmp_path / "no"), bucket)
    assert not (tmp_path / "no").exists()


def test_two_nodes_upload_to_one_prefix(s3: S3, tmp_path: Path) -> None:
    """Two spools, one store: both nodes' rows and files are there."""
    with bucket_of(s3) as bucket:
        runs = {}
        for node in ("one", "two"):
            with tracker_of(tmp_path / node, bucket.address) as tracker:
                runs[node] = tracker.start_run("a", run_id="shared-run")
                log(tracker, 0, 20, key=node)
                tracker.log_dict({}, f"{node}.json")
            with Uploader(Layout(tmp_path / node), bucket) as uploader:
                assert uploader.drain(10.0)
        expected = once("shared-run", range(20), "one") + once("shared-run", range(20), "two")
        assert held(bucket).points == expected
        assert len(bucket.list("artifacts/shared-run")) == 2


def test_a_late_piece_of_a_sealed_segment_is_swept(s3: S3, tmp_path: Path) -> None:
    """A put that the server does after the commit makes no row vanish for long: the next start finds it."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 30)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            (writer, number) = held(bucket).live[0]
            tracker.end_run()
            tracker.close()
            assert uploader.drain()
            assert held(bucket).live == []
        bucket.put(live_key(writer, number, 0, 0), pa.compress(b"", codec="zstd", asbytes=True))
        assert held(bucket).points != once(run, range(30))
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
        assert held(bucket).points == once(run, range(30))


def test_a_silent_writer_shows_that_it_lives(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is logged its heartbeat is renewed; when it has left it has none."""
    from ingest.objects import livepieces
    from tests.waiting import until

    monkeypatch.setattr(livepieces, "HEARTBEAT_S", 0.0)
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        tracker.start_run("a")
        log(tracker, 0, 3)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            writer = held(bucket).live[0][0]
            until(lambda: bucket.head(heartbeat_key(writer)))
            first = json.loads(bucket.get(heartbeat_key(writer)))["at"]

            def renewed() -> bool:
                assert uploader.drain()
                return bool(json.loads(bucket.get(heartbeat_key(writer)))["at"] > first)

            until(renewed)
            tracker.close()
            assert uploader.drain(last=True)
        until(lambda: bucket.head(heartbeat_key(writer)) is None)


def test_rows_of_a_queue_in_memory_arrive_when_they_are_sealed(s3: S3, tmp_path: Path) -> None:
    """They have no bytes on disk before; afterwards they are there once."""
    settings = PipelineSettings(queue="memory", compact_files=0)
    with bucket_of(s3) as bucket, ExperimentTracker(tmp_path, auto_log=False, pipeline=settings) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 30)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            assert held(bucket).points == {}
            tracker.flush(seal=True)
            assert uploader.drain()
        assert held(bucket).points == once(run, range(30))


def test_a_store_that_was_compacted_is_uploaded_and_then_stays_as_it_is(s3: S3, tmp_path: Path) -> None:
    """Merged parts of before count in the bucket; from then on the store isn't compacted, as names must stay."""
    layout = Layout(tmp_path)
    for start in range(0, 40, 10):
        with tracker_of(tmp_path) as tracker:
            run = tracker.start_run("a", run_id="r", resume=start > 0)
            log(tracker, start, start + 10)
        if start == 20:
            assert compact(layout).files_after
    with bucket_of(s3) as bucket:
        for _ in range(2):
            with Uploader(layout, bucket) as uploader:
                assert uploader.drain()
        assert held(bucket).points == once(run, range(40))
        report = compact(layout)
        assert report.uploaded
        assert not report.files_after


def test_a_file_that_no_server_takes_keeps_nothing_back(s3: S3, tmp_path: Path) -> None:
    """A name that is too long for a key is said and left out; the rest is uploaded, and drains succeed."""
    with bucket_of(s3, "x" * 200 + "/" + "y" * 200) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 5)
        long = "/".join(["n" * 200] * 4) + ".json"
        tracker.log_dict({}, long)
        tracker.log_dict({}, "short.json")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
            assert "n" * 200 in str(uploader.state.error)
            assert uploader.state.settled
        assert held(bucket).points == once(run, range(5))
        assert bucket.head(f"artifacts/{run}/short.json")


def test_a_checkpoint_that_is_retired_here_is_removed_there_and_nothing_else(s3: S3, tmp_path: Path) -> None:
    """Retention reaches the bucket; an artifact, or a whole folder of checkpoints, that is deleted by hand stays."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            tracker.save_checkpoint({"epoch": 1}, keep_last=1)
            tracker.log_dict({}, "a.json")
            assert uploader.drain()
            tracker.save_checkpoint({"epoch": 2}, keep_last=1)
            (tmp_path / "artifacts" / run / "a.json").unlink()
            assert uploader.drain()
            assert {entry.key.split("/")[2] for entry in bucket.list(f"checkpoints/{run}")} == {"2"}
            assert bucket.head(f"artifacts/{run}/a.json")
            (tmp_path / "checkpoints").rename(tmp_path / "moved")
            assert uploader.drain()
            assert {entry.key.split("/")[2] for entry in bucket.list(f"checkpoints/{run}")} == {"2"}


def test_a_spool_keeps_large_files_for_a_while_and_numbers_for_good(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is large and uploaded goes after its time; a checkpoint's folder stays, so that its number isn't free."""
    monkeypatch.setattr(plainfiles, "FILE_KEEP_S", -1.0)
    monkeypatch.setattr(plainfiles, "_LOOK_S", 0.0)
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        with Uploader(Layout(tmp_path), bucket) as uploader:
            tracker.save_checkpoint({"weights": "x" * 100_000})
            tracker.log_text("y" * 100_000, "large.txt")
            tracker.log_text("z", "small.txt")
            assert uploader.drain()
            folder = tmp_path / "artifacts" / run
            assert not (folder / "large.txt").exists()
            assert (folder / "small.txt").exists()
            assert max(file.stat().st_size for file in (tmp_path / "checkpoints").rglob("*")) < 100_000
            assert uploader.drain()
            assert bucket.get(f"artifacts/{run}/large.txt") == b"y" * 100_000
            tracker.save_checkpoint({"epoch": 2})
            assert uploader.drain()
            assert {entry.key.split("/")[2] for entry in bucket.list(f"checkpoints/{run}")} == {"1", "2"}


def test_a_server_that_stops_answering_ends_a_drain_in_time(own_s3: S3, tmp_path: Path) -> None:
    """The server is stopped (SIGSTOP): a drain ends when it should, and the next one after it goes on finishes."""
    with tracker_of(tmp_path) as tracker, Bucket(bucket_of(own_s3).address, timeout_s=1.0) as bucket:
        run = tracker.start_run("a")
        log(tracker, 0, 10)
        with Uploader(Layout(tmp_path), bucket, backoff_s=(0.01, 0.05)) as uploader:
            assert uploader.drain(10.0)
            own_s3.server.pause()
            try:
                log(tracker, 10, 20)
                assert not uploader.drain(0.3)
            finally:
                own_s3.server.resume()
            assert uploader.drain(10.0), uploader.state.error
        assert held(bucket).points == once(run, range(20))


def test_a_segment_that_is_sealed_while_it_is_uploaded_counts_once(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealing between the look and the upload: the rows are there when the drain ends, as parts."""
    with bucket_of(s3) as bucket, tracker_of(tmp_path, bucket.address) as tracker:
        run = tracker.start_run("a")
        log(tracker, 0, 10)
        with Uploader(Layout(tmp_path), bucket) as uploader:
            send = uploader._files.send

            def sealed_meanwhile(*asked: Any) -> None:
                tracker.flush(seal=True)
                send(*asked)

            monkeypatch.setattr(uploader._files, "send", sealed_meanwhile)
            assert uploader.drain()
        found = held(bucket)
        assert found.points == once(run, range(10))
        assert found.live == []


def test_short_drains_get_on_and_send_nothing_twice(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who drains a moment at a time, as the uploader's process does, sees all arrive, each object put once."""
    puts: list[str] = []
    put = Bucket.put

    def noting(self: Bucket, key: str, data: bytes | Path, *, create: bool = False) -> bool:
        puts.append(key)
        return put(self, key, data, create=create)

    monkeypatch.setattr(Bucket, "put", noting)
    with bucket_of(s3) as bucket:
        for number in range(6):
            with tracker_of(tmp_path, bucket.address, f"e{number}") as tracker:
                tracker.start_run("a", run_id=f"r{number}")
                log(tracker, 0, 10)
                for file in range(20):
                    tracker.log_text("x" * 10_000, f"{file}.txt")
        drains = 0
        with Uploader(Layout(tmp_path), bucket) as uploader:
            while not uploader.drain(0.02):
                drains += 1
                assert uploader.state.error is None
                assert drains < 2000
            assert uploader.state.files == 120
            assert uploader.state.parts == 18
        assert drains > 0
        assert [key for key, times in Counter(puts).items() if times > 1] == []
        expected = sum((once(f"r{number}", range(10)) for number in range(6)), start=once("", range(0)))
        assert held(bucket).points == expected

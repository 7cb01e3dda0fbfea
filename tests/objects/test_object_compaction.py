"""Compaction of a bucket: each row counts once at every moment, with any number of compactors and writers."""

import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.compact import CompactionReport
from ingest.errors import ObjectsUnavailable
from ingest.layout import Layout, segment_name
from ingest.objects import compaction, merges, merging, retiring
from ingest.objects.address import spool_folder
from ingest.objects.bucket import Bucket, Entry
from ingest.objects.compaction import compact_if_due, compact_objects
from ingest.objects.names import RETIRED, SWAPS, TMP, live_key, retired_key
from ingest.objects.swaps import SwapState, create, read_state
from ingest.objects.uploader import Uploader
from readers.objects.listed import list_bucket
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.contents import held
from tests.objects.stores import bucket_of, log, once, tracker_of
from tests.waiting import until


def small_parts(root: Path, bucket: Bucket, pieces: int = 4, run: str = "r") -> None:
    """Upload that many segments of ten points each."""
    for start in range(0, 10 * pieces, 10):
        with tracker_of(root, bucket.address) as tracker:
            tracker.start_run("a", run_id=run, resume=start > 0)
            log(tracker, start, start + 10)
    with Uploader(Layout(root), bucket) as uploader:
        assert uploader.drain(), uploader.state


def test_small_parts_become_one_that_a_plain_reader_sees(s3: S3, tmp_path: Path) -> None:
    """One sorted part a table lies in the table's folder; the state names its runs, rows and size."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        before = held(bucket)
        report = compact_objects(bucket, tmp_path / "tmp")
        assert report.files_before == 12
        assert report.files_after == 3
        assert held(bucket) == before
        for table in ("metrics", "facts", "summaries"):
            (entry,) = bucket.list(table)
            rows = pq.read_table(pa.BufferReader(bucket.get(entry.key)))
            (part,) = [part for part in read_state(bucket)[1].parts if part.table == table]
            assert part.path == entry.key
            assert (part.first_run, part.last_run, part.rows, part.size) == ("r", "r", len(rows), entry.size)
        assert not compact_objects(bucket, tmp_path / "tmp").files_after
        small_parts(tmp_path, bucket, 1, run="r2")
        assert compact_objects(bucket, tmp_path / "tmp").files_before == 6
        assert set(held(bucket).points.values()) == {1}


def test_who_listed_before_a_merge_reads_on_for_an_hour(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced parts lie in retired/ under their keys until their time is over."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        listed = {entry.key: bucket.get(entry.key) for entry in bucket.list("metrics")}
        compact_objects(bucket, tmp_path / "tmp")
        for key, body in listed.items():
            assert bucket.head(key) is None
            assert bucket.get(retired_key(key)) == body
        monkeypatch.setattr(retiring, "RETIRED_S", -3600.0)
        compact_objects(bucket, tmp_path / "tmp")
        assert bucket.list(RETIRED) == []
        assert read_state(bucket)[1].replaced == ()
        assert held(bucket).points == once("r", range(40))


def test_compactors_at_once_and_readers_between_are_exact(s3: S3, tmp_path: Path) -> None:
    """Three compactors on one bucket, again and again, while parts arrive: whoever looks at rest sees each row once."""
    with bucket_of(s3) as bucket:
        for turn in range(3):
            small_parts(tmp_path / f"node-{turn}", bucket, run=f"r{turn}")
            errors: list[BaseException] = []

            def work(place: int, errors: list[BaseException] = errors) -> None:
                try:
                    compact_objects(bucket, tmp_path / f"tmp-{place}")
                except (OSError, ObjectsUnavailable, RuntimeError, ValueError) as error:
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == []
            expected = sum((once(f"r{number}", range(40)) for number in range(turn + 1)), start=once("", range(0)))
            assert held(bucket).points == expected
        compact_objects(bucket, tmp_path / "tmp")
        assert len(bucket.list("metrics")) == 1


def test_parts_of_live_segments_are_left_alone(s3: S3, tmp_path: Path) -> None:
    """A segment that isn't committed keeps its parts: who uploads it may put them again."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        key = bucket.list("metrics")[0].key
        writer, _, number = key.rpartition("/")[2].partition(".")[0].rpartition("-")
        bucket.put(live_key(writer, int(number), 0, 0), pa.compress(b"", codec="zstd", asbytes=True))
        compact_objects(bucket, tmp_path / "tmp")
        keys = [entry.key for entry in bucket.list("metrics")]
        assert key in keys
        assert len(keys) == 2
        assert segment_name(writer, int(number)) in key


def test_a_part_that_comes_back_late_counts_no_second_time(s3: S3, tmp_path: Path) -> None:
    """A put that the server does after the merge: the part isn't counted, and the next compaction takes it away."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        late = bucket.list("metrics")[0].key
        body = bucket.get(late)
        compact_objects(bucket, tmp_path / "tmp")
        bucket.put(late, body)
        assert held(bucket).points == once("r", range(40))
        compact_objects(bucket, tmp_path / "tmp")
        assert bucket.head(late) is None
        assert held(bucket).points == once("r", range(40))


def test_a_damaged_part_is_said_and_left_alone(s3: S3, tmp_path: Path) -> None:
    """The others are merged without it."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        key = bucket.list("metrics")[0].key
        bucket.put(key, bucket.get(key)[:-5])
        report = compact_objects(bucket, tmp_path / "tmp")
        assert [key in line for line in report.damaged] == [True]
        assert key in [entry.key for entry in bucket.list("metrics")]
        assert len(bucket.list("metrics")) == 2


def test_who_comes_second_drops_its_work(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another compactor is quicker, between the merge and the state: the slower one's part never counts."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        made: list[CompactionReport] = []

        def beaten(of: Bucket, number: int, state: SwapState) -> bool:
            if not made:
                made.append(CompactionReport())
                made.append(compact_objects(of, tmp_path / "other"))
            return create(of, number, state)

        monkeypatch.setattr(merges, "create", beaten)
        report = compact_objects(bucket, tmp_path / "tmp")
        assert made[1].files_after == 3
        assert report.files_after == 0
        assert held(bucket).points == once("r", range(40))
        assert [entry.key for entry in bucket.list(TMP) if "compacted-" in entry.key] == []


def test_who_overslept_makes_no_state(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compactor that was stopped for longer than states remember drops its work."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path, bucket)
        now = time.time()
        merge = merging.merge_inputs

        def slept(*asked: object) -> object:
            monkeypatch.setattr(time, "time", lambda: now + 4000.0)
            return merge(*asked)  # type: ignore[arg-type]

        monkeypatch.setattr(merges, "merge_inputs", slept)
        assert compact_objects(bucket, tmp_path / "tmp").files_after == 0
        assert bucket.list(SWAPS) == []
        assert held(bucket).points == once("r", range(40))


def test_nodes_take_turns(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody compacts at the first look; then, of all nodes that are due, one does."""
    with bucket_of(s3) as bucket:
        small_parts(tmp_path / "node", bucket, 16)
        monkeypatch.setattr(compaction, "YOUNG_S", 0.0)
        monkeypatch.setattr(compaction, "EVERY_S", 1e9)  # one turn for as long as this takes
        notes = [tmp_path / f"note-{node}" for node in range(3)]
        for note in notes:
            compact_if_due(bucket, tmp_path / "tmp", note)
        assert bucket.list(SWAPS) == []
        for note in notes:
            compact_if_due(bucket, tmp_path / "tmp", note)
        assert bucket.list(SWAPS) == []  # not yet due
        monkeypatch.setattr(compaction, "EVERY_S", 1e-9)
        turns = iter((True, False, False))
        put = Bucket.put

        def one_turn(of: Bucket, key: str, data: bytes | Path, *, create: bool = False) -> bool:
            return next(turns) if key.startswith("tmp/turn-") else put(of, key, data, create=create)

        monkeypatch.setattr(Bucket, "put", one_turn)
        for note in notes:
            compact_if_due(bucket, tmp_path / "tmp", note)
        assert list(turns) == []
        until(lambda: len(bucket.list("metrics")) == 1)
        until(lambda: not any(thread.name == "steplog-compaction" for thread in threading.enumerate()))
        assert held(bucket).points == once("r", range(160))


def test_a_part_that_is_merged_while_it_is_in_a_spool_counts_once_on_its_host(s3: S3, tmp_path: Path) -> None:
    """Readers of the host look at its spool too, which keeps parts for a while; merged ones are the bucket's."""
    with bucket_of(s3) as bucket:
        small_parts(spool_folder(bucket.address), bucket)
        compact_objects(bucket, tmp_path / "tmp")
        points = Store(bucket.address.url).metrics().collect()
        assert sorted(points["value"].to_list()) == [float(value) for value in range(40)]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("moment", ["live", "swaps", "metrics", "facts"])
def test_a_look_is_exact_whatever_is_merged_in_the_middle_of_it(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, committed: bool
) -> None:
    """Right after one of its listings segments are committed, or were before, and are merged: each row counts once."""
    with bucket_of(s3) as bucket:
        for name in ("one", "two"):
            root = tmp_path / name
            with tracker_of(root, bucket.address) as tracker, Uploader(Layout(root), bucket) as uploader:
                tracker.start_run("a", run_id=name)
                log(tracker, 0, 10)
                assert uploader.drain()
            if committed:
                with Uploader(Layout(root), bucket) as uploader:
                    assert uploader.drain()
        assert len(held(bucket).live) == (0 if committed else 2)
        listing = Bucket.list
        meddled: list[str] = []

        def meddle(self: Bucket, prefix: str = "") -> list[Entry]:
            found = listing(self, prefix)
            if prefix == moment and not meddled:
                meddled.append(prefix)
                for name in ("one", "two"):
                    with Uploader(Layout(tmp_path / name), bucket) as uploader:
                        assert uploader.drain()
                assert compact_objects(bucket, tmp_path / "tmp").files_after == 3
            return found

        monkeypatch.setattr(Bucket, "list", meddle)
        listed = list_bucket(bucket, tmp_path / "view")
        assert meddled
        live = {segment_name(*segment) for segment in listed.live}
        counted = [*live]  # each has ten points
        for found in listed.parts["metrics"]:
            if found.part.segment not in live:
                body = next(bucket.get(key) for key in found.keys if bucket.head(key))
                counted += ["sealed"] * (pq.read_metadata(pa.BufferReader(body)).num_rows // 10)
        assert len(counted) == 2

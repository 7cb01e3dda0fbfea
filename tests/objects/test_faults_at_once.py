"""Nodes that write and compact one bucket at once, without a lock, while it is read: every moment's count is exact."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import obstore
import pytest

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket, Entry
from ingest.objects.compaction import compact_objects
from ingest.objects.swaps import read_state
from ingest.objects.target import write_target
from ingest.objects.uploader import Uploader
from readers.objects.listed import list_bucket
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.contents import held
from tests.objects.server import Server
from tests.readers.conftest import Recorder

ROUNDS = 14


@contextmanager
def until_closed(*works: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Do each again and again in a thread of its own; what went wrong in them."""
    closing = threading.Event()
    wrong: list[BaseException] = []

    def loop(work: Callable[[], None]) -> None:
        while not closing.is_set():
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - the test says it
                wrong.append(error)
                return

    threads = [threading.Thread(target=loop, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        closing.set()
        for thread in threads:
            thread.join()


def steps(store: Store) -> list[tuple[str, int]]:
    """Every (run, step) that a reader sees, each as often as it is there."""
    store.layout.look_again()  # type: ignore[attr-defined]
    found: list[tuple[str, int]] = store.metrics(keys=["loss"]).select("run_id", "step").collect().sort("*").rows()
    return found


class Node:
    """A node that logs to a run of its own, seals and uploads."""

    def __init__(self, folder: Path, address: Address, run_id: str) -> None:
        self.recorder = Recorder(folder)
        write_target(self.recorder.layout, address)
        self.uploader = Uploader(self.recorder.layout, Bucket(address))
        self.run_id = run_id
        self.logged = self.confirmed = 0
        self.recorder.start(run_id)

    def log(self, count: int) -> None:
        """Log points and make them visible here."""
        for _ in range(count):
            self.recorder.log(self.run_id, {"loss": float(self.logged)}, self.logged)
            self.logged += 1
        self.recorder.flush()

    def upload(self) -> None:
        """Bring all that is logged to the bucket."""
        logged = self.logged
        assert self.uploader.drain(30), self.uploader.state.error
        self.confirmed = logged

    def close(self) -> None:
        """Leave."""
        self.uploader.close()
        self.recorder.close()


def test_counts_are_exact_while_two_compact_and_two_write(s3: S3, tmp_path: Path) -> None:
    """Whoever reads meanwhile sees all that was confirmed before, nothing twice, and of each run a prefix."""
    address = Address.of(s3.address())
    with ExitStack() as stack:
        nodes = [Node(tmp_path / f"node{n}", address, f"run{n}") for n in range(2)]
        for node in nodes:
            stack.callback(node.close)
            node.log(3)
            node.upload()
        buckets = [Bucket(address) for _ in range(2)]
        store = Store(s3.address())
        looks = 0

        def compacting(bucket: Bucket, tmp: Path) -> Callable[[], None]:
            return lambda: void(compact_objects(bucket, tmp))

        def look() -> None:
            nonlocal looks
            before = [node.confirmed for node in nodes]
            found = steps(store)
            after = [node.logged for node in nodes]
            for node, least, most in zip(nodes, before, after, strict=True):
                own = [step for run_id, step in found if run_id == node.run_id]
                assert own == list(range(len(own))), node.run_id
                assert least <= len(own) <= most, node.run_id
            looks += 1

        compactors = [compacting(bucket, tmp_path / f"tmp{n}") for n, bucket in enumerate(buckets)]
        with until_closed(*compactors, look) as wrong:
            for round_ in range(ROUNDS):
                for node in nodes:
                    node.log(4)
                    if round_ % 2:
                        node.recorder.seal()
                    node.upload()
        assert not wrong, wrong
        assert looks > 3
        for node in nodes:
            node.recorder.seal()
            node.upload()
        compact_objects(buckets[0], tmp_path / "tmp0")

    number, state = read_state(buckets[0])
    assert number > 3
    assert [part.table for part in state.parts].count("metrics") == 1
    assert steps(store) == [(f"run{n}", step) for n in range(2) for step in range(3 + 4 * ROUNDS)]
    assert set(held(buckets[0]).points.values()) == {1}


class Overtaken(Bucket):
    """A bucket that somebody else compacts between a reader's look at the state and its look at a table."""

    overtaking: Callable[[], object] | None = None

    def list(self, prefix: str = "") -> list[Entry]:
        """As ever."""
        if prefix == "metrics" and self.overtaking is not None:
            now, self.overtaking = self.overtaking, None
            now()
        return super().list(prefix)


def test_parts_that_are_merged_while_they_are_listed_are_not_overlooked(s3: S3, tmp_path: Path) -> None:
    """Neither the old state nor the listing knows these rows then: whoever looks must look once more."""
    address = Address.of(s3.address())
    node = Node(tmp_path / "node", address, "run0")
    try:
        for _ in range(4):
            node.log(5)
            node.recorder.seal()
        node.upload()
    finally:
        node.close()
    bucket = Overtaken(address)
    bucket.overtaking = lambda: compact_objects(Bucket(address), tmp_path / "tmp")
    found = list_bucket(bucket, tmp_path / "parts")

    assert bucket.overtaking is None
    assert [found.part.segment.partition("-")[0] for found in found.parts["metrics"]] == ["compacted"]
    assert len(found.parts["facts"]) == 1


def test_a_live_object_that_arrives_behind_the_merge_of_its_rows_doubles_nothing(s3: S3, tmp_path: Path) -> None:
    """The server did a put late, whose answer never came: the segment looks live again, and isn't."""
    address = Address.of(s3.address())
    node = Node(tmp_path / "node", address, "run0")
    try:
        node.log(10)
        node.upload()
        late = {key: bytes(obstore.get(s3.store("live"), key).bytes()) for key in s3.keys("live") if "alive" not in key}
        for _ in range(2):
            node.log(5)
            node.recorder.seal()
            node.upload()
        compact_objects(Bucket(address), tmp_path / "tmp")
        for key, body in late.items():
            obstore.put(s3.store("live"), key, body)

        assert len(late) == 1
        assert steps(Store(s3.address())) == [("run0", step) for step in range(20)]
    finally:
        node.close()


def void(_: object) -> None:
    """Drop it."""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_server_that_crashes_while_all_are_at_work_loses_nothing(own_s3: S3, tmp_path: Path) -> None:
    """Killed and started again in the middle of uploads and merges, it leaves every confirmed point once."""
    address = Address.of(own_s3.address())
    server: Server = own_s3.server
    node = Node(tmp_path / "node", address, "run0")
    try:
        node.log(5)
        node.upload()
        bucket = Bucket(address, retries=0)

        def compact() -> None:
            try:
                compact_objects(bucket, tmp_path / "tmp")
            except ObjectsUnavailable:
                return  # the server is away

        with until_closed(compact) as wrong:
            for round_ in range(8):
                node.log(5)
                node.recorder.seal()
                if round_ in {3, 6}:
                    server.stop()
                    assert not node.uploader.drain()
                    assert node.uploader.state.error
                    node.log(5)
                    server.start()
                node.upload()
        assert not wrong, wrong
        compact_objects(bucket, tmp_path / "tmp")

        found = steps(Store(own_s3.address()))
        assert found == [("run0", step) for step in range(node.logged)], [entry[:3] for entry in bucket.list()]
        assert set(held(bucket).points.values()) == {1}
    finally:
        node.close()

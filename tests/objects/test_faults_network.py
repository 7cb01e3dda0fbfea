"""A network that loses, delays, refuses or swallows: logging goes on, and every point arrives once when it is back."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.compaction import compact_objects
from ingest.objects.target import write_target
from ingest.objects.uploader import Uploader
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.contents import held
from tests.objects.proxy import LossyProxy
from tests.objects.server import READER, WRITER
from tests.readers.conftest import Recorder

QUICK = 0.001, 0.01
"""Pauses after failures, so that an hour of them takes a moment."""


class Node:
    """A node whose uploader goes through a proxy; readers ask the server itself."""

    def __init__(self, folder: Path, s3: S3) -> None:
        self.address = Address.of(s3.address())
        self.recorder = Recorder(folder)
        write_target(self.recorder.layout, self.address)
        self.recorder.start("run")
        self.logged = 0
        self.uploader = self.new_uploader()

    def new_uploader(self, timeout_s: float = 5.0) -> Uploader:
        """One with the environment of now."""
        bucket = Bucket(self.address, timeout_s=timeout_s, connect_timeout_s=timeout_s, retries=0)
        return Uploader(self.recorder.layout, bucket, backoff_s=QUICK)

    def log(self, count: int, *, seal: bool = False) -> None:
        """Log points, with a file now and then."""
        for _ in range(count):
            self.recorder.log("run", {"loss": float(self.logged)}, self.logged)
            self.logged += 1
        self.recorder.flush()
        if seal:
            self.recorder.seal()

    def close(self) -> None:
        """Leave."""
        self.uploader.close()
        self.recorder.close()


@pytest.fixture
def node(tmp_path: Path, s3: S3, proxy: LossyProxy) -> Iterator[Node]:
    """One that lies behind the proxy."""
    made = Node(tmp_path / "node", s3)
    yield made
    made.close()


@pytest.fixture
def check(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Asserts what a reader elsewhere sees, and that the bucket holds nothing twice."""

    def looked(logged: int) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3.server.endpoint)
        store = Store(s3.address())
        steps = store.metrics(keys=["loss"]).select("step").collect()["step"].sort().to_list()
        assert steps == list(range(logged))
        counted = held(Bucket(Address.of(s3.address()))).points
        assert set(counted.values()) == {1}
        assert len(counted) == logged

    return looked


@pytest.mark.parametrize("seed", range(3))
def test_a_lossy_network_neither_loses_nor_doubles(
    node: Node, proxy: LossyProxy, tmp_path: Path, seed: int, check: Callable[[int], None]
) -> None:
    """Connections are cut anywhere in requests and answers while points are logged, sealed, uploaded and merged."""
    chance = random.Random(seed)
    proxy.cut, proxy.late = 0.12, 0.1
    settled = 0
    for round_ in range(14):
        node.log(10, seal=chance.random() < 0.4)
        settled += node.uploader.drain()
        if round_ in {8, 12}:
            with suppress(ObjectsUnavailable):  # the next one finishes what it began
                compact_objects(Bucket(node.address), tmp_path / "tmp")
    cuts, proxy.cut, proxy.late = proxy.cuts, 0.0, 0.0
    assert node.uploader.drain(60, last=True), node.uploader.state.error

    assert cuts > 5
    assert settled < 14
    check(node.logged)


def test_an_hour_without_a_network_costs_a_store_nothing(
    node: Node, proxy: LossyProxy, check: Callable[[int], None]
) -> None:
    """Refused for as many tries as an hour has, it says why, keeps nothing in memory, and sends all afterwards."""
    node.log(20, seal=True)
    assert node.uploader.drain(30)
    proxy.refuse()
    for number in range(3600 // 30):
        if number % 6 == 0:
            node.log(5, seal=number % 12 == 0)
        assert not node.uploader.drain()
        assert 0 < node.uploader.pause_s <= QUICK[1]
    state = node.uploader.state
    assert state.error is not None
    assert node.address.shown in state.error
    assert not state.settled
    assert state.waiting_bytes < 1_000_000
    proxy.accept()
    assert node.uploader.drain(60), node.uploader.state.error

    assert node.uploader.state.error is None
    check(node.logged)


def test_a_network_that_swallows_everything_is_given_up_in_time(
    node: Node, proxy: LossyProxy, check: Callable[[int], None]
) -> None:
    """No answer, no refusal: each request ends by its time-out, and what had arrived after all isn't doubled."""
    node.log(20)
    assert node.uploader.drain(30)
    node.uploader.close()
    node.uploader = node.new_uploader(timeout_s=0.3)
    proxy.swallow()
    node.log(20, seal=True)
    assert not node.uploader.drain()
    assert "it is tried again" in str(node.uploader.state.error)
    proxy.let_through()
    node.log(5)
    node.uploader.close()
    node.uploader = node.new_uploader()
    assert node.uploader.drain(60, last=True), node.uploader.state.error

    check(node.logged)


def test_wrong_credentials_are_told_and_right_ones_are_taken_up(
    node: Node, s3: S3, monkeypatch: pytest.MonkeyPatch, check: Callable[[int], None]
) -> None:
    """A wrong secret, then a key that may only read: nothing is lost, and right ones count without a new process."""
    node.uploader.close()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "Wrong0Secret0Of0The0Node")
    node.uploader = node.new_uploader()
    node.log(20, seal=True)
    assert not node.uploader.drain(5, last=True)
    said = str(node.uploader.state.error)
    for name, value in s3.environment(who=READER).items():
        monkeypatch.setenv(name, value)
    node.log(5)
    assert not node.uploader.drain(5, last=True)
    assert "AWS_ACCESS_KEY_ID" in str(node.uploader.state.error)
    for name, value in s3.environment(who=WRITER).items():
        monkeypatch.setenv(name, value)
    assert node.uploader.drain(30, last=True), node.uploader.state.error

    assert "AWS_ACCESS_KEY_ID" in said
    assert "Wrong0Secret" not in said
    check(node.logged)


@pytest.mark.timeout(120)
def test_a_server_that_stands_still_is_waited_for(own_s3: S3, tmp_path: Path) -> None:
    """Stopped (SIGSTOP) in the middle it holds requests; they end in time, and what it does later doubles nothing."""
    node = Node(tmp_path / "node", own_s3)
    try:
        node.log(20, seal=True)
        assert node.uploader.drain(30)
        node.uploader.close()
        node.uploader = node.new_uploader(timeout_s=0.3)
        for round_ in range(2):
            own_s3.server.pause()
            node.log(10, seal=round_ == 0)
            assert not node.uploader.drain()
            own_s3.server.resume()
            node.uploader.close()
            node.uploader = node.new_uploader()
            node.log(3)
            assert node.uploader.drain(60, last=True), node.uploader.state.error
            steps = Store(own_s3.address()).metrics(keys=["loss"]).select("step")
            Store(own_s3.address()).layout.look_again()  # type: ignore[attr-defined]
            assert steps.collect()["step"].sort().to_list() == list(range(node.logged))
    finally:
        node.close()

"""Uploaders and compactors killed at any moment: every point is in the bucket once, and at no moment twice."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.compaction import compact_objects
from ingest.objects.target import write_target
from ingest.objects.uploader import Uploader
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.contents import held
from tests.objects.proxy import LossyProxy
from tests.objects.zygote import Zygote
from tests.readers.conftest import Recorder
from tests.waiting import until


@pytest.fixture
def zygote(proxy: LossyProxy) -> Iterator[Zygote]:
    """Its processes go through the proxy."""
    with Zygote() as made:
        yield made


@pytest.fixture
def node(tmp_path: Path, s3: S3) -> Iterator[Recorder]:
    """A writer on a node; the reader's host isn't that node."""
    recorder = Recorder(tmp_path / "node")
    write_target(recorder.layout, Address.of(s3.address()))
    recorder.start("run")
    yield recorder
    recorder.close()


def log(node: Recorder, start: int, count: int) -> int:
    """Log some points, make them visible; the number behind the last."""
    for step in range(start, start + count):
        node.log("run", {"loss": float(step)}, step)
    node.flush()
    return start + count


def seen(store: Store) -> list[int]:
    """The steps that a reader sees, in order, each as often as it is there."""
    store.layout.look_again()  # type: ignore[attr-defined]
    steps: list[int] = store.metrics(keys=["loss"]).select("step").collect()["step"].sort().to_list()
    return steps


def kill_after(zygote: Zygote, proxy: LossyProxy, pieces: int, job: str, **arguments: str) -> int:
    """Do a job, and kill it when so many pieces have passed the proxy; its exit status."""
    start = proxy.pieces
    pid = zygote.start(job, **arguments)
    ended: list[int] = []
    waiting = threading.Thread(target=lambda: ended.append(zygote.wait()))
    waiting.start()
    until(lambda: ended or proxy.pieces - start >= pieces)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    waiting.join()
    return ended[0]


def test_an_uploader_killed_at_many_moments(node: Recorder, s3: S3, proxy: LossyProxy, zygote: Zygote) -> None:
    """A reader sees a part of what was logged, no point twice, and in the end all of it."""
    logged, killed = 0, 0
    root, address = str(node.layout.root), s3.address()
    chance = random.Random(7)
    assert kill_after(zygote, proxy, 10**9, "upload", root=root, address=address) == 0
    store = Store(address)
    for round_ in range(18):
        logged = log(node, logged, 20)
        if round_ % 3 == 1:
            node.seal()
        killed += kill_after(zygote, proxy, chance.randrange(1, 40), "upload", root=root, address=address) == -9
        steps = seen(store)
        assert steps == list(range(len(steps))), round_  # a prefix: one writer's rows arrive in their order
        assert len(steps) <= logged
    with Uploader(node.layout, Bucket(Address.of(address))) as uploader:
        assert uploader.drain(30, last=True), uploader.state.error

    assert killed > 5
    assert seen(store) == list(range(logged))
    assert set(held(Bucket(Address.of(address))).points.values()) == {1}


def test_compactors_killed_at_many_moments(
    node: Recorder, s3: S3, proxy: LossyProxy, zygote: Zygote, tmp_path: Path
) -> None:
    """Whenever one dies, readers count every point once; the next finishes what it began."""
    logged, killed = 0, 0
    address = s3.address()
    chance = random.Random(3)
    with Uploader(node.layout, Bucket(Address.of(address))) as uploader:
        for round_ in range(10):
            for _ in range(2):
                logged = log(node, logged, 5)
                node.seal()
            assert uploader.drain(30, last=True), uploader.state.error
            pieces = chance.randrange(1, 120)
            killed += kill_after(zygote, proxy, pieces, "compact", tmp=str(tmp_path / "tmp"), address=address) == -9
            if round_ % 4 == 0:
                assert seen(Store(address)) == list(range(logged)), round_
    bucket = Bucket(Address.of(address))
    compact_objects(bucket, tmp_path / "tmp")

    assert killed > 4
    assert seen(Store(address)) == list(range(logged))
    assert set(held(bucket).points.values()) == {1}
    assert len(held(bucket).points) == logged

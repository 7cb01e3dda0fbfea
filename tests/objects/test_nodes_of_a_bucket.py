"""One run that several hosts write into a bucket, each by its own spool and network, without a word between them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from readers.dashboard.series import Asked, Series
from readers.dashboard.store_view import StoreView
from tests.dashboard.asking import read_chart
from tests.nodes import Node, whats_missing
from tests.objects.conftest import S3
from tests.objects.proxy import LossyProxy
from tests.objects.uploaded import OtherHost
from tests.rankscript import RANK, ask, end, told


class Host(NamedTuple):
    """A node, and its own disk."""

    node: Node
    spool: Path
    environment: dict[str, str]

    def start(self, address: str, rank: int) -> "subprocess.Popen[str]":
        """The process of a rank."""
        env = {**self.environment, "STEPLOG_RUN_ID": "job", "OMPI_COMM_WORLD_RANK": str(rank)}
        return self.node.start(RANK, address, "upload", env=env)


@pytest.fixture
def hosts(s3: S3, tmp_path: Path) -> Iterator[list[Host]]:
    """Three of them, that reach the server each over its own cable."""
    missing = whats_missing()
    if missing:
        pytest.skip(missing)
    with ExitStack() as stack:
        made = []
        for number in range(3):
            node = stack.enter_context(Node(f"gpu-{number}"))
            proxy = stack.enter_context(LossyProxy(s3.server.port, on=node.gateway))
            spool = tmp_path / node.name / "spool"
            environment = {
                **s3.environment(proxy.endpoint),
                "STEPLOG_SPOOL_DIR": str(spool),
                "STEPLOG_CACHE_DIR": str(tmp_path / node.name / "cache"),
            }
            made.append(Host(node, spool, environment))
        yield made


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """A host that sees only what is in the bucket."""
    return OtherHost(tmp_path / "reader", monkeypatch)


def ranks(reader: OtherHost, address: str) -> list[tuple[str, str | None, float | None]]:
    """Of each rank its host, its status and its last step."""
    return [(one.host, one.status, one.last_step) for one in reader.store(address).ranks("job").ranks]


def test_a_host_that_dies_offline_leaves_a_run_that_its_disk_completes(
    s3: S3, hosts: list[Host], reader: OtherHost
) -> None:
    """The others go on; what the dead one logged without a network is there once its spool is synced, once each."""
    address = s3.address("nodes")
    running = [host.start(address, rank) for rank, host in enumerate(hosts)]
    assert [told(one) for one in running] == ["started"] * 3
    for one in running:
        ask(one, 30)
    assert [(told(one), told(one)) for one in running] == [("30", "uploaded")] * 3
    assert ranks(reader, address) == [(f"gpu-{number}", "RUNNING", 29) for number in range(3)]

    hosts[1].node.unplug()
    ask(running[1], 20)
    assert told(running[1]) == "50"
    for rank in (0, 2):
        ask(running[rank], 30)
        assert (told(running[rank]), told(running[rank])) == ("60", "uploaded")
        end(running[rank])
    seen = reader.store(address).ranks("job").ranks
    assert [(one.status, one.last_step) for one in seen] == [("FINISHED", 59), ("RUNNING", 29), ("FINISHED", 59)]
    assert seen[1].lag_steps == 30

    hosts[1].node.cut_power()
    (disk,) = hosts[1].spool.iterdir()
    sync = [sys.executable, "-m", "tracker.cli", "sync", str(disk)]
    done = subprocess.run(sync, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    store = reader.store(address)
    points = store.metrics(keys=["loss"]).select("rank", "step").collect().sort("rank", "step")
    logged = {int(rank): part["step"].to_list() for (rank,), part in points.partition_by("rank", as_dict=True).items()}
    assert logged == {0: list(range(60)), 1: list(range(50)), 2: list(range(60))}
    dead = store.ranks("job").ranks[1]
    assert (dead.status, dead.verdict, dead.last_step, dead.lag_steps) == ("INTERRUPTED", "dead", 49, 10)
    run = store.find_run("job")
    assert run is not None
    assert (run["status"], run["ranks"], run["writers"]) == ("INTERRUPTED", 3, 3)


def test_a_network_that_was_away_costs_a_rank_nothing(s3: S3, hosts: list[Host], reader: OtherHost) -> None:
    """Who logs without one goes on at once, and ends when all is in the bucket."""
    address = s3.address("away")
    running = [host.start(address, rank) for rank, host in enumerate(hosts[:2])]
    assert [told(one) for one in running] == ["started"] * 2
    hosts[0].node.unplug()
    for one in running:
        ask(one, 500)
        assert told(one) == "500"
    assert told(running[1]) == "uploaded"
    end(running[1])
    assert ranks(reader, address) == [("gpu-1", "FINISHED", 499)]

    hosts[0].node.plug()
    assert told(running[0]) == "uploaded"
    end(running[0])

    assert ranks(reader, address) == [("gpu-0", "FINISHED", 499), ("gpu-1", "FINISHED", 499)]
    asked = Asked(["job@0", "job@1", "job"], "loss")
    drawn = read_chart(Series(StoreView(reader.store(address))).answer(asked, None)).header["runs"]
    assert [(line["run_id"], line["points"]) for line in drawn] == [("job@0", 500), ("job@1", 500), ("job", 1000)]
    assert reader.points(address, "loss") == sorted(1 / (step + 1) for step in range(500) for _ in running)

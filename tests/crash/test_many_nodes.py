"""One run that several hosts write into a shared folder, without a word between them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from readers.store import Store
from tests.nodes import Node, whats_missing
from tests.rankscript import RANK, ask, end, told


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Three hosts."""
    missing = whats_missing()
    if missing:
        pytest.skip(missing)
    with ExitStack() as stack:
        yield [stack.enter_context(Node(f"gpu-{number}")) for number in range(3)]


def points(store: Store) -> dict[int, list[int]]:
    """The steps that each rank logged."""
    rows = store.metrics(keys=["loss"]).select("rank", "step").collect().sort("rank", "step")
    return {int(rank): part["step"].to_list() for (rank,), part in rows.partition_by("rank", as_dict=True).items()}


def test_hosts_write_one_run_and_one_of_them_dies(nodes: list[Node], tmp_path: Path) -> None:
    """Each rank's points are there the moment it has them; the one whose host loses power is dead, and lost nothing."""
    folder = tmp_path / "store"
    ranks = [
        node.start(RANK, folder, env={"STEPLOG_RUN_ID": "job", "SLURM_PROCID": str(rank)})
        for rank, node in enumerate(nodes)
    ]
    assert [told(rank) for rank in ranks] == ["started"] * 3
    for rank in ranks:
        ask(rank, 40)
    assert [told(rank) for rank in ranks] == ["40"] * 3
    store = Store(folder)

    found = store.ranks("job")
    assert [(one.host, one.status, one.last_step) for one in found.ranks] == [
        ("gpu-0", "RUNNING", 39),
        ("gpu-1", "RUNNING", 39),
        ("gpu-2", "RUNNING", 39),
    ]

    nodes[1].cut_power()
    for rank in (ranks[0], ranks[2]):
        ask(rank, 20)
        assert told(rank) == "60"
        end(rank)

    found = store.ranks("job")
    assert [one.status for one in found.ranks] == ["FINISHED", "INTERRUPTED", "FINISHED"]
    assert (found.ranks[1].verdict, found.ranks[1].lag_steps) == ("dead", 20)
    assert points(store) == {0: list(range(60)), 1: list(range(40)), 2: list(range(60))}
    run = store.find_run("job")
    assert run is not None
    assert (run["status"], run["ranks"], run["writers"]) == ("INTERRUPTED", 3, 3)


def test_a_rank_whose_host_died_goes_on_elsewhere(nodes: list[Node], tmp_path: Path) -> None:
    """Its two writers, of two hosts, are one rank; the run is whole again."""
    folder = tmp_path / "store"
    environment = [{"STEPLOG_RUN_ID": "job", "RANK": str(rank)} for rank in range(2)]
    ranks = [node.start(RANK, folder, env=env) for node, env in zip(nodes[:2], environment, strict=True)]
    for rank in ranks:
        assert told(rank) == "started"
        ask(rank, 30)
        assert told(rank) == "30"
    nodes[1].cut_power()
    again = nodes[2].start(RANK.replace('"pretrain"', "resume=True"), folder, env=environment[1])
    assert told(again) == "started"
    ask(again, 50)
    assert told(again) == "50"
    for rank in (ranks[0], again):
        end(rank)
    store = Store(folder)

    found = store.ranks("job").ranks[1]
    assert (found.host, found.writers, found.points, found.last_step, found.status) == ("gpu-2", 2, 80, 49, "FINISHED")
    run = store.find_run("job")
    assert run is not None
    assert (run["status"], run["ranks"], run["writers"]) == ("FINISHED", 2, 3)

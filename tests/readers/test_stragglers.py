"""Ranks: how far each has come, and which are stragglers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import MetricNotFound, RunNotFound
from readers.progress import read_progress
from readers.store import Store
from readers.stragglers import RankProgress, Ranks, judged
from tests.readers.conftest import T0, Recorder

Launch = Callable[..., Recorder]


@pytest.fixture
def launch(root: Path) -> Iterator[Launch]:
    """Starts the process of a rank: a writer that attaches to the run "r"; all are closed in the end."""
    with ExitStack() as open_ones:

        def start(rank: int, at_s: float = 0, **fields: Any) -> Recorder:
            recorder = Recorder(root)
            recorder.pipeline.rank = rank
            open_ones.callback(recorder.close)
            recorder.now_ns = T0 + int(at_s * 1e9)
            recorder.start("r", rank=rank, **fields)
            return recorder

        yield start


def train(recorder: Recorder, steps: int, *, first: int = 0, every: int = 1, seconds: float = 1.0) -> None:
    """Log the loss of some steps, `every` so many, a step taking so many seconds."""
    begin_ns = recorder.now_ns
    for step in range(first, first + steps, every):
        recorder.now_ns = begin_ns + int((step - first + 1) * seconds * 1e9)
        recorder.log("r", {"loss": 1.0 / (step + 1)}, step)


def ranks_of(root: Path, **asked: str) -> dict[int, RankProgress]:
    """The run's ranks, by rank."""
    return {one.rank: one for one in Store(root).ranks("r", **asked).ranks}


def verdicts(ranks: Ranks) -> list[str]:
    """Each rank's verdict."""
    return [one.verdict for one in ranks.ranks]


def test_points_tell_the_rank_that_logged_them(launch: Launch, root: Path) -> None:
    """Live and sealed alike, and a filter by rank gives that rank's points."""
    for rank in (0, 3, 12):
        train(recorder := launch(rank), rank + 1)
        if rank:
            recorder.seal()
    points = Store(root).metrics().select("rank", "value")

    assert points.group_by("rank").len().sort("rank").collect().rows() == [(0, 1), (3, 4), (12, 13)]
    assert points.filter(rank=12).collect().height == 13
    told = Store(root).sql("SELECT rank, COUNT(*) AS points FROM metrics GROUP BY rank ORDER BY rank")
    assert told.rows() == [(0, 1), (3, 4), (12, 13)]
    assert Store(root).metrics().filter(rank=3).select("step").collect()["step"].sort().to_list() == [0, 1, 2, 3]


def test_the_numbers_of_one_rank_are_those_of_its_points(launch: Launch, root: Path) -> None:
    """A condition on points may name the rank: what rank 0 alone logged, live and sealed."""
    for rank in range(3):
        train(recorder := launch(rank), 10 * (rank + 1))
        if rank == 1:
            recorder.seal()
    store = Store(root)

    assert store.aggregate(["loss"], where="rank = 1").collect()["count"].to_list() == [20]
    assert store.aggregate(["loss"], where="rank >= 1 AND step >= 15").collect()["count"].to_list() == [5 + 15]


def test_a_rank_tells_where_it_is(launch: Launch, root: Path) -> None:
    """Its last step, its pace, and how far it is behind the one that has come furthest."""
    train(launch(0), 100, seconds=0.5)
    train(launch(1), 80, seconds=0.625)
    found = ranks_of(root)

    assert [found[rank].last_step for rank in (0, 1)] == [99, 79]
    assert found[1].steps_per_s == pytest.approx(1.6)
    assert (found[0].lag_steps, found[1].lag_steps) == (0, 20)
    assert found[1].lag_s == pytest.approx(12.5)
    assert (found[1].points, found[1].writers, found[1].status) == (80, 1, "RUNNING")
    assert found[0].host == found[1].host != ""


def test_a_rank_that_falls_behind_is_a_straggler(launch: Launch, root: Path) -> None:
    """One of eight that makes half the steps of the others is told, and no other one."""
    for rank in range(8):
        train(launch(rank), 50 if rank == 5 else 100 + rank % 3, seconds=1.0)
    ranks = Store(root).ranks("r")

    assert ranks.stragglers == (5,)
    assert ranks.ranks[5].reason == "52 steps behind the furthest"
    assert ranks.notes == ()


def test_a_rank_that_is_through_late_was_a_straggler(launch: Launch, root: Path) -> None:
    """Of ranks that all made their steps the one whose steps took longer is told by its pace."""
    for rank in range(4):
        train(recorder := launch(rank), 40, seconds=1.5 if rank == 2 else 1.0 + rank / 1000)
        recorder.end("r")
    ranks = Store(root).ranks("r")

    assert ranks.stragglers == (2,)
    assert "1.50x" in ranks.ranks[2].reason


def test_what_may_not_be_seen_yet_makes_no_straggler(launch: Launch, root: Path) -> None:
    """Ten steps of a second each may have been made since the last upload; once the rank has ended they are lacking."""
    for rank in range(4):
        train(recorder := launch(rank), 40 if rank < 3 else 30)
    progress = read_progress(Store(root)._tables, "r")

    assert judged("r", progress).stragglers == (3,)
    assert judged("r", progress, unseen_s=20.0).stragglers == ()
    recorder.end("r")
    ended = read_progress(Store(root)._tables, "r")
    assert judged("r", ended, unseen_s=20.0).ranks[3].verdict == "ended early"


def test_ordinary_spread_makes_no_straggler(launch: Launch, root: Path) -> None:
    """Ranks that differ as ranks do, by a few percent, are all well."""
    for rank, steps in enumerate([100, 103, 98, 101, 96, 104, 99, 102]):
        train(launch(rank), steps, seconds=100 / steps)

    assert set(verdicts(Store(root).ranks("r"))) == {"ok"}


def test_a_rank_that_hangs_late_in_a_long_run_is_a_straggler(launch: Launch, root: Path) -> None:
    """Silence counts where the steps it lacks are few beside those it made."""
    for rank in range(4):
        train(launch(rank), 1000 if rank != 1 else 960)
    ranks = Store(root).ranks("r")

    assert ranks.stragglers == (1,)
    assert ranks.ranks[1].reason == "silent for 40 s, 40 steps behind the furthest"


def test_ranks_in_step_are_told_that_they_may_wait_for_each_other(launch: Launch, root: Path) -> None:
    """No straggler is claimed or ruled out by steps alone: the note says what to log instead."""
    for rank in range(4):
        train(launch(rank), 50)
    ranks = Store(root).ranks("r")

    assert ranks.stragglers == ()
    assert "slowest one's pace" in ranks.notes[0]


def test_the_time_of_a_step_tells_who_is_slow_where_all_keep_step(launch: Launch, root: Path) -> None:
    """Named as step_time, a metric that each rank measured before it waits is what is compared."""
    for rank in range(4):
        recorder = launch(rank)
        for step in range(20):
            recorder.log("r", {"loss": 1.0, "compute_ms": 250.0 if rank == 3 else 200.0 + step % 3}, step)
    ranks = Store(root).ranks("r", step_time="compute_ms")

    assert ranks.stragglers == (3,)
    assert ranks.ranks[3].step_time == 250.0
    assert ranks.notes == ()
    assert Store(root).ranks("r").stragglers == ()


@pytest.mark.parametrize(("ranks", "steps", "said"), [(2, 50, "with 2 at work"), (4, 5, "too early")])
def test_too_little_is_said_to_be_too_little(launch: Launch, root: Path, ranks: int, steps: int, said: str) -> None:
    """Of two ranks, or of a few points, nobody can tell the odd one out: no verdict, and why."""
    for rank in range(ranks):
        train(launch(rank), steps if rank else 3 * steps)
    found = Store(root).ranks("r")

    assert "straggler" not in verdicts(found)
    assert verdicts(found)[1] == "unknown"
    assert said in found.notes[0]


def test_a_dead_rank_is_dead_and_moves_no_median(launch: Launch, root: Path) -> None:
    """Three of seven that died early leave the others' verdicts as they would be."""
    for rank in range(7):
        train(recorder := launch(rank), 20 if rank > 3 else 100)
        if rank > 3:
            recorder.close()
    ranks = Store(root).ranks("r")

    assert verdicts(ranks) == ["ok"] * 4 + ["dead"] * 3
    assert ranks.ranks[6].status == "INTERRUPTED"
    assert ranks.ranks[6].reason == "its process died without an end, 80 steps behind the furthest"


def test_a_rank_that_ended_early_is_no_straggler(launch: Launch, root: Path) -> None:
    """It says with what it ended, and how long before the others."""
    for rank in range(5):
        train(recorder := launch(rank), 30 if rank == 4 else 100)
        if rank == 4:
            recorder.end("r", "FAILED")
    ranks = Store(root).ranks("r")

    assert verdicts(ranks) == ["ok"] * 4 + ["ended early"]
    assert (ranks.ranks[4].status, ranks.ranks[4].reason) == ("FAILED", "ended 70 steps before the furthest")


def test_a_rank_without_steps_is_there(launch: Launch, root: Path) -> None:
    """One that attached and logged nothing yet, and one that logged another metric only."""
    for rank in range(3):
        train(launch(rank), 20)
    launch(3)
    launch(4).log("r", {"heartbeat": 1.0})
    found = ranks_of(root)

    assert [found[rank].verdict for rank in (3, 4)] == ["no steps", "no steps"]
    assert [found[rank].points for rank in (3, 4)] == [0, 1]
    assert (found[3].last_step, found[3].last_time, found[3].lag_steps) == (None, None, None)


def test_writers_of_a_resumed_rank_are_one(launch: Launch, root: Path) -> None:
    """Points of all its writers, the last writer's step; the hours between them don't count into its pace."""
    for rank in range(3):
        train(recorder := launch(rank), 40)
        recorder.end("r", "KILLED")
        train(launch(rank, 7200, resumed=True), 60, first=30)
    found = ranks_of(root)

    assert [one.writers for one in found.values()] == [2, 2, 2]
    assert [one.points for one in found.values()] == [100, 100, 100]
    assert [(one.last_step, one.status) for one in found.values()] == [(89, "RUNNING")] * 3
    assert found[0].steps_per_s == pytest.approx(1.0)


def test_progress_is_told_by_the_metric_that_most_ranks_log(launch: Launch, root: Path) -> None:
    """Epochs that rank 0 alone logs, and what is sampled of the machine, tell no rank's progress."""
    for rank in range(3):
        recorder = launch(rank)
        for step in range(0, 200, 10):
            recorder.log("r", {"loss": 1.0}, step)
            recorder.log("r", {"system/cpu": 1.0, "system/memory": 1.0}, step * 1000)
        if rank == 0:
            for epoch in range(50):
                recorder.log("r", {"val/accuracy": 0.5}, epoch)
    ranks = Store(root).ranks("r")

    assert ranks.metric == "loss"
    assert [one.last_step for one in ranks.ranks] == [190, 190, 190]
    assert Store(root).ranks("r", metric="val/accuracy").ranks[1].verdict == "no steps"


def test_points_without_steps_are_counted(launch: Launch, root: Path) -> None:
    """Then how many there are is how far a rank has come."""
    for rank in range(4):
        recorder = launch(rank)
        for _ in range(10 if rank == 0 else 40):
            recorder.log("r", {"loss": 1.0})
    ranks = Store(root).ranks("r")

    assert [one.last_step for one in ranks.ranks] == [10, 40, 40, 40]
    assert ranks.stragglers == (0,)


def test_processes_that_take_the_same_rank_are_pointed_out(launch: Launch, root: Path) -> None:
    """Two living processes of rank 0: the one of them may not know its rank."""
    for rank in (0, 0, 1):
        train(launch(rank), 20)
    ranks = Store(root).ranks("r")

    assert [one.writers for one in ranks.ranks] == [2, 1]
    assert "2 living processes say that they are rank 0" in ranks.notes[0]


def test_what_isnt_there_is_refused(launch: Launch, root: Path) -> None:
    """A run, a metric, a step time that nobody logged: with the names that there are."""
    train(launch(0), 3)

    with pytest.raises(RunNotFound, match="'q'"):
        Store(root).ranks("q")
    for asked in ({"metric": "los"}, {"step_time": "los"}):
        with pytest.raises(MetricNotFound, match="loss"):
            Store(root).ranks("r", **asked)


def test_the_table_of_ranks_is_a_frame(launch: Launch, root: Path) -> None:
    """One row a rank, with the verdict."""
    for rank in range(3):
        train(launch(rank), 20)
    frame = Store(root).ranks("r").to_frame()

    assert frame.select("rank", "last_step", "verdict").rows() == [(0, 19.0, "ok"), (1, 19.0, "ok"), (2, 19.0, "ok")]

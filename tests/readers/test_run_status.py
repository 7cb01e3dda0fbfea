"""A run's status follows from what its writers said, which of them live, and what the user set."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pytest

from ingest.alive import is_alive
from readers.runs import Lives
from readers.schemas import SCHEMAS
from readers.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.readers.conftest import Recorder

START = datetime(2024, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """One event of a writer."""

    writer: str
    kind: str
    value: str = ""
    rank: int = 0


def attach(writer: str, *, resumed: bool = False, rank: int = 0) -> Said:
    """The writer attaches."""
    return Said(writer, "run", "true" if resumed else "false", rank)


def end(writer: str, status: str = "FINISHED") -> Said:
    """The writer ends the run."""
    return Said(writer, "end", status)


def status(writer: str, status: str) -> Said:
    """The user sets a status."""
    return Said(writer, "status", status)


def facts(*events: Said) -> pl.DataFrame:
    """The events as facts of one run, a second apart."""
    rows = []
    for number, (writer, kind, value, rank) in enumerate(events):
        told = (
            {"resumed": value, "run_name": '"name"', "rank": str(rank)} if kind == "run" else {"status": f'"{value}"'}
        )
        time = START + timedelta(seconds=number)
        rows += [("r", writer, number, time, kind, key, text, "e") for key, text in told.items()]
    return pl.DataFrame(rows, SCHEMAS["facts"], orient="row")


CASES: list[tuple[str, list[Said], set[str], str]] = [
    ("one that lives", [attach("a")], {"a"}, "RUNNING"),
    ("one that died", [attach("a")], set(), "INTERRUPTED"),
    ("one that ended", [attach("a"), end("a")], set(), "FINISHED"),
    ("one that ended and lives on for other runs", [attach("a"), end("a")], {"a"}, "FINISHED"),
    ("one that failed", [attach("a"), end("a", "FAILED")], {"a"}, "FAILED"),
    ("one that was killed", [attach("a"), end("a", "KILLED")], set(), "KILLED"),
    ("one of two lives", [attach("a"), attach("b"), end("b")], {"a"}, "RUNNING"),
    ("one of two lives though the other failed", [attach("a"), attach("b"), end("b", "FAILED")], {"a"}, "RUNNING"),
    ("one of two lives though the other died", [attach("a"), attach("b")], {"b"}, "RUNNING"),
    ("one of two died", [attach("a"), attach("b"), end("b")], set(), "INTERRUPTED"),
    ("one of two failed", [attach("a"), attach("b"), end("b", "FAILED"), end("a")], set(), "FAILED"),
    ("one failed, one died", [attach("a"), attach("b"), end("b", "FAILED")], set(), "FAILED"),
    ("both ended", [attach("a"), attach("b"), end("b"), end("a")], set(), "FINISHED"),
    ("set FAILED and ended", [attach("a"), status("a", "FAILED"), end("a")], set(), "FAILED"),
    ("set FAILED and alive", [attach("a"), status("a", "FAILED")], {"a"}, "RUNNING"),
    ("set FAILED and died", [attach("a"), status("a", "FAILED")], set(), "FAILED"),
    ("set KILLED and died", [attach("a"), status("a", "KILLED")], set(), "KILLED"),
    ("set FINISHED and died", [attach("a"), status("a", "FINISHED")], set(), "INTERRUPTED"),
    ("set RUNNING and ended", [attach("a"), status("a", "RUNNING"), end("a")], set(), "FINISHED"),
    ("set INTERRUPTED and ended", [attach("a"), status("a", "INTERRUPTED"), end("a")], set(), "INTERRUPTED"),
    ("set twice", [attach("a"), status("a", "FAILED"), status("a", "FINISHED"), end("a")], set(), "FINISHED"),
    ("set FINISHED though it failed", [attach("a"), status("a", "FINISHED"), end("a", "FAILED")], set(), "FAILED"),
    ("set by a child that only logs", [attach("a"), status("child", "FAILED"), end("a")], set(), "FAILED"),
    ("resumed after death", [attach("a"), attach("b", resumed=True), end("b")], set(), "FINISHED"),
    ("resumed after death, alive", [attach("a"), attach("b", resumed=True)], {"b"}, "RUNNING"),
    ("resumed after death, dead again", [attach("a"), attach("b", resumed=True)], set(), "INTERRUPTED"),
    ("failed, resumed", [attach("a"), end("a", "FAILED"), attach("b", resumed=True), end("b")], set(), "FINISHED"),
    ("resumed by the same writer", [attach("a"), end("a"), attach("a", resumed=True)], {"a"}, "RUNNING"),
    (
        "resumed by the same writer, ended",
        [attach("a"), end("a", "FAILED"), attach("a", resumed=True), end("a")],
        {"a"},
        "FINISHED",
    ),
    (
        "a status from before the resumption",
        [attach("a"), status("a", "FAILED"), end("a"), attach("b", resumed=True), end("b")],
        set(),
        "FINISHED",
    ),
    ("resumed while the first lives", [attach("a"), attach("b", resumed=True), end("b")], {"a"}, "RUNNING"),
    (
        "resumed beside one that fails later",
        [attach("a"), attach("b", resumed=True), end("b"), end("a", "FAILED")],
        set(),
        "FAILED",
    ),
    ("resumed by two", [attach("a"), attach("b", resumed=True), attach("c", resumed=True), end("b")], {"c"}, "RUNNING"),
    (
        "a rank that finds the run there resumes nothing",
        [attach("a"), attach("b", resumed=True, rank=1), end("b")],
        set(),
        "INTERRUPTED",
    ),
    (
        "all ranks resumed one after the other, and the first one died since",
        [attach("a"), attach("b", rank=1), attach("c", resumed=True), attach("d", resumed=True, rank=1), end("d")],
        set(),
        "INTERRUPTED",
    ),
    (
        "the rank that had died was resumed",
        [attach("a"), attach("b", rank=1), attach("c", resumed=True, rank=1), end("c"), end("a")],
        set(),
        "FINISHED",
    ),
    (
        "resumed with fewer ranks",
        [attach("a"), attach("b", rank=1), attach("c", resumed=True), end("c")],
        set(),
        "FINISHED",
    ),
    (
        "resumed again, with fewer ranks than the last time",
        [
            *(attach(f"a{rank}", rank=rank) for rank in range(3)),
            *(attach(f"b{rank}", resumed=True, rank=rank) for rank in range(3)),
            *(attach(f"c{rank}", resumed=True, rank=rank) for rank in range(2)),
            *(end(f"c{rank}") for rank in range(2)),
        ],
        set(),
        "FINISHED",
    ),
    ("joined without resuming", [attach("a"), attach("b"), end("b")], set(), "INTERRUPTED"),
    ("only its end is left", [end("a", "KILLED")], set(), "KILLED"),
]


@pytest.mark.parametrize(("told", "alive", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_status_follows_from_what_was_said(told: list[Said], alive: set[str], expected: str) -> None:
    """Each case: what the writers said, in order; which live; the status."""
    (row,) = Lives.of(facts(*told)).fold(alive).rows(named=True)

    assert row["status"] == expected
    assert (row["end_time"] is None) == (expected == "RUNNING" or not any(said.kind == "end" for said in told))


def test_the_order_of_facts_doesnt_matter() -> None:
    """Facts come from several files in any order; the answer is the same."""
    for _, told, alive, expected in CASES:
        shuffled = facts(*told).sample(fraction=1.0, shuffle=True, seed=7)
        assert Lives.of(shuffled).fold(alive)["status"].to_list() == [expected]


def test_one_row_tells_of_all_writers(write: "Callable[[], Recorder]") -> None:
    """Name, parent, group and host are of who started the run; ranks and writers are counted."""
    first, second = write(), write()
    first.start("r", "e", "first name", parent_run_id="p", group="g", host="h0", rank=0)
    second.now_ns = first.now_ns
    second.start("r", "e", "second name", host="h1", rank=1)
    first.end("r")
    second.tick()
    second.end("r")
    first.flush()
    second.flush()

    (row,) = Store(first.layout.root).runs().collect().rows(named=True)

    assert {name: row[name] for name in ("run_name", "parent_run_id", "group", "host", "ranks", "writers")} == {
        "run_name": "first name",
        "parent_run_id": "p",
        "group": "g",
        "host": "h0",
        "ranks": 2,
        "writers": 2,
    }
    assert (row["status"], row["duration_s"]) == ("FINISHED", 3.0 - 0.0)


def test_a_name_is_kept_whatever_it_holds(recorder: "Recorder", store: Store) -> None:
    """Quotes, escapes, emoji and line breaks come back as they were."""
    names = {"a": 'say "hi"\\n', "b": "läuft ✓\n🙂", "c": "null", "d": '"', "e": "\\", "f": "\u2028"}
    for run_id, name in names.items():
        recorder.start(run_id, name, name)
    for sealed in (False, True):
        if sealed:
            recorder.seal()
        rows = store.runs().collect()
        assert dict(zip(rows["run_id"], rows["run_name"], strict=True)) == names
        assert dict(zip(rows["run_id"], rows["experiment"], strict=True)) == names


def test_an_interrupted_run_ends_with_the_last_that_was_seen(write: "Callable[[], Recorder]") -> None:
    """Facts and points both count as signs of life."""
    recorder = write()
    recorder.start("points")
    recorder.log("points", {"loss": 1.0})
    recorder.start("facts")
    recorder.log("facts", {"loss": 1.0})
    recorder.tags("facts", {"a": 1})
    recorder.close()  # without ending its runs: to readers the same as a death

    rows = Store(recorder.layout.root).runs().collect()

    assert rows.select("run_id", "status", "duration_s").rows() == [
        ("points", "INTERRUPTED", 1.0),
        ("facts", "INTERRUPTED", 2.0),
    ]


def test_a_writer_that_ends_between_the_looks_isnt_taken_for_dead(
    write: "Callable[[], Recorder]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ended, and its writer left, after the facts were read and before its lock was asked for."""
    recorder = write()
    recorder.start("r")
    recorder.flush()

    def leave_first(folder: Path) -> bool:
        if not recorder.pipeline.closed:
            recorder.end("r")
            recorder.close()
        return is_alive(folder)

    monkeypatch.setattr("readers.runs.is_alive", leave_first)

    assert Store(recorder.layout.root).runs().collect()["status"].to_list() == ["FINISHED"]

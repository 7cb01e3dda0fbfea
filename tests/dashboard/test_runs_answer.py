"""The table of runs as the page gets it."""

import gzip
import json
import math
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from readers.dashboard.runs_table import LONGEST_CELL, MOST_COLUMNS, RunsTable
from readers.dashboard.store_view import LAG_S, StoreView
from readers.runtable import RunTable
from readers.store import Store
from tests.dashboard.asking import Site, refusal
from tests.readers.conftest import Recorder


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A writer of a store."""
    found = Recorder(tmp_path / "store")
    yield found
    found.close()


@pytest.fixture
def site(recorder: Recorder) -> Site:
    """The read API over it."""
    return Site(recorder.layout.root)


def columns(answer: dict[str, object]) -> dict[str, str]:
    """Name to kind."""
    return {column["name"]: column["kind"] for column in answer["columns"]}  # type: ignore[attr-defined]


def test_runs_come_as_columns_newest_first(recorder: Recorder, site: Site) -> None:
    """Each column has a value a run, of the kind that it says."""
    for number in range(3):
        run = f"r{number}"
        recorder.start(run, f"vision/{number}", name=f"try {number}")
        recorder.params(run, {"lr": 0.1 * number, "net": "mlp", "amp": number > 0})
        recorder.tags(run, {"team": "x"})
        recorder.log(run, {"loss": float(number)}, 0)
    recorder.end("r0", experiment="vision/0")

    told = site.told("/api/runs")

    assert (told["count"], told["truncated"]) == (3, None)
    assert told["data"]["run_id"] == ["r2", "r1", "r0"]
    assert told["data"]["status"] == ["RUNNING", "RUNNING", "FINISHED"]
    assert told["data"]["params.lr"] == [0.2, 0.1, 0.0]
    assert told["data"]["metrics.loss"] == [2.0, 1.0, 0.0]
    assert told["data"]["start_time"][2] == "2023-11-14T22:13:21.000000Z"
    assert columns(told) == {
        **dict.fromkeys(
            ("run_id", "run_name", "experiment", "parent_run_id", "group", "params.net", "tags.team"), "text"
        ),
        **dict.fromkeys(("metrics.loss", "params.lr"), "number"),
        "status": "status",
        "start_time": "time",
        "duration_s": "duration",
        "params.amp": "bool",
    }


def test_an_experiment_stands_for_those_below_it(recorder: Recorder, site: Site) -> None:
    """The name "a" takes a, a/b and a/b/c, and not ab."""
    for name in ("a", "a/b", "a/b/c", "ab"):
        recorder.start(name.replace("/", "-"), name)

    assert sorted(site.told("/api/runs", experiment="a")["data"]["run_id"]) == ["a", "a-b", "a-b-c"]
    assert site.told("/api/runs", experiment="a/b/c")["count"] == 1
    status, words = refusal(site.get("/api/runs", experiment="a/x"))
    assert (status, "a/b" in words) == (404, True)


def test_a_filter_finds_runs(recorder: Recorder, site: Site) -> None:
    """The filter is the one of the command line; a wrong one is 400, with a near name."""
    for number in range(4):
        recorder.start(f"r{number}")
        recorder.log(f"r{number}", {"loss": float(number)}, 0)

    assert site.told("/api/runs", filter="metrics.loss > 1.5")["data"]["run_id"] == ["r3", "r2"]
    assert refusal(site.get("/api/runs", filter="metrics.los > 1"))[0] == 400
    assert "metrics.loss" in refusal(site.get("/api/runs", filter="metrics.los > 1"))[1]
    assert refusal(site.get("/api/runs", filter="metrics.loss >"))[0] == 400


def test_what_json_lacks_goes_as_words(recorder: Recorder, site: Site) -> None:
    """NaN, infinities and whole numbers that a browser would round are strings; a missing value is null."""
    for number, value in enumerate((math.nan, math.inf, -math.inf, 0.5)):
        recorder.start(f"r{number}")
        recorder.log(f"r{number}", {"loss": value}, 0)
        recorder.params(f"r{number}", {"seed": 2**60 + number})
    recorder.start("bare")

    data = json.loads(site.get("/api/runs").content)["data"]

    assert data["metrics.loss"] == [None, 0.5, "-Infinity", "Infinity", "NaN"]
    assert data["params.seed"][1:3] == [str(2**60 + 3), str(2**60 + 2)]


def test_hostile_names_and_values_stay_data(recorder: Recorder, site: Site) -> None:
    """Markup, controls, lone surrogates, odd keys: the answer is valid JSON that says them as they are, or replaced."""
    name = "<script>alert(1)</script>\x00\u202e"
    recorder.start("r1", "<b>/\n", name=name)
    odd = {"__proto__": "x", "half": "a\ud800b", "": 1, "*": 2, "run_id": "mine"}
    recorder.params("r1", odd, "<b>/\n")
    recorder.log("r1", {"<img src=x>": 1.0}, 0, "<b>/\n")

    data = site.told("/api/runs")["data"]

    assert data["run_name"] == [name]
    assert data["params.__proto__"] == ["x"]
    assert (data["params.*"], data["params."], data["params.half"]) == ([2], [1], ["a\ufffdb"])
    assert (data["run_id"], data["params.run_id"]) == (["r1"], ["mine"])
    assert data["metrics.<img src=x>"] == [1.0]
    assert site.told("/api/runs", experiment="<b>/\n")["count"] == 1


def test_a_param_of_megabytes_is_cut_in_the_table_and_whole_when_asked_for(recorder: Recorder, site: Site) -> None:
    """The table has its beginning; its own request has all of it."""
    text = "é" * 5_000_000
    recorder.start("r1")
    recorder.params("r1", {"prompt": text, "short": "s"})

    answer = site.get("/api/runs")
    page = site.told("/api/runs/r1")
    told = site.told("/api/runs/r1/value", kind="param", name="prompt")

    assert len(answer.content) < 10_000
    assert answer.json()["data"]["params.prompt"] == [f"{'é' * LONGEST_CELL}…"]
    prompt = next(param for param in page["params"] if param["name"] == "prompt")
    assert (prompt["length"], len(prompt["value"]) < 10_000) == (5_000_000, True)
    assert told["value"] == text


def test_ten_thousand_metrics_get_the_columns_there_is_room_for(recorder: Recorder, site: Site) -> None:
    """Series come last, and what is left out is said."""
    recorder.start("r1")
    recorder.log("r1", {f"epoch_{number}/loss": 1.0 for number in range(10_000)}, 0)
    recorder.log("r1", {"accuracy": 0.5}, 0)
    recorder.params("r1", {"lr": 1})

    told = site.told("/api/runs")

    assert len(told["columns"]) == MOST_COLUMNS
    assert told["columns"][8]["name"] == "metrics.accuracy"
    assert "params.lr" in told["data"]
    assert told["truncated"]["columns"] == 10_002 - (MOST_COLUMNS - 8)
    assert "have no column" in told["truncated"]["words"]


def test_only_the_newest_runs_are_sent(recorder: Recorder, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the answer says how many there are."""
    monkeypatch.setattr("readers.dashboard.runs_table.MOST_RUNS", 2)
    for number in range(5):
        recorder.start(f"r{number}")
        recorder.params(f"r{number}", {"n": number})

    told = site.told("/api/runs")

    assert (told["data"]["run_id"], told["data"]["params.n"]) == (["r4", "r3"], [4, 3])
    assert (told["count"], told["truncated"]["runs"]) == (5, 3)


def test_an_unchanged_store_is_not_read_again(recorder: Recorder) -> None:
    """A second question is answered from memory, and its tag is the first one's; a new run changes both."""
    recorder.start("r1")
    recorder.end("r1")
    recorder.close()
    table = RunsTable(view := StoreView(Store(recorder.layout.root)))

    first = table.body()
    assert table.body() is first
    again = Recorder(recorder.layout.root)
    again.start("r2")
    again.end("r2")
    again.close()

    assert view.now().table.run_ids == ["r1", "r2"]
    assert table.body().tag != first.tag


def test_a_running_runs_values_are_at_most_as_old_as_said(recorder: Recorder) -> None:
    """Within the lag the answer stays; after it, what was logged meanwhile is there."""
    now = [0.0]
    view = StoreView(Store(recorder.layout.root), clock=lambda: now[0])
    recorder.start("r1")
    recorder.log("r1", {"loss": 1.0}, 0)

    def last() -> list[float]:
        found: list[float] = view.now().table.metric("loss").tolist()
        return found

    assert last() == [1.0]
    recorder.log("r1", {"loss": 2.0}, 1)
    now[0] = LAG_S
    assert last() == [1.0]
    now[0] = LAG_S + 0.001
    assert last() == [2.0]
    recorder.seal()
    assert last() == [2.0]


def test_a_dead_writers_run_is_interrupted_at_once(recorder: Recorder) -> None:
    """Nothing was written, yet the state of the store is another one: a lock is free."""
    view = StoreView(Store(recorder.layout.root), clock=lambda: 0.0)
    recorder.start("r1")
    recorder.flush()
    assert view.now().table.runs["status"].to_list() == ["RUNNING"]

    recorder.end("r1")
    recorder.close()

    assert view.now().table.runs["status"].to_list() == ["FINISHED"]


def test_the_browsers_copy_is_confirmed(recorder: Recorder, site: Site) -> None:
    """With the tag of the last answer a request gets 304 and no body; gzip comes to those who take it."""
    recorder.start("r1")
    recorder.end("r1")
    recorder.close()
    first = site.get("/api/runs", headers={"Accept-Encoding": "identity"})

    again = site.get("/api/runs", headers={"If-None-Match": first.headers["etag"]})
    zipped = site.get("/api/runs", headers={"Accept-Encoding": "gzip"})

    assert (again.status_code, again.content) == (304, b"")
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.json() == first.json()
    assert len(gzip.compress(first.content)) < len(first.content)


def test_the_store_lists_its_experiments(recorder: Recorder, site: Site) -> None:
    """With their runs, those that go on, and the last start; the latest first."""
    recorder.start("r1", "a")
    recorder.start("r2", "b")
    recorder.end("r1", experiment="a")

    told = site.told("/api/store")

    assert told["experiments"] == [
        {"name": "b", "runs": 1, "running": 1, "last_start": "2023-11-14T22:13:22.000000Z"},
        {"name": "a", "runs": 1, "running": 0, "last_start": "2023-11-14T22:13:21.000000Z"},
    ]
    assert (told["name"], told["read_only"]) == ("store", False)


def test_an_empty_store_has_an_empty_table(recorder: Recorder, site: Site) -> None:
    """No runs: the fixed columns, and nothing in them."""
    told = site.told("/api/runs")

    assert (told["count"], told["data"]["run_id"], site.told("/api/store")["experiments"]) == (0, [], [])


def test_what_is_read_bit_by_bit_is_what_a_fresh_reading_gives(recorder: Recorder) -> None:
    """Whatever is logged, sealed and ended meanwhile, by one writer and then another."""
    now = [0.0]
    root = recorder.layout.root
    view = StoreView(Store(root), clock=lambda: now[0])
    rng = random.Random(3)
    other = Recorder(root)
    other.now_ns += 500_000_000
    started: list[str] = []
    for turn in range(40):
        writer = recorder if turn % 3 or turn > 25 else other
        run = rng.choice(started) if started and rng.random() < 0.6 else f"r{turn}"
        if run not in started:
            writer.start(run, parent_run_id=rng.choice([None, *started]))
            started.append(run)
        match rng.randrange(6):
            case 0:
                writer.params(run, {rng.choice("abc"): rng.random(), "nested": {"x": turn}})
            case 1:
                writer.tags(run, {rng.choice("abc"): f"{turn}"})
            case 2:
                writer.end(run)
            case 3:
                writer.seal()
            case _:
                writer.log(run, {rng.choice("xyz"): rng.random()}, turn)
        if turn == 25:
            other.close()
        now[0] += 1 + LAG_S

        found = view.now().table
        if turn % 4 == 0:
            fresh = RunTable.read(Store(root))
            assert_frame_equal(found.runs, fresh.runs)
            for name in ("params", "tags", "summaries"):
                assert_frame_equal(getattr(found, name), getattr(fresh, name), check_row_order=False)


def test_names_of_a_megabyte_get_no_column(recorder: Recorder, site: Site) -> None:
    """They are counted among what was left out, cut on the run's page, and no chart is offered."""
    name = "x" * (1 << 20)
    recorder.start("r1")
    recorder.params("r1", {name: 1, "lr": 2})
    recorder.log("r1", {name: 1.0, "loss": 1.0}, 0)

    told, page = site.told("/api/runs"), site.get("/api/runs/r1")
    keys = site.asked("/api/metrics", runs=["r1"])

    assert [column["name"] for column in told["columns"][8:]] == ["metrics.loss", "params.lr"]
    assert (told["truncated"]["columns"], len(page.content) < 20_000) == (2, True)
    assert ([key["key"] for key in keys["metrics"]], keys["truncated"]) == (["loss"], 1)


def test_very_many_runs_get_fewer_columns(recorder: Recorder, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an answer stays one that a browser can hold."""
    monkeypatch.setattr("readers.dashboard.runs_table.MOST_CELLS", 60)
    for number in range(3):
        recorder.start(f"r{number}")
        recorder.params(f"r{number}", {f"p{key}": number for key in range(50)})

    told = site.told("/api/runs")

    assert (len(told["columns"]), told["truncated"]["columns"]) == (20, 38)


def test_many_live_writers_need_few_open_files(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound their queue files are opened for each look, and nothing is missed."""
    monkeypatch.setattr("readers.dashboard.growing._MOST_OPEN", 2)
    writers = [Recorder(recorder.layout.root) for _ in range(4)]
    view = StoreView(Store(recorder.layout.root), clock=count(0, 10).__next__)
    for turn in range(3):
        for number, writer in enumerate(writers):
            if not turn:
                writer.start(f"r{number}")
            writer.log(f"r{number}", {"loss": float(turn)}, turn)

        assert view.now().table.metric("loss").tolist() == [float(turn)] * 4
        held = [segment.tail.is_open for segment in view.tables.growing._growing.values()]
        assert sum(held) <= 2
    for writer in writers:
        writer.close()

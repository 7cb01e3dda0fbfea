"""Alerts of a server: rules of the command line, of the store, or none; to the pages, the terminal, a webhook."""

import http.server
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import polars as pl
import pytest

from readers.batch import FACTS, POINTS, Batch
from readers.dashboard.alarms import Alarms
from readers.dashboard.hub import Hub
from readers.dashboard.rulesfile import watch_rules
from readers.store import Store
from readers.watcher import Watcher
from tracker import ExperimentTracker

DEADLINE_S = 10.0


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A run "r" that goes on."""
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as made:
        made.start_run("first", run_id="r")
        yield made


@pytest.fixture
def store(tracker: ExperimentTracker) -> Store:
    """Its store."""
    return Store(tracker.root)


def rules_file(store: Store, content: str) -> None:
    """Put rules into the store."""
    store.layout.control.mkdir(exist_ok=True)
    (store.layout.control / "alerts.json").write_text(content)


def nothing() -> Batch:
    """A look that found nothing."""
    return Batch(POINTS.to_frame(), FACTS.to_frame(), {"points": {}, "facts": {}})


def test_an_alert_is_a_message_a_line_and_kept(
    store: Store, tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """With the run's name, though it began before the server did."""
    alarms = Alarms(store, ["loss is nan"])
    with Watcher(store, since="now") as watcher, caplog.at_level(logging.WARNING, "steplog.dashboard"):
        alarms.begin(["r"])
        tracker.log_metrics({"loss": float("nan"), "other": float("nan")}, step=3)
        (said,) = map(json.loads, alarms.take(watcher.poll(), ["r"]))

    assert (said["type"], said["run_id"], said["run_name"], said["key"]) == ("alert", "r", "first", "loss")
    assert (said["step"], said["value"]) == (3, "NaN")
    assert alarms.listing["rules"] == ["loss is nan"]
    assert [alert["key"] for alert in alarms.listing["alerts"]] == ["loss"]
    assert "loss is nan" in caplog.text


def test_rules_of_the_store_are_watched_always_and_those_nobody_gave_only_for_a_page(store: Store) -> None:
    """An idle server costs nothing, unless somebody asked for more."""
    assert Alarms(store).always is False
    rules_file(store, '["loss > 3"]')
    alarms = Alarms(store, ["loss is nan"])

    assert alarms.always is True
    assert alarms.listing["rules"] == ["loss is nan", "loss > 3"]


@pytest.mark.parametrize(
    "content", ["{}", '["no rule at all"]', "[1]", "[" * 100_000, json.dumps(["a > 1"] * 101), "\0"]
)
def test_a_broken_file_of_rules_is_said_and_ends_nothing(store: Store, content: str) -> None:
    """In the answer of /api/alerts too."""
    rules_file(store, content)
    alarms = Alarms(store)

    assert "alerts.json" in str(alarms.listing["problem"])
    assert alarms.listing["rules"]


def test_a_file_of_rules_that_changes_is_taken_up(store: Store, tracker: ExperimentTracker) -> None:
    """What was found is kept; rules that went watch no more."""
    rules_file(store, '["loss > 3"]')
    alarms = Alarms(store, ["loss is nan"])
    with Watcher(store, since="now") as watcher:
        alarms.begin(["r"])
        tracker.log_metrics({"loss": 5.0})
        assert len(alarms.take(watcher.poll(), ["r"])) == 1

        rules_file(store, '["accuracy < 0.5"]')
        alarms.reload(["r"])
        tracker.log_metrics({"loss": 2.0})
        tracker.log_metrics({"loss": 6.0, "accuracy": 0.1})
        (said,) = map(json.loads, alarms.take(watcher.poll(), ["r"]))

    assert said["key"] == "accuracy"
    assert alarms.listing["rules"] == ["loss is nan", "accuracy < 0.5"]
    assert len(alarms.listing["alerts"]) == 2
    rules_file(store, "{}")
    alarms.reload(["r"])
    assert "alerts.json" in str(alarms.listing["problem"])
    assert alarms.listing["rules"] == ["loss is nan"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whoever_edits_the_file_of_rules_needs_no_new_server(store: Store, backend: str) -> None:
    """Its folder may come later; it is noticed when the file is made, changed, and removed."""
    seen = []

    async def edit() -> None:
        noticed = anyio.Event()

        def note() -> None:
            nonlocal noticed
            seen.append(tuple(path.name for path in store.layout.control.glob("*")))
            noticed.set()
            noticed = anyio.Event()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_rules, store.layout, note)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(DEADLINE_S):
                waiting = noticed
                rules_file(store, "[]")
                await waiting.wait()
                await anyio.wait_all_tasks_blocked()
                waiting = noticed
                (store.layout.control / "alerts.json").unlink()
                await waiting.wait()
            tasks.cancel_scope.cancel()

    anyio.run(edit, backend=backend)

    assert seen[0] == ("alerts.json",)
    assert seen[-1] == ()


def test_a_wrong_rule_of_the_command_line_is_an_error(store: Store) -> None:
    """At once."""
    with pytest.raises(ValueError, match="rule"):
        Alarms(store, ["no rule at all"])
    with pytest.raises(ValueError, match="webhook"):
        Alarms(store, webhook="ftp://example")


def test_beginning_anew_keeps_what_was_found_and_makes_no_silence_of_it(
    store: Store, tracker: ExperimentTracker
) -> None:
    """A run that logged on while nobody looked has not stalled."""
    alarms = Alarms(store, ["loss > 3", "stalled 0.001 s"])
    with Watcher(store, since="now") as watcher:
        for _ in range(10):
            tracker.log_metrics({"loss": 5.0})
        assert len(alarms.take(watcher.poll(), [])) == 1
    alarms.begin(["r"])

    assert alarms.take(nothing(), ["r"]) == []
    assert len(alarms.listing["alerts"]) == 1


def test_a_hub_with_rules_watches_with_nobody_there(store: Store, tracker: ExperimentTracker) -> None:
    """And tells a webhook."""
    got: list[Any] = []
    done = threading.Event()

    class Chat(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            done.set()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Chat) as chat:
        threading.Thread(target=chat.serve_forever, daemon=True).start()
        hub = Hub(store, alerts=["loss > 3"], webhook=f"http://127.0.0.1:{chat.server_port}/secret")
        began = threading.Event()
        hub._alarms.begin = _noting(hub._alarms.begin, began)  # type: ignore[method-assign]
        hub.start()
        assert began.wait(DEADLINE_S)
        tracker.log_metrics({"loss": 5.0})
        assert done.wait(DEADLINE_S)
        hub.stop()
        chat.shutdown()

    assert got[0]["alert"]["key"] == "loss"
    assert [alert["key"] for alert in hub.alerts["alerts"]] == ["loss"]  # type: ignore[attr-defined]


def _noting(function: Any, event: threading.Event) -> Any:
    def call(*args: Any) -> None:
        function(*args)
        event.set()

    return call


def test_points_of_many_runs_cost_no_memory_for_ever(store: Store) -> None:
    """What is kept of alerts is bounded."""
    alarms = Alarms(store, ["x > 0"])
    rows = {"run_id": [f"r{n}" for n in range(1_500)], "experiment": "e", "key": "x", "step": 1, "value": 1.0}
    points = pl.DataFrame({**rows, "writer": "w", "seq": range(1_500)}).with_columns(
        step_float=pl.lit(None, pl.Float64), time=pl.lit(0).cast(pl.Datetime("us", "UTC"))
    )
    said = alarms.take(nothing()._replace(points=points.select(POINTS.names())), [])

    assert len(said) == 100
    assert len(alarms.listing["alerts"]) == 1_000

"""The live socket: real clients, a real server, a training process: each point once, whatever happens in between."""

import json
import signal
import subprocess
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from readers.dashboard import changes as changes_module
from readers.dashboard import hub as hub_module
from readers.dashboard import live as live_module
from readers.dashboard.app import create_app
from readers.dashboard.clients import Client
from readers.dashboard.series import Asked, Series
from readers.dashboard.server import Dashboard, bind
from readers.dashboard.settings import DashboardSettings
from readers.dashboard.store_view import StoreView
from readers.dashboard.ticks import Ticks
from readers.store import Store
from tests.dashboard.asking import read_chart
from tracker import ExperimentTracker

TRAINER = Path(__file__).with_name("trainer.py")
DEADLINE_S = 15.0
Message = dict[str, Any]


class Server:
    """A dashboard on a free port, in a thread of this process."""

    def __init__(self, root: Path, **settings: Any) -> None:
        chosen = DashboardSettings(store=str(root), port=0, **settings)
        self.socket = bind(chosen)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        app = create_app(chosen)
        self.hub = next(route.endpoint.__self__._hub for route in app.routes if route.path == "/api/live")  # type: ignore[attr-defined]
        ready = threading.Event()
        self._dashboard = Dashboard(chosen, self.socket, on_ready=ready.set, app=app)
        self._thread = threading.Thread(target=self._dashboard.run, kwargs={"hard_end": False})
        self._thread.start()
        assert ready.wait(DEADLINE_S)
        self.session = httpx.get(f"http://{self.address}/api/session", timeout=DEADLINE_S).json()

    def connect(self) -> ClientConnection:
        """A browser's socket, before its first message."""
        return connect(f"ws://{self.address}/api/live", max_size=None, open_timeout=DEADLINE_S)

    @contextmanager
    def client(
        self, runs: list[str] | None = None, keys: list[str] | None = None, cursor: object = None
    ) -> Iterator["Messages"]:
        """A browser that has subscribed and was greeted."""
        with self.connect() as connection:
            said = {"token": self.session["token"], "subscribe": {"runs": runs, "keys": keys}, "cursor": cursor}
            connection.send(json.dumps(said))
            messages = Messages(connection)
            messages.hello = messages.next("hello")
            yield messages

    def post(self, path: str, body: object = None) -> httpx.Response:
        """A change, as the page asks for it."""
        headers = {"X-Steplog-Token": self.session["token"]}
        return httpx.post(f"http://{self.address}{path}", json=body, headers=headers, timeout=DEADLINE_S)

    def stop(self) -> None:
        """End it, as Ctrl-C does."""
        self._dashboard.end()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


class Messages:
    """What a browser was sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.hello: Message = {}
        self.cursor: object = None
        self._waiting: defaultdict[str, deque[Message]] = defaultdict(deque)

    def next(self, kind: str) -> Message:
        """The next message of a kind; others wait until they are asked for."""
        while not self._waiting[kind]:
            message: Message = json.loads(self.connection.recv(DEADLINE_S))
            self.cursor = message.get("cursor", self.cursor)
            self._waiting[message["type"]].append(message)
        return self._waiting[kind].popleft()

    def values(self, enough: Callable[[list[float]], bool]) -> list[float]:
        """The values of points, until they are enough."""
        found: list[float] = []
        while not enough(found):
            found += [row[4] for row in self.next("points")["rows"]]
        return found

    def changed(self, run_id: str, column: str, value: object) -> None:
        """Wait until a cell has a value."""
        cells: dict[str, Any] = {}
        while cells.get(column) != value:
            for changed in self.next("runs")["changed"]:
                cells.update(changed if changed["run_id"] == run_id else {})


class Training:
    """A process that logs 0, 1, 2, ... as "n" of a run, seals and compacts meanwhile."""

    def __init__(self, root: Path, run_id: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(TRAINER), str(root), run_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "started\n"

    def end(self) -> int:
        """Let it end; how many it logged."""
        return int(self._process.communicate(timeout=DEADLINE_S)[0])

    def kill(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def train() -> Iterator[Callable[..., Training]]:
    """Starts training processes; none survives the test."""
    started: list[Training] = []

    def start(*args: Any) -> Training:
        started.append(Training(*args))
        return started[-1]

    yield start
    for training in started:
        with suppress(ValueError):  # its pipes are closed: it has ended
            training.kill()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty store."""
    folder = tmp_path / "store"
    ExperimentTracker(folder, auto_log=False).close()
    return folder


@pytest.fixture
def serve(root: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers; all are stopped in the end."""
    servers: list[Server] = []

    def start(**settings: Any) -> Server:
        servers.append(Server(root, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def tracker(root: Path) -> Iterator[ExperimentTracker]:
    """A run "r" in this process."""
    with ExperimentTracker(root, "e", auto_log=False) as made:
        made.start_run("r", run_id="r")
        yield made


def test_points_come_once_and_in_order(serve: Any, train: Any, root: Path) -> None:
    """Across sealing and compaction, of a run that begins after the page was opened, to its end."""
    server = serve()
    with server.client() as messages:
        training = train(root, "counting")
        found = messages.values(lambda found: len(found) > 500)
        total = training.end()
        found += messages.values(lambda more: len(found) + len(more) >= total)

        assert found == list(range(total))
        messages.changed("counting", "status", "FINISHED")


def test_what_a_chart_lacks_is_what_is_pushed_behind_its_reach(serve: Any, train: Any, root: Path) -> None:
    """Asked while a process logs, seals and compacts, an answer has exactly the points up to the seq that it says."""
    series = Series(StoreView(Store(root), clock=count().__next__))
    pushed: dict[int, int] = {}
    answers: list[tuple[int, int]] = []
    with serve().client() as messages:
        training = train(root, "counting")
        while len(answers) < 5:
            pushed |= numbered(messages.next("points"))
            chart = read_chart(series.answer(Asked(["counting"], "n"), None)).header
            [reached] = chart["reached"].values()
            answers.append((chart["runs"][0]["points"], reached))
        total = training.end()
        while len(pushed) < total:
            pushed |= numbered(messages.next("points"))

    assert len({points for points, _ in answers}) > 1
    assert [sum(seq <= reached for seq in pushed.values()) for _, reached in answers] == [n for n, _ in answers]


def numbered(message: Message) -> dict[int, int]:
    """The seq of each value that a message has."""
    firsts = [first for _, first in message["writers"]]
    return {row[4]: firsts[row[5]] + row[6] for row in message["rows"]}


def test_a_browser_that_comes_back_goes_on_where_it_was(serve: Any, train: Any, root: Path) -> None:
    """Its connection breaks again and again; it gets each point once."""
    server, training, found, cursor = serve(), train(root, "counting"), [], None
    for _ in range(3):
        with server.client(["counting"], cursor=cursor) as messages:
            assert messages.hello["resumed"] is (cursor is not None)
            found += messages.values(lambda more: len(more) > 100)
            cursor = messages.cursor
    total = training.end()
    with server.client(["counting"], cursor=cursor) as messages:
        found += messages.values(lambda more: [*found, *more][-1] == total - 1)

    assert found == list(range(int(found[0]), total))


def test_a_server_that_was_started_anew_goes_on_too(serve: Any, train: Any, root: Path) -> None:
    """The browser's cursor says enough for another server."""
    training, found, cursor = train(root, "counting"), [], None
    for _ in range(3):
        server = serve()
        with server.client(cursor=cursor) as messages:
            found += messages.values(lambda more: len(more) > 100)
            cursor = messages.cursor
        server.stop()
    total = training.end()
    with serve().client(cursor=cursor) as messages:
        found += messages.values(lambda more: [*found, *more][-1] == total - 1)

    assert found == list(range(int(found[0]), total))


def test_what_the_hub_has_forgotten_is_read_from_the_store(
    serve: Any, train: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tick is kept, so the cursor's other half is what counts."""
    monkeypatch.setattr(hub_module, "Ticks", partial(Ticks, kept_bytes=0))
    server, training = serve(), train(root, "counting")
    with server.client(cursor=None) as messages:
        found = messages.values(lambda more: len(more) > 100)
        cursor = messages.cursor
    with server.client() as other:
        other.values(lambda more: len(more) > 1000)
        with server.client(cursor=cursor) as messages:
            total = training.end()
            found += messages.values(lambda more: [*found, *more][-1] == total - 1)

    assert found == list(range(int(found[0]), total))


@pytest.mark.parametrize(
    "cursor",
    [
        {},
        {"hub": "x", "tick": 1, "at": 0, "writers": {}},
        {"hub": "x", "tick": 1, "at": 10**15, "writers": {}},
        {"hub": "x", "tick": "1"},
        ["no"],
        7,
    ],
    ids=str,
)
def test_an_unknown_or_old_cursor_means_fetch_anew(serve: Any, cursor: object) -> None:
    """And then the feed goes on."""
    with serve().client(cursor=cursor) as messages:
        assert messages.hello["resumed"] is False
        assert messages.next("resync")["cursor"]["hub"] == messages.hello["cursor"]["hub"]


def test_a_cursor_of_the_future_means_fetch_anew(serve: Any) -> None:
    """Of a tick that this hub has not come to."""
    server = serve()
    with server.client() as messages:
        cursor = {**messages.hello["cursor"], "tick": 10**9, "at": 0}
    with server.client(cursor=cursor) as messages:
        messages.next("resync")


def test_only_what_was_subscribed_to_comes(serve: Any, tracker: ExperimentTracker) -> None:
    """By run and metric; with another wish, from then on."""
    with serve().client(["r"], ["a"]) as messages:
        other = tracker.start_run(nested=True)
        tracker.log_metrics({"a": 1.0, "b": 2.0}, step=0, run_id=other)
        tracker.log_metrics({"a": 3.0, "b": 4.0}, step=1, run_id="r")
        first = messages.next("points")
        assert (first["runs"], first["keys"]) == (["r"], ["a"])
        assert [row[:3] + row[4:5] for row in first["rows"]] == [[0, 0, 1, 3.0]]

        messages.connection.send(json.dumps({"subscribe": {"runs": [other]}}))
        tracker.log_metrics({"c": 0.0}, run_id="r")
        messages.connection.send(json.dumps({"subscribe": {"runs": [other]}}))
        found: list[str] = []
        while "b" not in found:  # the wish may come a tick later
            tracker.log_metrics({"b": 5.0}, step=2, run_id=other)
            found += messages.next("points")["keys"]
        assert "c" not in found


def test_numbers_that_json_has_no_word_for(serve: Any, tracker: ExperimentTracker) -> None:
    """NaN and infinities are words; a step may be missing, or a fraction."""
    with serve().client() as messages:
        for step, value in ((None, float("nan")), (1.5, float("inf")), (2**62, float("-inf")), (3, 0.1)):
            tracker.log_metrics({"x": value}, step=step)
        rows: list[Any] = []
        while len(rows) < 4:
            rows += messages.next("points")["rows"]

    assert [(row[2], row[4]) for row in rows] == [(None, "NaN"), (1.5, "Infinity"), (2**62, "-Infinity"), (3, 0.1)]


def test_a_slow_browser_is_told_to_fetch_anew(
    serve: Any, train: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't read; its queue stays small, others get everything, and when it reads it is told."""
    made: list[Client] = []

    class Small(Client):
        def __init__(self, loop: Any, wanted: Any) -> None:
            super().__init__(loop, wanted, queue_bytes=2_000)
            made.append(self)

    server = serve()
    monkeypatch.setattr(live_module, "Client", Small)
    with server.client(["nothing"]) as slow:
        slow_client = made[0]
        monkeypatch.setattr(live_module, "Client", Client)
        # The wire's own buffers would take megabytes: this one takes nothing from its queue.
        monkeypatch.setattr(slow_client, "_next", lambda: None)
        slow.connection.send(json.dumps({"subscribe": {"runs": None}}))
        with server.client() as quick:
            training = train(root, "counting")
            found = quick.values(lambda found: slow_client.resyncs > 1)
            total = training.end()
            found += quick.values(lambda more: len(found) + len(more) >= total)
            assert found == list(range(total))
        assert slow_client._size <= 2_000 + 50_000
        monkeypatch.undo()
        slow_client._wake()
        slow.next("resync")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nonsense", 1007),
        ("[" * 100_000, 1007),
        ('{"token": 1}', 1007),
        ('{"subscribe": {"runs": "r"}}', 1007),
        ('{"unknown": 1}', 1007),
        (json.dumps({"subscribe": {"runs": ["r"] * 20_001}}), 1007),
        (" " * (1 << 20) + "{}", 1009),
        (b"\x00\x01", 1003),
        ("{}", 1008),
        ('{"token": "wrong"}', 1008),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_no_client_may_say_closes_the_socket_with_a_reason(serve: Any, said: str | bytes, code: int) -> None:
    """As its first message; the server goes on."""
    server = serve()
    with server.connect() as connection:
        connection.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(DEADLINE_S)
    with server.client():
        pass

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, bool(closed.value.rcvd.reason)) == (code, True)


def test_too_many_messages_close_the_socket(serve: Any) -> None:
    """A client that asks without end is no browser."""
    with serve().client() as messages:
        for _ in range(live_module.MOST_MESSAGES):
            messages.connection.send('{"subscribe": {"runs": []}}')
        with pytest.raises(ConnectionClosed) as closed:
            messages.next("never")

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_too_many_browsers_are_turned_away(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason; one that leaves makes room."""
    monkeypatch.setattr(live_module, "MOST_CLIENTS", 2)
    server = serve()
    with server.client():
        with server.client(), server.connect() as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(DEADLINE_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        with server.client():
            pass


def test_a_server_that_stops_lets_everybody_go(serve: Any) -> None:
    """Whoever is connected, and whoever has said nothing yet."""
    server = serve()
    with server.client() as messages, server.connect() as silent:
        server.stop()
        for connection in (messages.connection, silent):
            with pytest.raises(ConnectionClosed):
                Messages(connection).next("never")


def test_nobody_there_nothing_done(serve: Any) -> None:
    """The hub looks at the store only while somebody is connected."""
    server = serve()
    hub = server.hub
    assert hub.asleep.wait(DEADLINE_S)
    assert hub.looks == 0
    with server.client():
        assert not hub.asleep.is_set()
    assert hub.asleep.wait(DEADLINE_S)


def test_runs_tell_what_becomes_of_them(
    serve: Any, root: Path, tracker: ExperimentTracker, train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start, params, tags, the last value of a metric, an end; and a kill, which nobody says."""
    monkeypatch.setattr(changes_module, "EVERY_S", 0.1)
    server = serve()
    with server.client([]) as messages:
        tracker.start_run("second", run_id="s", nested=True, params={"lr": 0.1}, tags={"team": "a"})
        tracker.log_metrics({"loss": 1.0})
        tracker.log_metrics({"loss": float("nan")})
        cells: dict[str, Any] = {}
        while not {"run_name", "metrics.loss", "params.lr", "tags.team"} <= cells.keys():
            for changed in messages.next("runs")["changed"]:
                cells.update(changed if changed["run_id"] == "s" else {})
        assert (cells["run_name"], cells["status"], cells["experiment"]) == ("second", "RUNNING", "e")
        assert (cells["metrics.loss"], cells["params.lr"], cells["tags.team"]) == ("NaN", 0.1, "a")

        tracker.end_run("FAILED")
        messages.changed("s", "status", "FAILED")
        training = train(root, "killed")
        messages.changed("killed", "status", "RUNNING")
        training.kill()
        messages.changed("killed", "status", "INTERRUPTED")


def test_what_one_browser_changes_another_sees(serve: Any, tracker: ExperimentTracker) -> None:
    """Tags, the note, the wish that a run stop; the loop hears of it, too."""
    server = serve()
    with server.client([]) as messages:
        assert server.post("/api/runs/r/tags", {"team": "b", "old": None}).status_code == 202
        assert server.post("/api/runs/r/note", {"text": "<b>look</b>"}).status_code == 202
        assert server.post("/api/runs/r/stop", {}).status_code == 202
        wanted = {"tags.team": "b", "tags.old": None, "tags.note": "<b>look</b>", "should_stop": True}
        cells: dict[str, Any] = {}
        while not wanted.items() <= cells.items():
            for changed in messages.next("runs")["changed"]:
                cells.update(changed)

    assert tracker.should_stop() is True


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/runs/nobody/stop", {}, 404),
        ("/api/runs/nobody/tags", {"a": 1}, 404),
        ("/api/runs/done/stop", {}, 409),
        ("/api/runs/done/tags", ["a"], 400),
        ("/api/runs/done/tags", {"": 1}, 400),
        ("/api/runs/done/note", {}, 400),
        ("/api/runs/done/note", {"text": 7}, 400),
        ("/api/runs/done/note", {"text": "x" * 70_000}, 400),
        ("/api/runs/..%2f..%2fetc/stop", {}, 404),
    ],
    ids=str,
)
def test_a_change_that_cant_be_made_says_why(serve: Any, root: Path, path: str, body: object, status: int) -> None:
    """In words, and nothing is written."""
    with ExperimentTracker(root, auto_log=False) as tracker:
        tracker.start_run(run_id="done")
        tracker.end_run()
    before = Store(root).facts().collect().height
    answer = serve().post(path, body)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert Store(root).facts().collect().height == before


def test_a_read_only_server_refuses_every_change(serve: Any, tracker: ExperimentTracker) -> None:
    """403, whatever is asked; the feed goes on."""
    server = serve(read_only=True)
    for path, body in (("stop", {}), ("tags", {"a": 1}), ("note", {"text": "x"})):
        assert server.post(f"/api/runs/r/{path}", body).status_code == 403
    with server.client() as messages:
        tracker.log_metrics({"x": 1.0})
        messages.next("points")

    assert tracker.should_stop() is False


def test_a_server_that_is_killed_leaves_the_training_alone(root: Path, train: Any) -> None:
    """Kill -9 while a page looks on: the training logs on, and everything is in the store."""
    dashboard = subprocess.Popen(
        [sys.executable, "-m", "tracker.cli", "ui", str(root), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert dashboard.stdout is not None
    try:
        line = next(line for line in dashboard.stdout if "http://" in line)
        address = line.partition("http://")[2].split("/")[0].strip()
        token = httpx.get(f"http://{address}/api/session", timeout=DEADLINE_S).json()["token"]
        training = train(root, "counting")
        with connect(f"ws://{address}/api/live") as connection:
            connection.send(json.dumps({"token": token, "subscribe": {}}))
            messages = Messages(connection)
            messages.values(lambda found: len(found) > 100)
            dashboard.send_signal(signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                messages.next("never")
        total = training.end()
    finally:
        dashboard.kill()
        dashboard.communicate()

    assert Store(root).metrics().select("value").collect()["value"].sort().to_list() == list(range(total))
    assert Store(root).runs().collect()["status"].to_list() == ["FINISHED"]

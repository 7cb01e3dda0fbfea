"""Whatever goes wrong between us and a real server: every point arrives, once.

Between them stands a proxy that loses answers, cuts them in half, resets, delays, and answers rubbish.
"""

import itertools
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from readers.mlflow.address import without_credentials
from readers.mlflow.attempts import State
from readers.mlflow.batches import Request
from readers.mlflow.forwarder import ROWS, Forwarder
from tests.mlflow.proxy import FAULTS, Proxy
from tests.mlflow.sending import QUICKLY, logged, send
from tests.waiting import until
from tracker import ExperimentTracker

Same = Callable[..., None]


def refused(forwarder: Forwarder) -> None:
    """Let it try, in time limits that it keeps, until a server that isn't there has refused it."""
    until(lambda: not forwarder.drain(0.1) and "refused" in str(forwarder.state.error), lambda: str(forwarder.state))


@pytest.mark.parametrize("seed", range(2))
def test_every_fault_costs_nothing_but_time(root: Path, proxy: Proxy, same: Same, asked: Any, seed: int) -> None:
    """Each in turn, at half of all requests."""
    chance = random.Random(seed)
    faults = itertools.cycle(chance.sample(FAULTS, len(FAULTS)))

    def fault(request: bytes) -> str | None:
        """MLflow's client takes any JSON with a 200 for a "done": so that comes only where an answer matters."""
        found = next(faults) if chance.random() < 0.5 else None
        asks = request.startswith(b"GET") or b"/runs/create" in request or b"/runs/search" in request
        return found if found != "wrong json" or asks else None

    proxy.fault = fault
    ids = logged(root, f"faults/{seed}")

    forwarder = send(root, proxy.uri)

    assert forwarder.aside == []
    assert {*proxy.met} | {"wrong json"} == {*FAULTS}
    for run_id in ids:
        same(run_id)
        found = asked.run(run_id)
        assert (found.info.status, found.params["changed"]) == ("FINISHED", "1")
        assert (found.tags["steplog.param.changed"], found.tags["a"]) == ("2", "b")
        assert asked.artifacts(run_id) == {"some/text.txt": b"text" * 100}


@pytest.mark.parametrize("fault", ["lost", "half", "late"])
def test_a_run_whose_creation_got_lost_is_there_once(
    root: Path, proxy: Proxy, same: Same, asked: Any, fault: str
) -> None:
    """It is found by our id; and what arrived late beside it is taken away at its end."""
    once = iter([fault])
    proxy.fault = lambda request: next(once, None) if b"/runs/create" in request else None
    (run_id,) = logged(root, f"lost/{fault}", 1, 3)

    send(root, proxy.uri)

    assert proxy.met == [fault]
    assert len(asked.runs(run_id)) == 1
    same(run_id)


def test_a_record_at_which_the_server_fails_is_set_aside_alone(
    root: Path, proxy: Proxy, same: Same, asked: Any
) -> None:
    """500, whenever it is among those sent; the others arrive."""
    proxy.fault = lambda request: "500" if b"poison" in request else None
    with ExperimentTracker(root, "spoilt", auto_log=False) as tracker:
        run_id = tracker.start_run()
        for step in range(5):
            tracker.log_metrics({"loss": 1 / (step + 1), "acc": 1.0}, step=step)
        tracker.log_metrics({"poison": 1.0}, step=7)
        tracker.log_metrics({"loss": 0.0}, step=8)
        tracker.end_run()

    (record,) = send(root, proxy.uri).aside

    assert (record.run_id, record.kind, record.key, record.step, record.value) == (run_id, "metric", "poison", 7, "1.0")
    found = asked.run(run_id)
    assert len(found.points) == 11
    assert found.info.status == "FINISHED"
    proxy.fault = lambda _request: None
    with Forwarder(root, proxy.uri, everything=True, again=True) as forwarder:
        assert forwarder.drain()
    assert forwarder.aside == []
    same(run_id)


def test_a_dead_server_is_waited_for_and_said(root: Path, same: Same, mlflow_uri: str) -> None:
    """In time limits too; what waits is sent later by who comes then."""
    (run_id,) = logged(root, "dead", 1, 3)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with Forwarder(root, dead, everything=True, backoff_s=QUICKLY) as forwarder:
        refused(forwarder)
        state = forwarder.state

    assert (state.points, state.settled) == (0, False)
    send(root, mlflow_uri)
    same(run_id)


def test_what_waits_for_a_dead_server_is_files_and_not_memory(root: Path) -> None:
    """However long it is away: of all that was logged, one batch at most is read."""
    with ExperimentTracker(root, "outage", auto_log=False) as tracker:
        tracker.start_run()
        for step in range(4 * ROWS):
            tracker.log_metrics({"loss": 1.0, "acc": 0.5}, step=step)
    kept = []
    with Forwarder(root, "http://127.0.0.1:9", everything=True, backoff_s=QUICKLY) as forwarder:
        for _ in range(3):
            refused(forwarder)
            kept.append([work for work in forwarder._work if isinstance(work, Request)])

    assert 0 < sum(request.size for request in kept[0]) <= ROWS + 1
    assert kept[1:] == kept[:2]


def test_stop_ends_waiting_for_a_dead_server(root: Path) -> None:
    """At once, from another thread."""
    logged(root, "stopped", 1, 3)
    with Forwarder(root, "http://127.0.0.1:9", everything=True) as forwarder:
        thread = threading.Thread(target=forwarder.follow)
        thread.start()
        forwarder.stop()
        thread.join()

        assert forwarder.state.points == 0


def test_a_killed_forwarder_is_followed_by_another(root: Path, mlflow_uri: str, same: Same) -> None:
    """Kill -9 in the middle of sending: the next one goes on, and nothing is there twice."""
    ids = logged(root, "killed", 3, 40)
    code = (
        "import os, sys; from readers.mlflow.forwarder import Forwarder; n = int(sys.argv[3])\n"
        "kill = lambda state: os.kill(os.getpid(), 9) if state.points + state.facts >= n else None\n"
        "Forwarder(sys.argv[1], sys.argv[2], everything=True, on_change=kill).drain()"
    )
    command = [sys.executable, "-c", code, str(root), mlflow_uri, "170"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr

    send(root, mlflow_uri)

    for run_id in ids:
        same(run_id)


def test_a_server_that_is_killed_and_started_again(root: Path, own_server: Any, same: Same) -> None:
    """In the middle of sending; what it had is there once, what it hadn't comes."""
    ids = logged(root, "restart", 3, 40)
    own_server.start()
    again = threading.Thread(target=own_server.start)

    def kill(state: State) -> None:
        if state.points >= 80 and own_server.process is not None and not again.ident:
            own_server.kill()
            again.start()

    send(root, own_server.uri, kill)
    again.join()

    for run_id in ids:
        same(run_id, own_server.uri)


def test_a_server_is_known_by_its_address_without_credentials(root: Path) -> None:
    """Nothing that is shown or kept has a password in it."""
    logged(root, "password", 1, 3)
    states: list[State] = []
    uri = "http://user:topsecret@127.0.0.1:9"
    with Forwarder(root, uri, everything=True, backoff_s=QUICKLY, on_change=states.append) as forwarder:
        refused(forwarder)
    kept = b"".join(file.read_bytes() for file in (root / "forward").rglob("*") if file.is_file())

    assert "refused" in str(states[-1].error)
    assert "topsecret" not in repr(states) + repr(kept)
    assert without_credentials("https://user:secret@host:1/path?token=x") == "https://host:1/path"
    assert without_credentials("sqlite:///a.db") == "sqlite:///a.db"

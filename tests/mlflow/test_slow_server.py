"""A server that is slow, never answers, or asks to be left alone: it is, and has every point once all the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from readers.mlflow.attempts import State
from tests.mlflow.proxy import Proxy
from tests.mlflow.sending import logged, send
from tests.waiting import until
from tracker import ExperimentTracker

Same = Callable[..., None]
BUSY = b"HTTP/1.1 %b\r\nRetry-After: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable"])
def test_who_asks_to_wait_is_left_alone(root: Path, proxy: Proxy, same: Same, status: bytes) -> None:
    """For as long as Retry-After says, where our own pause would have been a hundredth of it."""
    proxy.answers["busy"] = BUSY % (status, b"1")
    proxy.fault = lambda request: "busy" if b"log-batch" in request and not proxy.met else None
    (run_id,) = logged(root, "patience", 1, 3)
    states: list[State] = []

    send(root, proxy.uri, states.append, backoff_s=(0.005, 0.1))

    before = next(place for place, request in enumerate(proxy.requests) if b"log-batch" in request)
    assert proxy.at_s[before + 1] - proxy.at_s[before] >= 1
    assert any("asks to wait for 1 s" in str(state.error) for state in states)
    same(run_id)


@pytest.mark.parametrize(
    "wish", [b"86400", b"9" * 400, b"Fri, 31 Dec 9999 23:59:59 GMT", b"soon", b"-5", b"Mon, 01 Jan 1990 00:00:00 GMT"]
)
def test_nobody_is_left_alone_for_a_day(root: Path, proxy: Proxy, same: Same, wish: bytes) -> None:
    """A silly Retry-After is one of ten of our longest pauses at most, or none; the test would time out."""
    proxy.answers["busy"] = BUSY % (b"429 Too Many Requests", wish)
    proxy.fault = lambda request: "busy" if b"log-batch" in request and not proxy.met else None
    (run_id,) = logged(root, f"silly/{wish[:20]!r}", 1, 3)

    send(root, proxy.uri)

    assert proxy.met == ["busy"]
    same(run_id)


def test_a_slow_line_loses_nothing(root: Path, proxy: Proxy, same: Same) -> None:
    """Each answer comes late."""
    proxy.fault = lambda _request: "delayed"
    ids = logged(root, "slow", 2, 40)

    send(root, proxy.uri)

    for run_id in ids:
        same(run_id)


def test_a_request_that_takes_too_long_is_made_smaller(
    root: Path, proxy: Proxy, same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As small as the server is quick enough for; that it had the large one after all does no harm."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    proxy.fault = lambda request: "silent" if len(request) > 40_000 else None
    (run_id,) = logged(root, "large", 1, 300)

    forwarder = send(root, proxy.uri)

    assert proxy.met == ["silent"]
    assert forwarder.aside == []
    same(run_id)


def test_training_never_waits_for_a_silent_server(
    root: Path, proxy: Proxy, same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is answered until all was logged: had one call waited for an answer, it would wait forever."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "120")
    logging = True
    proxy.fault = lambda _request: "silent" if logging else None
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with ExperimentTracker(root, "silent", "both", proxy.uri, auto_log=False) as tracker:
        run_id = tracker.start_run()
        until(lambda: proxy.met, deadline_s=60)  # its forwarder waits for an answer by now
        for step in range(1000):
            tracker.log_metrics({"loss": 1 / (step + 1)}, step=step)
        view = tracker.forwarding()
        assert view is not None
        assert view.points == 0
        logging = False
        tracker.end_run()

    same(run_id)

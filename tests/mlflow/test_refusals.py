"""What the server will never take is set aside, however much it is, and stops nothing else."""

from pathlib import Path
from typing import Any

import pytest

from readers.mlflow import missing
from readers.mlflow.forwarder import Forwarder
from readers.mlflow.setaside import Aside, AsideFile
from tests.mlflow.proxy import Proxy
from tests.mlflow.sending import logged, send
from tracker import ExperimentTracker


def test_a_deleted_run_is_one_record(root: Path, proxy: Proxy, same: Any, asked: Any) -> None:
    """Whatever is logged to it afterwards is neither tried point by point nor kept again; the other run goes on."""
    with ExperimentTracker(root, "deleted", auto_log=False) as tracker:
        deleted = tracker.start_run()
        other = tracker.start_run(nested=True)
        tracker.flush()
        asked.client.delete_run(send(root, proxy.uri).mlflow_ids[deleted])
        for step in range(3000):
            tracker.log_metrics({"loss": 1.0}, step=step, run_id=deleted)
        tracker.log_metrics({"loss": 2.0}, step=0, run_id=other)
        tracker.flush()
        proxy.requests.clear()

        forwarder = send(root, proxy.uri)

        assert [(record.run_id, record.kind) for record in forwarder.aside] == [(deleted, "run")]
        assert "restore it there" in forwarder.aside[0].why
        assert len(proxy.requests) < 30
        tracker.log_metrics({"loss": 1.0}, step=0, run_id=deleted)
        tracker.flush()
        assert len(send(root, proxy.uri).aside) == 1
    same(other)


def test_a_metric_that_is_refused_again_and_again_blocks_nothing(root: Path, proxy: Proxy, asked: Any) -> None:
    """The server fails at each of its points: the first ones are tried, the others are set aside unasked."""
    proxy.fault = lambda request: "500" if b"poison" in request else None
    with ExperimentTracker(root, "refused metric", auto_log=False) as tracker:
        run_id = tracker.start_run()
        for step in range(100):
            tracker.log_metrics({"loss": 1.0, "poison": 1.0}, step=step)
        tracker.log_metrics({"loss": 2.0}, step=100)

    forwarder = send(root, proxy.uri, backoff_s=(0.001, 0.002))

    assert [(record.kind, record.key) for record in forwarder.aside] == [("metric", "poison")] * 100
    assert "3 points of it in a row were refused" in forwarder.aside[-1].why
    assert len(proxy.requests) < 250
    assert [point[:2] for point in asked.run(run_id).points] == [("loss", step) for step in range(101)]


def test_a_deleted_run_that_was_restored_is_sent_again(root: Path, mlflow_uri: str, same: Any, asked: Any) -> None:
    """Whole, when that is asked for."""
    with ExperimentTracker(root, "restored", auto_log=False) as tracker:
        run_id = tracker.start_run()
        tracker.flush()
        mlflow_id = send(root, mlflow_uri).mlflow_ids[run_id]
        asked.client.delete_run(mlflow_id)
        tracker.log_metrics({"loss": 1.0}, step=0)
    assert len(send(root, mlflow_uri).aside) == 1
    asked.client.restore_run(mlflow_id)

    with Forwarder(root, mlflow_uri, everything=True, again=True) as forwarder:
        assert forwarder.drain()

    assert forwarder.aside == []
    same(run_id)


def test_a_run_that_can_not_be_made_is_one_record_and_tried_by_the_next_sync(
    root: Path, mlflow_uri: str, same: Any, asked: Any
) -> None:
    """Its experiment was deleted at the server; then it is restored."""
    experiment = asked.client.create_experiment("experiment that goes")
    asked.client.delete_experiment(experiment)
    (run_id,) = logged(root, "experiment that goes", 1, 40)

    (record,) = send(root, mlflow_uri).aside

    assert (record.run_id, record.kind) == (run_id, "run")
    asked.client.restore_experiment(experiment)
    assert send(root, mlflow_uri).aside == []
    same(run_id)


@pytest.mark.parametrize("everything", [True, False])
def test_a_run_that_can_not_be_made_for_a_while_comes_whole_later(
    root: Path, proxy: Proxy, same: Any, monkeypatch: pytest.MonkeyPatch, *, everything: bool
) -> None:
    """Nobody has to ask for it: also what was logged, and passed over, meanwhile."""
    monkeypatch.setattr(missing, "RETRY_S", -1.0)
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "0")
    proxy.fault = lambda _request: "reset"
    with ExperimentTracker(root, f"a while/{everything}", "both", proxy.uri, auto_log=False) as tracker:
        run_id = tracker.start_run()
        for step in range(50):
            tracker.log_metrics({"loss": 1.0}, step=step)
    with Forwarder(root, proxy.uri, everything=everything, backoff_s=(0.001, 0.002)) as forwarder:
        proxy.fault = lambda request: "500" if b"/runs/create" in request else None
        assert forwarder.drain()
        assert [(record.run_id, record.kind) for record in forwarder.aside] == [(run_id, "run")]
        proxy.fault = lambda _request: None

        assert forwarder.drain()

        assert forwarder.aside == []
    same(run_id)


def test_what_was_set_aside_is_bounded(tmp_path: Path) -> None:
    """In the file and in memory; what is over is counted."""
    file = AsideFile(tmp_path / "aside.jsonl", most=3)
    for step in range(5):
        file.add(Aside("run", "metric", "loss", "no", "1.0", step))

    assert (len(file), len(file.all)) == (5, 3)
    assert AsideFile(tmp_path / "aside.jsonl").all == file.all

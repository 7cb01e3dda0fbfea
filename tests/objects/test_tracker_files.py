"""Artifacts, models and checkpoints with an address: written here, read from any node, and no number given twice."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ingest.errors import ArtifactNotFound, StoreUnavailable
from ingest.objects.address import Address
from readers import opening
from readers.checkpoints import list_checkpoints
from readers.models import Models
from readers.objects.view import ObjectView
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.uploaded import OtherHost
from tracker import ExperimentTracker
from tracker.cli import app
from tracker.modelregistry import ModelRegistry

DEAD = "http://127.0.0.1:9"
Node = Callable[[str], ExperimentTracker]


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """Who sees only what is in the bucket."""
    return OtherHost(tmp_path / "other hosts", monkeypatch)


@pytest.fixture
def address(s3: S3) -> str:
    """Where the nodes' store is."""
    return s3.address("files")


@pytest.fixture
def node(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Make a tracker of a node: each has a spool and a cache of its own."""

    def make(name: str) -> ExperimentTracker:
        monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / name / "spool"))
        monkeypatch.setenv("STEPLOG_CACHE_DIR", str(tmp_path / name / "cache"))
        view = opening._views.pop(Address.of(address), None)
        if isinstance(view, ObjectView):
            view.close()
        return ExperimentTracker(address, "exp", auto_log=False)

    return make


def test_an_artifact_is_read_back_here_and_on_another_node(node: Node) -> None:
    """At once where it was logged; elsewhere when it is in the bucket, verified."""
    with node("a") as tracker, tracker.start_run(run_id="run"):
        tracker.log_dict({"a": [1, 2]}, "sub/config.json")
        assert tracker.load_artifact("sub/config.json") == {"a": [1, 2]}
    with node("b") as tracker:
        assert tracker.load_artifact("sub/config.json", "run") == {"a": [1, 2]}
        assert [entry["path"] for entry in tracker.list_artifacts("run")] == ["sub/config.json"]
        assert tracker.get_artifact("sub/config.json", "run").read_text().startswith("{")
        with pytest.raises(ArtifactNotFound, match=r"sub/config\.json"):
            tracker.load_artifact("other.json", "run")


def test_what_this_host_has_is_read_back_without_a_network(
    node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An artifact, a model and a checkpoint; that only these are looked at is said once."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0.1")
    with node("a") as tracker, tracker.start_run(run_id="run"):
        tracker.log_text("text", "a.txt")
        tracker.save_checkpoint({"epoch": 3})
        saved = tracker.log_model({"weights": np.arange(3)}, "net")
        assert saved is not None
        assert saved.version == 1
        assert tracker.load_artifact("a.txt") == "text"
        assert tracker.load_checkpoint() == {"epoch": 3}
        assert list(tracker.load_model("net")["weights"]) == [0, 1, 2]

    said = [record.message for record in caplog.records if "is looked at (said once)" in record.message]
    assert len(said) == 1


def test_versions_of_a_model_count_across_nodes(node: Node, other_host: OtherHost, address: str, s3: S3) -> None:
    """No number is given twice, while both log; aliases, tags and parents go by the numbers of all."""
    with node("a") as first, first.start_run("one"):
        one = first.log_model({"w": np.zeros(2)}, "net", aliases="best")
        with node("b") as second, second.start_run("two"):
            two = second.log_model({"w": np.ones(2)}, "net")
            three = second.log_model({"w": np.full(2, 2.0)}, "net")
        assert one is not None
        assert two is not None
        assert three is not None
        assert [one.version, two.version, three.version] == [1, 2, 3]
    with node("c") as third, third.start_run("three"):
        assert list(third.load_model("net", "best")["w"]) == [0, 0]
        assert list(third.load_model("net")["w"]) == [2, 2]
        done = third.promote("net", 2, "production")
        assert done is not None
        assert third.get_model_info("net", "production")["version"] == 2
        four = third.log_model({"w": np.full(2, 3.0)}, "net", derived_from="production")
        assert four is not None
        assert four.version == 4
        third.delete_model("net", 3)

    models = Models(other_host.store(address).layout)
    assert models.versions("net") == [1, 2, 4]
    assert models.aliases("net") == {"best": 1, "production": 2}
    assert models.info("net", 4)["derived_from"] == {"name": "net", "version": 2}
    assert models.tags("net", 2) == {"stage": "production"}
    assert [key for key in s3.keys("files") if key.startswith("models/net/3/")] == ["models/net/3/deleted.json"]


def test_two_nodes_that_gave_one_number_without_a_network_both_keep_their_model(
    node: Node, other_host: OtherHost, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who uploads second gets the next number, with its tags and aliases; it is said, and nothing is overwritten."""
    alive = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0.1")
    for name in ("a", "b"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
        with node(name) as tracker, tracker.start_run(name):
            saved = tracker.log_model({"node": np.array([ord(name)])}, "net", aliases=name, tags={"from": name})
            assert saved is not None
            assert saved.version == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", alive)
    caplog.set_level(logging.WARNING)
    for name in ("a", "b"):
        node(name).close()
        assert CliRunner().invoke(app, ["sync", address]).exit_code == 0

    assert "another node has 1 of models/net, too: this one's is 2 now" in caplog.text
    models = Models(other_host.store(address).layout)
    assert models.versions("net") == [1, 2]
    assert models.aliases("net") == {"a": 1, "b": 2}
    assert [models.tags("net", version) for version in (1, 2)] == [{"from": "a"}, {"from": "b"}]
    with node("c") as tracker:
        assert [int(tracker.load_model("net", name)["node"][0]) for name in ("a", "b")] == [ord("a"), ord("b")]


def test_a_run_that_goes_on_elsewhere_goes_on_with_its_checkpoints(
    node: Node, other_host: OtherHost, address: str
) -> None:
    """Resumed on another node, it finds the latest, and counts on from it."""
    with node("a") as tracker, tracker.start_run(run_id="run"):
        for epoch in (1, 2):
            tracker.save_checkpoint({"epoch": epoch, "w": np.full(3, epoch)}, step=epoch)
    with node("b") as tracker, tracker.start_run(run_id="run", resume=True):
        assert tracker.load_checkpoint()["epoch"] == 2
        saved = tracker.save_checkpoint({"epoch": 3, "w": np.full(3, 3)}, step=3)
        assert saved is not None
        assert saved.number == 3

    found = list_checkpoints(other_host.store(address).layout, "run")
    assert [(checkpoint.number, checkpoint.step) for checkpoint in found] == [(1, 1), (2, 2), (3, 3)]


def test_checkpoints_that_retention_removes_are_removed_in_the_bucket(
    node: Node, other_host: OtherHost, address: str, s3: S3
) -> None:
    """They would cost money for ever."""
    with node("a") as tracker, tracker.start_run(run_id="run"):
        for epoch in range(4):
            tracker.save_checkpoint({"epoch": epoch}, keep_last=1, keep_best=0)
            tracker.flush(10, upload=True)

    assert {key.split("/")[2] for key in s3.keys("files") if key.startswith("checkpoints/")} == {"4"}
    assert [checkpoint.number for checkpoint in list_checkpoints(other_host.store(address).layout, "run")] == [4]


def test_the_command_changes_what_is_said_of_models(node: Node, other_host: OtherHost, address: str) -> None:
    """From any host, without a training: aliases, tags and promotions are in the bucket when it has ended."""
    with node("a") as tracker, tracker.start_run():
        tracker.log_model({"w": np.zeros(1)}, "net")
        tracker.log_model({"w": np.ones(1)}, "net")
    node("b").close()
    for command in (["promote", "net", "1"], ["alias", "net", "good", "2"], ["tag", "net", "2", "by=hand"]):
        done = CliRunner().invoke(app, ["models", *command, "--store", address])
        assert done.exit_code == 0, (done.output, done.exception)

    models = Models(other_host.store(address).layout)
    assert models.aliases("net") == {"good": 2, "production": 1}
    assert models.tags("net", 2) == {"by": "hand"}
    refused = CliRunner().invoke(app, ["models", "delete", "net", "2", "--yes", "--store", address])
    assert "delete_model" in str(refused.exception)


def test_a_view_s_models_are_not_written(node: Node, address: str) -> None:
    """Who only reads an address would lose it without a word."""
    with node("a") as tracker, tracker.start_run():
        tracker.log_model({"w": np.zeros(1)}, "net")

    with pytest.raises(StoreUnavailable, match="is only read here; what is said of its models is changed by"):
        ModelRegistry(Store(address).layout)

"""Checkpoints: saved whole, listed, chosen, kept as asked, loaded without running code; torch where it is installed."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ingest.errors import CheckpointNotFound, CheckpointNotSerializable, NoActiveRun, SegmentCorrupt, UntrustedModel
from readers.checkpoints import Checkpoint, find_checkpoint, load_checkpoint
from tracker.experiment import ExperimentTracker


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker with an active run."""
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as made:
        made.start_run("training")
        yield made


def save(tracker: ExperimentTracker, state: object, **options: Any) -> Checkpoint:
    """Save what must be taken."""
    saved = tracker.save_checkpoint(state, **options)
    assert saved is not None
    return saved


def test_a_training_state_comes_back(tracker: ExperimentTracker) -> None:
    """Nested dicts with arrays, numbers, text and None; its step, its metrics and its size are listed."""
    state = {"epoch": 3, "net": {"w": np.eye(2), "b": None}, "note": "é", "history": [0.5, float("inf")]}
    tracker.log_metrics({"loss": 0.5, "nan": float("nan")})

    saved = save(tracker, state, step=3)
    back = tracker.load_checkpoint()
    np.testing.assert_array_equal(back["net"].pop("w"), state["net"].pop("w"))  # type: ignore[attr-defined]
    assert back == state
    assert tracker.list_checkpoints() == [saved]
    assert (saved.number, saved.step, saved.metrics, saved.untrusted) == (1, 3, {"loss": 0.5}, [])
    assert saved.size == sum(path.stat().st_size for path in saved.path.rglob("*") if path.name != "checkpoint.json")


def test_a_lone_array_is_a_state(tracker: ExperimentTracker) -> None:
    """As are a list, and a number."""
    for state in (np.arange(3), [1, 2], 7):
        save(tracker, state)

    np.testing.assert_array_equal(tracker.load_checkpoint(which=1), np.arange(3))
    assert [tracker.load_checkpoint(which=number) for number in (2, 3)] == [[1, 2], 7]


def test_a_model_in_a_state_needs_no_trust(tracker: ExperimentTracker) -> None:
    """It goes through the safe model formats."""
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    model = LogisticRegression().fit(X, y)

    saved = save(tracker, {"model": model, "epoch": 1})
    back = tracker.load_checkpoint()
    assert saved.untrusted == []
    assert [path.name for path in (saved.path / "parts/0").iterdir()] == ["model.skops"]
    np.testing.assert_array_equal(back["model"].predict_proba(X), model.predict_proba(X))


class Scheduler:
    """An object of a user's own."""

    def __init__(self, rate: float) -> None:
        self.rate = rate


def test_an_unknown_object_is_pickled_and_needs_trust(tracker: ExperimentTracker) -> None:
    """It is marked where it is listed, and the refusal names it and what to do."""
    saved = save(tracker, {"opt": [1, Scheduler(0.5)]})

    assert saved.untrusted == ["['opt'][1]: all of it, as it is a pickle"]
    with pytest.raises(UntrustedModel, match=r"\['opt'\]\[1\] .*Scheduler, saved as pickle.*trust=True"):
        tracker.load_checkpoint()
    assert tracker.load_checkpoint(trust=True)["opt"][1].rate == 0.5


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def test_readers_never_unpickle(tracker: ExperimentTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does the tracker without trust, nor when the description says that the file is harmless."""
    monkeypatch.chdir(tmp_path)
    saved = save(tracker, Evil())
    about = saved.path / "checkpoint.json"
    about.write_text(about.read_text().replace('"untrusted":["all of it, as it is a pickle"]', '"untrusted":[]'))
    listed = find_checkpoint(tracker.layout, saved.run_id)

    assert listed.untrusted == []
    with pytest.raises(UntrustedModel, match="readers don't load"):
        load_checkpoint(tracker.layout, listed)
    with pytest.raises(UntrustedModel):
        tracker.load_checkpoint()
    assert not (tmp_path / "harm").exists()


def test_what_no_format_can_hold_is_said_and_stops_no_training(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """With its place and its type, once; nothing half is left, and the next one is saved."""
    with caplog.at_level(logging.WARNING, "steplog"):
        results = [tracker.save_checkpoint({"gen": (x for x in "ab")}) for _ in range(2)]

    assert results == [None, None]
    assert [record.getMessage().count("the value at ['gen'] is a builtins.generator") for record in caplog.records] == [
        1
    ]
    assert list(tracker.layout.tmp.iterdir()) == []
    assert save(tracker, {"a": 1}).number == 1


def test_strict_raises_what_could_not_be_saved(tmp_path: Path) -> None:
    """For who would rather stop."""
    cyclic: list[object] = []
    cyclic.append(cyclic)
    with ExperimentTracker(tmp_path, "e", auto_log=False, strict=True) as tracker, tracker.start_run():
        with pytest.raises(CheckpointNotSerializable, match=r"builtins\.generator"):
            tracker.save_checkpoint({"gen": (x for x in "ab")})
        with pytest.raises(CheckpointNotSerializable, match="contains itself"):
            tracker.save_checkpoint(cyclic)


def test_a_disk_that_takes_nothing_stops_no_training(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder can't be made: said, counted, and the old checkpoints are there."""
    save(tracker, 1)
    folder = tracker.layout.checkpoints
    folder.rename(folder.with_name("aside"))
    folder.write_text("a file where a folder is needed")
    with caplog.at_level(logging.WARNING, "steplog"):
        saved = tracker.save_checkpoint(2)
    folder.unlink()
    folder.with_name("aside").rename(folder)

    assert saved is None
    assert "Training goes on" in caplog.text
    assert tracker.stats().faults == 1
    assert tracker.load_checkpoint() == 1


def test_the_best_is_told_by_the_headline_metric_or_by_the_one_that_is_named(tracker: ExperimentTracker) -> None:
    """As of when each was saved; NaN is never the best."""
    for number, (loss, accuracy) in enumerate([(3.0, 0.2), (1.0, 0.8), (2.0, 0.9), (float("nan"), float("nan"))], 1):
        tracker.log_metrics({"loss": loss, "accuracy": accuracy})
        save(tracker, number, step=number)

    assert tracker.load_checkpoint(which="latest") == 4
    assert tracker.load_checkpoint(which="best") == 3
    assert tracker.load_checkpoint(which="best", metric="loss") == 2
    assert tracker.load_checkpoint(which="best", metric="loss", mode="max") == 1
    with pytest.raises(CheckpointNotFound, match="'los'; did you mean 'loss'"):
        tracker.load_checkpoint(which="best", metric="los")


def test_retention_keeps_the_last_and_the_best(tracker: ExperimentTracker) -> None:
    """And says in the run's facts what was removed."""
    for number, loss in enumerate([5.0, 1.0, 4.0, 2.0, 3.0, 6.0], 1):
        tracker.log_metrics({"val/loss": loss})
        save(tracker, number, monitor="val/loss", keep_last=2, keep_best=2)
    facts = tracker._store().facts(kinds=["checkpoint"]).collect()

    assert [(entry.number, entry.metrics["val/loss"]) for entry in tracker.list_checkpoints()] == [
        (2, 1.0),
        (4, 2.0),
        (5, 3.0),
        (6, 6.0),
    ]
    assert facts.filter(value='{"removed": true}')["key"].to_list() == ["1", "3"]
    assert list(tracker.layout.tmp.iterdir()) == []


def test_without_retention_all_are_kept(tracker: ExperimentTracker) -> None:
    """Nothing that was saved goes away unasked."""
    for number in range(12):
        save(tracker, number)

    assert [entry.number for entry in tracker.list_checkpoints()] == list(range(1, 13))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_last": 0}, "keep_last is 0; it is a number from 1"),
        ({"keep_last": True}, "keep_last is True"),
        ({"keep_best": -1}, "keep_best is -1"),
        ({"mode": "up"}, "no mode 'up'"),
        ({"step": float("nan")}, "step is nan"),
    ],
)
def test_wrong_arguments_are_refused(tracker: ExperimentTracker, options: dict[str, Any], message: str) -> None:
    """At the call, before anything is written."""
    with pytest.raises(ValueError, match=message):
        tracker.save_checkpoint(1, **options)

    assert tracker.list_checkpoints() == []


def test_a_checkpoint_is_found_by_another_process_by_name_or_id(tracker: ExperimentTracker) -> None:
    """As a resumed training does."""
    saved = save(tracker, {"a": 1})
    tracker.end_run()

    with ExperimentTracker(tracker.root, "e", auto_log=False) as other:
        assert other.load_checkpoint("training") == {"a": 1}
        assert other.load_checkpoint(saved.run_id[:20]) == {"a": 1}
        with pytest.raises(NoActiveRun):
            other.load_checkpoint()


def test_what_is_not_there_is_named_with_what_is(tracker: ExperimentTracker) -> None:
    """No checkpoint at all, not that number, no such word."""
    with pytest.raises(CheckpointNotFound, match="has no checkpoint; save_checkpoint makes one"):
        tracker.load_checkpoint()
    save(tracker, 1)
    with pytest.raises(CheckpointNotFound, match="'7'; there is: 1"):
        tracker.load_checkpoint(which=7)
    with pytest.raises(ValueError, match="can be 'latest', 'best', or a number"):
        tracker.load_checkpoint(which="newest")  # type: ignore[arg-type]
    with pytest.raises(CheckpointNotFound, match=r"no checkpoint of run .* has a metric"):
        tracker.load_checkpoint(which="best")


@pytest.mark.parametrize("name", ["state.json", "state.safetensors", "checkpoint.json"])
def test_damage_is_found_before_anything_is_made_of_it(tracker: ExperimentTracker, name: str) -> None:
    """A flipped byte, a lost file: the error says which, and the others load."""
    save(tracker, {"a": np.zeros(3)})
    file = save(tracker, {"a": np.ones(3)}).path / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x55
    file.write_bytes(bytes(data))

    with pytest.raises(SegmentCorrupt, match="checkpoint 2 of run"):
        tracker.load_checkpoint()
    file.unlink()
    with pytest.raises(SegmentCorrupt, match=name):
        tracker.load_checkpoint()
    np.testing.assert_array_equal(tracker.load_checkpoint(which=1)["a"], np.zeros(3))


def test_a_link_in_a_checkpoint_is_not_followed(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Wherever it leads."""
    file = save(tracker, {"a": 1}).path / "state.json"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(SegmentCorrupt):
        tracker.load_checkpoint()


@pytest.mark.parametrize("run_id", ["../..", "a/b", "", ".", "x" * 300])
def test_a_run_id_leads_nowhere_else(tracker: ExperimentTracker, run_id: str) -> None:
    """It names a folder only if it can be a run's."""
    with pytest.raises(CheckpointNotFound):
        find_checkpoint(tracker.layout, run_id)


def test_files_are_their_owners_only(tracker: ExperimentTracker) -> None:
    """Folders 0700, files 0600."""
    saved = save(tracker, {"a": np.zeros(3), "b": Scheduler(1)})
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [*saved.path.rglob("*"), saved.path] if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in [*saved.path.rglob("*"), saved.path] if path.is_dir()}

    assert (modes, folders) == ({0o600}, {0o700})


def test_too_many_objects_are_refused(tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture) -> None:
    """A file each would be too many; the message says what they are."""
    assert tracker.save_checkpoint([Scheduler(number) for number in range(300)]) is None

    assert "holds 300 objects that are neither data nor arrays" in caplog.text


def test_a_disabled_tracker_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And makes no file."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    tracker = ExperimentTracker(tmp_path / "store", "e")
    tracker.start_run()

    assert tracker.save_checkpoint({"a": 1}) is None
    assert not (tmp_path / "store").exists()


def test_torch_states_come_back_as_tensors(tracker: ExperimentTracker) -> None:
    """Modules and optimizers as their state dicts; bfloat16, scalars, views and ties included."""
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    extra = {
        "bf16": torch.tensor([1.5, -2.0], dtype=torch.bfloat16, requires_grad=True),
        "fp8": torch.tensor([0.5]).to(torch.float8_e4m3fn),
        "scalar": torch.tensor(3),
        "view": torch.arange(10)[::2],
        "conj": torch.tensor([1 + 2j]).conj(),
        "complex128": torch.tensor([1 + 2j], dtype=torch.complex128),
        "empty": torch.zeros(0, 3),
        "bool": torch.tensor([True]),
    }

    saved = save(tracker, {"net": net, "optimizer": optimizer.state_dict(), "object": optimizer, **extra})
    back = tracker.load_checkpoint()
    assert saved.untrusted == []
    for name, tensor in {**net.state_dict(), **extra}.items():
        found = back["net"].get(name, back.get(name))
        assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(found.to(torch.complex128), tensor.detach().to(torch.complex128))
    fresh = torch.optim.Adam(net.parameters())
    fresh.load_state_dict(back["optimizer"])
    fresh.load_state_dict(back["object"])
    assert fresh.state_dict()["state"].keys() == optimizer.state_dict()["state"].keys()
    torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).load_state_dict(back["net"])


def test_a_tensor_without_values_is_refused_by_its_place(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Meta and sparse tensors."""
    torch = pytest.importorskip("torch")
    assert tracker.save_checkpoint({"a": torch.zeros(2, device="meta")}) is None

    assert "the tensor at ['a'] is meta" in caplog.text


def test_torch_saved_tensors_are_arrays_where_torch_is_missing(
    tracker: ExperimentTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that weights can be looked at on any machine."""
    torch = pytest.importorskip("torch")
    save(tracker, {"w": torch.tensor([1.5], dtype=torch.bfloat16)})
    monkeypatch.setitem(__import__("sys").modules, "torch", None)

    back = tracker.load_checkpoint()["w"]
    assert (type(back), back.dtype, back.tolist()) == (np.ndarray, np.float32, [1.5])


def test_the_tensors_are_read_by_safetensors(tracker: ExperimentTracker) -> None:
    """The format's own library finds each under its place's name."""
    safetensors = pytest.importorskip("safetensors.numpy")
    saved = save(tracker, {"net": {"w": np.eye(2), "b": np.zeros(3, np.float16)}, "steps": np.array(7)})

    found = safetensors.load_file(saved.path / "state.safetensors")
    assert found.keys() == {"net.w", "net.b", "steps"}
    np.testing.assert_array_equal(found["net.w"], np.eye(2))

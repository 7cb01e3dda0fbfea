"""PyTorch's writer and ours are called alike; what theirs wrote, imported, is what ours wrote."""

import inspect
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readers.imports.importer import import_runs
from readers.imports.tensorboard import TensorBoardLogs
from tests.compat.reading import files, points, runs
from tracker.experiment import ExperimentTracker
from tracker.tensorboard import SummaryWriter
from tracker.tensorboard.logdir import log_dir_of

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torch.utils.tensorboard")
T = 1_700_000_000.25


def imported(logs: Path, store: Path) -> Path:
    """The store into which another writer's logs were imported."""
    import_runs(TensorBoardLogs(logs), store)
    return store


def as_single(found: dict[str, list[tuple[Any, float]]]) -> str:
    """Values as event files have them, in words: NaN is NaN."""
    return repr({key: [(step, float(np.float32(value))) for step, value in each] for key, each in found.items()})


def in_child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own does."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def write_scalars(writer: Any) -> None:
    """Numbers of every kind that a script gives."""
    values: list[Any] = [
        1,
        0.1,
        True,
        np.float32(0.3),
        np.int64(7),
        np.array(2.5),
        np.array([[4.5]]),
        torch.tensor(1.5),
    ]
    values += [torch.tensor([2], dtype=torch.int32), torch.tensor(0.5, requires_grad=True), "0.25", math.inf, math.nan]
    values += [torch.tensor(1.25, dtype=torch.bfloat16), -0.0]
    for step, value in enumerate(values):
        writer.add_scalar("train/loss", value, step)
    steps: list[Any] = [3, -1, np.int64(10), torch.tensor(4), "8", 2**40, 3, 2.0, True]
    for step in steps:
        writer.add_scalar("any step", 1.0, step)
    writer.add_scalar("new style", 0.1, 1, new_style=True)
    writer.add_scalar("double", 0.1, 2, new_style=True, double_precision=True)


def test_scalars_are_those_of_pytorch(store: Path, tmp_path: Path) -> None:
    """Values as floats of 32 bits, which is what event files keep of them; steps exactly."""
    for writer in (theirs.SummaryWriter("logs/exp/a"), SummaryWriter("logs/exp/a")):
        with writer:
            write_scalars(writer)
    expected = points(imported(Path("logs"), tmp_path / "theirs"))

    found = points(store)
    assert list(found) == list(expected) == ["exp/a"]
    assert as_single(found["exp/a"]) == as_single(expected["exp/a"])
    assert found["exp/a"]["train/loss"][1] == (1, 0.1)  # no bit is lost


def test_every_call_of_pytorch_is_there() -> None:
    """With its parameters, their order, and their defaults; what we have beside them comes behind."""
    for name, call in inspect.getmembers(theirs.SummaryWriter, callable):
        if not name.startswith("_") or name == "__init__":
            expected = [(one.name, one.default) for one in inspect.signature(call).parameters.values()]
            found = inspect.signature(getattr(SummaryWriter, name)).parameters.values()

            assert [(one.name, one.default) for one in found][: len(expected)] == expected, name


def test_calls_of_tensorboardx_are_taken(store: Path, tmp_path: Path) -> None:
    """Where it names things in its own way."""
    other = pytest.importorskip("tensorboardX").SummaryWriter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of its own: add_hparams converts by what it deprecates
        for made in (other, SummaryWriter):
            with made(logdir="logs/x") as writer:
                writer.add_scalar("loss", 0.5, 1, T, display_name="Loss", summary_description="of the batch")
                writer.add_hparams({"lr": 0.1}, {"acc": 0.5}, name="trial", global_step=2)
    expected = points(imported(Path("logs"), tmp_path / "theirs"))

    assert points(store)["x"] == expected["x"] == {"loss": [(1, 0.5)]}
    assert points(store)["trial"] == expected["x/trial"] == {"acc": [(2, 0.5)]}
    assert runs(store)["trial"]["params"] == runs(tmp_path / "theirs")["x/trial"]["params"] == {"lr": 0.1}


def test_a_time_that_is_given_is_the_points(store: Path, tmp_path: Path) -> None:
    """To the microsecond, of scalars and of groups of them."""
    from readers.store import Store

    for writer in (theirs.SummaryWriter("logs"), SummaryWriter("logs")):
        with writer:
            for step in range(20):
                writer.add_scalar("loss", step, step, T + step / 7)

    imported(Path("logs"), tmp_path / "theirs")
    times = [
        Store(root).metrics().collect().filter(key="loss").sort("step")["time"].to_list()
        for root in (store, tmp_path / "theirs")
    ]
    assert times[0] == times[1]


def test_a_step_that_is_not_given_is_none_and_a_fraction_is_kept(store: Path) -> None:
    """Event files say 0, and cut: there is no word for either in them."""
    with SummaryWriter("logs") as writer:
        for value in (1, 2):
            writer.add_scalar("loss", value)
        writer.add_scalar("fine", 1, 0.5)

    assert points(store)["logs"] == {"loss": [(None, 1.0), (None, 2.0)], "fine": [(0.5, 1.0)]}


def test_a_group_of_scalars_is_one_run(store: Path, tmp_path: Path) -> None:
    """PyTorch's writes a run for each tag, to draw them in one chart."""
    for writer in (theirs.SummaryWriter("logs"), SummaryWriter("logs")):
        with writer:
            for step in range(3):
                writer.add_scalars("a/loss", {"train": step, "val": 2 * step}, step)
    expected = points(imported(Path("logs"), tmp_path / "theirs"))

    assert points(store) == {"logs": {f"a/loss/{tag}": expected[f"a_loss_{tag}"]["a/loss"] for tag in ("train", "val")}}


def test_hparams_are_child_runs(store: Path, tmp_path: Path) -> None:
    """With the params and metrics that come of PyTorch's; a search's parent has none of them."""
    for writer in (theirs.SummaryWriter("logs/search"), SummaryWriter("logs/search")):
        with writer:
            for trial in range(2):
                params = {"lr": 0.1 * trial, "layers": 3, "opt": "adam", "none": None, "drop": torch.tensor([0.5])}
                writer.add_hparams(params, {"hp/acc": trial / 2}, run_name=f"t{trial}", global_step=7)
    root = imported(Path("logs"), tmp_path / "theirs")

    found, expected = runs(store), runs(root)
    assert found["search"]["params"] == {}
    for trial in range(2):
        ours, other = found[f"t{trial}"], expected[f"search/t{trial}"]
        assert (ours["params"], ours["metrics"]) == (other["params"], other["metrics"])
        assert ours["parent_run_id"] == found["search"]["run_id"]
        assert points(store)[f"t{trial}"] == points(root)[f"search/t{trial}"]


def test_the_only_hparams_are_those_of_the_run(store: Path) -> None:
    """A script logs curves, and at its end the params that led to them: both are found in one run."""
    with SummaryWriter("logs/a") as writer:
        writer.add_scalar("loss", 1, 0)
        writer.add_hparams({"lr": 0.1}, {"hp/acc": 0.5}, {"lr": [0.1, 0.2]}, run_name="hp")
    with SummaryWriter("logs/b") as writer:
        writer.add_hparams({"lr": 0.2}, {"hp/acc": 0.25}, run_name=".")

    found = runs(store)
    assert (found["a"]["params"], found["hp"]["tags"]) == ({"lr": 0.1}, {"tensorboard.domains": {"lr": [0.1, 0.2]}})
    assert (found["b"]["params"], found["b"]["metrics"]["hp/acc"]) == ({"lr": 0.2}, 0.25)
    assert sorted(found) == ["a", "b", "hp"]


WRONG: dict[str, Callable[[Any], object]] = {
    "list": lambda writer: writer.add_scalar("x", [1]),
    "none": lambda writer: writer.add_scalar("x", None),
    "two": lambda writer: writer.add_scalar("x", np.zeros(2)),
    "tensor of two": lambda writer: writer.add_scalar("x", torch.zeros(2)),
    "text": lambda writer: writer.add_scalar("x", "good"),
    "tag": lambda writer: writer.add_scalar(3, 1.0),
    "step": lambda writer: writer.add_scalar("x", 1.0, "one"),
    "no dicts": lambda writer: writer.add_hparams([("lr", 1)], {}),
    "an hparam": lambda writer: writer.add_hparams({"lr": [1]}, {}),
    "domains": lambda writer: writer.add_hparams({"lr": 1}, {}, {"lr": ["a"]}),
    "image of a list": lambda writer: writer.add_image("x", [[1]]),
    "image's order": lambda writer: writer.add_image("x", np.zeros((3, 4)), dataformats="CHW"),
    "order twice": lambda writer: writer.add_image("x", np.zeros((3, 4, 4)), dataformats="CHH"),
    "no values": lambda writer: writer.add_histogram("x", np.zeros(0)),
    "raw": lambda writer: writer.add_histogram_raw("x", 0, 1, 2, 1, 1, [1, 2], [1]),
    "loud": lambda writer: writer.add_audio("x", torch.zeros(2, 3)),
    "margins": lambda writer: writer.add_custom_scalars_marginchart(["a"]),
    "labels": lambda writer: writer.add_embedding(torch.zeros(2, 3), metadata=["a"]),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_what_pytorch_refuses_is_refused(store: Path, call: Callable[[Any], object]) -> None:
    """With an error of the same kind, and nothing is logged."""
    raised = []
    for writer in (theirs.SummaryWriter("logs"), SummaryWriter("logs")):
        with writer, pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is asked
            call(writer)
        raised.append(caught.type)

    assert raised[0] is raised[1]
    assert points(store) == {}
    assert len(runs(store)) == 1


PICTURES = {
    "CHW": torch.linspace(-0.2, 1.2, 3 * 5 * 7).reshape(3, 5, 7),
    "HWC": np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4),
    "HW": np.linspace(0, 1, 35).reshape(5, 7),
    "chw": torch.arange(35, dtype=torch.uint8).reshape(1, 5, 7),
    "NCHW": torch.rand(11, 3, 4, 5, generator=torch.Generator().manual_seed(0)),
    "NHWC": np.random.default_rng(0).integers(0, 255, (3, 4, 5, 1), dtype=np.uint8),
    "WH": np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7),
}


@pytest.mark.parametrize("order", PICTURES)
def test_a_picture_is_that_of_pytorch(store: Path, order: str) -> None:
    """Pixel for pixel; as a PNG under its tag, by its step."""
    from PIL import Image
    from torch.utils.tensorboard.summary import image

    with SummaryWriter("logs") as writer:
        writer.add_image("val/input", PICTURES[order], 12, dataformats=order)
        writer.add_images("val/input", PICTURES[order], 12, dataformats=order)
    expected = image("x", PICTURES[order], dataformats=order).value[0].image.encoded_image_string

    names = [f"val/input/{name}" for name in ("00000012-2.png", "00000012.png")]
    assert files(store, writer.run_id) == names
    for name in names:
        with Image.open(store / "artifacts" / writer.run_id / name) as found, Image.open(BytesIO(expected)) as other:
            assert np.array_equal(np.asarray(found), np.asarray(other))


def test_sounds_films_figures_and_arrays_are_files(store: Path) -> None:
    """Under their tags, in formats that other programs open."""
    import wave

    from matplotlib.figure import Figure
    from PIL import Image
    from torch.utils.tensorboard.summary import audio

    sound = torch.linspace(-1, 1, 50).reshape(1, 50)
    with SummaryWriter("logs") as writer:
        writer.add_audio("sound", sound, 1, sample_rate=8000)
        writer.add_video("film", torch.rand(2, 5, 3, 8, 8), 1, fps=10)
        writer.add_figure("figure", [Figure(), Figure()], 1)
        writer.add_text("note", "# hello", 1)
        writer.add_tensor("weights", torch.ones(2, 3), 1)
        writer.add_pr_curve("pr", torch.tensor([0, 1]), torch.tensor([0.2, 0.9]), 1)
        writer.add_mesh("mesh", torch.zeros(1, 4, 3), global_step=1)
        writer.add_embedding(torch.eye(3), ["a", "b", "c"], torch.rand(3, 3, 2, 2), 1, "words")
        writer.add_image_with_boxes("boxes", torch.zeros(3, 40, 40), torch.tensor([[4, 4, 30, 30]]), 1, labels=["cat"])
    folder = store / "artifacts" / writer.run_id

    assert files(store, writer.run_id) == [
        "boxes/00000001.png",
        "figure/00000001-2.png",
        "figure/00000001.png",
        "film/00000001.gif",
        "mesh/00000001.npz",
        "note/00000001.md",
        "pr/00000001.npz",
        "sound/00000001.wav",
        "weights/00000001.npy",
        "words/00000001.json",
        "words/00000001.npy",
        "words/00000001.png",
    ]
    assert (folder / "sound/00000001.wav").read_bytes() == audio("x", sound, 8000).value[0].audio.encoded_audio_string
    with wave.open(str(folder / "sound/00000001.wav")) as opened:
        assert opened.getframerate() == 8000
    with Image.open(folder / "film/00000001.gif") as film:
        assert getattr(film, "n_frames", 0) == 5
    assert (folder / "note/00000001.md").read_text() == "# hello"
    with Image.open(folder / "boxes/00000001.png") as boxes:
        assert np.asarray(boxes)[4, 4].tolist() == [255, 0, 0]


def test_a_histogram_is_the_numbers_that_are_charted(store: Path) -> None:
    """The buckets aren't kept; that is said, once. NaN is counted."""
    values = torch.arange(101, dtype=torch.float32)
    with SummaryWriter("logs") as writer:
        with pytest.warns(UserWarning, match="steplog doesn't keep the buckets of add_histogram"):
            writer.add_histogram("w", values, 3)
        writer.add_histogram("v", np.array([1.0, math.nan, 3.0]), 3)
        with pytest.warns(UserWarning, match="buckets of add_histogram_raw"):
            writer.add_histogram_raw("raw", 0, 4, 4, 8.0, 24.0, [1, 4], [2, 2], 3)
    found = {key: each[0] for key, each in points(store)["logs"].items()}

    assert {key: value for key, (_, value) in found.items() if key.startswith("w/")} == {
        "w/count": 101.0, "w/mean": 50.0, "w/std": float(np.std(np.arange(101))), "w/min": 0.0, "w/max": 100.0,
        "w/p05": 5.0, "w/p25": 25.0, "w/p50": 50.0, "w/p75": 75.0, "w/p95": 95.0,
    }  # fmt: skip
    assert (found["v/count"], found["v/nonfinite"], found["v/mean"]) == ((3, 3.0), (3, 1.0), (3, 2.0))
    assert (found["raw/mean"], found["raw/std"]) == ((3, 2.0), (3, math.sqrt(2)))


def test_what_is_not_kept_is_said_once_and_stops_nothing(store: Path) -> None:
    """Graphs and layouts."""
    with SummaryWriter("logs") as writer:
        with pytest.warns(UserWarning, match="doesn't keep the graph of add_graph; log the model"):
            writer.add_graph(torch.nn.Linear(1, 1), torch.zeros(1, 1))
        writer.add_graph(torch.nn.Linear(1, 1))
        with pytest.warns(UserWarning, match="layout of add_custom_scalars"):
            writer.add_custom_scalars({"a": {"b": ["Multiline", ["x"]]}})
        with pytest.warns(UserWarning, match="onnx"):
            writer.add_onnx_graph("x")

    assert runs(store)["logs"]["status"] == "FINISHED"


@pytest.mark.parametrize(
    "tag", ["../../x", "/abs", "a\\b", "C:/x", "n\0l", "\ud800", "a/./b", "x" * 5000, "", "é/日本"]
)
def test_any_tag_names_a_file_in_the_runs_folder(store: Path, tmp_path: Path, tag: str) -> None:
    """And nothing lies elsewhere."""
    with SummaryWriter("logs") as writer:
        writer.add_text(tag, "hello", 1)
        writer.add_text(tag, "again")
        writer.add_text(tag, "again")

    assert len(files(store, writer.run_id)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "store"]


@pytest.mark.parametrize(
    ("given", "experiment", "name"),
    [
        ("runs/mnist/lr=0.1", "runs", "mnist/lr=0.1"),
        ("my_experiment", "my_experiment", "my_experiment"),
        ("./runs//a/", "runs", "a"),
        ("/data/logs/mnist/3", "mnist", "3"),
        ("s3://bucket/logs/mnist/3", "mnist", "3"),
        ("/", "logs", "logs"),
        (Path("runs") / "a", "runs", "a"),
    ],
)
def test_log_dir_is_an_experiment_and_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | Path, experiment: str, name: str
) -> None:
    """As TensorBoard names runs: by their path below the folder that it is given."""
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path / "logs")

    assert log_dir_of(given)[2:] == (experiment, name)


def test_the_default_log_dir_is_pytorchs(store: Path) -> None:
    """runs/<time>_<host><comment>; a folder is made where the script asks for it, not before."""
    writer = SummaryWriter(comment="_LR_0.1")
    before = Path("runs").exists()
    with theirs.SummaryWriter(comment="_LR_0.1") as other:
        expected = other.log_dir
    writer.close()

    assert len(writer.get_logdir()) == len(expected)
    assert writer.get_logdir().endswith("_LR_0.1")
    assert (before, Path(writer.log_dir).is_dir()) == (False, True)
    assert runs(store)[Path(writer.log_dir).name]["experiment"] == "runs"


def test_each_writer_has_a_run_of_its_own(store: Path) -> None:
    """Open at the same time, with the same tags; each is closed by itself."""
    train, val = SummaryWriter("runs/a/train"), SummaryWriter("runs/a/val")
    for step in range(3):
        train.add_scalar("loss", step, step)
        val.add_scalar("loss", -step, step)
    train.close()
    status = {name: run["status"] for name, run in runs(store).items()}
    val.close()

    assert status == {"a/train": "FINISHED", "a/val": "RUNNING"}
    assert points(store) == {
        "a/train": {"loss": [(step, float(step)) for step in range(3)]},
        "a/val": {"loss": [(step, float(-step)) for step in range(3)]},
    }


def test_a_folder_is_one_run_in_a_process(store: Path) -> None:
    """A writer that goes on after close(), and a second one of the folder, write the same run."""
    first = SummaryWriter("runs/a")
    first.add_scalar("loss", 1, 0)
    first.close()
    first.close()
    first.add_scalar("loss", 2, 1)
    first.flush()
    with SummaryWriter("runs/../runs/a") as second:
        second.add_scalar("test/acc", 3, 1)
    first.close()

    assert second.run_id == first.run_id
    assert points(store) == {"a": {"loss": [(0, 1.0), (1, 2.0)], "test/acc": [(1, 3.0)]}}
    assert runs(store)["a"]["status"] == "FINISHED"


def test_writers_of_one_folder_replace_no_file_of_each_other(store: Path) -> None:
    """At once or one after the other, with a step or without: each text is there."""
    first, second = SummaryWriter("runs/a"), SummaryWriter("runs/a")
    for writer, text in ((first, "one"), (second, "two")):
        writer.add_text("note", text, 5)
        writer.add_text("note", text)
    for writer in (first, second):
        writer.close()
    with SummaryWriter("runs/a") as third:
        third.add_text("note", "three", 5)

    folder = store / "artifacts" / first.run_id / "note"
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "00000005.md": "one", "00000005-2.md": "two", "00000005-3.md": "three", "1.md": "one", "2.md": "two",
    }  # fmt: skip


CRASHES = """
import os, signal, sys
from tracker.tensorboard import SummaryWriter
start = int(sys.argv[1])
writer = SummaryWriter("runs/a", purge_step=start or None)
for step in range(start, start + 4):
    writer.add_scalar("loss", step + start / 10, step)
if not start:
    os.kill(os.getpid(), signal.SIGKILL)
writer.close()
"""


def test_purge_step_goes_on_with_the_run_of_the_folder(store: Path) -> None:
    """After a kill: the points of both lives are there, and of a step the later one counts."""
    for start in (0, 2):
        code = CRASHES.replace("int(sys.argv[1])", str(start))
        assert in_child(code).returncode == (0 if start else -9)
    with SummaryWriter("runs/a") as other:
        other.add_scalar("loss", 9, 9)

    [first, second] = sorted(
        (run for run in runs_of(store) if run["run_name"] == "a"), key=lambda run: run["start_time"]
    )
    assert first["tags"]["tensorboard.purge_step"] == 2
    assert (first["status"], first["metrics"]["loss"]) == ("FINISHED", 5.2)
    assert second["run_id"] == other.run_id
    steps = [step for step, _ in points(store)["a"]["loss"]]
    assert steps == [0, 1, 2, 3, 2, 3, 4, 5, 9]


def runs_of(store: Path) -> list[Any]:
    """All of them; names needn't differ."""
    from readers.store import Store

    return list(Store(store).experiment_runs())


def test_a_block_that_raises_leaves_a_failed_run(store: Path) -> None:
    """The exception goes on its way."""

    def train() -> None:
        with SummaryWriter("runs/a") as writer:
            writer.add_scalar("loss", 1, 0)
            raise KeyError("x")

    with pytest.raises(KeyError):
        train()

    assert runs(store)["a"]["status"] == "FAILED"


@pytest.mark.parametrize(("end", "status"), [("", "FINISHED"), ("raise KeyError", "FAILED")])
def test_a_writer_that_is_never_closed_loses_nothing(store: Path, end: str, status: str) -> None:
    """Its run ends as the process does; the params of its only add_hparams are the run's."""
    done = in_child(
        "from tracker.tensorboard import SummaryWriter\n"
        "writer = SummaryWriter('runs/a')\n"
        "writer.add_scalar('loss', 1, 0)\n"
        f"writer.add_hparams({{'lr': 0.1}}, {{'acc': 1}}, run_name='hp')\n{end}"
    )

    run = runs(store)["a"]
    assert "Exception ignored" not in done.stderr
    assert (run["status"], run["params"]) == (status, {"lr": 0.1})
    assert points(store)["a"] == {"loss": [(0, 1.0)]}


def test_a_writer_that_is_dropped_ends_its_run(store: Path) -> None:
    """Scripts that make one for each trial and close none keep no thread for each."""
    import gc

    SummaryWriter("runs/a").add_scalar("loss", 1, 0)
    gc.collect()

    assert runs(store)["a"]["status"] == "FINISHED"


def test_ranks_write_one_run(store: Path) -> None:
    """Where they share STEPLOG_RUN_ID; a rank's second writer has a run of its own."""
    code = (
        "from tracker.tensorboard import SummaryWriter\n"
        "with SummaryWriter('runs/a') as a, SummaryWriter('runs/b') as b:\n"
        "    a.add_scalar('loss', 1, 0)\n"
        "    b.add_scalar('loss', 1, 0)\n"
    )
    for rank in ("0", "1"):
        assert in_child(code, STEPLOG_RUN_ID="joined", RANK=rank).returncode == 0

    assert [run["run_name"] for run in runs_of(store) if run["run_id"] == "joined"] == ["a"]
    assert points(store)["a"]["loss"] == [(0, 1.0), (0, 1.0)]
    assert sorted(run["run_name"] for run in runs_of(store)) == ["a", "b", "b"]


def test_a_tracker_that_is_given_is_logged_to(store: Path) -> None:
    """The first writer to its current run, a second one to a child of that; neither ends what it didn't begin."""
    with ExperimentTracker(store, "mine", auto_log=False) as tracker:
        run_id = tracker.start_run("outer")
        train = SummaryWriter("x/train", tracker=tracker)
        val = SummaryWriter("x/val", tracker=tracker)
        train.add_scalar("loss", 1, 0)
        val.add_scalar("loss", 2, 0, walltime=T)
        tracker.log_metrics({"own": 3.0}, 0)
        val.close()
        train.close()
        status = {name: run["status"] for name, run in runs(store).items()}
        tracker.end_run()
        with SummaryWriter("x/alone", tracker=tracker) as alone:
            alone.add_scalar("loss", 4, 0)
    with pytest.raises(TypeError, match="tracker is an ExperimentTracker"):
        SummaryWriter(tracker="experiments")  # type: ignore[arg-type]

    assert train.run_id == run_id
    assert status == {"outer": "RUNNING", "val": "FINISHED"}
    assert runs(store)["val"]["parent_run_id"] == run_id
    assert points(store) == {
        "outer": {"loss": [(0, 1.0)], "own": [(0, 3.0)]},
        "val": {"loss": [(0, 2.0)]},
        "alone": {"loss": [(0, 4.0)]},
    }
    assert {run["experiment"] for run in runs_of(store)} == {"mine"}


def test_disabled_makes_no_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is taken; the script's own folder is there."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    with SummaryWriter("runs/a", purge_step=3) as writer:
        write_scalars(writer)
        writer.add_hparams({"lr": 1}, {"acc": 1})
        writer.add_image("x", torch.rand(3, 4, 4))
        writer.add_histogram("h", torch.rand(4))
        writer.add_text("t", "x")
    writer.add_scalar("loss", 1)

    assert not store.exists()
    assert Path(writer.log_dir).is_dir()


def test_the_import_is_light(store: Path) -> None:
    """Neither torch nor Polars, Pillow, matplotlib."""
    done = in_child(
        "import sys, tracker.tensorboard\n"
        "print(*({'torch', 'polars', 'PIL', 'matplotlib', 'pyarrow', 'tensorboard'} & {*sys.modules}))"
    )

    assert (done.stdout.strip(), done.stderr) == ("", "")

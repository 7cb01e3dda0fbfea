"""What a script gives wandb beside numbers is a file of the run; what isn't kept is said."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.events import FactLogged
from readers.store import Store
from tests.compat.reading import files, points, runs
from tracker import wandb


@pytest.fixture
def run(store: Path) -> Iterator[wandb.Run]:
    """A run that ends with its test."""
    yield wandb.init(project="p", name="n")
    wandb.teardown()


def pixels(store: Path, run: wandb.Run, name: str) -> "np.ndarray[Any, Any]":
    """What a picture shows."""
    from PIL import Image

    with Image.open(store / "artifacts" / run.id / name) as picture:
        return np.asarray(picture)


def test_pictures_are_files_under_their_name(store: Path, run: wandb.Run, tmp_path: Path) -> None:
    """Of arrays, figures, files and PIL; one or a list; with the caption in it."""
    from matplotlib.figure import Figure
    from PIL import Image

    grey = np.linspace(0, 1, 12).reshape(3, 4)
    colours = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    Image.fromarray(colours).save(tmp_path / "x.jpg")
    wandb.log({"pic": wandb.Image(grey, caption="a digit")})
    wandb.log({"pic": [wandb.Image(colours), wandb.Image(colours[..., :1])], "loss": 1})
    wandb.log(
        {"val": {"pic": wandb.Image(Image.fromarray(colours), mode="L")}, "file": wandb.Image(str(tmp_path / "x.jpg"))}
    )
    wandb.log({"fig": Figure(), "fig2": wandb.Image(Figure()), "pil": Image.fromarray(colours)})
    wandb.log({"jpg": wandb.Image(np.zeros((3, 4, 4)), file_type="jpg")})

    assert files(store, run.id) == [
        "fig/00000003.png", "fig2/00000003.png", "file/00000002.jpg", "jpg/00000004.jpg", "pic/00000000.png",
        "pic/00000001-2.png", "pic/00000001.png", "pil/00000003.png", "val.pic/00000002.png",
    ]  # fmt: skip
    assert np.array_equal(pixels(store, run, "pic/00000000.png"), (grey * 255).astype(np.uint8))
    assert np.array_equal(pixels(store, run, "pic/00000001.png"), colours)
    assert b"a digit" in (store / "artifacts" / run.id / "pic/00000000.png").read_bytes()
    assert (store / "artifacts" / run.id / "file/00000002.jpg").read_bytes() == (tmp_path / "x.jpg").read_bytes()
    assert points(store)["n"] == {"loss": [(1, 1.0)]}


def test_a_torch_tensor_has_its_channels_first(store: Path, run: wandb.Run) -> None:
    """As in wandb; its numbers of 0 to 1 are colours."""
    torch = pytest.importorskip("torch")
    picture = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    wandb.log({"pic": wandb.Image(picture)})
    shown = pixels(store, run, "pic/00000000.png")

    assert shown.shape == (4, 5, 3)
    assert np.array_equal(shown, (picture.detach().permute(1, 2, 0) * 255).to(torch.uint8).numpy())


def test_a_picture_is_refused_where_it_is_made(run: wandb.Run) -> None:
    """Of shapes that are no picture's; boxes and masks are said not to be kept."""
    for wrong in (np.zeros((2, 3, 5)), np.zeros(4), np.zeros((2, 2, 2, 2))):
        with pytest.raises(ValueError, match="a picture is of shape"):
            wandb.Image(wrong)
    with pytest.raises(ValueError, match="file_type"):
        wandb.Image(np.zeros((2, 2)), file_type="tiff")
    with pytest.raises(NotImplementedError, match="list is no array"):
        wandb.Image([[1]])
    with pytest.warns(UserWarning, match="boxes, masks and classes"):
        wandb.Image(np.zeros((2, 2)), boxes={})


def test_a_table_is_json_with_its_pictures_beside_it(store: Path, run: wandb.Run) -> None:
    """Rows of any kind of cell; made row by row, by columns, of a list, of a frame."""
    table = wandb.Table(columns=["id", "picture"])
    table.add_data(1, wandb.Image(np.zeros((2, 2))))
    table.add_column("score", [math.nan])
    with pytest.raises(ValueError, match=r"has 3 columns: \['id', 'picture', 'score'\]; the row has 1 cells"):
        table.add_data(1)
    with pytest.raises(ValueError, match="column 'id'"):
        table.add_column("id", [1])
    wandb.log({"samples": table})
    assert (table.get_column("id"), next(table.iterrows())[0]) == ([1], 0)
    assert wandb.Table(data=[[1, 2, 3]]).columns == ["Input", "Output", "Expected"]

    folder = store / "artifacts" / run.id
    assert files(store, run.id) == ["samples/00000000.table.json", "samples/cells/00000000.png"]
    assert json.loads((folder / "samples/00000000.table.json").read_text()) == {
        "columns": ["id", "picture", "score"],
        "data": [[1, {"file": "samples/cells/00000000.png"}, {"__float__": "nan"}]],
    }


def test_a_frame_is_a_table(store: Path, run: wandb.Run) -> None:
    """Of pandas, as it is or in a Table, and back."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    wandb.log({"raw": frame, "table": wandb.Table(dataframe=frame)})

    assert files(store, run.id) == ["raw/00000000.table.json", "table/00000000.table.json"]
    text = (store / "artifacts" / run.id / "raw/00000000.table.json").read_text()
    assert json.loads(text) == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    assert wandb.Table(dataframe=frame).get_dataframe().equals(frame)


def test_pages_sounds_films_and_objects_are_files(store: Path, run: wandb.Run, tmp_path: Path) -> None:
    """Given as data or as files."""
    (tmp_path / "page.html").write_text("<p>file</p>")
    (tmp_path / "a.mp3").write_bytes(b"sound")
    wandb.log({"page": wandb.Html("<p>hi</p>"), "file": wandb.Html(str(tmp_path / "page.html"))})
    wandb.log({"sound": wandb.Audio(np.zeros(100), sample_rate=8000), "mp3": wandb.Audio(tmp_path / "a.mp3")})
    wandb.log({"film": wandb.Video(np.zeros((3, 3, 8, 8), np.uint8), fps=5), "cloud": wandb.Object3D(np.zeros((4, 3)))})
    with pytest.raises(ValueError, match="sample_rate"):
        wandb.Audio(np.zeros(3))

    assert files(store, run.id) == [
        "cloud/00000002.npy", "file/00000000.html", "film/00000002.gif", "mp3/00000001.mp3", "page/00000000.html",
        "sound/00000001.wav",
    ]  # fmt: skip
    folder = store / "artifacts" / run.id
    assert [(folder / name).read_text() for name in ("page/00000000.html", "file/00000000.html")] == [
        "<p>hi</p>", "<p>file</p>",
    ]  # fmt: skip


def test_a_run_that_is_resumed_replaces_no_file(store: Path) -> None:
    """A row of nothing but media leaves no point behind, so its step comes again."""
    for text in ("one", "two"):
        with wandb.init(project="resumed", id="r1", resume="allow") as again:
            again.log({"page": wandb.Html(text)})

    folder = store / "artifacts" / "r1" / "page"
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "00000000.html": "one", "00000000-2.html": "two",
    }  # fmt: skip


def test_histograms_and_large_arrays_are_the_numbers_that_are_charted(store: Path, run: wandb.Run) -> None:
    """Small arrays are lists, and texts are kept too: as facts with their steps."""
    with pytest.warns(UserWarning, match="the buckets of wandb.Histogram"):
        wandb.log({"h": wandb.Histogram(np.arange(101))})
    wandb.log(
        {"made": wandb.Histogram(np_histogram=([2, 2], [0, 1, 2])), "large": np.arange(33.0), "few": np.arange(2)}
    )
    wandb.log({"word": "x", "list": [1, {"a": 2}], "when": np.datetime64("2026-01-01")})

    found = {key: each[0] for key, each in points(store)["n"].items()}
    assert (found["h/mean"], found["h/p95"], found["h/count"]) == ((0, 50.0), (0, 95.0), (0, 101.0))
    assert (found["made/mean"], found["made/min"], found["made/max"]) == ((1, 1.0), (1, 0.0), (1, 2.0))
    assert found["large/p50"] == (1, 16.0)
    facts = Store(store).facts(kinds=["value"]).collect().sort("seq").select("key", "value").rows()
    assert [(key, json.loads(value)) for key, value in facts] == [
        ("few", {"step": 1, "value": [0, 1]}),
        ("word", {"step": 2, "value": "x"}),
        ("list", {"step": 2, "value": [1, {"a": 2}]}),
        ("when", {"step": 2, "value": "2026-01-01"}),
    ]
    assert (run.summary["word"], run.summary["few"]) == ("x", [0, 1])


CHARTS: dict[str, Any] = {
    "line": lambda table: wandb.plot.line(table, "x", "y", title="t"),
    "scatter": lambda table: wandb.plot.scatter(table, "x", "y"),
    "bar": lambda table: wandb.plot.bar(table, "x", "y"),
    "histogram": lambda table: wandb.plot.histogram(table, "x"),
    "line_series": lambda _: wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], ["a", "b"]),
    "confusion_matrix": lambda _: wandb.plot.confusion_matrix(
        y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"]
    ),
    "roc_curve": lambda _: wandb.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]], ["no", "yes"]),
    "pr_curve": lambda _: wandb.plot.pr_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]]),
    "plot_table": lambda table: wandb.plot_table("mine", table, {"x": "x"}),
}
DATA = {
    "line_series": [[0, "a", 1], [1, "a", 2], [0, "b", 3], [1, "b", 4]],
    "confusion_matrix": [["a", "a", 1], ["a", "b", 0], ["b", "a", 1], ["b", "b", 1]],
    "roc_curve": [[0, 0.9, 0.1], [1, 0.2, 0.8]],
    "pr_curve": [[0, 0.9, 0.1], [1, 0.2, 0.8]],
}


@pytest.mark.parametrize("kind", CHARTS)
def test_a_chart_is_its_table(store: Path, run: wandb.Run, kind: str) -> None:
    """The drawing is wandb's page's; that it isn't kept is said."""
    with pytest.warns(UserWarning, match=f"the drawing of wandb.plot.{kind}; its table is"):
        wandb.log({"chart": CHARTS[kind](wandb.Table(["x", "y"], [[1, 2], [3, 4]]))})

    text = (store / "artifacts" / run.id / "chart/00000000.table.json").read_text()
    assert json.loads(text)["chart"] == kind
    assert json.loads(text)["data"] == DATA.get(kind, [[1, 2], [3, 4]])


def test_files_that_are_saved_are_the_runs(store: Path, run: wandb.Run, tmp_path: Path) -> None:
    """As they are then, and as they are when the run ends; with what lies in run.dir."""
    (tmp_path / "out/deep").mkdir(parents=True)
    (tmp_path / "out/a.txt").write_text("first")
    (tmp_path / "out/deep/b.txt").write_text("b")
    (tmp_path / "now.txt").write_text("first")
    assert wandb.save("out/*.txt") == [str(store / "artifacts" / run.id / "out/a.txt")]
    wandb.save(str(tmp_path / "out/deep/*"), base_path=str(tmp_path / "out"))
    wandb.save("now.txt", policy="now")
    assert wandb.save("nothing*") == []
    with pytest.raises(ValueError, match="policy is 'x'"):
        wandb.save("out/a.txt", policy="x")
    Path(run.dir, "model").mkdir()
    Path(run.dir, "model/weights.bin").write_bytes(b"1")
    for name in ("out/a.txt", "now.txt"):
        (tmp_path / name).write_text("second")
    run.finish()

    folder = store / "artifacts" / run.id
    assert files(store, run.id) == ["deep/b.txt", "model/weights.bin", "now.txt", "out/a.txt"]
    assert [(folder / name).read_text() for name in ("out/a.txt", "now.txt")] == ["second", "first"]
    assert run.dir == str(tmp_path / "wandb" / f"run-{run.id}" / "files")


def test_an_artifact_has_versions_over_runs(store: Path, run: wandb.Run, tmp_path: Path) -> None:
    """Files that are the same make no new one; a version is found by number, alias, or as the latest."""
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/a.txt").write_text("a0")
    (tmp_path / "data/deep/b.txt").write_text("b")
    with pytest.raises(ValueError, match="'a/b'"):
        wandb.Artifact("a/b", "dataset")
    with pytest.raises(ValueError, match="no file 'nope'"):
        wandb.Artifact("a", "dataset").add_file("nope")

    def made() -> wandb.Artifact:
        artifact = wandb.Artifact("corpus", type="dataset", description="words", metadata={"rows": 2})
        artifact.add_dir(str(tmp_path / "data"))
        artifact.add_reference("s3://bucket/key", "far")
        with artifact.new_file("notes.txt") as file:
            file.write("hello")
        artifact.add(wandb.Table(["x"], [[1]]), "table")
        return artifact

    first = wandb.log_artifact(made(), aliases=["raw"]).wait()
    again = wandb.log_artifact(made())
    (tmp_path / "data/a.txt").write_text("a1")
    wandb.finish()
    with wandb.init(project="p", name="other") as other:
        second = other.log_artifact(made(), aliases=["clean"])
        used = [other.use_artifact(f"corpus{tag}") for tag in ("", ":latest", ":v0", ":raw", ":clean")]
        with pytest.raises(wandb.CommError, match=r"no artifact 'corpus:v7' in project 'p' .*corpus:v0, corpus:v1"):
            other.use_artifact("corpus:v7")
        folder = used[2].download()
        single = other.use_artifact(other.log_artifact(str(tmp_path / "data/a.txt"), name="single", type="file"))
    with wandb.init(project="elsewhere") as elsewhere:
        assert elsewhere.use_artifact("me/p/corpus:v1").digest == second.digest

    assert [one.name for one in (first, again, second)] == ["corpus:v0", "corpus:v0", "corpus:v1"]
    assert [one.version for one in used] == ["v1", "v1", "v0", "v0", "v1"]
    assert (used[2].type, used[2].description, used[2].metadata) == ("dataset", "words", {"rows": 2})
    assert Path(folder) == Path("artifacts/corpus:v0")
    assert Path(folder, "a.txt").read_text() == "a0"
    assert sorted(used[2].files()) == ["a.txt", "deep/b.txt", "notes.txt", "table.table.json"]
    assert Path(single.file("here")).read_text() == "a1"
    facts = Store(store).facts(kinds=["wandb.used"]).collect().filter(run_id=other.id)["key"].to_list()
    assert sorted(facts) == sorted([*(one.name for one in used), "single:v0"])
    assert {run["run_name"] for run in runs(store).values()} >= {"n", "other"}


@pytest.mark.parametrize("wrong", [{"files": {"../x": "x"}}, {"version": "../v"}, {"run_id": "../other"}])
def test_a_store_from_elsewhere_writes_nothing_outside(
    store: Path, run: wandb.Run, tmp_path: Path, wrong: dict[str, object]
) -> None:
    """What it says of an artifact's files may be anything."""
    (tmp_path / "x").write_text("x")
    run.log_artifact("x", name="a")
    assert run.tracker is not None
    facts = Store(store).facts(kinds=["wandb.artifact"]).collect()["value"].to_list()
    told = {**json.loads(facts[0]), **wrong}
    event = FactLogged(run.id, "p", run.tracker._now(), "wandb.artifact", {"a:v9": json.dumps(told)})
    run.tracker._append(event)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ValueError, match=r"refused as artifact name|none of a version"):
        run.use_artifact("a").download("out")
    assert {path.name for path in {*tmp_path.rglob("*")} - {*before}} <= {"out"}


def test_a_model_is_an_artifact(store: Path, run: wandb.Run, tmp_path: Path) -> None:
    """Logged by its path, and fetched by its name."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    wandb.log_model("model.bin", name="net")
    path = Path(wandb.use_model("net:latest"))

    assert (path.read_bytes(), path.name) == (b"weights", "model.bin")
    assert files(store, run.id) == ["net/v0/model.bin"]

"""Artifacts: what is logged is what is read back, and what can't be stored is refused where it is logged."""

import json
import math
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from ingest.errors import ArtifactNotFound, NoActiveRun, RunNotFound, SegmentCorrupt
from tracker.experiment import ExperimentTracker

PNG, JPG = b"\x89PNG\r\n", b"\xff\xd8\xff"
FRAME = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.1, math.nan, 1 / 3], "name": ["a", "é", "=1+1"]})


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """Give a tracker with an active run, in a store of its own."""
    with ExperimentTracker(str(tmp_path / "store"), "test", auto_log=False, strict=True) as made:
        made.start_run("run")
        yield made


def figure() -> Figure:
    """Draw something."""
    drawn = Figure(figsize=(2, 2))
    drawn.subplots().plot([1, 2])
    return drawn


objects: list[tuple[str, object, object]] = [
    ("report.json", {"a": [1, None, True], "é": {"b": "c"}}, {"a": [1, None, True], "é": {"b": "c"}}),
    ("numpy.json", {np.int64(1): np.array([1.5, 2]), "n": np.float32(0.5)}, {"1": [1.5, 2.0], "n": 0.5}),
    ("infinite.json", [math.inf, -math.inf, -0.0], [math.inf, -math.inf, -0.0]),
    ("list.json", [1, "a"], [1, "a"]),
    ("scalar.json", 0.1, 0.1),
    ("surrogate.json", ["\ud800"], ["\ud800"]),
    ("notes.txt", "line\r\nline\n é \x00", "line\r\nline\n é \x00"),
    ("README.MD", "# Title", "# Title"),
    ("surrogate.txt", "a \ud800 b", "a \ud800 b"),
    ("log", "text without a suffix", b"text without a suffix"),
    ("config.yaml", "a: 1\n", "a: 1\n"),
    ("string.json", '{"a": 1}', '{"a": 1}'),
    ("blob.bin", b"\x00\xff", b"\x00\xff"),
    ("as-is.png", PNG, PNG),
    ("as-is.json", b'{"a": 1}', {"a": 1}),
    ("memory.bin", memoryview(b"abc"), b"abc"),
]


@pytest.mark.parametrize(("name", "data", "expected"), objects, ids=[row[0] for row in objects])
def test_an_object_is_read_back_as_it_was(
    name: str, data: object, expected: object, tracker: ExperimentTracker
) -> None:
    """The suffix chooses the format; JSON gives plain data, text its characters, the rest its bytes."""
    tracker.log_artifact_data(data, name)

    assert tracker.load_artifact(name) == expected


def test_nan_in_json_is_valid_json_and_stays_nan(tracker: ExperimentTracker) -> None:
    """A report with NaN in it is read back with NaN, and no parser trips over it."""
    tracker.log_artifact_data({"f1": np.float64("nan")}, "report.json")

    loaded: Any = tracker.load_artifact("report.json")
    assert math.isnan(loaded["f1"])
    json.loads(tracker.get_artifact("report.json").read_bytes(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.array(3), np.array([True]), np.array(["a", "é"]), np.array([], "f4"),
     np.array(["2024-01-02"], "M8[D]"), np.asfortranarray(np.eye(3)), np.array([(1, 2.0)], [("a", int), ("b", float)])],
    ids=str,
)  # fmt: skip
def test_an_array_is_read_back_bit_for_bit(array: Any, tracker: ExperimentTracker) -> None:
    """Shape, dtype and values survive."""
    tracker.log_numpy_array(array, "a.npy")

    loaded: Any = tracker.load_artifact("a.npy")
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)


def test_lists_and_dicts_of_arrays_are_arrays(tracker: ExperimentTracker) -> None:
    """A list goes into .npy; a dict into .npz, whatever its keys are called."""
    tracker.log_numpy_array([[1, 2], [3, 4]], "list.npy")
    tracker.log_numpy_array({"file": [1.5], "../x": np.eye(2)}, "dict.npz")
    tracker.log_numpy_array([1], "one.npz")

    np.testing.assert_array_equal(tracker.load_artifact("list.npy"), [[1, 2], [3, 4]])
    loaded: Any = tracker.load_artifact("dict.npz")
    assert {key: value.tolist() for key, value in loaded.items()} == {"file": [1.5], "../x": [[1, 0], [0, 1]]}
    assert list(tracker.load_artifact("one.npz")) == ["arr_0"]  # type: ignore[call-overload]


def test_a_tensor_that_needs_a_gradient_is_an_array(tracker: ExperimentTracker) -> None:
    """It is detached and fetched from its device, as one would by hand."""

    class Tensor:
        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> list[float]:
            return [1.0, 2.0]

    tracker.log_numpy_array(Tensor(), "t.npy")

    np.testing.assert_array_equal(tracker.load_artifact("t.npy"), [1.0, 2.0])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".feather"])
@pytest.mark.parametrize(
    "convert", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas, lambda frame: frame.to_dict("list"),
                lambda frame: frame.to_dict("records"), lambda frame: pl.from_pandas(frame).lazy()],
    ids=["pandas", "polars", "pyarrow", "columns", "rows", "lazy"],
)  # fmt: skip
def test_a_table_of_any_library_is_read_back_as_pandas(suffix: str, convert: Any, tracker: ExperimentTracker) -> None:
    """Values survive every format exactly, floats in CSV and formula-like text included."""
    tracker.log_dataframe(convert(FRAME), f"t{suffix}")

    loaded: Any = tracker.load_artifact(f"t{suffix}")
    pd.testing.assert_frame_equal(loaded, FRAME, check_exact=True, check_dtype=False)


def test_a_table_as_json_is_a_list_of_rows(tracker: ExperimentTracker) -> None:
    """log_table's default is readable text, and NaN stays NaN in it."""
    tracker.log_table({"a": [1, 2], "b": ["x", None]})
    tracker.log_dataframe(FRAME, "frame.json")

    assert tracker.load_artifact("table.json") == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert [entry["kind"] for entry in tracker.list_artifacts()] == ["table", "table"]


def test_a_meaningful_index_is_kept_and_a_counting_one_is_not(tracker: ExperimentTracker) -> None:
    """A CSV of `describe()` has its row names; a filtered frame has no column of row numbers."""
    tracker.log_dataframe(FRAME[["epoch"]].describe(), "described.csv")
    tracker.log_dataframe(FRAME[FRAME["epoch"] > 1], "filtered.csv")
    tracker.log_dataframe(pd.Series([1, 2], name="s"), "series.csv")

    described: Any = tracker.load_artifact("described.csv")
    assert list(described["index"])[:2] == ["count", "mean"]
    assert list(tracker.load_artifact("filtered.csv")) == ["epoch", "loss", "name"]  # type: ignore[call-overload]
    assert list(tracker.load_artifact("series.csv")) == ["s"]  # type: ignore[call-overload]


def pyplot() -> Any:
    """Give the pyplot module with a figure open, on a backend without windows."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.figure(figsize=(2, 2)).subplots().plot([1, 2])
    return plt


plots: list[Callable[[], Any]] = [
    figure,
    pyplot,
    lambda: figure().axes[0],
    lambda: Figure().subplots(2, 2),
    lambda: figure().add_subfigure(mpl.gridspec.GridSpec(1, 1)[0]),
]


@pytest.mark.parametrize("make", plots, ids=["figure", "pyplot", "axes", "array of axes", "subfigure"])
@pytest.mark.parametrize(("name", "magic"), [("a.png", PNG), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF"), ("a.jpg", JPG)])
def test_a_plot_is_drawn_in_the_format_of_its_suffix(
    make: Callable[[], Any], name: str, magic: bytes, tracker: ExperimentTracker
) -> None:
    """pyplot, a Figure, Axes, or what subplots gives: each is the picture of its whole figure."""
    tracker.log_plot(make(), name)

    assert tracker.get_artifact(name).read_bytes().startswith(magic)
    assert tracker.list_artifacts()[0]["kind"] == "figure"


def test_a_figure_may_be_closed_after_the_call(tracker: ExperimentTracker) -> None:
    """The picture is complete when log_plot returns; log_figure and log_artifact_data draw the same one."""
    plt = pyplot()
    tracker.log_plot(plt, "a.png")
    tracker.log_figure(plt, "b.png")
    tracker.log_artifact_data(plt.gcf(), "c.png")
    plt.close("all")

    assert tracker.load_artifact("a.png") == tracker.load_artifact("b.png") == tracker.load_artifact("c.png")
    with pytest.raises(ValueError, match="no figure is open"):
        tracker.log_plot(plt, "d.png")
    assert plt.get_fignums() == []


class Plotly:
    """What a plotly figure looks like from outside."""

    def to_html(self) -> str:
        """Give a page."""
        return "<html>é</html>"

    def to_image(self, format: str) -> bytes:  # noqa: A002 - plotly's own name
        """Fail as plotly does without its drawing program."""
        raise RuntimeError(f"Kaleido is needed to write {format}")


def test_a_plotly_figure_is_a_page_or_a_picture(tracker: ExperimentTracker) -> None:
    """Where no picture can be drawn, the error says how to keep the figure all the same."""
    tracker.log_plot(Plotly(), "p.html")

    assert tracker.load_artifact("p.html") == "<html>é</html>"
    with pytest.raises(ValueError, match=r"Kaleido is needed.*name it \.html"):
        tracker.log_plot(Plotly(), "p.png")
    with pytest.raises(ValueError, match=r"no format by its suffix '\.bmp'"):
        tracker.log_plot(Plotly(), "p.bmp")


def cyclic() -> list[object]:
    """Give a list that contains itself."""
    made: list[object] = []
    made.append(made)
    return made


refused: list[tuple[type[Exception], str, Callable[[ExperimentTracker], None]]] = [
    (TypeError, r"artifact 'a.json': the value at \['m'\]\[0\] is of type object",
     lambda t: t.log_artifact_data({"m": [object()]}, "a.json")),
    (TypeError, "function", lambda t: t.log_dict({"f": print}, "a.json")),
    (ValueError, "contains itself", lambda t: t.log_artifact_data(cyclic(), "a.json")),
    (ValueError, "ends in .json", lambda t: t.log_dict({}, "a.yaml")),
    (TypeError, "text, and dict isn't", lambda t: t.log_artifact_data({}, "a.txt")),
    (TypeError, "text, and bytes isn't; decode it", lambda t: t.log_text(b"a", "a.txt")),  # type: ignore[arg-type]
    (TypeError, "text, and bytes isn't; decode it", lambda t: t.log_artifact_data(b"a", "a.txt")),
    (TypeError, "no format for dict by the suffix '.pkl'", lambda t: t.log_artifact_data({}, "a.pkl")),
    (TypeError, "Python objects, which only pickle", lambda t: t.log_numpy_array(np.array([None, {}]), "a.npy")),
    (TypeError, r"a.npz\[k\].*Python objects", lambda t: t.log_numpy_array({"k": [object()]}, "a.npz")),
    (ValueError, "inhomogeneous", lambda t: t.log_numpy_array([[1], [2, 3]], "a.npy")),
    (TypeError, "name it .npz", lambda t: t.log_numpy_array({"a": [1]}, "a.npy")),
    (TypeError, "made of NoneType", lambda t: t.log_numpy_array(None, "a.npy")),
    (ValueError, "there is .npy, .npz", lambda t: t.log_numpy_array([1], "a.txt")),
    (TypeError, "made of int; give a pandas", lambda t: t.log_dataframe(42, "a.csv")),
    (TypeError, "made of int", lambda t: t.log_artifact_data(42, "a.parquet")),
    (TypeError, "made of list", lambda t: t.log_table([1, 2], "a.csv")),
    (ValueError, "length", lambda t: t.log_table({"a": [1], "b": [1, 2]}, "a.csv")),
    (ValueError, "by its suffix '.xlsx'; there is .csv", lambda t: t.log_dataframe(FRAME, "a.xlsx")),
    (TypeError, "can't be drawn from int", lambda t: t.log_plot(42, "a.png")),
    (TypeError, "can't be drawn from ndarray", lambda t: t.log_plot(np.eye(2), "a.png")),
    (TypeError, "can't be drawn from module", lambda t: t.log_plot(json, "a.png")),
    (ValueError, "by its suffix '.bmp'; there is .png", lambda t: t.log_plot(figure(), "a.bmp")),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "log"), refused, ids=[row[1] for row in refused])
def test_what_a_format_cannot_hold_is_refused_at_the_call(
    error: type[Exception], message: str, log: Callable[[ExperimentTracker], None], tracker: ExperimentTracker
) -> None:
    """The message names the artifact, what is wrong, and what to do; nothing is stored, and the run goes on."""
    with pytest.raises(error, match=message):
        log(tracker)
    tracker.log_text("still here", "after.txt")

    assert [entry["path"] for entry in tracker.list_artifacts()] == ["after.txt"]


names = ["../x", "a/../../x", "/abs", "a\\..\\b", "C:x", "", ".", "a\0b", "x" * 300, "\ud800"]


@pytest.mark.parametrize("name", names)
def test_a_name_that_leads_elsewhere_is_refused_by_every_method(
    name: str, tracker: ExperimentTracker, tmp_path: Path
) -> None:
    """Whichever method takes it, no file appears anywhere."""
    before = sorted(tmp_path.rglob("*.json")), sorted(tmp_path.parent.iterdir())

    for log in (tracker.log_text, tracker.log_artifact_data):
        with pytest.raises(ValueError, match="is refused as artifact name"):
            log("x", name)
    for log in (tracker.log_numpy_array, tracker.log_dataframe, tracker.log_plot):  # type: ignore[assignment]
        with pytest.raises(ValueError, match=r"is refused as artifact name|by its suffix"):
            log("x", name)
    (tmp_path / "source").write_bytes(b"x")
    with pytest.raises(ValueError, match="is refused as artifact name"):
        tracker.log_artifact(tmp_path / "source", name or "/")
    assert (sorted(tmp_path.rglob("*.json")), sorted(tmp_path.parent.iterdir())) == before


def test_a_file_where_a_folder_is_is_refused(tracker: ExperimentTracker) -> None:
    """And the artifact that was there first is unharmed."""
    tracker.log_text("first", "a")
    with pytest.raises(ValueError, match="choose another name"):
        tracker.log_text("second", "a/b.txt")

    assert tracker.load_artifact("a") == b"first"


def test_the_same_name_again_is_the_newer_file(tracker: ExperimentTracker) -> None:
    """The last one counts, in the list as on the disk."""
    tracker.log_text("first", "a.txt")
    tracker.log_text("second!", "a.txt")

    assert tracker.load_artifact("a.txt") == "second!"
    assert [(entry["path"], entry["size"]) for entry in tracker.list_artifacts()] == [("a.txt", 7)]


def test_files_and_folders_are_copied_under_their_own_names(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """A file to the top or into a folder of the run; a folder with its name, its files alone with log_artifacts."""
    source = tmp_path / "data"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub" / "b.bin").write_bytes(b"b")
    (tmp_path / "link.txt").symlink_to(source / "a.txt")

    tracker.log_artifact(source / "a.txt")
    tracker.log_artifact(str(tmp_path / "link.txt"), "in/here")
    tracker.log_artifact(source)
    tracker.log_artifacts(source, "all")

    assert [entry["path"] for entry in tracker.list_artifacts()] == [
        "a.txt", "all/a.txt", "all/sub/b.bin", "data/a.txt", "data/sub/b.bin", "in/here/link.txt",
    ]  # fmt: skip
    assert tracker.load_artifact("in/here/link.txt") == "a"
    assert not tracker.get_artifact("in/here/link.txt").is_symlink()


def test_what_is_left_out_of_a_folder_is_said(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """A link to a folder and a FIFO are named in one warning; the files are copied."""
    source = tmp_path / "data"
    source.mkdir()
    (source / "a.txt").write_text("a")
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "fifo")

    with pytest.warns(UserWarning, match=r"(?s)not copied from .*loop \(link to a folder\).*fifo \(no plain file\)"):
        tracker.log_artifacts(source)
    assert [entry["path"] for entry in tracker.list_artifacts()] == ["a.txt"]


def test_a_missing_source_is_the_callers_error(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """It raises at the call, and isn't taken for a fault of the store's disk."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        tracker.log_artifact(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match="is no folder"):
        tracker.log_artifacts(tmp_path / "nowhere")


def test_the_list_says_what_there_is(tracker: ExperimentTracker) -> None:
    """Path, size, SHA-256, media type, kind and time of each artifact, by path."""
    tracker.log_text("hello", "b.txt")
    tracker.log_numpy_array([1], "a.npy")

    array, text = tracker.list_artifacts()
    assert (array["path"], array["media_type"], array["kind"]) == ("a.npy", "application/x-npy", "array")
    time = text.pop("time")  # type: ignore[misc]
    assert text == {
        "path": "b.txt",
        "size": 5,
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "media_type": "text/plain",
        "kind": "text",
    }
    assert abs((datetime.now(UTC) - time).total_seconds()) < 60


def test_an_unknown_artifact_is_reported_with_those_there_are(tracker: ExperimentTracker) -> None:
    """The error is a lookup error that lists the names; nothing is created."""
    tracker.log_text("x", "notes.txt")

    for ask in (tracker.get_artifact, tracker.load_artifact):
        with pytest.raises(
            ArtifactNotFound, match=r"no artifact .*'note.txt'; did you mean 'notes.txt'.*there is: notes.txt"
        ):
            ask("note.txt")
        with pytest.raises(ArtifactNotFound):
            ask("../../store.json")


@pytest.mark.parametrize("harm", ["change", "shorten", "remove", "link"])
def test_a_damaged_artifact_is_reported_and_not_read(harm: str, tracker: ExperimentTracker, tmp_path: Path) -> None:
    """The bytes are compared with what was logged before anything is made of them."""
    tracker.log_numpy_array(np.arange(5), "a.npy")
    path = tracker.get_artifact("a.npy")
    data = path.read_bytes()
    path.unlink()
    if harm == "link":
        (tmp_path / "copy").write_bytes(data)
        path.symlink_to(tmp_path / "copy")
    elif harm != "remove":
        path.write_bytes(data[:-1] if harm == "shorten" else data[:-1] + b"!")

    with pytest.raises(SegmentCorrupt, match=r"a\.npy"):
        tracker.load_artifact("a.npy")


def test_a_pickle_inside_an_array_file_is_never_loaded(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """A file that a user copied in may be hostile: allow_pickle is off."""
    np.save(tmp_path / "evil.npy", np.array([print]), allow_pickle=True)
    tracker.log_artifact(tmp_path / "evil.npy")

    with pytest.raises(ValueError, match=r"'evil\.npy' is no \.npy file that can be read"):
        tracker.load_artifact("evil.npy")


def test_files_that_are_not_what_they_are_called_are_reported(tracker: ExperimentTracker) -> None:
    """The error names the artifact and the way to the file itself."""
    tracker.log_artifact_data(b"\xff\xfe", "a.json")
    tracker.log_artifact_data(b"no zip", "a.npz")

    for name in ("a.json", "a.npz"):
        with pytest.raises(ValueError, match=f"'{name}' is no .* get_artifact gives its path"):
            tracker.load_artifact(name)


def test_questions_need_no_active_run(tracker: ExperimentTracker) -> None:
    """After end_run they mean the last run; another run is asked for by its id; logging needs an active one."""
    tracker.log_text("first", "a.txt")
    first = tracker._last_run_id
    tracker.end_run()
    tracker.start_run("second")
    tracker.end_run()

    assert tracker.list_artifacts() == []
    assert [entry["path"] for entry in tracker.list_artifacts(first)] == ["a.txt"]
    assert tracker.load_artifact("a.txt", run_id=first) == "first"
    with pytest.raises(NoActiveRun):
        tracker.log_text("x", "b.txt")
    with pytest.raises(RunNotFound, match=r"no run 'unknown'; there is: "):
        tracker.list_artifacts("unknown")


def test_text_that_is_a_table_already_is_kept_as_it_is(tracker: ExperimentTracker) -> None:
    """A CSV made elsewhere is read back as the table that it is."""
    tracker.log_artifact_data("a,b\n1,x\n", "t.csv")

    pd.testing.assert_frame_equal(tracker.load_artifact("t.csv"), pd.DataFrame({"a": [1], "b": ["x"]}))
    assert tracker.get_artifact("t.csv").read_text() == "a,b\n1,x\n"


def test_a_disabled_tracker_accepts_everything_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each log call is a no-op, whatever it is given; there is nothing to list."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    with ExperimentTracker(str(tmp_path / "store")) as tracker:
        tracker.start_run()
        tracker.log_artifact_data(object(), "../x.json")
        tracker.log_text("x", "a.txt")
        tracker.log_dict({}, "a.json")
        tracker.log_numpy_array([1], "a.npy")
        tracker.log_dataframe(FRAME, "a.csv")
        tracker.log_plot(figure())
        tracker.log_artifact(tmp_path / "nowhere")
        tracker.log_artifacts(tmp_path / "nowhere")
        tracker.log_confusion_matrix([0], [0])
        tracker.log_feature_importance(object())
        tracker.log_learning_curve(object(), [], [])
        assert tracker.log_model(object()) is None
        tracker.set_model_alias("model", "best")

        assert tracker.list_artifacts() == []
        assert tracker.list_models() == []
    assert not (tmp_path / "store").exists()


def test_a_full_disk_does_not_stop_the_training(tmp_path: Path) -> None:
    """The fault is counted and said, not raised; with strict it is raised."""
    with ExperimentTracker(str(tmp_path / "store"), auto_log=False) as tracker:
        tracker.start_run()
        (tmp_path / "store" / "artifacts").write_bytes(b"a file where the folder should be")

        tracker.log_text("x", "a.txt")
        assert tracker.list_artifacts() == []


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".json"])
def test_rows_make_a_table_of_all_their_keys(suffix: str, tracker: ExperimentTracker) -> None:
    """A key that only later rows have is a column too; columns stand in the order in which the keys appear."""
    tracker.log_table([{"epoch": 1}, {"epoch": 2, "val": 3}, {"lr": 0.5, "epoch": 3}], f"rows{suffix}")

    loaded: Any = tracker.load_artifact(f"rows{suffix}")
    frame = pd.DataFrame(loaded)
    assert list(frame.columns) == ["epoch", "val", "lr"]
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert frame["val"].fillna(-1).tolist() == [-1, 3, -1]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".arrow", ".json"])
@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame([[1, 2, 3]], columns=["twice", "once", "twice"]),
        pd.DataFrame([[1, 2]], columns=[1, "1"]).rename(columns={1: "twice", "1": "twice"}),
        pa.table([pa.array([1]), pa.array([2])], names=["twice", "twice"]),
    ],
    ids=["pandas", "renamed", "pyarrow"],
)
def test_columns_of_one_name_are_refused(suffix: str, table: Any, tracker: ExperimentTracker) -> None:
    """No format gives both back under their name, so the message names them and nothing is stored."""
    with pytest.raises(ValueError, match="more than one column is named 'twice'; rename"):
        tracker.log_table(table, f"t{suffix}")

    assert tracker.list_artifacts() == []


@pytest.mark.parametrize("table", [{1: [1], "1": [2]}, [{1: 1, "1": 2}], pd.DataFrame([[1, 2]], columns=[1, "1"])])
def test_columns_of_one_name_as_text_are_refused(table: Any, tracker: ExperimentTracker) -> None:
    """A column's name is text in a file, so 1 and "1" are the same one."""
    with pytest.raises(ValueError, match="more than one column is named '1'"):
        tracker.log_table(table, "t.json")


no_names: list[tuple[str, Callable[[ExperimentTracker], None]]] = [
    ("Figure", lambda t: t.log_figure("f.png", figure())),  # type: ignore[arg-type]
    ("NoneType", lambda t: t.log_text("x", None)),  # type: ignore[arg-type]
    ("int", lambda t: t.log_text("x", 3)),  # type: ignore[arg-type]
    ("bytes", lambda t: t.log_text("x", b"a.txt")),  # type: ignore[arg-type]
    ("int", lambda t: t.log_dict({}, 3)),  # type: ignore[arg-type]
    ("NoneType", lambda t: t.log_table({"a": [1]}, None)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("given", "log"), no_names)
def test_a_name_that_is_no_text_is_refused_by_the_arguments_name(
    given: str, log: Callable[[ExperimentTracker], None], tracker: ExperimentTracker
) -> None:
    """Whoever swaps the arguments reads which one is the name, and how one looks."""
    with pytest.raises(TypeError, match=rf"^name is a str such as 'notes\.txt', not {given}$"):
        log(tracker)

"""Previews: the beginning of a file as text, table or tree; nothing of it is run, and none can harm the server."""

import csv
import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from readers.dashboard.previews import MOST_COLUMNS, MOST_LINES, MOST_ROWS, MOST_TEXT_BYTES, is_previewable, preview


def of(folder: Path, name: str, data: bytes) -> dict[str, Any]:
    """The preview of a file."""
    path = folder / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        found = preview(name, file)
    assert (found["path"], found["size"]) == (name, len(data))
    return found


def test_text_is_shown_to_a_bound_of_bytes_and_lines(tmp_path: Path) -> None:
    """What is longer says that it was cut; bytes that are no text become replacement characters."""
    assert of(tmp_path, "a.log", b"one\ntwo\n") | {"path": 0, "size": 0} == {
        "kind": "text",
        "text": "one\ntwo\n",
        "truncated": False,
        "path": 0,
        "size": 0,
    }
    lines = of(tmp_path, "a.txt", b"x\n" * 5000)
    assert (lines["text"].count("\n"), lines["truncated"]) == (MOST_LINES - 1, True)
    long = of(tmp_path, "a.txt", b"y" * (MOST_TEXT_BYTES + 1))
    assert (len(long["text"]), long["truncated"]) == (MOST_TEXT_BYTES, True)
    assert of(tmp_path, "a.txt", b"caf\xe9")["text"] == "caf\ufffd"
    assert of(tmp_path, "page.html", b"<script>alert(1)</script>")["kind"] == "text"
    assert of(tmp_path, "README", "plain é".encode())["text"] == "plain é"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json", "weights.bin", "a", "m.pkl"])
def test_bytes_that_are_no_text_are_not_shown(name: str, tmp_path: Path) -> None:
    """Pickles, weights and the like are for saving."""
    assert of(tmp_path, name, b"\x80\x04\x00\x00")["kind"] == "none"


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    """Not under its own ending, nor under that of an array or a table."""
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(trap),)

    array = io.BytesIO()
    np.save(array, np.array([Trap()], object), allow_pickle=True)
    for name in ("m.pkl", "m.npy", "m"):
        assert of(tmp_path, name, pickle.dumps(Trap()))["kind"] == "none"
    assert of(tmp_path, "a.npy", array.getvalue())["kind"] == "none"
    assert not trap.exists()


def test_delimited_text_is_a_table(tmp_path: Path) -> None:
    """Quotes and line ends in cells, tabs, uneven rows; formulas stay text; long and wide ones are cut."""
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b"], ["1", 'x "y",\nz'], ["=cmd()", ""], ["only"]])
    found = of(tmp_path, "t.csv", text.getvalue().encode())
    assert (found["kind"], found["columns"], found["truncated"]) == ("table", ["a", "b"], False)
    assert found["rows"] == [["1", 'x "y",\nz'], ["=cmd()", ""], ["only"]]
    assert of(tmp_path, "t.tsv", b"a\tb\n1\t2\n")["rows"] == [["1", "2"]]

    wide = "\n".join(",".join(map(str, range(100))) for _ in range(1000))
    found = of(tmp_path, "t.csv", wide.encode())
    assert (len(found["rows"]), len(found["columns"]), found["truncated"]) == (MOST_ROWS, MOST_COLUMNS, True)
    assert all(len(row) == MOST_COLUMNS for row in found["rows"])
    assert of(tmp_path, "t.csv", b'"' + b"x" * 200_000)["kind"] in {"table", "text"}
    assert of(tmp_path, "t.csv", b"")["text"] == ""


def test_json_goes_out_as_its_text(tmp_path: Path) -> None:
    """The page parses it; what is cut, says so."""
    text = json.dumps({"a": [1, 2, {"b": None}]})
    assert of(tmp_path, "a.json", text.encode())["text"] == text
    assert of(tmp_path, "a.json", b"[" * 400_000)["truncated"] is True


def test_a_parquet_file_is_a_table(tmp_path: Path) -> None:
    """Its first rows and columns; numbers as numbers, what isn't finite as words, all else as text."""
    frame = pl.DataFrame({"n": [1, None], "x": [0.5, float("nan")], "t": ["a" * 500, "b"], "l": [[1, 2], []]})
    data = io.BytesIO()
    frame.write_parquet(data)

    found = of(tmp_path, "t.parquet", data.getvalue())

    assert found["columns"] == ["n", "x", "t", "l"]
    assert found["rows"] == [[1, 0.5, "a" * 200, "[1, 2]"], [None, "NaN", "b", "[]"]]
    assert found["words"] == "the first 2 of 2 rows, 4 of 4 columns"


def test_an_arrow_file_and_an_array_are_tables(tmp_path: Path) -> None:
    """Likewise; an array says its shape and type."""
    data = io.BytesIO()
    pl.DataFrame({"n": range(500)}).write_ipc(data)
    found = of(tmp_path, "t.feather", data.getvalue())
    assert (found["columns"], len(found["rows"]), found["truncated"]) == (["n"], MOST_ROWS, True)

    data = io.BytesIO()
    np.save(data, np.arange(24.0).reshape(2, 3, 4))
    found = of(tmp_path, "a.npy", data.getvalue())
    assert found["rows"][5] == [20.0, 21.0, 22.0, 23.0]
    assert found["words"] == "array of shape (2, 3, 4), float64"


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_damaged_table_is_said(name: str, tmp_path: Path) -> None:
    """Its reader is a process of its own: whatever becomes of it, there is an answer."""
    head = {"t.parquet": b"PAR1", "t.arrow": b"ARROW1\0\0"}[name]

    found = of(tmp_path, name, head + os.urandom(1000) + head)

    assert (found["kind"], "damaged" in found["words"]) == ("none", True)


def test_an_array_header_of_terabytes_takes_no_memory(tmp_path: Path) -> None:
    """What the header promises and the file lacks is an error, in a process with bounds."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header

    assert of(tmp_path, "a.npy", data)["kind"] == "none"


def test_pictures_are_left_to_the_browser(tmp_path: Path) -> None:
    """Their kind is all that is told; SVG too, as an <img> runs nothing."""
    assert of(tmp_path, "p.png", b"\x89PNG")["kind"] == "image"
    assert of(tmp_path, "p.svg", b"<svg onload=alert(1)>")["kind"] == "image"
    assert (is_previewable("p.png", 1), is_previewable("p.png", 1 << 30), is_previewable("m.pkl", 1)) == (
        True,
        False,
        False,
    )

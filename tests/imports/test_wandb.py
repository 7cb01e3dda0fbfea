"""wandb exports: histories as the API gives them, with config, summary and metadata beside them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ImportFailed
from readers.imports.importer import import_runs
from readers.imports.outcome import ImportReport
from readers.imports.wandb import WandbExport
from readers.store import Store

ROWS: list[dict[str, Any]] = [
    {"_step": 0, "_timestamp": 1700000000.25, "_runtime": 1.0, "loss": 0.5, "acc": None, "net": {"norm": 1}},
    {"_step": 1, "_timestamp": 1700000001.25, "_runtime": 2.0, "loss": "NaN", "pic": {"_type": "image-file"}},
    {"_step": 2, "_timestamp": 1700000002.25, "_runtime": 3.0, "loss": "Infinity", "acc": True, "word": "x"},
]
CONFIG = {"lr": {"value": 0.1, "desc": None}, "net": {"depth": 3}, "_wandb": {"value": {}}}
METADATA = {
    "id": "abc123", "name": "fast-owl-1", "state": "crashed", "created_at": "2023-11-14T22:13:00Z", "project": "p",
    "entity": "me", "group": "g", "tags": ["x"], "notes": "try", "url": "https://wandb.ai/me/p/runs/abc123",
}  # fmt: skip


def write(path: Path, data: object) -> Path:
    """A file, its folder made; what is no text or bytes as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def take(source: Path, store: Path) -> ImportReport:
    """Import it."""
    return import_runs(WandbExport(source), store)


def values(store: Path) -> dict[str, list[tuple[Any, float]]]:
    """(step, value) of each key."""
    found: dict[str, list[tuple[Any, float]]] = {}
    for key, step, value in Store(store).metrics().collect().sort("seq").select("key", "step", "value").iter_rows():
        found.setdefault(key, []).append((step, value))
    return found


def by_columns(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As DataFrame.to_json() writes a frame."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: {str(place): row.get(name) for place, row in enumerate(rows)} for name in names}


CSV = (
    ",_step,_timestamp,_runtime,loss,acc,net.norm\n0,0,1700000000.25,1,0.5,,1\n1,1,1700000001.25,2,NaN,,\n"
    "2,2,1700000002.25,3,inf,True,\n"
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("history.json", ROWS),
        ("history.json", by_columns(ROWS)),
        ("history.jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n"),
        ("history.csv", CSV),
    ],
)
def test_a_history_in_any_form_comes_over(tmp_path: Path, name: str, data: object) -> None:
    """Rows, columns, lines, a table: the same points with their times."""
    write(tmp_path / "export/run-1" / name, data)
    report = take(tmp_path / "export", tmp_path / "s")
    times = Store(tmp_path / "s").metrics(keys=["loss"]).collect().sort("seq")["time"].dt.epoch("us").to_list()

    assert repr(values(tmp_path / "s")["loss"]) == "[(0, 0.5), (1, nan), (2, inf)]"
    assert {key: found for key, found in values(tmp_path / "s").items() if key != "loss"} == {
        "acc": [(2, 1.0)],
        "net.norm": [(0, 1.0)],
    }
    assert times == [1_700_000_000_250_000 + step * 1_000_000 for step in range(3)]
    assert report.problems == []
    assert report.notes == ([] if name == "history.csv" else ["left out, as they are no numbers: 1 image-file, 1 text"])


def test_a_run_keeps_what_wandb_knows_of_it(tmp_path: Path) -> None:
    """Config without its wrapping, what only the summary has, name, state, times, group, tags, note."""
    folder = tmp_path / "export/x"
    write(folder / "history.json", ROWS)
    write(folder / "config.json", CONFIG)
    write(folder / "summary.json", {"loss": 9.0, "test_acc": 0.75, "_runtime": 3, "best": {"epoch": 2}})
    write(folder / "metadata.json", METADATA)
    take(tmp_path / "export", tmp_path / "s")
    moved = (tmp_path / "moved").joinpath("x")
    moved.parent.mkdir()
    folder.rename(moved)
    again = take(moved.parent, tmp_path / "s")
    [run] = Store(tmp_path / "s").experiment_runs("p")

    assert (run["run_name"], run["status"], run["group"]) == ("fast-owl-1", "INTERRUPTED", "g")
    assert run["params"] == {"lr": 0.1, "net": {"depth": 3}}
    assert run["metrics"] == {"acc": 1.0, "best.epoch": 2.0, "loss": float("inf"), "net.norm": 1.0, "test_acc": 0.75}
    assert run["start_time"] is not None
    assert run["start_time"].isoformat() == "2023-11-14T22:13:00+00:00"
    assert (run["tags"]["note"], run["tags"]["wandb.tags"], run["tags"]["wandb.id"]) == ("try", ["x"], "abc123")
    assert run["tags"]["imported_from"] == METADATA["url"]
    assert (again.runs, again.unchanged) == (0, 1)  # known by its id, wherever the folder lies


def test_wandbs_own_files_do_too(tmp_path: Path) -> None:
    """config.yaml and wandb-summary.json, as they lie in a run's files folder."""
    write(tmp_path / "export/files/history.jsonl", json.dumps(ROWS[0]))
    write(tmp_path / "export/files/config.yaml", "_wandb:\n    value: {}\nlr:\n    desc: null\n    value: 0.5\n")
    write(tmp_path / "export/files/wandb-summary.json", {"final": 1})
    take(tmp_path / "export", tmp_path / "s")
    [run] = Store(tmp_path / "s").experiment_runs("export")

    assert (run["params"], run["metrics"]["final"]) == ({"lr": 0.5}, 1.0)


def test_one_history_file_is_a_run(tmp_path: Path) -> None:
    """Named as the file."""
    take(write(tmp_path / "owl.csv", CSV), tmp_path / "s")

    assert Store(tmp_path / "s").runs().collect()["run_name"].to_list() == ["owl"]


@pytest.mark.parametrize(
    ("name", "data", "left_out"),
    [
        ("history.json", "[" * 100_000, True),
        ("history.json", '{"a": 1}', True),
        ("history.json", "[1, 2", True),
        ("history.json", b"\xff\xfe\x00", True),
        ("history.jsonl", '{"_step": 1, "a": 1}\n{"_step": 2, "a"', False),
        ("history.jsonl", '[1]\n{"_step": "x", "a": 1}\n', False),
        ("config.json", "[" * 100_000, False),
        ("config.json", "[]", False),
        ("config.yaml", "a: !!python/object:os.system {}", False),
        ("metadata.json", '{"created_at": "yesterday"}', False),
    ],
)
def test_what_is_spoilt_is_said_with_its_file(tmp_path: Path, name: str, data: object, left_out: bool) -> None:
    """Deep, torn, of another kind; the rest of the run comes, and the other runs."""
    folder = tmp_path / "export/bad"
    if not name.startswith("history"):
        write(folder / "history.json", ROWS)
    path = write(folder / name, data)
    write(tmp_path / "export/good/history.json", ROWS)
    report = take(tmp_path / "export", tmp_path / "s")

    assert (report.runs, report.left_out) == ((1, 1) if left_out else (2, 0))
    assert report.problems
    assert all(str(path.parent) in line for line in report.problems)


def test_numbers_that_no_float_holds_are_left_out(tmp_path: Path) -> None:
    """And names that are odd are kept."""
    rows: list[dict[str, Any]] = [
        {"_step": 10**30, "a": 10**400, "../b": 1, "": 2, "c" * 5000: 1},
        {"_step": 1.5, "a": 1},
    ]
    write(tmp_path / "export/x/history.json", rows)
    report = take(tmp_path / "export", tmp_path / "s")

    assert {key for key, _ in values(tmp_path / "s").items()} == {"a", "../b"}
    assert ["5000 bytes" in line for line in report.problems] == [True]


def test_no_export_is_said(tmp_path: Path) -> None:
    """With what to save."""
    with pytest.raises(ImportFailed, match="scan_history"):
        WandbExport(tmp_path)

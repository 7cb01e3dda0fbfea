"""steplog check and compact; the exit codes that a script relies on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from readers.store import Store
from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def parts(store: Path) -> list[Path]:
    """The sealed metrics files."""
    return sorted(store.glob("metrics/*/*.parquet"))


def damage(path: Path) -> None:
    """Flip one bit in the middle."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(raw)


def test_a_sound_store(steplog: Steplog, store: Path) -> None:
    """Exit code 0, and one line that says so."""
    assert steplog("check", "--store", store)[:2] == (0, "The store is sound: every file is what was written.\n")
    assert json.loads(steplog("check", "--store", store, "--json").out)["sound"] is True


def test_damage_is_exit_code_1_until_it_is_repaired(steplog: Steplog, store: Path) -> None:
    """The damaged file is named, set aside by --repair, and the rest is sound."""
    hurt = parts(store)[0]
    damage(hurt)
    found = steplog("check", "--store", store)
    listed = json.loads(steplog("check", "--store", store, "--json").out)
    repaired = steplog("check", "--store", store, "--repair")

    assert found.code == 1
    assert str(hurt.relative_to(store)) in found.out
    assert "--repair" in found.out
    assert [finding["kind"] for finding in listed["findings"]] == ["damaged"]
    assert repaired.code == 1
    assert "mended" in repaired.out
    assert not hurt.exists()


def test_foreign_files_are_reported_and_do_no_harm(steplog: Steplog, store: Path) -> None:
    """Someone's file in a table's folder is named; the exit code stays 0."""
    (parts(store)[0].parent / ".DS_Store").write_bytes(b"x")
    said = steplog("check", "--store", store)

    assert said.code == 0
    assert ".DS_Store" in said.out


def test_compact_merges_and_keeps_every_row(steplog: Steplog, store: Path) -> None:
    """Before and after are printed; the rows are the same."""
    with ExperimentTracker(store, "text", auto_log=False) as tracker, tracker.start_run("again"):
        tracker.log_metrics({"perplexity": 2.0})
    before = Store(store).metrics().collect().sort("run_id", "key", "seq")
    files = len(parts(store))
    said = steplog("compact", "--store", store)

    assert said.code == 0
    assert "before" in said.out
    assert len(parts(store)) < files
    assert Store(store).metrics().collect().sort("run_id", "key", "seq").equals(before)
    assert "Nothing to merge" in steplog("compact", "--store", store).out


@pytest.mark.parametrize("command", [("ls",), ("show", "r"), ("tail", "r"), ("check",), ("compact",)])
def test_no_store(steplog: Steplog, tmp_path: Path, command: tuple[str, ...]) -> None:
    """One line that says how to give one; nothing is made."""
    said = steplog(*command, "--store", tmp_path / "nowhere")

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("steplog: no store at ")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_the_store(steplog: Steplog, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_DIR stands in for --store."""
    monkeypatch.setenv("STEPLOG_DIR", str(store))

    assert "vision/resnet" in steplog("ls").out


def test_a_newer_store_is_refused_readably(steplog: Steplog, store: Path) -> None:
    """Not a traceback, but what to do."""
    (store / "store.json").write_text('{"format_version": 999}')
    said = steplog("ls", "--store", store)

    assert said.code == 1
    assert "format 999" in said.err
    assert said.err.count("\n") == 1

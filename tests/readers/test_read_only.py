"""A store that may only be read, one that is empty, and one that isn't there."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ingest.errors import ExperimentNotFound, FormatTooNew, RunNotFound, StoreUnavailable
from ingest.layout import Layout
from readers.store import Store

NOBODY = 65534


AS_NOBODY = f"""
import json, logging, os, sys, tempfile
from pathlib import Path
from ingest.layout import Layout
from readers import live  # imported by the first live writer, otherwise
from readers.store import Store

def answers(store):
    values = store.metrics().collect()["value"].to_list()
    statuses = store.runs().collect()["status"].to_list()
    return [values, statuses, store.summaries().collect()["count"].to_list(), store.last_metrics("dead")]

logging.basicConfig()
with tempfile.TemporaryDirectory() as folder:  # import all there is: nobody may not read where Python lies
    Layout(folder).create()
    answers(Store(folder))
os.setgid({NOBODY})
os.setuid({NOBODY})
json.dump(answers(Store(sys.argv[1])), sys.stdout)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_store_that_cant_be_written_is_read() -> None:
    """What a dead writer left is answered from its queue file, and nothing in the folder changes."""
    with tempfile.TemporaryDirectory() as above:  # pytest's own folders are closed to others
        root = Path(above) / "store"
        Layout(root).create()
        subprocess.run([sys.executable, Path(__file__).with_name("child.py"), "die", root], check=False)
        for path in (Path(above), root, *root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = sorted(root.rglob("*"))
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(root)], capture_output=True, text=True, check=False)

        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == [[1.0, 2.0], ["INTERRUPTED"], [2], {"loss": 2.0}]
        assert sorted(root.rglob("*")) == before


def test_an_empty_store_gives_empty_answers(root: Path) -> None:
    """Right after it was made a store has all tables, with all columns and no rows."""
    Layout(root).create()
    store = Store(root)

    for frame in (store.metrics(), store.facts(), store.summaries(), store.params(), store.tags(), store.runs()):
        found = frame.collect()
        assert (found.height, found.schema) == (0, frame.collect_schema())
    assert (store.experiments(), store.run_ids(), store.experiment_runs()) == ([], [], [])
    assert (store.find_run("x"), store.last_metrics("x"), store.damaged(), store.foreign()) == (None, {}, [], [])
    with pytest.raises(ExperimentNotFound, match="there is no experiment at all"):
        store.experiment_runs("x")
    with pytest.raises(RunNotFound, match="there is no run at all"):
        store.resolve_run("x")


def test_folders_alone_are_no_obstacle(root: Path) -> None:
    """Missing and empty table folders, and empty partitions, are empty tables."""
    layout = Layout(root)
    layout.create()
    layout.table("facts").rmdir()
    layout.partition("metrics", "e").mkdir()

    assert Store(root).metrics().collect().is_empty()
    assert Store(root).runs().collect().is_empty()


def test_no_store_is_said_with_what_to_do(tmp_path: Path) -> None:
    """The error names the folder, what is the matter, and what to give instead; nothing is made."""
    (tmp_path / "file").write_text("x")
    for path, why in (("nowhere", "isn't there"), ("file", "is a file"), (".", "no store.json")):
        with pytest.raises(StoreUnavailable, match=why) as caught:
            Store(tmp_path / path)
        assert "output_dir" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_newer_store_is_refused(root: Path) -> None:
    """A format of the future is not read, and the way out is said."""
    layout = Layout(root)
    layout.create()
    layout.store_file.write_text('{"format_version": 99}')

    with pytest.raises(FormatTooNew, match="update"):
        Store(root)


def test_a_store_file_of_garbage_is_said(root: Path) -> None:
    """Something else under that name is refused readably."""
    layout = Layout(root)
    layout.create()
    layout.store_file.write_text("hello")

    with pytest.raises(StoreUnavailable, match=r"store\.json"):
        Store(root)


def test_a_relative_store_survives_a_change_of_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is resolved when the store is opened."""
    Layout(root).create()
    monkeypatch.chdir(root.parent)
    store = Store("store")
    monkeypatch.chdir("/")

    assert store.root == root
    assert store.metrics().collect().is_empty()

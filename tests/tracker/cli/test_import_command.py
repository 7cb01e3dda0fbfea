"""steplog import: what it prints, its exit codes, its JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboardX import SummaryWriter

from readers.store import Store

Steplog = Callable[..., Any]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two runs with event files."""
    for name in ("a", "b"):
        with SummaryWriter(str(tmp_path / "logs" / name)) as writer:
            for step in range(3):
                writer.add_scalar("loss", step, step)
    return tmp_path / "logs"


def test_it_says_what_came_in(steplog: Steplog, logs: Path, tmp_path: Path) -> None:
    """A table of experiments and one line; the second time, that all is there."""
    first = steplog("import", "tensorboard", logs, "--store", tmp_path / "store", "--experiment", "mine")
    second = steplog("import", "tensorboard", logs, "--store", tmp_path / "store", "--experiment", "mine")

    assert (first.code, second.code) == (0, 0)
    assert first.out.split("\n")[1].split() == ["mine", "2"]
    assert "2 runs came in; 6 points" in first.out
    assert "2 there already; 0 points" in second.out
    assert Store(tmp_path / "store").experiments() == ["mine"]


def test_what_could_not_be_read_is_exit_code_1(steplog: Steplog, logs: Path, tmp_path: Path) -> None:
    """With the file and the offset, and in JSON."""
    [path] = (logs / "a").iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    said = steplog("import", "tensorboard", logs, "--store", tmp_path / "store", "--json")
    report = json.loads(said.out)

    assert said.code == 1
    assert (report["runs"], report["points"]) == (2, 5)
    assert report["problems"][0].startswith(f"{path}: offset ")


def test_a_source_that_is_not_there_is_one_line(steplog: Steplog, tmp_path: Path) -> None:
    """And no store is made."""
    said = steplog("import", "tensorboard", tmp_path / "none", "--store", tmp_path / "store")

    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert not (tmp_path / "store").exists()

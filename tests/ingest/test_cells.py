"""Cells: small values that several processes change, none of whose changes is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.cells import Cells

WRITER = """
import sys
from pathlib import Path
from ingest.cells import Cells

home, tmp, mine = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
cells = Cells(home, tmp)
print("ready", flush=True)
sys.stdin.readline()
for number in range(30):
    cells.put(f"tags/{mine}-{number}", {"value": number}, number)
    cells.put("tags/both", {"value": f"{mine} {number}"}, number)
"""


def made(tmp_path: Path) -> Cells:
    """Give cells in a home that is there."""
    (tmp_path / "home").mkdir()
    return Cells(tmp_path / "home", tmp_path / "tmp")


def test_a_cell_is_what_was_put_last_and_its_history_all_of_it(tmp_path: Path) -> None:
    """Cells of several folders; each change once, in the order of time."""
    cells = made(tmp_path)
    cells.put("aliases/best", {"version": 1}, 10)
    cells.put("tags/1/stage", {"value": "staging"}, 20)
    cells.put("aliases/best", {"version": 2}, 30)

    assert [cell["version"] for cell in cells.below("aliases")] == [2]
    assert cells.read("aliases/worst") is None
    assert [change.get("version", change.get("value")) for change in cells.history()] == [1, "staging", 2]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_two_processes_at_once_lose_no_change(tmp_path: Path) -> None:
    """Each one's own cells, and of the cell that both change the whole history."""
    made(tmp_path)
    command = [sys.executable, "-c", WRITER, str(tmp_path / "home"), str(tmp_path / "tmp")]
    writers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("\n")
    cells = Cells(tmp_path / "home", tmp_path / "tmp")

    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(list(cells.below("tags"))) == 61
    both = [change["value"] for change in cells.history() if isinstance(change["value"], str)]
    assert sorted(both) == sorted(f"{name} {number}" for name in "ab" for number in range(30))


def test_a_change_whose_writer_died_before_its_copy_is_in_the_history(tmp_path: Path) -> None:
    """The cell's own file stands for it, and the next change makes the copy."""
    cells = made(tmp_path)
    cells.put("aliases/best", {"version": 1}, 10)
    (copy,) = (tmp_path / "home" / "history").iterdir()
    copy.unlink()

    assert [change["version"] for change in cells.history()] == [1]
    cells.put("aliases/best", {"version": 2}, 20)
    assert copy.exists()
    assert [change["version"] for change in cells.history()] == [1, 2]


def test_what_an_older_version_wrote_is_a_cell_with_the_time_of_its_file(tmp_path: Path) -> None:
    """It has no id; it is kept in the history when it is changed."""
    cells = made(tmp_path)
    (tmp_path / "home" / "aliases").mkdir()
    old = tmp_path / "home" / "aliases" / "best.json"
    old.write_text(json.dumps({"alias": "best", "version": 1}))
    time_ns = old.stat().st_mtime_ns

    assert [change["time_ns"] for change in cells.history()] == [time_ns]
    cells.put("aliases/best", {"alias": "best", "version": 2}, time_ns + 1)
    assert [change["version"] for change in cells.history()] == [1, 2]


@pytest.mark.parametrize(
    "body", ["{", "[]", "", '{"id": "../../x", "time_ns": 1}', '{"id": ["a"], "time_ns": 1}', '{"id": 1}']
)
def test_a_cell_that_cannot_be_read_is_said_and_left_out(
    body: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are answered; an id from a foreign store leads nowhere."""
    cells = made(tmp_path)
    cells.put("tags/good", {"value": 1}, 10)
    (tmp_path / "home" / "tags" / "bad.json").write_text(body)

    assert [cell["value"] for cell in cells.below("tags")] == [1]
    assert [change["value"] for change in cells.history()] == [1]
    assert "bad.json can't be read" in caplog.text
    cells.put("tags/bad", {"value": 2}, 20)
    assert [cell["value"] for cell in cells.below("tags")] == [2, 1]
    assert not (tmp_path / "x.json").exists()


def test_a_disk_that_takes_nothing_leaves_the_cell_as_it_was(tmp_path: Path) -> None:
    """The error is raised, and no scratch file stays."""
    cells = made(tmp_path)
    cells.put("aliases/best", {"version": 1}, 10)
    (tmp_path / "home" / "aliases" / "worst.json").mkdir()

    with pytest.raises(OSError, match="directory"):
        cells.put("aliases/worst", {"version": 2}, 20)
    assert [cell["version"] for cell in cells.below("aliases")] == [1]
    assert list((tmp_path / "tmp").iterdir()) == []

"""A tracker whose searches a test fills by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker import AutoMLTracker


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[AutoMLTracker]:
    """A tracker with a run that is going on."""
    made = AutoMLTracker(tmp_path / "store", "study", auto_log=False)
    made.start_run("search")
    yield made
    made.close()

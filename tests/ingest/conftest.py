"""Where stores of which a test makes hundreds lie."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108 - every store in it is in a folder of its own with a random name


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a process that dies needs no disk, and hundreds of stores are quick so."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="steplog-test-", dir=MEMORY) as folder:
        yield Path(folder)

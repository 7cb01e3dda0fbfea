"""One template a session: importing what a victim needs takes longer than the victims themselves."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import victims

MEMORY = Path("/dev/shm")  # noqa: S108 - every store in it is in a folder of its own with a random name


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[victims.Template]:
    """What forks victims."""
    with victims.template(tmp_path_factory.mktemp("template")) as made:
        yield made


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a process that dies needs no disk, and hundreds of them are quicker so."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="steplog-crash-", dir=MEMORY) as folder:
        yield Path(folder)

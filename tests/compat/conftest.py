"""What the tests of the stand-ins share: a store and a working folder of their own."""

import os
from pathlib import Path

import pytest

from tracker.media.notkept import forget_said


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store that the environment names; the working folder is the test's own."""
    for variable in list(os.environ):
        if variable == "RANK" or variable.startswith(("STEPLOG_", "WANDB_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    forget_said()
    return tmp_path / "store"

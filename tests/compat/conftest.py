"""What the tests of the stand-ins share: a store and a working folder of their own."""

from pathlib import Path

import pytest

from tracker.media.notkept import forget_said


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store that the environment names; the working folder is the test's own."""
    for variable in ("STEPLOG_MODE", "STEPLOG_RUN_ID", "STEPLOG_RANK", "RANK", "WANDB_MODE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    forget_said()
    return tmp_path / "store"

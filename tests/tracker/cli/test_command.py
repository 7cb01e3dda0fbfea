"""steplog itself: its version, and `python -m`."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Steplog = Callable[..., Any]


def test_the_version_is_that_of_the_package(steplog: Steplog) -> None:
    """One line, as other commands have it."""
    said = steplog("--version")

    assert (said.code, said.out) == (0, f"steplog {version('steplog')}\n")


def test_python_m_is_the_command() -> None:
    """For where the script isn't on PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "tracker.cli", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"steplog {version('steplog')}\n"

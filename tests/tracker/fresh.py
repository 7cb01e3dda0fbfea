"""A script in a fresh interpreter: what it imports, and what it says."""

import subprocess
import sys
import textwrap
from pathlib import Path


def run_fresh(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script in a folder, to its end."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )

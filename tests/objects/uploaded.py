"""What is in a bucket as another host sees it, and scripts that log to one and die."""

import subprocess
import sys
import textwrap
import uuid
from pathlib import Path
from typing import Any

import pytest

from ingest.objects.address import Address
from readers import opening
from readers.objects.view import ObjectView
from readers.store import Store

START = "from tracker import ExperimentTracker\nimport os, sys, time, signal\n"


class OtherHost:
    """A host that has nothing of its own: no spool, no cache; it sees what is in the bucket."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def store(self, address: str) -> Store:
        """The store as it is there now."""
        with self._monkeypatch.context() as patch:
            new = self._folder / uuid.uuid4().hex
            patch.setenv("STEPLOG_SPOOL_DIR", str(new / "spool"))
            patch.setenv("STEPLOG_CACHE_DIR", str(new / "cache"))
            view = opening._views.pop(Address.of(address), None)
            if isinstance(view, ObjectView):
                view.close()
            found = Store(address)
            opening._views.pop(Address.of(address), None)
        return found

    def points(self, address: str, key: str = "x") -> list[float]:
        """The values of a metric, of all runs, in order."""
        rows = self.store(address).metrics(keys=[key]).collect()
        return sorted(rows["value"].to_list())


def script(code: str) -> list[str]:
    """The command of a script that has the tracker at hand."""
    return [sys.executable, "-c", START + textwrap.dedent(code)]


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    return subprocess.run([*script(code), *arguments], capture_output=True, text=True, check=False, **options)


def parts(address_keys: list[str], table: str = "metrics") -> list[str]:
    """Of the keys of a store those of sealed parts of a table."""
    return [key for key in address_keys if key.startswith(f"{table}/") and key.endswith(".parquet")]

"""The stores that `queries` asks: filled once by each tool, and kept beside the environments.

A store's folder is named after the tool, the number of runs, and a digest of what made it: the adapter's `create`, the
runs, the tool's version; for ours the format's. So a change of how a store is asked doesn't make a new one.
"""

import hashlib
import inspect
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import query_data
from benchmarks.environments import Environment
from benchmarks.launch import run
from benchmarks.peers import OURS
from benchmarks.queries_of import Queried
from ingest.layout import FORMAT_VERSION

_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Filled:
    """A store with its runs."""

    folder: Path
    run_ids: list[str]
    took_s: float
    """Seconds that filling it took, when that was done."""
    disk_bytes: int


def filled(tool: Queried, place: Environment, runs: int, kept: Path) -> Filled:
    """Return the tool's store with so many runs, made if it isn't there yet.

    Raises: JobFailed: the tool couldn't.
    """
    home = kept.expanduser() / "stores" / f"{tool.name}-{runs}-{_digest(tool, place)}"
    listing = home / "runs.json"
    if not listing.is_file():
        print(f"filling a store of {runs:,} runs: {tool.name}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        job = {"loop": "creating", "adapters": "benchmarks.queries_of", "store": str(home / "store"), "runs": runs}
        outcome = run(tool, place, job, timeout_s=_TIMEOUT_S, counted=False)
        listing.write_text(json.dumps(outcome.answer))
        print(f"  done in {outcome.answer['took_s']:.0f} s", file=sys.stderr)
    told = json.loads(listing.read_text())
    size = sum(path.stat().st_size for path in (home / "store").rglob("*") if path.is_file())
    return Filled(home / "store", told["run_ids"], told["took_s"], size)


def _digest(tool: Queried, place: Environment) -> str:
    """What the store depends on."""
    version = str(FORMAT_VERSION) if tool.name == OURS else place.version(tool)
    made_by = [inspect.getsource(type(tool).create), query_data.fingerprint(), version]
    return hashlib.sha256("\n".join(made_by).encode()).hexdigest()[:12]

"""What a store has, in few words."""

from pathlib import Path
from typing import Any

from readers.store import Store

Points = dict[str, dict[str, list[tuple[Any, float]]]]


def points(root: Path) -> Points:
    """Run name -> metric -> (step, value), as they were logged; without what is recorded unasked."""
    names = dict(Store(root).runs().collect().select("run_id", "run_name").iter_rows())
    rows = Store(root).metrics().collect().sort("time", "seq")
    found: Points = {}
    for run_id, key, step, cut, value in rows.select("run_id", "key", "step", "step_float", "value").iter_rows():
        if not key.startswith("system/"):
            found.setdefault(names[run_id], {}).setdefault(key, []).append((step if cut is None else cut, value))
    return found


def runs(root: Path) -> dict[str, Any]:
    """Run name -> the run."""
    return {run["run_name"]: run for run in Store(root).experiment_runs()}


def files(root: Path, run_id: str) -> list[str]:
    """A run's artifacts, without what is recorded unasked."""
    folder = root / "artifacts" / run_id
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not name.startswith("environment/")]

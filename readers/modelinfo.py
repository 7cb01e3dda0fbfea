"""What is said of a version of a model: in its model.json, in a list, in a line."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict


class ModelInfo(TypedDict):
    """What model.json says of a version. What a version of older code lacks is None, or empty."""

    format: str
    file: str
    size: int
    sha256: str
    class_name: str
    untrusted: list[str]
    """What in it needs trust=True to be loaded."""
    run_id: str
    experiment: str
    time_ns: int
    metrics: dict[str, float]
    """The run's last metrics when the model was saved."""
    params: dict[str, Any]
    input_example: Any
    metadata: Any
    packages: dict[str, str]
    name: str
    signature: Any
    """What it takes and gives: {"inputs": ..., "outputs": ...}; see tracker.modelsignature."""
    data: Any
    """The fingerprint of what it was trained on."""
    derived_from: Any
    """{"name": ..., "version": ...} of the model that it was made from."""


class ModelEntry(ModelInfo):
    """One version in a list of models."""

    version: int
    aliases: list[str]
    tags: dict[str, Any]
    time: datetime


NOTHING: dict[str, Any] = {
    "size": 0,
    "untrusted": [],
    "run_id": "",
    "experiment": "",
    "time_ns": 0,
    "metrics": {},
    "params": {},
    "input_example": None,
    "metadata": None,
    "packages": {},
    "signature": None,
    "data": None,
    "derived_from": None,
}
"""What stands for what a model.json doesn't say, as one of older code."""


def form_text(form: Any, most: int = 8) -> str:
    """A form of inputs or outputs (see tracker.modelsignature) in a line: "age int64, name str", "float64 (n, 5)"."""
    if not isinstance(form, Mapping):
        return ""
    if "columns" in form:
        named = [f"{one['name']} {one['dtype']}" for one in form["columns"][:most]]
        more = len(form["columns"]) - len(named)
        return ", ".join(named) + (f" and {more:,} more" if more else "")
    if "parts" in form:
        return "; ".join(f"{name}: {form_text(part, most)}" for name, part in form["parts"].items())
    if "shape" in form:
        sizes = ", ".join("n" if size is None else str(size) for size in form["shape"] or ())
        return f"{form.get('dtype', '')} ({sizes})".strip()
    return str(form.get("type", ""))


def moment_of(time_ns: object) -> datetime:
    """The time of what was written at so many ns; 1970 where that isn't known, or no calendar has it."""
    try:
        return datetime.fromtimestamp((time_ns if isinstance(time_ns, int) else 0) / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)

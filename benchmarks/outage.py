"""The outage of `forwarding`: what a day of points costs while the server is dead, and how it is caught up with.

The store is the one that a training leaves which logs ten scalars a hundred times a second: times ten milliseconds
apart, one segment sealed a minute, small files compacted when they pile up. It is written in bulk, as a day has no
shorter way. Then the forwarder's process starts, as with backend="both", first with nobody at the server's address.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mlflow_server import MlflowServer
from ingest.bulk import Batch, BulkWriter
from ingest.columns import PointBlock
from ingest.compact import compact
from ingest.events import FactLogged, RunStarted
from ingest.layout import Layout, new_run_id
from ingest.settings import PipelineSettings
from readers.mlflow.address import target_id
from readers.mlflow.process import ForwarderProcess

KEYS = tuple(f"metric_{number}" for number in range(10))
CALLS_A_MINUTE = 6000
POINTS_A_MINUTE = CALLS_A_MINUTE * len(KEYS)
_START_NS = 1_700_000_000_000_000_000
_CALL_NS = 10_000_000
_SAMPLE_S = 0.5
_FIRST_S = 90.0
_EXPERIMENT = "bench"


def recovering(_peer: object, job: dict[str, Any]) -> dict[str, Any]:
    """Write, wait, catch up.

    Args:
        job: `minutes` of points; `dead_s` that the forwarder has nobody to send to; `catch_up_s` that it has.
    Returns: seconds, bytes and megabytes; `samples` are (seconds, resident MB, points taken) since its start.
    """
    home = Path(job["folder"])
    server = MlflowServer(home / "mlflow")
    layout = Layout(home / "store")
    layout.create()
    began = time.monotonic()
    _write(layout, job["minutes"], server.uri)
    answer: dict[str, Any] = {"points": job["minutes"] * POINTS_A_MINUTE, "written_s": time.monotonic() - began}
    answer["store_bytes"] = sum(_bytes(layout.root / name) for name in ("metrics", "facts", "summaries", "live"))
    process = ForwarderProcess(layout.root, server.uri, server.uri, linger_s=0.0)
    try:
        answer["dead"] = _watched(process, job["dead_s"])
        answer["error_while_dead"] = process.view().error is not None
        answer["state_bytes"] = _bytes(layout.root / "forward")
        with server:
            before = process.view().points
            until = time.monotonic() + _FIRST_S
            while process.view().points == before and time.monotonic() < until:
                time.sleep(0.01)
            there, at = server.points(), time.monotonic()
            answer["alive"] = _watched(process, job["catch_up_s"])
            answer["caught_up"] = server.points() - there
            answer["caught_up_s"] = time.monotonic() - at
            answer["peak_mb"] = _status_mb(process.pid, "VmHWM")
            answer["state_bytes_after"] = _bytes(layout.root / "forward")
    finally:
        process.stop()
    return answer


def _write(layout: Layout, minutes: int, uri: str) -> None:
    """The store of a run that asks to be forwarded to `uri`."""
    run_id, chance = new_run_id(_START_NS), np.random.default_rng(7)
    most = PipelineSettings().compact_files
    with BulkWriter(layout) as writer:
        start = Batch()
        start.add_fact(RunStarted(run_id, _EXPERIMENT, _START_NS, "r"))
        start.add_fact(FactLogged(run_id, _EXPERIMENT, _START_NS, "forward", {target_id(uri): '"benchmark"'}))
        writer.publish(start)
        for number, block in enumerate(_minutes(run_id, minutes, chance)):
            batch = Batch()
            batch.add_points(block)
            writer.publish(batch)
            if number % most == most - 1:
                compact(layout, fewest=most // 2, everything=False)  # as a day has the time for


def _minutes(run_id: str, minutes: int, chance: np.random.Generator) -> Iterator[PointBlock]:
    """A minute's points each: falling noisy losses in single precision, as a network's are."""
    for minute in range(minutes):
        step = np.arange(minute * CALLS_A_MINUTE, (minute + 1) * CALLS_A_MINUTE)
        time_ns = _START_NS + step * _CALL_NS + chance.integers(0, _CALL_NS // 10, len(step))
        noise = 1 + 0.1 * chance.standard_normal((len(step), len(KEYS)))
        values = (np.exp(-3 * step / (minutes * CALLS_A_MINUTE))[:, None] * noise).astype(np.float32)
        yield PointBlock(run_id, _EXPERIMENT, KEYS, step, time_ns, step, values.astype(np.float64))


def _watched(process: ForwarderProcess, seconds: float) -> list[tuple[float, float, int]]:
    """Samples of a while."""
    began, samples = time.monotonic(), []
    while (spent := time.monotonic() - began) < seconds:
        samples.append((round(spent, 1), _status_mb(process.pid, "VmRSS"), process.view().points))
        time.sleep(_SAMPLE_S)
    return samples


def _status_mb(pid: int | None, name: str) -> float:
    """Megabytes of a process, as the kernel tells them: VmRSS now, VmHWM the most there was."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())

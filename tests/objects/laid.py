"""A store laid into a bucket by hand, as uploads leave it: for tests that harm it, or do without an uploader."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pyarrow as pa

from ingest.frames import whole
from ingest.objects.names import live_key
from tests.readers.conftest import Recorder

if TYPE_CHECKING:
    from obstore.store import S3Store

EXPERIMENTS = ("first", "odd name/ü")
STEPS = 40


def recorded(root: Path, segments: int = 3) -> dict[str, list[tuple[int, float]]]:
    """Make a local store, in each segment a run of either experiment; gives each run's (step, loss)."""
    recorder = Recorder(root)
    points: dict[str, list[tuple[int, float]]] = {}
    for segment in range(segments):
        for number, experiment in enumerate(EXPERIMENTS):
            run_id = f"r{segment}{number}"
            recorder.start(run_id, experiment)
            recorder.params(run_id, {"lr": 0.1 * segment}, experiment)
            for step in range(STEPS):
                recorder.log(run_id, {"loss": step / (segment + number + 1), "accuracy": 0.5}, step, experiment)
            recorder.end(run_id, experiment=experiment)
            points[run_id] = [(step, step / (segment + number + 1)) for step in range(STEPS)]
        recorder.seal()
    recorder.close()
    return points


def lay(root: Path, store: "S3Store") -> None:
    """Put all that is sealed, and files, into a bucket."""
    for path in files(root):
        obstore.put(store, path.relative_to(root).as_posix(), path.read_bytes())


def files(root: Path) -> Iterator[Path]:
    """What of a local store belongs into a bucket as it is."""
    yield root / "store.json"
    for folder in ("artifacts", "models", "checkpoints", "facts", "summaries", "metrics"):
        yield from sorted(path for path in (root / folder).rglob("*") if path.is_file())


def lay_live(recorder: Recorder, store: "S3Store", *cuts: int) -> list[str]:
    """Put what a writer hasn't sealed into a bucket, cut after so many frames; the keys."""
    (queue,) = sorted((recorder.layout.live / recorder.writer).glob("*.queue"))
    data = queue.read_bytes()
    ends, end = [], 0
    while (after := _behind(data, end)) > end:
        ends.append(after)
        end = after
    chosen = [ends[cut - 1] for cut in cuts] + [end]
    keys = []
    for start, stop in zip([0, *chosen], chosen, strict=False):
        keys.append(live_key(recorder.writer, int(queue.stem), start, stop))
        obstore.put(store, keys[-1], pa.compress(data[start:stop], codec="zstd", asbytes=True))
    return keys


def _behind(data: bytes, start: int) -> int:
    """The offset behind the frame at `start`; `start` where none is."""
    length = int.from_bytes(data[start : start + 4], "little")
    if not length:
        return start
    return start + 8 + length if whole(data[start : start + 8 + length]).frames == 1 else start

"""TensorBoard's own event file writer, which needs neither torch nor TensorFlow."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall
from benchmarks.peers.tensorboardx import count_events


class TensorBoard:
    """The writer that torch.utils.tensorboard wraps; one event a metric, as its `add_scalar` makes them."""

    name = "tensorboard"
    requirements = ("tensorboard==2.21.0", "protobuf==7.36.2", NUMPY, "setuptools==80.9.0")
    settings = "EventFileWriter, one event a scalar, defaults (max_queue_size=10, flush_secs=120)"
    environment: Mapping[str, str] = {}

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer: Any = EventFileWriter(str(folder))
        add_event, value_of, now = self._writer.add_event, Summary.Value, time.time

        def log(metrics: dict[str, float], step: int) -> None:
            for key, value in metrics.items():
                summary = Summary(value=[value_of(tag=key, simple_value=value)])
                add_event(Event(wall_time=now(), step=step, summary=summary))

        return log

    def close(self) -> None:
        """Close the writer."""
        self._writer.close()

    def count_points(self, folder: Path) -> int | None:
        """Records of the event files; the first of each is its header."""
        return count_events(folder)

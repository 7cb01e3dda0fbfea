"""TensorBoard: its own reader of event files."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.followers.contract import LOOK_S


class TensorBoard:
    """`EventAccumulator.Reload`, which goes on where it stopped."""

    how = f"EventAccumulator.Reload every {LOOK_S} s; TensorBoard itself reloads every 5 s"

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps of new events."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        taken = 0
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        while True:
            events.Reload()
            found = events.Scalars(metric) if metric in events.Tags()["scalars"] else []
            yield [event.step for event in found[taken:]]
            taken = len(found)
            time.sleep(LOOK_S)


TOOL = TensorBoard()

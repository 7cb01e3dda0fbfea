"""MetricsCall: a call's metrics on the slow way into the queue.

The quick way packs numbers behind a prefix that a run's binding has for the call's keys. This one makes that prefix: it
binds the run to the current file and declares the keys there, in the next file when this one is full. While nothing
can be written to files, the call goes to the queue's ring as one whole event.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from ingest.events import MetricsLogged, encode
from ingest.frames import frame
from ingest.queue import EventQueue
from ingest.shapes import Binding, room_for


class MetricsCall(NamedTuple):
    """One value for each of some metrics."""

    run_id: str
    experiment: str
    time_ns: int
    step: int | float | None
    kind: int
    """Of the step: see ingest.events."""
    keys: tuple[str, ...]
    values: tuple[float, ...]

    def put(self, open_queue: Callable[[], EventQueue]) -> Binding | None:
        """Write it, and give the run's binding for the calls that follow; None when there is none for such.

        Raises: struct.error: a time or step of more than 64 bits. WriterClosed, QueueFull: see EventQueue.
        """
        steps = () if self.step is None else (self.step,)
        while True:
            queue = open_queue()
            file, binding = queue.bind(self.run_id, self.experiment)
            try:
                packer = None if binding is None else binding.packer(self.keys, self.kind)
                if binding is not None and packer is not None:
                    binding.write(frame(packer[0](packer[1], self.time_ns, *steps, *self.values)))
                    return binding
            except ValueError:  # the file is full or was shut
                queue.rotate(file, room_for(self.run_id, self.experiment, self.keys))
                continue
            packed = Struct(f"<{len(self.values)}d").pack(*self.values)
            event = MetricsLogged(self.run_id, self.experiment, self.time_ns, self.step, self.keys, packed)
            queue.put(encode(event), fact=False)
            return None

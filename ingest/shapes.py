"""Shapes: metric keys declared once a queue file, so that a log call only packs numbers.

The bytes that msgspec gives for a `Points` event of one shape are the same but for its body, so they are encoded once,
when the shape is declared, and a log call packs time, step and values behind them: 0.3 us less than encoding each time,
and events of one shape are equally long, which lets the decoder take them as columns. A shape belongs to one queue
file; a `Binding` ties the file's write and its shapes together, so that a rotation between the look-up and the write
can't put an event into a file that doesn't declare it.
"""

import struct
from collections.abc import Callable, Iterator

from ingest.events import STEP_FLOAT, STEP_INT, STEP_NONE, Points, Shape, encode
from ingest.frames import HEADER, frame

Pack = Callable[..., bytes]
Packers = dict[tuple[str, ...], tuple[Pack, bytes]]
MAX_SHAPES = 2048
"""Shapes one run may declare in one queue file; keys beyond it travel in each event (epoch_{n}/... in long runs)."""

_STEP_FORMAT = {STEP_NONE: "", STEP_INT: "q", STEP_FLOAT: "d"}


class Binding:
    """One run's way into one queue file. Any thread may use it; the GIL orders its look-ups and writes."""

    __slots__ = ("_declared", "_numbers", "experiment", "packers", "run_id", "with_step", "without_step", "write")

    def __init__(self, write: Callable[[bytes], object], run_id: str, experiment: str, numbers: Iterator[int]) -> None:
        self.write = write
        self.run_id = run_id
        self.experiment = experiment
        self.without_step: Packers = {}
        self.with_step: Packers = {}
        self.packers = {STEP_NONE: self.without_step, STEP_INT: self.with_step, STEP_FLOAT: Packers()}
        self._numbers = numbers
        self._declared = 0

    def packer(self, keys: tuple[str, ...], step_kind: int) -> tuple[Pack, bytes] | None:
        """(pack, prefix) such that `pack(prefix, time_ns, [step], *values)` is an encoded Points event.

        Declares the shape when it is new; None when the run has declared as many as it may.
        Raises: ValueError: the file is full or shut; take the next one.
        """
        found = self.packers[step_kind].get(keys)
        if found is not None or self._declared >= MAX_SHAPES:
            return found
        number = next(self._numbers)
        self.write(frame(encode(Shape(number, self.run_id, self.experiment, keys, step_kind))))
        self._declared += 1
        made = _template(number, len(keys), step_kind)
        self.packers[step_kind][keys] = made
        return made


def room_for(run_id: str, experiment: str, keys: tuple[str, ...]) -> int:
    """Bytes that the declaration of these keys and one call of them take, at most."""
    declared = encode(Shape(2**32, run_id, experiment, keys, STEP_INT))
    return 2 * HEADER.size + len(declared) + 8 * (len(keys) + 2) + 32


def body_format(count: int, step_kind: int) -> str:
    """The struct format of a Points body with `count` values."""
    return f"q{_STEP_FORMAT[step_kind]}{count}d"


def _template(number: int, count: int, step_kind: int) -> tuple[Pack, bytes]:
    body = body_format(count, step_kind)
    size = struct.calcsize("<" + body)
    prefix = encode(Points(number, bytes(size)))[:-size]
    return struct.Struct(f"<{len(prefix)}s{body}").pack, prefix

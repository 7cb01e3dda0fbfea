"""Events as columns: a stretch of a queue file decoded into arrays, a few nanoseconds a point.

A training loop logs the same few shapes again and again, so its frames repeat with a period. The decoder finds that
period, checks with one comparison how many repetitions follow byte for byte (but for the bodies), and takes the bodies
of all of them as one array. Whatever doesn't repeat is decoded event by event. Both ways give the same rows; which one
ran can't be seen from outside (a property test holds them together).
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.events import STEP_FLOAT, STEP_INT, STEP_NONE, Event, FactEvent, MetricsLogged, Points, Shape, decode
from ingest.frames import HEADER, payloads
from ingest.shapes import body_format

_LONGEST_PERIOD = 8
_FEWEST_REPEATS = 8
_MOST_REPEATS = 4096
_SMALLEST_POINTS = 13  # bytes of an encoded Points: array header, tag, shape, bin header, a body of one word
_SHAPE_TAG, _POINTS_TAG = b"\x00", 1  # the byte behind the array header of an encoded event

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PointBlock(NamedTuple):
    """Points of one run and one set of keys. n calls of k keys are n*k rows, call after call."""

    run_id: str
    experiment: str
    keys: tuple[str, ...]
    seq: Ints
    """shape (n,)"""
    time_ns: Ints
    """shape (n,)"""
    step: Ints | Floats | None
    """shape (n,); None where no step was given"""
    values: Floats
    """shape (n, k)"""


class FactRecord(NamedTuple):
    """A fact and its place in the order."""

    seq: int
    event: FactEvent


class Decoded(NamedTuple):
    """What a stretch of a queue file holds."""

    end: int
    """Offset behind the last frame."""
    points: list[PointBlock]
    facts: list[FactRecord]
    poisoned: list[str]
    """Why a record could not be understood; it is counted and left out."""


def first_seq(number: int) -> int:
    """The seq of the first event of a writer's segment; those of earlier segments have smaller ones."""
    return number << 32


class Decoder:
    """Decodes one queue file from front to back, in stretches; remembers the shapes and the count so far."""

    def __init__(self, number: int) -> None:
        self.frames = 0
        self.events = 0
        """Frames but for the declarations of shapes: what log calls appended."""
        self.last = 0
        """Offset of the frame that was decoded last, in the bytes it was decoded from."""
        self._base = first_seq(number)
        self._shapes: dict[int, Shape] = {}

    def decode(self, data: bytes | memoryview, start: int, end: int) -> Decoded:
        """Decode the frames in [start, end), as far as they are there whole.

        Checksums are not looked at: the frames are the owner's own, or were checked by `frames.whole`.
        """
        raw = np.frombuffer(data, np.uint8, count=end)
        result, loose = Decoded(start, [], [], []), _Loose()
        offset = start
        while True:
            after = self._repeats(data, raw, offset, result.points)
            if after == offset:
                after = self._singles(data, offset, end, result, loose)
            if after == offset:
                break
            offset = after
        result.points.extend(loose.blocks())
        return result._replace(end=offset)

    def _singles(self, data: bytes | memoryview, start: int, end: int, result: Decoded, loose: "_Loose") -> int:
        """Decode some events one by one; returns the offset behind them."""
        offset = start
        for _, (at, payload) in zip(range(_LONGEST_PERIOD), payloads(data, start, end), strict=False):
            seq = self._base + self.frames
            self.frames += 1
            self.events += payload[1:2] != _SHAPE_TAG
            offset, self.last = at + HEADER.size + len(payload), at
            try:
                self._take(seq, decode(payload), result, loose)
            except (msgspec.MsgspecError, ValueError, KeyError) as error:
                result.poisoned.append(f"record {seq & 0xFFFFFFFF} at offset {at}: {error}")
        return offset

    def _take(self, seq: int, event: Event, result: Decoded, loose: "_Loose") -> None:
        if isinstance(event, Points):
            loose.add(self._shapes[event.shape], seq, event.body)
        elif isinstance(event, Shape):
            self._shapes[event.shape] = event
        elif isinstance(event, MetricsLogged):
            result.points.append(_logged(seq, event))
        else:
            result.facts.append(FactRecord(seq, event))  # type: ignore[arg-type]

    def _repeats(self, data: bytes | memoryview, raw: Bytes, start: int, into: list[PointBlock]) -> int:
        """Decode a periodic stretch of Points as arrays; returns `start` when there is none."""
        period = self._period(data, start, len(raw))
        if not period:
            return start
        stride = period[-1].stop - start
        count = min((len(raw) - start) // stride, _MOST_REPEATS)
        grid = raw[start : start + count * stride].reshape(count, stride)
        fixed = np.concatenate([np.r_[c.start : c.start + 4, c.start + HEADER.size : c.body] for c in period]) - start
        count = _agreeing(grid, fixed)
        if count < _FEWEST_REPEATS:
            return start
        seq = self._base + self.frames + np.arange(count, dtype=np.int64) * len(period)
        for place, call in enumerate(period):
            body = grid[:count, call.body - start : call.stop - start]
            into.append(_block(call.shape, seq + place, body))
        self.frames += count * len(period)
        self.last = period[-1].start + (count - 1) * stride
        self.events += count * len(period)
        return start + count * stride

    def _period(self, data: bytes | memoryview, start: int, end: int) -> list["_Call"]:
        """The calls of the shortest period that begins at `start`, or []."""
        calls: list[_Call] = []
        for call in self._calls(data, start, end):
            if calls and call.shape is calls[0].shape:
                return calls
            calls.append(call)
            if len(calls) > _LONGEST_PERIOD:
                break
        return []

    def _calls(self, data: bytes | memoryview, start: int, end: int) -> Iterator["_Call"]:
        """The frames from `start` on, as long as they are whole, and Points of known shapes."""
        offset = start
        while offset + HEADER.size <= end:
            length = HEADER.unpack_from(data, offset)[0]
            payload = offset + HEADER.size
            if length < _SMALLEST_POINTS or payload + length > end or data[payload + 1] != _POINTS_TAG:
                return
            number, head = _uint(data, payload + 2)
            shape = self._shapes.get(number)
            size = 0 if shape is None else _body_size(shape)
            if shape is None or length - size not in (head + 4, head + 5, head + 7):
                return
            yield _Call(shape, offset, payload + length - size, payload + length)
            offset = payload + length


class _Loose:
    """Points that came out of step, from several threads say, gathered by shape.

    A block each would cost as much as thousands of points in columns do.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[Shape, list[int], list[bytes]]] = {}

    def add(self, shape: Shape, seq: int, body: bytes) -> None:
        """Take one call's values. Raises: ValueError: they don't fit the shape."""
        if len(body) != _body_size(shape):
            fitting = body_format(len(shape.keys), shape.step_kind)
            raise ValueError(f"a body of {len(body)} bytes for shape {fitting!r}")
        _, seqs, bodies = self._found.setdefault(id(shape), (shape, [], []))
        seqs.append(seq)
        bodies.append(body)

    def blocks(self) -> Iterator[PointBlock]:
        """All of them, one block a shape."""
        for shape, seqs, bodies in self._found.values():
            yield _block(
                shape, np.array(seqs, np.int64), np.frombuffer(b"".join(bodies), np.uint8).reshape(len(seqs), -1)
            )


def count_events(data: bytes) -> tuple[int, int]:
    """(events, declarations of shapes apart; offset behind the last frame) of a stretch that begins with a frame."""
    events = end = 0
    for at, payload in payloads(data, 0, len(data)):
        events += payload[1:2] != _SHAPE_TAG
        end = at + HEADER.size + len(payload)
    return events, end


class _Call(NamedTuple):
    shape: Shape
    start: int
    body: int
    stop: int


def _uint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """(value, encoded size) of a msgpack unsigned integer."""
    first = data[at]
    if first < 0x80:  # positive fixint
        return first, 1
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(first, 0)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big") if size else -1, size + 1


def _body_size(shape: Shape) -> int:
    return 8 * (1 + (shape.step_kind != STEP_NONE) + len(shape.keys))


def _agreeing(grid: Bytes, columns: npt.NDArray[np.int64]) -> int:
    """How many first rows equal row 0 in the given columns; looks further only while they do."""
    count, probe = 1, 16
    while count < len(grid):
        rows = grid[count : count + probe, columns]
        differs = (rows != grid[0, columns]).any(axis=1)
        if differs.any():
            return count + int(differs.argmax())
        count += len(rows)
        probe *= 4
    return count


def _block(shape: Shape, seq: Ints, body: Bytes) -> PointBlock:
    """Columns of n Points bodies, shape (n, bytes)."""
    words = np.ascontiguousarray(body).view("<i8")
    step: Ints | Floats | None = None
    if shape.step_kind == STEP_INT:
        step = words[:, 1]
    elif shape.step_kind == STEP_FLOAT:
        step = words[:, 1].view("<f8")
    values = words[:, 1 + (step is not None) :].view("<f8")
    return PointBlock(shape.run_id, shape.experiment, shape.keys, seq, words[:, 0], step, values)


def _logged(seq: int, event: MetricsLogged) -> PointBlock:
    """The block of a self-contained event."""
    values = np.frombuffer(event.values, "<f8").reshape(1, -1)
    if values.shape[1] != len(event.keys):
        raise ValueError(f"{values.shape[1]} values for {len(event.keys)} keys")
    step: Ints | Floats | None = None
    if event.step is not None:
        step = np.array([event.step], np.int64) if isinstance(event.step, int) else np.array([event.step], np.float64)
    ids = np.array([seq], np.int64), np.array([event.time_ns], np.int64)
    return PointBlock(event.run_id, event.experiment, event.keys, *ids, step, values)

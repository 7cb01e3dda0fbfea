"""Decoding a queue file: columns or events, whole or in stretches, the rows are the same."""

import itertools
import math
import random
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.columns import Decoded, Decoder, count_events
from ingest.events import STEP_FLOAT, STEP_INT, STEP_NONE, MetricsLogged, ParamsLogged, Points, Shape, TagsSet, encode
from ingest.frames import HEADER, frame, payloads
from ingest.shapes import Binding

RUN = "0199f0c8a7b3c1d2e3f4a5"
Row = tuple[int, str, str, str, int, object, bytes]
SHAPES: tuple[tuple[tuple[str, ...], int], ...] = (
    (("loss",), STEP_INT),
    (("loss",), STEP_NONE),
    (("loss",), STEP_FLOAT),
    (("loss", "accuracy"), STEP_INT),
    (("val/loss", "val/accuracy", "é"), STEP_NONE),
    (tuple(f"k{i}" for i in range(40)), STEP_INT),  # a body longer than 255 bytes: another msgpack header
)


class Tape:
    """Builds the bytes of a queue file as log calls do."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.time_ns = 1_700_000_000_000_000_000
        numbers = itertools.count()
        self.bindings = [Binding(self.data.extend, f"{RUN}{run}", "exp", numbers) for run in range(2)]
        self.random = random.Random(7)

    def points(self, run: int, shape: int, step: int = 0) -> None:
        """Log one call of a declared shape."""
        keys, kind = SHAPES[shape]
        packer = self.bindings[run].packer(keys, kind)
        assert packer is not None
        steps = () if kind == STEP_NONE else (step,) if kind == STEP_INT else (step + 0.5,)
        self.time_ns += 1000
        self.data += frame(packer[0](packer[1], self.time_ns, *steps, *(self.random.random() for _ in keys)))

    def logged(self, step: float | None) -> None:
        """Log one self-contained call."""
        event = MetricsLogged(RUN, "exp", self.time_ns, step, ("a", "b"), struct.pack("<2d", math.nan, -0.0))
        self.data += frame(encode(event))

    def fact(self, name: str) -> None:
        """Log a param."""
        self.data += frame(encode(ParamsLogged(RUN, "exp", self.time_ns, {name: "1"})))

    def poison(self) -> None:
        """Write a record that is whole but can't be understood."""
        self.data += frame(b"\x92\x63\x01")


def rows(decoded: Sequence[Decoded]) -> list[Row | tuple[int, object]]:
    """Everything that was decoded, as plain values in the order of seq."""
    found: list[Row | tuple[int, object]] = [(fact.seq, fact.event) for part in decoded for fact in part.facts]
    for block in (block for part in decoded for block in part.points):
        for call in range(len(block.seq)):
            step = None if block.step is None else block.step[call].item()
            found += [
                (
                    int(block.seq[call]),
                    block.run_id,
                    block.experiment,
                    key,
                    int(block.time_ns[call]),
                    step,
                    struct.pack("<d", block.values[call, place]),
                )
                for place, key in enumerate(block.keys)
            ]
    return sorted(found, key=lambda row: row[0])


def at_once(data: bytes) -> tuple[list[Row | tuple[int, object]], Decoder, list[str]]:
    """Decode all of it in one call."""
    decoder = Decoder(3)
    decoded = decoder.decode(data, 0, len(data))
    assert decoded.end == len(data)
    return rows([decoded]), decoder, decoded.poisoned


def one_by_one(data: bytes) -> tuple[list[Row | tuple[int, object]], Decoder, list[str]]:
    """Decode each frame for itself, so that there is no period to find."""
    decoder, parts = Decoder(3), []
    for _, payload in payloads(data, 0, len(data)):
        single = frame(payload)
        parts.append(decoder.decode(single, 0, len(single)))
    return rows(parts), decoder, [line for part in parts for line in part.poisoned]


step = st.one_of(
    st.tuples(st.just("points"), st.integers(0, 1), st.integers(0, len(SHAPES) - 1)),
    st.tuples(st.sampled_from(["logged", "fact", "poison"]), st.just(0), st.just(0)),
)
phrases = st.lists(st.tuples(st.lists(step, min_size=1, max_size=5), st.integers(1, 30)), max_size=6)
Phrases = list[tuple[list[tuple[str, int, int]], int]]


def tape_of(phrases: Phrases) -> bytes:
    """Phrases of calls, each repeated: what a training loop logs, and what breaks its rhythm."""
    tape = Tape()
    count = itertools.count()
    for phrase, times in phrases:
        for what, run, shape in phrase * times:
            number = next(count)
            if what == "points":
                tape.points(run, shape, number)
            elif what == "logged":
                tape.logged([None, number, number + 0.25][number % 3])
            elif what == "fact":
                tape.fact(f"p{number}")
            else:
                tape.poison()
    return bytes(tape.data)


@given(phrases)
def test_columns_give_the_same_rows_as_event_by_event(phrases: Phrases) -> None:
    """Whatever repeats and whatever breaks the period: the fast path can't be seen from outside."""
    data = tape_of(phrases)
    fast, by_columns, poisoned = at_once(data)
    slow, by_events, poisoned_too = one_by_one(data)

    assert fast == slow
    assert (by_columns.frames, by_columns.events) == (by_events.frames, by_events.events)
    assert len(poisoned) == len(poisoned_too)
    assert count_events(data) == (by_columns.events, len(data))


@given(phrases, st.lists(st.floats(0, 1), max_size=5))
def test_stretches_cut_anywhere_give_the_same_rows(phrases: Phrases, cuts: list[float]) -> None:
    """A drain may end in the middle of a frame; the next one begins where whole frames ended."""
    data = tape_of(phrases)
    decoder, parts, offset = Decoder(3), [], 0
    for end in [*sorted(int(cut * len(data)) for cut in cuts), len(data)]:
        piece = data[offset : max(offset, end)]
        parts.append(decoder.decode(piece, 0, len(piece)))
        offset += parts[-1].end

    assert rows(parts) == at_once(data)[0]


def test_a_stretch_that_ends_at_any_byte_of_a_periodic_file_decodes() -> None:
    """Regression: a chunk that ended within three bytes of a frame's payload raised IndexError, for ever."""
    tape = Tape()
    for number in range(40):
        tape.points(0, 0, number)
    data = bytes(tape.data)
    ends = [offset for offset, _ in payloads(data, 0, len(data))] + [len(data)]
    for cut in range(len(data) + 1):
        decoded = Decoder(1).decode(data[:cut], 0, cut)

        assert decoded.end == max(end for end in ends if end <= cut)


def test_the_sequence_number_counts_frames_of_the_segment() -> None:
    """It is segment << 32 | place of the frame, declarations of shapes included: it only grows within a writer."""
    tape = Tape()
    tape.points(0, 0)
    tape.fact("p")
    tape.points(0, 0)
    found, decoder, _ = at_once(bytes(tape.data))

    assert [row[0] for row in found] == [(3 << 32) + place for place in (1, 2, 3)]  # 0 declares the shape
    assert (decoder.frames, decoder.events) == (4, 3)


def test_a_body_that_does_not_fit_its_shape_is_poisoned_and_the_rest_goes_on() -> None:
    """One record that can't be understood is reported with its place; its neighbours are decoded."""
    tape = Tape()
    tape.points(0, 0)
    tape.data += frame(encode(Points(0, bytes(9))))
    tape.data += frame(encode(Points(99, bytes(24))))
    tape.data += frame(b"\xff")
    tape.points(0, 0)
    found, decoder, poisoned = at_once(bytes(tape.data))

    assert len(found) == 2
    assert [line.split(":")[0] for line in poisoned] == [
        f"record {place} at offset {offset}"
        for place, (offset, _) in enumerate(payloads(bytes(tape.data), 0, len(tape.data)))
        if place in (2, 3, 4)
    ]
    assert decoder.events == 5


def test_an_unknown_tag_of_a_newer_version_is_poisoned() -> None:
    """A newer writer's event is set aside by an older reader, never guessed at."""
    tape = Tape()
    tape.data += frame(encode(TagsSet(RUN, "exp", 1, {"a": "1"})).replace(b"\x95\x05", b"\x95\x63"))
    tape.fact("p")
    found, _, poisoned = at_once(bytes(tape.data))

    assert len(found) == 1
    assert len(poisoned) == 1


@pytest.mark.parametrize("number", [1, 13, 128, 300, 70_000])
@pytest.mark.parametrize("keys", [1, 40, 9000])
def test_shapes_with_large_numbers_and_many_keys_decode_by_columns(number: int, keys: int) -> None:
    """The msgpack header's length varies with the shape's number and the body's size."""
    data = bytearray()
    binding = Binding(data.extend, RUN, "exp", itertools.count(number))
    packer = binding.packer(tuple(f"k{i}" for i in range(keys)), STEP_INT)
    assert packer is not None
    for step in range(20):
        data += frame(packer[0](packer[1], step, step, *([0.5] * keys)))
    decoded = Decoder(1).decode(bytes(data), 0, len(data))

    assert [len(block.seq) > 10 for block in decoded.points] == [True, False]  # taken as columns, but for the first few
    found = sorted(seq for block in decoded.points for seq in block.seq.tolist())
    assert found == [(1 << 32) + at for at in range(1, 21)]
    assert {block.values.shape[1] for block in decoded.points} == {keys}


def test_zeros_end_the_file() -> None:
    """A length of zero is the end, however much preallocated file follows."""
    tape = Tape()
    tape.fact("p")
    data = bytes(tape.data) + bytes(4096)

    assert Decoder(1).decode(data, 0, len(data)).end == len(tape.data)
    assert count_events(data) == (1, len(tape.data))


def test_a_declaration_that_repeats_is_taken_as_the_last() -> None:
    """A shape's number belongs to the last declaration before the points."""
    point = frame(encode(Points(0, struct.pack("<qd", 1, 2.0))))
    data = b"".join(frame(encode(Shape(0, RUN, "exp", (key,), STEP_NONE))) + point for key in "ab")
    found, _, poisoned = at_once(data)

    assert [row[3] for row in found if len(row) == 7] == ["a", "b"]
    assert not poisoned


def test_a_frame_longer_than_what_is_there_waits() -> None:
    """A frame whose end hasn't come yet is left for the next stretch."""
    tape = Tape()
    tape.fact("p")
    cut = bytes(tape.data)[:-1]

    assert Decoder(1).decode(cut, 0, len(cut)).end == 0
    assert Decoder(1).decode(bytes(tape.data)[: HEADER.size], 0, HEADER.size).end == 0

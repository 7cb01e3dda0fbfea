"""Frames: whatever happened to the bytes, reading gives whole events or stops; nothing is guessed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.frames import HEADER, MAX_PAYLOAD, frame, payloads, whole

EVENTS = [b"a", b"bc" * 20, b"\1\0\2", b"d" * 300, b"e"]
DATA = b"".join(map(frame, EVENTS))
ENDS = [sum(HEADER.size + len(event) for event in EVENTS[:count]) for count in range(len(EVENTS) + 1)]


def read(data: bytes) -> list[bytes]:
    """What recovery takes from a file."""
    return [payload for _, payload in payloads(data, 0, whole(data).end)]


def test_whole_frames_read_back_in_order() -> None:
    """Payloads come back as they were, zeros in them included."""
    assert read(DATA) == EVENTS
    assert whole(DATA) == (len(DATA), len(EVENTS), None)


def test_zeros_behind_the_last_frame_are_the_unwritten_rest() -> None:
    """A preallocated file's rest is no damage."""
    assert whole(DATA + bytes(5000)) == (len(DATA), len(EVENTS), None)
    assert whole(bytes(100)) == (0, 0, None)
    assert whole(b"") == (0, 0, None)


@pytest.mark.parametrize("rest", [0, 3, 4096])
def test_a_file_torn_at_any_byte_gives_the_events_before(rest: int) -> None:
    """A writer that died in the middle of a frame leaves the frames before it, whatever follows."""
    for cut in range(len(DATA)):
        extent = whole(DATA[:cut] + bytes(rest))

        assert extent.end <= cut
        assert extent.end in ENDS
        assert extent.frames == ENDS.index(extent.end)
        assert extent.frames == len([end for end in ENDS[1:] if end <= cut])


def test_a_flipped_bit_anywhere_stops_reading_before_it() -> None:
    """The event that was hit and those behind it are not given; those before it are."""
    for place in range(len(DATA)):
        for bit in range(8):
            hit = bytearray(DATA)
            hit[place] ^= 1 << bit
            extent = whole(bytes(hit))

            assert extent.torn is not None
            assert extent.frames == len([end for end in ENDS[1:] if end <= place])
            assert read(bytes(hit)) == EVENTS[: extent.frames]


def test_a_lost_page_in_the_middle_is_reported_with_what_lies_behind() -> None:
    """After a power cut pages land in any order: zeros, then bytes again, are no clean end."""
    lost = DATA[: ENDS[1]] + bytes(ENDS[3] - ENDS[1]) + DATA[ENDS[3] :]
    extent = whole(lost)

    assert extent.end == ENDS[1]
    assert str(ENDS[3]) in (extent.torn or "")


@given(st.binary(max_size=200))
def test_garbage_never_raises_and_never_passes(garbage: bytes) -> None:
    """Any bytes can be looked at; what is taken from them has a checksum that fits."""
    extent = whole(garbage)

    assert 0 <= extent.end <= len(garbage)
    assert b"".join(map(frame, read(garbage))) == garbage[: extent.end]


def test_a_length_beyond_the_file_or_the_limit_is_damage() -> None:
    """A length is not believed before its bytes are there."""
    for length in (5, MAX_PAYLOAD + 1, 2**32 - 1):
        assert whole(HEADER.pack(length, 0) + b"abcd").torn is not None


def test_reading_may_begin_behind_frames_that_were_checked() -> None:
    """Offsets are those of the whole file."""
    extent = whole(memoryview(DATA), ENDS[2])

    assert extent.end == len(DATA)
    assert extent.frames == len(EVENTS) - 2


def test_a_tail_of_other_bytes_is_not_taken_for_events() -> None:
    """What lies behind a torn frame has no checksum that fits."""
    chance = random.Random(5)
    for _ in range(200):
        cut = chance.randrange(len(DATA))
        mixed = DATA[:cut] + chance.randbytes(40)

        assert read(mixed) == EVENTS[: len(read(mixed))]

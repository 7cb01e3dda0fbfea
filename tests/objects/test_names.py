"""Names of objects: each is undone, and any artifact's name becomes a key of its own."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.objects.names import (
    LiveKey,
    file_of_key,
    heartbeat_key,
    key_of_file,
    live_key,
    parse_heartbeat,
    parse_live,
    parse_swap,
    pieces,
    swap_key,
)


def test_keys_of_live_objects_and_swaps_are_undone() -> None:
    """What a key says is what it was made of; other keys say nothing."""
    key = live_key("host-1-0-abc", 3, 0, 12345)
    assert key == "live/host-1-0-abc/000003/000000000000-000000012345.zst"
    assert parse_live(key) == LiveKey("host-1-0-abc", 3, 0, 12345)
    assert parse_live(heartbeat_key("host-1-0-abc")) is None
    assert parse_heartbeat(heartbeat_key("host-1-0-abc")) == "host-1-0-abc"
    assert parse_heartbeat(key) is None
    assert parse_swap(swap_key(12)) == 12
    assert parse_swap("swaps/x.json") is None


@given(st.lists(st.sampled_from(list("%012A7Fé\n\t\x7f\x01 a5/")), max_size=12).map("".join))
def test_a_files_name_and_its_key_are_one_to_one(name: str) -> None:
    """The key has no control characters, and gives the name back, also of names that look encoded."""
    key = key_of_file(name)
    assert not any(ord(character) < 32 or ord(character) == 127 for character in key)
    assert file_of_key(key) == name


def test_distinct_files_have_distinct_keys() -> None:
    """Also a newline and its code, and the code of a percent sign."""
    names = ["\n", "%0A", "%250A", "%25250A", "%", "%25", "%%0A", "%\n"]
    assert len({key_of_file(name) for name in names}) == len(names)
    assert key_of_file("plots/50%/é.png") == "plots/50%/é.png"


@pytest.mark.parametrize(
    ("spans", "chain"),
    [
        ([], []),
        ([(0, 0)], [(0, 0)]),
        ([(0, 0), (0, 10)], [(0, 10)]),
        ([(0, 10), (10, 20)], [(0, 10), (10, 20)]),
        ([(0, 10), (10, 30), (0, 25), (30, 31)], [(0, 25), (10, 30), (30, 31)]),
        ([(0, 10), (12, 20)], [(0, 10)]),
        ([(10, 20)], []),
    ],
)
def test_the_pieces_of_a_segment_reach_as_far_as_its_objects_do(
    spans: list[tuple[int, int]], chain: list[tuple[int, int]]
) -> None:
    """Overlaps of repeated uploads are used, gaps end the chain, and without a first object nothing is live."""
    for order in itertools.islice(itertools.permutations(spans), 24):
        assert pieces(LiveKey("w", 1, *span) for span in order) == [LiveKey("w", 1, *span) for span in chain]

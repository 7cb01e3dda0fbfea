"""Swaps: the newest state counts, one of two makers wins, damage and newer formats are refused."""

import msgspec
import pytest

from ingest.errors import FormatTooNew, SegmentCorrupt
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.names import swap_key
from ingest.objects.swaps import MergedPart, SwapState, create, read_state
from tests.objects.conftest import S3


def test_the_newest_state_counts(s3: S3) -> None:
    """None is an empty one; each next is read as it was made."""
    part = MergedPart("metrics", "metrics/experiment=a/compacted-1.0.parquet", "tmp/x", "a", "b", 3)
    with Bucket(Address.of(s3.address())) as bucket:
        assert read_state(bucket) == (0, SwapState())
        assert create(bucket, 1, SwapState())
        assert create(bucket, 2, SwapState((part,), ("k",), (1.0,)))
        number, state = read_state(bucket)
        assert number == 2
        assert state.parts == (part,)
        assert state.replaced == ("k",)


def test_of_two_makers_one_wins(s3: S3) -> None:
    """Equal states of two makers are two states: only one has made it."""
    with Bucket(Address.of(s3.address())) as bucket:
        assert [create(bucket, 1, SwapState()) for _ in range(3)] == [True, False, False]


def test_a_damaged_or_newer_state_is_refused(s3: S3) -> None:
    """To guess could count rows twice."""
    with Bucket(Address.of(s3.address())) as bucket:
        bucket.put(swap_key(1), b"{")
        with pytest.raises(SegmentCorrupt, match="which parts count"):
            read_state(bucket)
        bucket.put(swap_key(2), msgspec.json.encode({"format_version": 99, "parts": 7}))
        with pytest.raises(FormatTooNew, match="99"):
            read_state(bucket)

"""What a writer's name tells: its rank, by three ways that must agree."""

import polars as pl
import pytest

from ingest.layout import new_writer_id, segment_name
from readers.writernames import host, of_rank, rank, rank_of

NAMES = [
    ("node_1-77-0-18cabc", 0),
    ("node_1-77-12-18cabc", 12),
    ("node_1-77-120-18cabc", 120),
    ("77-1-2-3", 2),
    ("mlflow", None),
    ("", None),
    ("a-b-3-c", None),
    ("node-1-99999999999-c", None),
]


@pytest.mark.parametrize("wanted", [0, 1, 2, 12, 120])
def test_every_way_to_tell_a_rank_tells_the_same(wanted: int) -> None:
    """Of a column, of one name, as a filter; a name of another form tells none, and is taken for rank 0."""
    frame = pl.DataFrame({"writer": [name for name, _ in NAMES]})

    assert frame.select(rank())["rank"].to_list() == [known for _, known in NAMES]
    assert [rank_of(name) for name, _ in NAMES] == [known or 0 for _, known in NAMES]
    of_it = [name for name, known in NAMES if (known or 0) == wanted]
    assert frame.filter(of_rank(wanted))["writer"].to_list() == of_it


def test_the_names_that_writers_have_are_understood() -> None:
    """Those of this version, and of their segments."""
    name = new_writer_id(31)

    assert (rank_of(name), rank_of(segment_name(name, 4))) == (31, 31)
    told = pl.DataFrame({"writer": [name] * 3}).select(rank(), host())
    assert told["rank"].to_list() == [31] * 3
    assert told["host"][0] == name.partition("-")[0]


def test_no_writers_have_no_ranks() -> None:
    """An empty column stays one of integers."""
    assert pl.DataFrame({"writer": []}, {"writer": pl.String()}).select(rank()).schema == {"rank": pl.Int64()}

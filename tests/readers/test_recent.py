"""What is read again and again is kept in memory, within a bound, and changes no answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from readers.recent import Recent
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

FRAME = pl.DataFrame({"a": [1, 2, 3, 4]})
SIZE = int(FRAME.estimated_size())


def refuse() -> pl.DataFrame:
    """What must not be read."""
    raise AssertionError


def test_the_second_reading_is_kept() -> None:
    """The first asks nobody, the second reads, from the third on memory answers."""
    recent = Recent()

    assert recent.get("k", refuse) is None
    assert recent.get("k", lambda: FRAME) is FRAME
    assert recent.get("k", refuse) is FRAME


def test_the_least_recently_used_go_first() -> None:
    """The bound holds; what is too large for it isn't kept at all."""
    recent = Recent(2 * SIZE)
    for key in "abab":
        recent.get(key, lambda: FRAME)
    recent.get("a", refuse)
    for _ in range(2):
        recent.get("c", lambda: FRAME)

    assert [recent.get(key, FRAME.clear) is FRAME for key in "ac"] == [True, True]
    assert recent.get("b", lambda: FRAME.head(1)) is not FRAME
    large = pl.concat([FRAME] * 3)
    assert [recent.get("large", lambda: large) is large for _ in range(3)] == [False, True, True]
    assert recent._bytes <= 2 * SIZE


def test_answers_stay_right_while_the_store_changes(recorder: "Recorder", store: Store) -> None:
    """Asked again and again between seals, the small tables follow."""
    questions: list[Callable[[], int]] = [
        lambda: store.facts().collect().height,
        lambda: int(store.summaries().select(pl.col("count").sum()).collect().item()),
        lambda: store.runs().collect().height,
    ]
    for number in range(4):
        recorder.start(f"r{number}")
        recorder.log(f"r{number}", {"loss": 1.0})
        recorder.seal()
        for _ in range(3):
            assert [question() for question in questions] == [8 * (number + 1), number + 1, number + 1]

"""What the commands print: escapes, numbers, spans, JSON."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from readers.visible import visible
from tracker.cli import screen


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a/b c.é 長 👩‍👧", "a/b c.é 長 👩‍👧"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\t\r\x00", "a\\nb\\t\\r\\x00"),
        ("\u202eexe", "\\u202eexe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_plain_escapes_what_is_active_or_hidden(given: str, expected: str) -> None:
    """Letters of any script stay; what could act on a terminal becomes visible."""
    assert visible(given) == expected


def test_plain_cuts() -> None:
    """The last character says that something was cut."""
    assert visible("abcdef", limit=4) == "abc…"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, "0.12346"),
        (3.0, "3"),
        (-0.0, "-0"),
        (1234567.0, "1,234,567"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (None, "-"),
    ],
)
def test_numbers(value: float | None, expected: str) -> None:
    """Five significant digits, whole numbers whole."""
    assert screen.number(value).plain == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (7620, "2 h 7 min"),
        (90000, "1 d 1 h"),
        (None, "-"),
        (-5.0, "-"),
    ],
)
def test_durations(seconds: float | None, expected: str) -> None:
    """The two largest units."""
    assert screen.duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (209_400, "209 kB"), (3 * 10**9, "3.0 GB")]
)
def test_sizes(count: int, expected: str) -> None:
    """Three digits and a unit."""
    assert screen.size(count) == expected


def test_short_moments() -> None:
    """Today by the clock, this year by the day, others by the date."""
    now = datetime(2026, 11, 23, 12, 0).astimezone()

    assert screen.short_moment(now - timedelta(hours=1), now) == "11:00"
    assert screen.short_moment(now - timedelta(days=3), now) == "Nov 20"
    assert screen.short_moment(now - timedelta(days=400), now) == "2025-10-19"
    assert screen.short_moment(None) == "-"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "NaN"),
        ({"a": [float("inf"), (-float("inf"),)]}, {"a": ["Infinity", ["-Infinity"]]}),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(seconds=1.5), 1.5),
        ({1: True, "x": None}, {"1": True, "x": None}),
        (Path("a"), "a"),
        (b"\xff", "b'\\xff'"),
    ],
)
def test_json_values(value: object, expected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Strict JSON whatever comes."""
    screen.print_json(value)

    assert json.loads(capsys.readouterr().out) == expected

"""Numbers and names in sentences are short, and still tell what they are there to tell."""

import pytest

from readers.wording import listed, number, p_text, percent


@pytest.mark.parametrize(
    ("value", "apart", "text"),
    [
        (0.912345, 0.0, "0.9123"),
        (0.912345, 0.1, "0.9123"),
        (0.912345, 0.00012, "0.91234"),
        (0.9123456789, 1e-7, "0.91234568"),
        (1234567.0, 2.0, "1234567"),
        (0.93, 1.1e-16, "0.93"),
        (0.0, 0.1, "0"),
        (-1e300, 1e300, "-1e+300"),
        (float("inf"), 1.0, "inf"),
        (1.5, float("nan"), "1.5"),
    ],
)
def test_numbers_have_the_digits_that_their_difference_needs(value: float, apart: float, text: str) -> None:
    """Four, or up to the second digit of the difference."""
    assert number(value, apart) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.0499, "p = 0.05"), (0.012, "p = 0.012"), (0.0009, "p < 0.001"), (1.0, "p = 1")]
)
def test_p_values_have_two_digits(p: float, text: str) -> None:
    """And below a thousandth no more is said."""
    assert p_text(p) == text


def test_long_lists_are_cut() -> None:
    """After six names."""
    assert listed(["a"]) == "'a'"
    assert listed(["a", "b"]) == "'a' and 'b'"
    assert listed([*"abcdefgh"]) == "'a', 'b', 'c', 'd', 'e', 'f' and 2 more"


def test_levels_are_percents() -> None:
    """Without the noise of binary fractions."""
    assert percent(1 - 0.95) == "5 %"
    assert percent(0.999) == "99.9 %"

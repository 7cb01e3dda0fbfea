"""The bar is for people at a terminal: it says what is tried, and is gone at the end."""

from io import StringIO

import pytest
from rich.console import Console

from tests.training.learners import Bayes
from tests.training.tables import wine
from tracker import MLTrainingEngine
from tracker.training.budget import Budget
from tracker.training.candidate import Candidate, Tried
from tracker.training.progress import Progress


def progress(console: Console, shown: bool | None = None) -> Progress:
    """A bar of a search by log loss."""
    return Progress("log_loss", "minimize", Budget(None, 4), shown=shown, console=console)


def tried(number: int, score: float) -> Tried:
    """A complete trial."""
    return Tried(number, Candidate(Bayes(), {}, 0), "complete", score)


@pytest.mark.parametrize(
    ("terminal", "shown", "there"), [(True, None, True), (False, None, False), (True, False, False)]
)
def test_it_is_shown_on_a_terminal_unless_it_is_not_wanted(terminal: bool, shown: bool | None, there: bool) -> None:
    """With the best score so far; what is worse later doesn't change it."""
    written = StringIO()
    with progress(Console(file=written, force_terminal=terminal, width=100), shown) as bar:
        bar.note(tried(1, 0.7))
        bar.note(tried(2, 0.25))
        bar.note(tried(3, 0.5))

    assert ("3 trials; best log_loss 0.2500 (bayes)" in written.getvalue()) is there
    assert bool(written.getvalue()) is there


def test_closing_twice_is_once() -> None:
    """A search that failed closes it, too."""
    bar = progress(Console(file=StringIO(), force_terminal=True))
    bar.close()
    bar.close()
    bar.note(tried(1, 0.5))


def test_an_engine_says_nothing_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    """In a script, in CI: not a line."""
    MLTrainingEngine(max_trials=2, algorithms=["naive_bayes"], feature_selection=False).fit(*wine())

    assert capfd.readouterr() == ("", "")

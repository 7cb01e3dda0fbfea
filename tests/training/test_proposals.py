"""Proposals begin with the defaults, never come twice, and depend on the seed alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.training.learners import Bayes
from tracker.training.candidate import Candidate, Tried
from tracker.training.proposals import Proposals, RandomProposals
from tracker.training.space import Choice, Real, Space

SPACES = {
    "one": Space({"x": Real(0.0, 1.0, 0.5), "kind": Choice(("a", "b"))}),
    "two": Space({"only": Choice((1, 2))}),
    "none": Space({}),
}


def made(kind: str, seed: int = 0, spaces: Mapping[str, Space] = SPACES) -> Proposals:
    """Proposals of a kind."""
    if kind == "random":
        return RandomProposals(spaces, seed)
    pytest.importorskip("optuna")
    from tracker.training.tpe import TpeProposals

    return TpeProposals(spaces, "maximize", seed)


class Named(Bayes):
    """An algorithm of a name."""

    def __init__(self, name: str) -> None:
        self.name = name


def follow(proposals: Proposals, algorithm: str, count: int) -> list[dict[str, Any]]:
    """So many proposals, each scored by its x."""
    found = []
    for number in range(count):
        params = proposals.propose(algorithm)
        if params is None:
            break
        found.append(params)
        tried = Tried(number, Candidate(Named(algorithm), params, 0), "complete", score=float(params.get("x", 0)))
        proposals.learn(tried, {0: 0.1})
    return found


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_the_defaults_come_first_and_nothing_twice(kind: str) -> None:
    """A space of two settings gives two; one without any gives one."""
    assert made(kind).propose("one") == {"x": 0.5, "kind": "a"}
    assert sorted(params["only"] for params in follow(made(kind), "two", 5)) == [1, 2]
    assert follow(made(kind), "none", 5) == [{}]


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_the_seed_decides_and_other_algorithms_dont(kind: str) -> None:
    """An algorithm's proposals are the same, however many the others had."""
    alone = follow(made(kind), "one", 12)
    beside = made(kind)
    follow(beside, "two", 2)

    assert follow(beside, "one", 12) == alone
    assert follow(made(kind, seed=1), "one", 12) != alone


def test_tpe_goes_where_it_was_good() -> None:
    """After thirty trials the proposals lie nearer to the best x than chance would."""
    found = [params["x"] for params in follow(made("tpe"), "one", 30)]

    assert sum(found[15:]) / 15 > 0.75


@pytest.mark.parametrize("state", ["pruned", "failed"])
def test_tpe_takes_in_what_didnt_end_well(state: str) -> None:
    """And goes on."""
    proposals = made("tpe")
    params = proposals.propose("one")
    assert params is not None
    proposals.learn(Tried(1, Candidate(Named("one"), params, 0), state), {0: 0.3})  # type: ignore[arg-type]

    assert proposals.propose("one") is not None

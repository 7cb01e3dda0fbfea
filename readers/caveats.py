"""Caveats: what one should know before one believes an importance, in words."""

from collections.abc import Sequence
from difflib import get_close_matches

from readers.paramspace import Parameter
from readers.spearman import Alike

FEW = 10
"""Fewer runs than this tell nothing of importance: the intervals say so."""
POOR = 0.3
"""An R2 below which the params are said to explain little."""
_MOST_NAMES = 5


def of_target(name: str, there: int, left_out: int, *, constant: bool) -> list[str]:
    """About the metric: where it is missing, or always the same."""
    every = there + left_out
    if not every:
        return [f"there are no runs, so nothing is known of what {name!r} depends on: importances are 0"]
    if not there:
        return [f"none of {_runs(every)} has a finite {name!r}, so its importances are all 0"]
    found = []
    if left_out:
        found.append(f"{left_out:,} of {_runs(every)} {_are(left_out)} left out: no finite {name!r}")
    if constant:
        found.append(f"{name!r} is the same in all {_runs(there)}, so no param matters for it: importances are 0")
    return found


def of_parameters(asked: Sequence[Parameter], there: Sequence[str]) -> list[str]:
    """About params that can't matter: those that no run has, that don't vary, or that tell runs apart like a name."""
    found = []
    for one in asked:
        if one.kind == "missing":
            near = get_close_matches(one.name, there, n=2)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; there is: {_listed(there)}"
            found.append(f"no run has a param {one.name!r}, its importance is 0{hint if there else ''}")
    constant = [one.name for one in asked if one.kind == "constant"]
    if constant:
        found.append(
            f"{_listed(constant)} {_do(constant)} not vary in these runs: importance 0 says nothing of {_it(constant)}"
        )
    unique = [one.name for one in asked if one.kind == "unique"]
    if unique:
        found.append(
            f"{_listed(unique)} {_are(len(unique))} a different text in nearly every run, like a name: importance 0"
        )
    return found


def of_answer(name: str, n: int, n_params: int, r2: float, pairs: Sequence[Alike]) -> list[str]:
    """About how far to trust it: few runs, a poor model, params that go together."""
    found = []
    if n < FEW:
        found.append(
            f"{_runs(n)} {_are(n)} too few to tell what {name!r} depends on; {FEW} are the least, more is better"
        )
    elif n < n_params:
        found.append(
            f"there are fewer runs ({n}) than params ({n_params}): mind the intervals, and look at fewer params"
        )
    if r2 < POOR:
        found.append(
            f"these params explain little of {name!r} (R2 {max(r2, -1.0):.2f} on runs not seen): their importances"
            " divide up that little, or chance"
        )
    if pairs and n >= FEW:  # in fewer, params go together by chance
        which = [f"{pair.a!r} and {pair.b!r}" for pair in pairs]
        found.append(
            f"{_listed(which, quoted=False)} go together in these runs: which of them matters can't be told, and they"
            " share the importance"
        )
    return found


def _listed(names: Sequence[str], *, quoted: bool = True) -> str:
    shown = [repr(name) if quoted else name for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(shown) + more


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _do(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"

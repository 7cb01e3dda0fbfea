"""Errors of a search's fits: which failed, and why; scikit-learn shows them in a warning, and keeps none."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.model_selection._search import BaseSearchCV


class PartialSearch(NamedTuple):
    """How far a search came that an error ended, as the error's traceback has it."""

    results: Mapping[str, Any]
    """Of the rounds before the one that failed."""
    candidates: Sequence[Mapping[str, Any]]
    fits: Sequence[Mapping[str, Any]]
    """Of this round: for each candidate and fold what _fit_and_score gave, if they all were made."""

    @classmethod
    def of(cls, error: BaseException | None) -> "PartialSearch":
        """Look it up in an error that `fit` raised."""
        trace = None if error is None else error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_name == "evaluate_candidates":
                known = trace.tb_frame.f_locals
                return cls(known.get("results") or {}, known.get("candidate_params") or (), known.get("out") or ())
            trace = trace.tb_next
        return cls({}, (), ())

    def failed(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The candidates of which no fit succeeded, with the traceback of the first."""
        folds = len(self.fits) // len(self.candidates) if self.candidates else 0
        for place, params in enumerate(self.candidates if folds else ()):
            errors = [fit.get("fit_error") for fit in self.fits[place * folds : (place + 1) * folds]]
            if all(errors):
                yield params, str(errors[0])


class FitErrors:
    """The tracebacks of a search's fits that failed.

    They are taken where it puts its results together, `BaseSearchCV._format_results`, as long as they are wanted; a
    version of scikit-learn without it gives none.
    """

    def __init__(self, search: object) -> None:
        self._search = search
        self.found: list[str | None] = []
        """For each candidate and fold the traceback, or None; empty where not known."""

    def keep(self) -> None:
        """Take them from now on."""
        with _wanted.lock:
            if not _wanted.by_search and hasattr(BaseSearchCV, "_format_results"):
                _wanted.original = BaseSearchCV._format_results  # noqa: SLF001 - see the class
                BaseSearchCV._format_results = _watched(_wanted.original)  # noqa: SLF001
            _wanted.by_search[id(self._search)] = self

    def release(self) -> None:
        """Take no more; twice is once."""
        with _wanted.lock:
            gone = _wanted.by_search.pop(id(self._search), None)
            if gone is not None and not _wanted.by_search and _wanted.original is not None:
                BaseSearchCV._format_results = _wanted.original  # noqa: SLF001
                _wanted.original = None


class _Wanted:
    """Whose errors are wanted."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_search: dict[int, FitErrors] = {}
        self.original: Callable[..., Any] | None = None


_wanted = _Wanted()


def take(search: object, fits: Sequence[Mapping[str, Any]]) -> None:
    """Take the errors of a search, if they are wanted, out of what its fits gave."""
    errors = _wanted.by_search.get(id(search))
    if errors is not None:
        errors.found = [fit.get("fit_error") for fit in fits]


def _watched(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def format_results(self: Any, candidate_params: Any, n_splits: int, out: Any, *args: Any, **kwargs: Any) -> Any:
        take(self, out)
        return original(self, candidate_params, n_splits, out, *args, **kwargs)

    return format_results

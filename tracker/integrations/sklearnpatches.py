"""Patches: scikit-learn's `fit` methods, for as long as somebody watches them.

Each class that derives from BaseEstimator and has a `fit` or `fit_predict` of its own gets one that asks the watcher
first; classes that are imported or written later get theirs as they are made. `remove` puts everything back. What is
patched in is a plain function that finds the watcher by this module: classes and estimators are pickled, cloned and
sent to workers as ever, and in another process, where nobody watches, the fits are the original ones.

A fit is somebody's own, and watched, unless it is part of a greater one: it was called, in this thread or in the one
that made this thread's pool (joblib's threads know which that is), inside of another fit, or by one of scikit-learn's
functions that fit many times over, such as cross_val_score.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType
from typing import Any, Protocol

from sklearn.base import BaseEstimator
from sklearn.model_selection import _validation
from sklearn.utils._available_if import _AvailableIfDescriptor

_METHODS = ("fit", "fit_predict")
_MANY_FITS = ("_fit_and_score", "_fit_and_predict", "_permutation_test_score", "_incremental_fit_estimator")
_many_fits = frozenset(
    function.__code__ for name in _MANY_FITS if (function := getattr(_validation, name, None)) is not None
)


class Watcher(Protocol):
    """Who is asked to make each fit that is somebody's own."""

    def fit(self, fit: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `fit(estimator, *args, **kwargs)`, give what it gives, raise what it raises."""
        ...


class _Patches:
    """What is patched in this process, and for whom."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.watcher: Watcher | None = None
        self.pid = 0
        self.inside: set[threading.Thread] = set()
        """Threads in the middle of a watched fit."""
        self.undo: list[Callable[[], object]] = []


_patches = _Patches()


def install(watcher: Watcher) -> None:
    """Let a watcher make the fits of this process; it takes the place of the one before."""
    with _patches.lock:
        if not _patches.undo:
            _patch_new_classes()
            for kind in {BaseEstimator, *_subclasses(BaseEstimator)}:
                _patch(kind)
        _patches.watcher, _patches.pid = watcher, os.getpid()


def remove() -> None:
    """Put the original methods back; without any patch nothing happens."""
    with _patches.lock:
        _patches.watcher = None
        while _patches.undo:
            _patches.undo.pop()()


def watcher() -> Watcher | None:
    """Who watches now, in this process."""
    return _patches.watcher if _patches.pid == os.getpid() else None


def make_fit(original: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a fit through the watcher where it is somebody's own, else as ever."""
    watching = watcher()
    if watching is None or _is_part_of_another():
        return original(estimator, *args, **kwargs)
    thread = threading.current_thread()
    _patches.inside.add(thread)
    try:
        return watching.fit(original, estimator, args, kwargs)
    finally:
        _patches.inside.discard(thread)


def _is_part_of_another() -> bool:
    thread: Any = threading.current_thread()
    while thread is not None:
        if thread in _patches.inside:
            return True
        thread = getattr(thread, "_parent", None)  # a thread of multiprocessing.pool.ThreadPool
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - inspect.stack reads source files
    while frame is not None:
        if frame.f_code in _many_fits:
            return True
        frame = frame.f_back
    return False


def _patched(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        return make_fit(original, self, args, kwargs)

    return fit


def _patch(kind: type) -> None:
    """Patch a class's own methods."""
    for name in _METHODS:
        original = vars(kind).get(name)
        if isinstance(original, _AvailableIfDescriptor):
            function = original.fn
            original.fn = _patched(function)
            _patches.undo.append(functools.partial(setattr, original, "fn", function))
        elif isinstance(original, FunctionType):
            patched = _patched(original)
            setattr(kind, name, patched)
            _patches.undo.append(functools.partial(_restore, kind, name, patched, original))


def _restore(kind: type, name: str, patched: object, original: object) -> None:
    """Put a method back; if somebody else has patched it since, theirs stays, and ours inside of it is idle."""
    if vars(kind).get(name) is patched:
        setattr(kind, name, original)


def _patch_new_classes() -> None:
    """Let BaseEstimator patch each class that is derived from it."""
    before = vars(BaseEstimator).get("__init_subclass__")

    def init_subclass(cls: Any, /, **kwargs: Any) -> None:
        if before is None:
            super(BaseEstimator, cls).__init_subclass__(**kwargs)
        else:
            before.__get__(None, cls)(**kwargs)
        _patch(cls)  # without the lock: a forked child may find it taken for ever

    BaseEstimator.__init_subclass__ = classmethod(init_subclass)
    restored = functools.partial(delattr, BaseEstimator, "__init_subclass__")
    if before is not None:
        restored = functools.partial(setattr, BaseEstimator, "__init_subclass__", before)
    _patches.undo.append(restored)


def _subclasses(kind: type) -> Iterator[type]:
    sub: type
    for sub in type.__subclasses__(kind):
        yield sub
        yield from _subclasses(sub)

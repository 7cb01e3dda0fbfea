"""What `tracker` promises is what it has: `__all__` names the public surface, no more and no less."""

import importlib
import inspect
import pkgutil

import pytest

import tracker
from ingest import errors


def test_all_is_what_can_be_seen() -> None:
    """`__all__` is sorted, and is what `dir` shows without underscores, submodules aside."""
    submodules = {module.name for module in pkgutil.iter_modules(tracker.__path__)}
    seen = {name for name in dir(tracker) if not name.startswith("_") and name not in submodules}

    assert list(tracker.__all__) == sorted(tracker.__all__)
    assert {name for name in tracker.__all__ if not name.startswith("_")} == seen


@pytest.mark.parametrize("name", tracker.__all__)
def test_public_name_is_there_and_documented(name: str) -> None:
    """Each name resolves, and what can have a docstring has one of its own."""
    value = getattr(tracker, name)

    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()


def test_unknown_name_is_an_attribute_error() -> None:
    """The lazy front door refuses what it doesn't have, in Python's own words."""
    with pytest.raises(AttributeError, match="ExperimentTraker"):
        tracker.ExperimentTraker  # noqa: B018


def test_every_error_is_public() -> None:
    """A user can catch each error of the tree by a name from `tracker`."""
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}

    assert tree <= set(tracker.__all__)


def test_the_specifications_names_are_public() -> None:
    """Names that the API document gives are there once their part is built."""
    names = {"ExperimentComparator", "ExperimentTracker", "HyperparameterAnalyzer", "RealTimeTracker"}

    assert names <= set(tracker.__all__)


@pytest.mark.parametrize("package", ["ingest", "readers"])
def test_every_module_says_what_it_is(package: str) -> None:
    """A stranger can follow a call through the tree by the module docstrings alone."""
    found = importlib.import_module(package)
    modules = [importlib.import_module(f"{package}.{m.name}") for m in pkgutil.iter_modules(found.__path__)]

    assert [module.__name__ for module in modules if not module.__doc__] == []

"""wandb.config: a run's params, as attributes and as items."""

import builtins
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from typing import Any

from ingest.values import plain
from tracker.wandb.errors import ConfigError


class Config:
    """A run's params. What is set is logged at once; what was set stays, unless a change is allowed.

    Values are what JSON can hold, as wandb's are: tuples and arrays become lists, paths text. Secrets are masked in the
    store, not here.
    """

    _values: dict[str, Any]
    _tell: Callable[[Mapping[str, Any]], None]
    _free: bool

    def __init__(self, tell: Callable[[Mapping[str, Any]], None], *, allow_val_change: bool = False) -> None:
        vars(self).update(_values={}, _tell=tell, _free=allow_val_change or hasattr(builtins, "__IPYTHON__"))

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set params from a dict, an argparse.Namespace, or any object's attributes.

        Raises: ConfigError: a value would change, and that isn't allowed. TypeError: none of these.
        """
        found = values_of(d)
        free = self._free if allow_val_change is None else allow_val_change
        new = {}
        for name, value in found.items():
            known = name in self._values
            if known and not _same(self._values[name], value):
                if not free:
                    raise ConfigError(
                        f"config {name!r} is {self._values[name]!r} and would become {value!r}; "
                        "say wandb.config.update(..., allow_val_change=True) if it shall"
                    )
                new[name] = value
            elif not known:
                new[name] = value
        if new:
            self._tell(new)
            self._values.update(new)

    def setdefaults(self, d: Any) -> None:
        """Set the params that aren't set yet."""
        self.update({name: value for name, value in values_of(d).items() if name not in self._values})

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Set a param unless it is set, and give its value."""
        self.setdefaults({key: default})
        return self._values[key]

    def get(self, *args: Any) -> Any:
        """Give a param's value, else a default."""
        return self._values.get(*args)

    def as_dict(self) -> dict[str, Any]:
        """All params."""
        return dict(self._values)

    def keys(self) -> KeysView[str]:
        """Their names."""
        return self._values.keys()

    def items(self) -> ItemsView[str, Any]:
        """Names and values."""
        return self._values.items()

    def values(self) -> list[Any]:
        """The values."""
        return list(self._values.values())

    def persist(self) -> None:
        """Do nothing: what is set is logged."""

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"config has no param {name!r}; it has: {', '.join(self._values) or 'none'}")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def values_of(given: Any) -> dict[str, Any]:
    """Params by their names, as plain data. Raises: TypeError: no dict, and nothing with attributes."""
    if given is None:
        return {}
    if isinstance(given, Config):
        return given.as_dict()
    found = given if isinstance(given, Mapping) else getattr(given, "__dict__", None)
    if found is None:
        raise TypeError(f"config is a dict, or an object with attributes, not {type(given).__name__}")
    values = {}
    for name, value in found.items():
        if not isinstance(name, str):
            raise TypeError(f"a param's name is a str, not {type(name).__name__} ({name!r})")
        values[name.strip()] = plain(value, where=f"config {name!r}")
    return values


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN is what differs from itself

"""wandb.summary: what stands for a run's metrics: their last values, or what define_metric says, or what a script sets.

What the history brings is told by the store's own summaries, so nothing of it is stored again. What a script sets is
logged at once: a number as a metric without a step, unless the history has a metric of that name; all else as the tag
"summary.<name>".
"""

from collections.abc import Callable, Iterator, KeysView, Mapping
from typing import Any

from ingest.values import plain

Path = tuple[str, ...]


class _Missing(AttributeError, KeyError):
    """What isn't there, whichever way it was asked for."""

    __str__ = AttributeError.__str__


class Summary:
    """A summary, or a dict in one; read and set by items, and by attributes."""

    _values: dict[str, Any]
    _path: Path
    _tell: Callable[[Path, Any], None]

    def __init__(
        self, tell: Callable[[Path, Any], None], values: dict[str, Any] | None = None, path: Path = ()
    ) -> None:
        vars(self).update(_tell=tell, _values={} if values is None else values, _path=path)

    def update(self, d: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set several."""
        for name, value in {**dict(d or {}), **more}.items():
            self[name] = value

    def get(self, key: str, default: Any = None) -> Any:
        """Give one, else a default."""
        return default if key not in self._values else self[key]

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def items(self) -> list[tuple[str, Any]]:
        """Names and values."""
        return [(name, self[name]) for name in self._values]

    def as_dict(self) -> dict[str, Any]:
        """All of it, as plain dicts."""
        return _copied(self._values)

    def _put(self, path: Path, value: Any) -> None:
        """Take what the history says."""
        inner = self._values
        for name in path[:-1]:
            below = inner.get(name)
            if not isinstance(below, dict):
                below = inner[name] = {}
            inner = below
        inner[path[-1]] = value

    def __getitem__(self, key: str) -> Any:
        try:
            value = self._values[key]
        except KeyError:
            raise _Missing(f"the summary has no {key!r}; it has: {', '.join(self._values) or 'nothing'}") from None
        return Summary(self._tell, value, (*self._path, key)) if isinstance(value, dict) else value

    def __setitem__(self, key: str, value: Any) -> None:
        data = plain(value, where=f"summary {key!r}")
        unchanged = key in self._values and self._values[key] == data and type(self._values[key]) is type(data)
        if not unchanged:
            self._tell((*self._path, key), data)
            self._values[key] = data

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in values.items()}

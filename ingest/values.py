"""Any Python value as plain data: dict with text keys, list, str, int, float, bool, None and bytes.

What is one of these is kept exactly. The rest is turned into them once, at the log call, so that nothing accepted there
can fail later in the background:

    numpy, torch, pandas, polars   a scalar as its Python number, an array or series as a list, a frame as its columns;
                                   missing values (masked, NaT, NA) as None
    Decimal, Fraction, complex     a Decimal as a number where a float says the same digits, else all three as text
    datetime, date, time, UUID     ISO text, canonical text; a timedelta as seconds
    Path, Enum                     text; the value of a text or number enum, else the member's name
    tuple, set, range, deque       a list (a set sorted)
    dataclass, namedtuple, Struct  a dict of its fields; any Mapping a dict with its keys as text
    class, function, lambda        the qualified name
    anything else                  its repr without memory addresses, or a placeholder if that fails

No library is imported for this: a value of a library that isn't loaded can't be met.
"""

import dataclasses
import enum
import re
import sys
import types
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any

from ingest.scalars import TEXT_TYPES, from_enum, from_numpy, from_text_type

MAX_DEPTH = 64
"""Levels of nesting accepted; also what stops an object that makes ever new children."""
MAX_REPR = 65_536
"""Characters kept of the repr of an object that we know nothing about."""

_EXACT = frozenset({str, bool, int, float, bytes, type(None)})
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_ARRAY_LIBRARIES = frozenset({"cupy", "jax", "jaxlib", "pandas", "polars", "pyarrow", "tensorflow", "torch"})
_ORDERED = (Sequence, deque, KeysView, ValuesView, ItemsView)
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


def plain(value: object, *, where: str = "the value", strict: bool = False) -> object:
    """Reduce any value to plain data.

    Args:
        value: anything.
        where: how a message names the value, as in "param 'x'".
        strict: refuse what would only be kept as a name or a repr.

    Raises:
        ValueError: the value contains itself, is nested deeper than MAX_DEPTH, or has two keys of the same text.
        TypeError: strict, and a part of it is no data; names the place inside the value.
    """
    try:
        return _Walk(where, strict=strict).plain(value)
    except RecursionError as error:  # the caller was deep in its stack already
        raise _RefusedError(f"{where} is nested too deep for what is left of the stack") from error


def flatten(value: object) -> dict[str, object]:
    """Give nested dicts dotted names, for queries: {"optimizer": {"lr": 0.1}} gives {"optimizer.lr": 0.1}.

    Lists and empty dicts are leaves. Where two ways lead to one name ({"a.b": 1, "a": {"b": 2}}) the key that was
    written out wins. A value that is no mapping has the empty name.
    """
    if not isinstance(value, Mapping):
        return {"": value}
    flat: dict[str, object] = {}
    for key, child in value.items():
        if isinstance(child, Mapping) and child:
            for name, leaf in flatten(child).items():
                flat.setdefault(f"{key}.{name}", leaf)
    flat.update({str(key): child for key, child in value.items() if not (isinstance(child, Mapping) and child)})
    return flat


class _RefusedError(ValueError):
    """The value can't be kept; raised by the walk itself, never by the objects that it meets."""


class _NoDataError(TypeError):
    """A part of the value is no data, in strict mode; likewise raised by the walk alone."""


class _Walk:
    """One way down through a value; knows where it is, for cycles and for messages."""

    def __init__(self, where: str, *, strict: bool) -> None:
        self.where = where
        self.strict = strict
        self.path: list[str] = []
        self.open: set[int] = set()

    def plain(self, value: object) -> object:
        """Convert a value of any type; where an object's own code fails, describe the object."""
        if type(value) in _EXACT:
            return value
        depth = len(self.path)
        try:
            return self.known(value)
        except (_RefusedError, _NoDataError, RecursionError):
            raise
        except Exception as error:  # __iter__, items, __class__ of a user's object may raise anything
            del self.path[depth:]
            if self.strict:
                raise _NoDataError(f"{self.place()} is {_kind(value)}, whose own code failed: {error!r}") from error
            return _described(value)

    def known(self, value: object) -> object:
        """Convert by type, the narrow types before the wide ones."""
        if isinstance(value, enum.Enum):
            return self.plain(from_enum(value))
        numpy = sys.modules.get("numpy")
        half_imported = not hasattr(numpy, "ndarray")  # by another thread, right now: then the value is none of its own
        if numpy is not None and not half_imported and isinstance(value, (numpy.generic, numpy.ndarray)):
            return self.inside(value, self.numpy)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, TEXT_TYPES):
            return self.plain(from_text_type(value))
        return self.inside(value, self.container)

    def container(self, value: object) -> object:
        """Convert what has children, or else describe the object."""
        if isinstance(value, _NAMED):
            return self.unknown(value)
        if dataclasses.is_dataclass(value):
            return self.mapping({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
        names = getattr(type(value), "__struct_fields__", getattr(type(value), "_fields", None))
        if isinstance(names, tuple):
            return self.mapping({name: getattr(value, name) for name in names})
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, _ORDERED):
            return self.items(value)
        if isinstance(value, AbstractSet):
            return _in_order(self.items(value))
        if any(base.__module__.partition(".")[0] in _ARRAY_LIBRARIES for base in type(value).__mro__):
            return self.foreign(value)
        return self.unknown(value)

    def mapping(self, value: Mapping[object, object]) -> dict[str, object]:
        """Convert keys to text and values by type."""
        result: dict[str, object] = {}
        for key, child in value.items():
            name = key if type(key) is str else str(plain(key))
            if name in result:
                raise _RefusedError(f"{self.place()} has two keys that are both {name!r} as text; rename one of them")
            result[name] = child if type(child) in _EXACT else self.child(f"[{name!r}]", child)
        return result

    def items(self, value: Iterable[object]) -> list[object]:
        """Convert the members in their order."""
        return [
            child if type(child) in _EXACT else self.child(f"[{index}]", child) for index, child in enumerate(value)
        ]

    def child(self, step: str, value: object) -> object:
        """Convert a part of the value at hand."""
        self.path.append(step)
        result = self.plain(value)
        self.path.pop()
        return result

    def numpy(self, value: Any) -> object:
        """Convert a numpy scalar or array."""
        numpy = sys.modules["numpy"]
        if not isinstance(value, numpy.ndarray):
            return self.plain(from_numpy(value, numpy))
        if value.dtype.kind in "mM":  # their tolist() makes bare ints of nanoseconds
            return self.items(value) if value.ndim else self.plain(value[()])
        return self.plain(value.tolist())

    def foreign(self, value: Any) -> object:
        """Convert what an array library made, by the method with which it gives Python objects."""
        columns = getattr(value, "column_names", None) or getattr(value, "columns", None)  # pyarrow; pandas, polars
        if columns is not None and len(set(columns)) == len(columns):
            return self.mapping({name: value[name] for name in columns})
        for method in ("tolist", "to_list", "to_pylist", "as_py"):
            if callable(convert := getattr(value, method, None)):
                return self.plain(convert())
        return None if type(value).__name__ == "NAType" else self.unknown(value)

    def unknown(self, value: object) -> str:
        """Describe what is no data, or refuse it."""
        if self.strict:
            message = (
                f"{self.place()} is {_kind(value)}, which JSON can't hold; "
                "give numbers, text, lists and dicts, or leave that part out"
            )
            raise _NoDataError(message)
        return _described(value)

    def inside(self, value: object, convert: Callable[[Any], object]) -> object:
        """Go one level down, unless that leads round in a circle or too deep."""
        if id(value) in self.open:
            raise _RefusedError(f"{self.place()} contains itself; log the parts of it that you need")
        if len(self.open) >= MAX_DEPTH:
            raise _RefusedError(f"{self.where} is nested deeper than {MAX_DEPTH} levels; log the parts that you need")
        self.open.add(id(value))
        try:
            return convert(value)
        finally:
            self.open.discard(id(value))

    def place(self) -> str:
        """Name the value at hand, as in "artifact 'report.json': the value at ['a'][3]"."""
        return f"{self.where}: the value at {''.join(self.path)}" if self.path else self.where


def _in_order(items: list[object]) -> list[object]:
    """Sort a set's members, so that equal sets give equal texts."""
    return sorted(items, key=lambda item: (type(item).__name__, *((item, "") if _is_number(item) else (0, str(item)))))


def _is_number(item: object) -> bool:
    return isinstance(item, (int, float))


def _described(value: object) -> str:
    """Tell what an object is, in words that are the same in every process."""
    kind = type(value)
    if issubclass(kind, _NAMED):  # not isinstance, which asks the object for its __class__
        return _name(value)
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<{_name(kind)}: its repr failed with {type(error).__name__}>"
    if len(text) > MAX_REPR:
        text = f"{text[:MAX_REPR]}... and {len(text) - MAX_REPR} characters more"
    says_it = kind.__name__ in text or text.startswith(f"{kind.__module__.partition('.')[0]}.")  # such as torch.float32
    return text if says_it else f"<{_name(kind)}: {text}>"


def _kind(value: object) -> str:
    """Name a value's kind for a message."""
    return (
        f"{type(value).__name__} {_name(value)}" if issubclass(type(value), _NAMED) else f"of type {_name(type(value))}"
    )


def _name(value: Any) -> str:
    """The qualified name of a class, function, method or module."""
    name = str(getattr(value, "__qualname__", value.__name__))
    module = getattr(value, "__module__", None)
    return name if module in {None, "builtins"} else f"{module}.{name}"

"""What a metric is: a name, a number, a step. Everything a log call may be given, made one of these or refused.

Values are IEEE doubles: whatever has a number's `__float__` is taken (bool, Decimal, Fraction, NumPy and torch
scalars), NaN and the infinities are kept. Text, bytes, dates, complex numbers and containers are refused at the call,
by name. Nested dicts are flattened with "/", since that is how keys are grouped.
"""

import sys
from collections.abc import Iterable, Mapping
from operator import index

from ingest.events import STEP_FLOAT, STEP_INT, STEP_NONE
from ingest.keys import checked_key, shown

PLAIN: set[type] = {float, int, bool}
"""Types of which every value is one real number: what the log call's short way packs without a second look. (A NumPy
array may say 0.5 for the text "0.5", and a complex number drops half of itself.) NumPy's own join when it is there."""
_INT64 = range(-(2**63), 2**63)
_TEXT = (str, bytes, bytearray, memoryview)


def metric_items(metrics: object) -> tuple[tuple[str, ...], list[float]]:
    """(keys, values) of a log call's mapping.

    Raises: TypeError, ValueError: naming the key, the value, and what is allowed.
    """
    keys: list[str] = []
    values: list[float] = []
    for key, value in _flat(metrics, ""):
        keys.append(key)
        values.append(metric_value(key, value))
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"metric {twice!r} is given twice in one call")
    return tuple(keys), values


def _flat(metrics: object, prefix: str) -> Iterable[tuple[str, object]]:
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics are a dict of name to number, not {type(metrics).__name__}")
    for key, value in metrics.items():
        name = prefix + checked_key(key)
        if isinstance(value, Mapping):
            yield from _flat(value, name + "/")
        else:
            yield name, value


def metric_value(key: str, value: object) -> float:
    """The value as a float.

    Raises: TypeError: it isn't a number. ValueError: it is none that a float64 can hold.
    """
    refusal = f"metric {key!r} is {shown(value)} ({type(value).__name__}); a metric is one real number"
    shape = getattr(value, "shape", ())
    if type(value).__name__ == "MaskedConstant":
        return float("nan")
    if isinstance(value, _TEXT) or not hasattr(value, "__float__") or _is_object_array(value):
        raise TypeError(refusal)
    if isinstance(shape, tuple) and shape:
        raise TypeError(f"{refusal}; this has shape {tuple(shape)}: log .item(), .mean(), or each element")
    if getattr(value, "requires_grad", False) is True:
        value = value.detach()  # type: ignore[attr-defined] # torch warns of numbers that leave its graph
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"metric {key!r} is too large for a float64 (1.8e308)") from error
    except Exception as error:
        raise TypeError(refusal) from error


def metric_step(step: object) -> tuple[int | float | None, int]:
    """(step, kind) with kind one of STEP_NONE, STEP_INT, STEP_FLOAT.

    An integral float is taken as the int it equals, so that 1.0 and 1 are one step.
    Raises: TypeError: it isn't a number. ValueError: NaN, infinite, or an int beyond 64 bits.
    """
    if step is None:
        return None, STEP_NONE
    if isinstance(step, (bool, *_TEXT)) or getattr(step, "shape", ()) not in ((), None):
        raise TypeError(f"step is {shown(step)} ({type(step).__name__}); it is one int or float, or None")
    try:
        return _int_step(index(step)), STEP_INT  # type: ignore[arg-type]
    except TypeError:
        number = metric_value("step", step)
    if number != number or abs(number) == float("inf"):  # noqa: PLR0124 - NaN is what differs from itself
        raise ValueError(f"step is {number}; it is a finite number, or None")
    if number.is_integer() and abs(number) < 2**53:
        return int(number), STEP_INT
    return number, STEP_FLOAT


def _int_step(step: int) -> int:
    if step not in _INT64:
        raise ValueError(f"step {step} doesn't fit 64 bits")
    return step


def know_numpy() -> None:
    """Take NumPy's real scalars among the plain types, once NumPy is imported."""
    numpy = sys.modules.get("numpy")
    if len(PLAIN) == 3 and hasattr(numpy, "longdouble") and hasattr(numpy, "bool_"):
        PLAIN.update({numpy.bool_, *(numpy.dtype(code).type for code in "bhilqBHILQefdg")})  # type: ignore[union-attr]


def _is_object_array(value: object) -> bool:
    """NumPy arrays of objects, texts or dates: their __float__ guesses. NumPy itself may be half imported."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return isinstance(kind, str) and kind not in "biuf"

"""Any Python value as one JSON text, and back: how params, tags, facts and JSON artifacts are written.

`to_json` reduces a value to plain data (see values: what becomes what) and always gives valid JSON that UTF-8 can hold.
Plain data is read back exactly, lone surrogates, -0.0 and ints of any size included. What JSON has no word for is a
dict with one key: {"__float__": "nan" | "inf" | "-inf"}, {"__bytes__": base64}, {"__int__": hex} (for ints so long
that Python refuses to print them). A user's own dict of that shape gets a backslash before its key, and loses it on the
way back.
"""

import base64
import json
import math
import re

from ingest.values import plain

_LONG_INT_BITS = 2_000  # int -> decimal is refused from 640 to 4,300 digits on, by Python's settings; hex never is
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_WORDS: dict[object, str] = {True: "true", False: "false", None: "null"}
_FORM = re.compile(r"\\*__(?:float|int|bytes|removed)__")

REMOVED = '{"__removed__":true}'
"""In place of a value: the name has none any more. What went before is in the history."""


def to_json(value: object, *, where: str = "the value", strict: bool = False, indent: int | None = None) -> str:
    """Write any value as one JSON text.

    Args:
        value: anything.
        where: how a message names the value, as in "param 'x'".
        strict: refuse what would only be kept as a name or a repr.
        indent: spaces a level, for files that people open; None for one line.

    Raises:
        ValueError: the value contains itself, is nested too deep, or has two keys of the same text.
        TypeError: strict, and a part of it is no data; names the place inside the value.
    """
    simple = _of_scalar(value)
    if simple is not None:
        return simple
    data = _to_forms(plain(value, where=where, strict=strict))
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates: only as escapes can they be stored
        return json.dumps(data, allow_nan=False, indent=indent)
    return text


def from_json(text: str | bytes) -> object:
    """Read what `to_json` wrote.

    Raises: ValueError: not JSON, or nested too deep to be ours.
    """
    try:
        return json.loads(text, object_hook=_from_form)
    except RecursionError as error:
        raise ValueError("the JSON text is nested too deep to have been written by this project") from error


def _of_scalar(value: object) -> str | None:
    """Write what is written most, without the way through the rest; None for whatever needs that."""
    kind = type(value)
    if kind is str:
        return json.dumps(value, ensure_ascii=False) if str.isascii(value) else None  # type: ignore[arg-type]
    if kind is float:
        return float.__repr__(value) if math.isfinite(value) else None  # type: ignore[arg-type]
    if kind is int:
        return int.__repr__(value) if int.bit_length(value) < 64 else None  # type: ignore[arg-type]
    return _WORDS.get(value) if kind is bool or value is None else None


def _to_forms(data: object) -> object:
    """Put what JSON has no word for into its form."""
    if isinstance(data, dict):
        if len(data) == 1:
            return {"\\" + name if _FORM.fullmatch(name) else name: _to_forms(child) for name, child in data.items()}
        return {name: _to_forms(child) for name, child in data.items()}
    if isinstance(data, list):
        return [_to_forms(child) for child in data]
    if isinstance(data, float):
        return data if math.isfinite(data) else {"__float__": repr(data)}
    if isinstance(data, bytes):
        return {"__bytes__": base64.b64encode(data).decode()}
    if isinstance(data, int) and data.bit_length() > _LONG_INT_BITS:
        return {"__int__": hex(data)}
    return data


def _from_form(found: dict[str, object]) -> object:
    """Undo `_Walk.form`; a dict that only looks like one of its forms stays as it is."""
    if len(found) != 1:
        return found
    ((name, value),) = found.items()
    if not _FORM.fullmatch(name):
        return found
    if name.startswith("\\"):
        return {name[1:]: value}
    if not isinstance(value, str):
        return found
    try:
        if name == "__bytes__":
            return base64.b64decode(value, validate=True)
        return int(value, 16) if name == "__int__" else _FLOATS[value]
    except (ValueError, KeyError):
        return found

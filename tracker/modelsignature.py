"""What a model takes and gives: the form of its inputs and outputs, told by an example.

    {"inputs": FORM, "outputs": FORM}        either may be None: not known
    FORM  {"columns": [{"name": "age", "dtype": "int64"}, ...]}      of a frame
          {"dtype": "float64", "shape": [None, 5]}                   of an array or tensor: any number of rows
          {"parts": {"ids": FORM, ...}}                              of a dict of arrays
          {"type": "list"}                                           of anything else

Outputs are found by letting the model predict a few rows of the example, for estimators with scikit-learn's `predict`
only: other models may be slow, take other inputs, or draw random numbers when they are called.
"""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

from ingest.values import plain
from tracker.skopsfiles import is_sklearn

ROWS = 5
"""Rows of an example that are kept, and that a model predicts."""
_log = logging.getLogger("steplog")


def signature_of(model: Any, example: object, given: Mapping[str, object] | None) -> dict[str, Any] | None:
    """Give a model's signature: the one given, else what the example tells; None without both.

    Args:
        given: {"inputs": ..., "outputs": ...}; each a form as above, a dict of column name to dtype, or an example.

    Raises: ValueError, TypeError: it is none.
    """
    if given is not None:
        return _checked(given)
    if example is None:
        return None
    return {"inputs": form_of(example), "outputs": _outputs(model, example)}


def form_of(example: Any) -> dict[str, Any]:
    """Tell the form of an input or output."""
    columns, dtypes = getattr(example, "columns", None), getattr(example, "dtypes", None)
    if columns is not None and dtypes is not None:
        named = zip(columns, dtypes, strict=True)
        return {"columns": [{"name": str(name), "dtype": _dtype(dtype)} for name, dtype in named]}
    shape, dtype = getattr(example, "shape", None), getattr(example, "dtype", None)
    if shape is not None and dtype is not None:
        return {"dtype": _dtype(dtype), "shape": [None, *map(int, tuple(shape)[1:])]}
    if isinstance(example, Mapping):
        return {"parts": {str(name): form_of(part) for name, part in example.items()}}
    if isinstance(example, (list, tuple)):
        return _form_of_list(example)
    return {"type": type(example).__name__}


def mismatch(expected: Mapping[str, Any], example: object) -> list[str]:
    """Say in what an input differs from the form that is expected: names, order, kinds of dtype, shape without rows."""
    found = form_of(example)
    if "columns" in expected:
        if "columns" in found:
            return _columns_differ(expected["columns"], found["columns"])
        width = found.get("shape", [None, None])[1:]
        wanted = [len(expected["columns"])]
        return [] if width == wanted else [f"it is no table of {wanted[0]} columns"]
    if "shape" in expected:
        shape = [None, len(found["columns"])] if "columns" in found else found.get("shape")
        if shape != expected["shape"]:
            return [f"its shape is {_shape(shape)}, expected is {_shape(expected['shape'])}"]
        return _kinds_differ("its values", expected.get("dtype"), found.get("dtype")) if "dtype" in found else []
    if "parts" in expected:
        missing = [name for name in expected["parts"] if name not in found.get("parts", {})]
        return [f"it lacks {', '.join(map(repr, missing))}"] if missing else []
    return []


def _columns_differ(expected: list[dict[str, str]], found: list[dict[str, str]]) -> list[str]:
    wanted, there = [one["name"] for one in expected], [one["name"] for one in found]
    missing = [name for name in wanted if name not in there]
    more = [name for name in there if name not in wanted]
    said = [f"it lacks {', '.join(map(repr, missing[:20]))}"] if missing else []
    said += [f"it has {', '.join(map(repr, more[:20]))} too"] if more else []
    if not said and wanted != there:
        said.append(f"its columns stand in another order; expected are {', '.join(map(repr, wanted[:20]))}")
    dtypes = {one["name"]: one["dtype"] for one in found}
    for one in expected:
        if one["name"] in dtypes:
            said += _kinds_differ(f"column {one['name']!r}", one["dtype"], dtypes[one["name"]])
    return said


def _kinds_differ(what: str, expected: object, found: object) -> list[str]:
    """Numbers of any width are alike, text is another kind, and so are times."""
    if _kind(str(expected)) == _kind(str(found)):
        return []
    return [f"{what}: {found}, expected is {expected}"]


def _kind(dtype: str) -> str:
    name = dtype.lower().removeprefix("torch.")
    if name.startswith(("int", "uint", "float", "bfloat", "decimal", "complex", "half", "double", "long")):
        return "number"
    if name.startswith(("date", "time", "duration")):
        return "time"
    if name.startswith("bool"):
        return "bool"
    return "text" if name.startswith(("str", "object", "<u", "utf8", "large_str")) else name


def _shape(shape: Any) -> str:
    if shape is None:
        return "unknown"
    return f"({', '.join('n' if size is None else str(size) for size in shape)})"


def _form_of_list(example: Any) -> dict[str, Any]:
    import numpy as np

    try:
        array = np.asarray(example)
    except ValueError:  # rows of unequal length
        return {"type": type(example).__name__}
    return {"type": type(example).__name__} if array.dtype == object else form_of(array)


def _dtype(dtype: Any) -> str:
    kind = getattr(dtype, "kind", "")
    return "str" if kind == "U" else str(dtype)


def _outputs(model: Any, example: Any) -> dict[str, Any] | None:
    if isinstance(model, type) or not is_sklearn(model) or not callable(getattr(model, "predict", None)):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a model says of an example is nobody's concern here
            return form_of(model.predict(example[:ROWS]))
    except Exception as error:  # noqa: BLE001 - a user's model may fail in any way, and is saved all the same
        _log.warning("steplog: the outputs of a model are not known, as it can't predict its input_example: %r", error)
        return None


def _checked(given: object) -> dict[str, Any]:
    """Give a signature back as forms."""
    if not isinstance(given, Mapping):
        raise TypeError(f"a signature is a dict with 'inputs' and 'outputs', not {type(given).__name__}")
    unknown = [str(name) for name in given if name not in {"inputs", "outputs"}]
    if unknown or not given:
        raise ValueError(f"a signature has 'inputs' and 'outputs', and not {', '.join(unknown) or 'nothing'}")
    return {name: _form(given.get(name)) for name in ("inputs", "outputs")}


def _form(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        if given and all(isinstance(value, (str, type)) or hasattr(value, "kind") for value in given.values()):
            named = ((name, value.__name__ if isinstance(value, type) else value) for name, value in given.items())
            return {"columns": [{"name": str(name), "dtype": str(value)} for name, value in named]}
        if given.keys() & {"columns", "shape", "parts", "type"}:
            return dict(plain(given, where="signature"))  # type: ignore[call-overload, no-any-return]
    if isinstance(given, str):
        return {"dtype": given, "shape": [None]}
    return form_of(given)

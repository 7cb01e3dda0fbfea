"""Where a model comes from: its own params, the packages it is made with, its data's fingerprint, its parent."""

import hashlib
import platform
import sys
from collections.abc import Mapping
from typing import Any, cast

from ingest.redact import mask
from ingest.values import plain
from readers.models import Models
from tracker.modelformats import class_name, library
from tracker.modelregistry import ModelVersion
from tracker.modelsignature import ROWS

_SHA256_DIGITS = 64
_WRITERS = {"skops": ("skops",), "safetensors": ("safetensors", "torch"), "pickle": ("cloudpickle",)}


def own_params(model: Any) -> dict[str, object]:
    """Give an estimator's own params, those of its parts as "part__param", without the parts themselves."""
    if isinstance(model, type) or not callable(getattr(model, "get_params", None)):
        return {}
    try:
        params = model.get_params()
    except Exception as error:  # noqa: BLE001 - a user's estimator may fail in any way, and is saved all the same
        return {"get_params failed": repr(error)}
    leaves = {name: value for name, value in params.items() if not _has_estimators(value)}
    return {str(name): mask(str(name), value) for name, value in leaves.items()}


def packages(model: object, form: str) -> dict[str, str]:
    """Give the versions of what the model is made with, and of what its format is written by."""
    libraries = {base.__module__.partition(".")[0] for base in type(model).__mro__} - {"builtins"}
    found = {"python": platform.python_version()}
    for name in sorted(libraries | {"numpy", *_WRITERS.get(form, ())}):
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found


def kept_example(example: Any) -> object:
    """Keep what tells the form of an input: shape, columns, types, the first rows."""
    if example is None:
        return None
    rows = {name: _first(part) for name, part in example.items()} if isinstance(example, Mapping) else _first(example)
    kept = {
        "type": class_name(example),
        "shape": getattr(example, "shape", None),
        "columns": getattr(example, "columns", None),
        "dtypes": str(getattr(example, "dtypes", getattr(example, "dtype", None))),
        "rows": rows,
    }
    return plain(kept, where="input_example")


def _first(example: Any) -> Any:
    """The first rows of what has rows."""
    return example[:ROWS] if hasattr(example, "__getitem__") and not isinstance(example, (str, Mapping)) else example


def data_fingerprint(data: Any) -> dict[str, Any] | None:
    """Tell data apart from other data: rows, columns, and the SHA-256 of its content.

    Args:
        data: an array, a frame of pandas or Polars, a list of numbers, or a tuple of these such as (X, y); or a
            fingerprint that somebody made: a dict, a SHA-256 in hex, or a name.

    The same content in another order of rows, or of another dtype, has another SHA-256.
    Raises: TypeError: none of these.
    """
    if data is None:
        return None
    if isinstance(data, str):
        hexadecimal = len(data) == _SHA256_DIGITS and set(data.lower()) <= set("0123456789abcdef")
        return {"sha256": data.lower()} if hexadecimal else {"name": data}
    if isinstance(data, Mapping):
        return cast("dict[str, Any]", plain(data, where="data"))
    parts = data if isinstance(data, tuple) else (data,)
    digest = hashlib.sha256()
    shapes = [_hash(part, digest) for part in parts]
    found: dict[str, Any] = {"rows": shapes[0][0], "columns": shapes[0][1], "sha256": digest.hexdigest()}
    names = getattr(parts[0], "columns", None)
    return found if names is None else {**found, "names": [str(name) for name in names]}


def parent(registry: Models, name: str, given: object) -> dict[str, object] | None:
    """Give the version that a model was made from, as {"name": ..., "version": ...}.

    Args:
        given: a ModelVersion, (name, version or alias), or a version or alias of the same model.

    Raises: ModelNotFound: it isn't there. TypeError.
    """
    if given is None:
        return None
    if isinstance(given, ModelVersion):
        given = given.name, given.version
    of, version = given if isinstance(given, tuple) and len(given) == 2 else (name, given)
    if not isinstance(of, str) or isinstance(version, bool) or not isinstance(version, (int, str)):
        raise TypeError(
            f"derived_from is a version, an alias, a pair (name, version), or what log_model gave, not {given!r}"
        )
    return {"name": of, "version": registry.resolve(of, version)}


def _has_estimators(value: Any) -> bool:
    """Whether a param is a part of the model: an estimator, or a list of (name, estimator)."""
    if isinstance(value, (list, tuple)):
        return any(_has_estimators(part) for part in value)
    return hasattr(value, "get_params") and not isinstance(value, type)


def _hash(part: Any, digest: Any) -> tuple[int, int]:
    """Feed a part's content to the digest; gives its rows and columns."""
    import numpy as np

    top = library(part)
    if top == "polars":
        frame = part.to_frame() if hasattr(part, "to_frame") else part
        digest.update(repr(frame.schema).encode())
        frame.rechunk().write_ipc(_Fed(digest))
        return frame.height, frame.width
    if top == "pandas" and hasattr(part, "index"):
        import pandas as pd

        frame = part.to_frame() if part.ndim == 1 else part
        digest.update(repr([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()]).encode())
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return frame.shape[0], frame.shape[1]
    if top == "scipy" and hasattr(part, "tocsr"):
        sparse = part.tocsr()
        digest.update(repr(("sparse", str(sparse.dtype), sparse.shape)).encode())
        for array in (sparse.data, sparse.indices, sparse.indptr):
            digest.update(np.ascontiguousarray(array).data)
        return sparse.shape[0], sparse.shape[1]
    array = np.asarray(part.detach().cpu() if hasattr(part, "detach") else part)
    if array.dtype == object and array.size and not all(isinstance(value, str) for value in array.flat):
        raise TypeError(f"data can't be told apart by its content: it is a {class_name(part)} of objects; give a frame")
    digest.update(repr((str(array.dtype), array.shape)).encode())
    if array.dtype == object:
        digest.update("\0".join(array.flat).encode())
    else:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return (array.shape[0] if array.ndim else 1), (int(np.prod(array.shape[1:])) if array.ndim > 1 else 1)


class _Fed:
    """A file whose bytes go to a digest."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, data: bytes) -> int:
        """Take all of it."""
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

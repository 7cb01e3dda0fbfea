"""A training state, put together again of its JSON tree, its tensors and its parts; what the forms mean: statetree.

Whatever stands in the tree makes plain values only. What is neither data nor array is made by the caller, who knows
whom to trust.
"""

import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ingest.tensorfile import Tensor, as_array
from ingest.values import MAX_DEPTH

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_TORCH_ONLY = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


def rebuild(text: str | bytes, tensors: Mapping[str, Tensor], part: Callable[[int], object]) -> Any:
    """Put a state together again.

    Args:
        part: gives the part of a number.
    Raises: ValueError: the text is no state's. What `part` raises.
    """
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep to be a state that was saved here") from error
    return _Builder(tensors, part).value(tree, 0)


class _Builder:
    """Makes values of nodes."""

    def __init__(self, tensors: Mapping[str, Tensor], part: Callable[[int], object]) -> None:
        self._tensors = tensors
        self._part = part

    def value(self, node: Any, depth: int) -> Any:
        """What a node stands for. Raises: ValueError: it is no node."""
        if depth > 4 * MAX_DEPTH:
            raise ValueError("it is nested too deep to be a state that was saved here")
        if isinstance(node, dict):
            return {key: self.value(member, depth + 1) for key, member in node.items()}
        if not isinstance(node, list):
            return node
        try:
            kind, content = node
            return self._form(kind, content, depth + 1)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"no form of a state: {error!r}") from error

    def _form(self, kind: str, content: Any, depth: int) -> Any:
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](self.value(member, depth) for member in content)
        if kind in _SCALARS:
            return _SCALARS[kind](content)
        if kind in _OF_TENSORS:
            return _OF_TENSORS[kind](self._tensors[content])
        match kind:
            case "dict":
                return {self.value(key, depth): self.value(member, depth) for key, member in content}
            case "complex":
                return complex(*(float(self.value(number, depth)) for number in content))
            case "scalar":
                return self.value(content, depth)[()]
            case "torch":
                return self._torch(content, depth)
            case "part":
                return self._part(int(content))
        raise ValueError(f"no form of a state: {kind!r}")

    def _torch(self, node: Any, depth: int) -> Any:
        """A tensor; where torch isn't installed, its values as an array."""
        try:
            import torch
        except ImportError:
            return self.value(node, depth)
        kind, name = node
        raw = self._tensors[name]
        if kind == "array" and raw.dtype in _TORCH_ONLY:
            return torch.from_numpy(raw.data).view(getattr(torch, _TORCH_ONLY[raw.dtype])).reshape(raw.shape)
        return torch.from_numpy(self.value(node, depth))


def _npy(tensor: Tensor) -> Any:
    """The array in an .npy file's bytes."""
    import numpy as np

    return np.load(io.BytesIO(tensor.data.tobytes()), allow_pickle=False)


def _bytes(tensor: Tensor) -> bytes:
    return tensor.data.tobytes()


_CONTAINERS: dict[str, Callable[[Iterable[Any]], Any]] = {"list": list, "tuple": tuple, "set": set}
_SCALARS: dict[str, Callable[[Any], Any]] = {
    "float": _FLOATS.__getitem__,
    "int": lambda text: int(text, 16),
    "path": Path,
}
_OF_TENSORS: dict[str, Callable[[Tensor], Any]] = {"array": as_array, "npy": _npy, "bytes": _bytes}

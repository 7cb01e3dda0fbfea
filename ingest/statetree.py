"""A training state as JSON, tensors and parts: what a checkpoint is made of, without pickle.

The tree is JSON. A dict with text keys, text, numbers, booleans and null stand for themselves; a JSON list is always a
form, [kind, content]:

    list, tuple, set, dict     the members; a dict's as [key, value] pairs, where a key is no text
    float, int                 what JSON has no number for: "nan", "inf", "-inf"; hex for very long ints
    complex, bytes, path       two numbers; a tensor's name; text
    array, scalar              a NumPy array or scalar, by the name of its tensor
    npy                        an array of a type that tensor files lack (text, dates, records), as an .npy file's bytes
    torch                      a torch tensor: the array node that holds its values
    part                       anything else, by its number in a list: whoever writes it must know how

Subclasses of dict, list, tuple and the numbers come back as those; arrays of JAX and TensorFlow as NumPy's; of what
belongs to torch and has a `state_dict` (modules, optimizers, schedulers) that dict. The way back is statebuilder's.
"""

import io
import json
import math
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import PurePath
from typing import Any, NamedTuple

from ingest.tensorfile import Tensor, of_array
from ingest.values import MAX_DEPTH

_LONG_INT_BITS = 2_000  # int -> decimal is refused from 640 digits on, by Python's settings; hex never is
_RAW = {"bfloat16": ("BF16", 2), "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1)}
_ARRAY_LIBRARIES = {"jax", "jaxlib", "tensorflow"}


class Part(NamedTuple):
    """Something that is neither data nor array, and the place in the state where it stands."""

    place: str
    value: object


class State(NamedTuple):
    """A training state, taken apart."""

    tree: object
    tensors: dict[str, Tensor]
    parts: list[Part]

    @classmethod
    def of(cls, value: object) -> "State":
        """Take a state apart; arrays aren't copied where that can be avoided.

        Raises: ValueError: it contains itself, or is nested too deep. TypeError: a tensor has no values to keep.
        """
        walk = _Walk()
        return cls(walk.node(value), walk.tensors, walk.parts)

    def text(self) -> str:
        """The tree as a JSON text."""
        return json.dumps(self.tree, allow_nan=False)


class _Walk:
    """One way down through a state; knows where it is, for names, messages and cycles."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.parts: list[Part] = []
        self._path: list[object] = []
        self._open: set[int] = set()

    def node(self, value: Any) -> object:
        """The JSON of a value."""
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if isinstance(value, Enum):  # also where it is a number or a text: it would not come back as what it is
            return self._part(value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
            return self._numpy(value, numpy)
        if isinstance(value, (str, bool, int, float, complex)):
            return _scalar(value)
        if isinstance(value, (bytes, bytearray)):
            import numpy as np

            return ["bytes", self._keep(Tensor("U8", (len(value),), np.frombuffer(value, np.uint8)))]
        if isinstance(value, PurePath):
            return ["path", str(value)]
        return self._inside(value)

    def _inside(self, value: Any) -> object:
        """The JSON of what has members; of anything else the number of a part."""
        if id(value) in self._open:
            raise ValueError(f"the value at {self._place()} contains itself; save the parts of it that are needed")
        if len(self._open) >= MAX_DEPTH:
            raise ValueError(f"the state is nested deeper than {MAX_DEPTH} levels at {self._place()}")
        self._open.add(id(value))
        try:
            if isinstance(value, Mapping):
                return self._mapping(value)
            if isinstance(value, (list, tuple)):
                kind = "list" if isinstance(value, list) else "tuple"
                return [kind, [self._child(index, member) for index, member in enumerate(value)]]
            if isinstance(value, AbstractSet):
                return ["set", [self._child(index, member) for index, member in enumerate(value)]]
            return self._foreign(value)
        finally:
            self._open.discard(id(value))

    def _mapping(self, value: Mapping[Any, Any]) -> object:
        if all(type(key) is str for key in value):
            return {key: self._child(key, member) for key, member in value.items()}
        return ["dict", [[self._child("keys", key), self._child(key, member)] for key, member in value.items()]]

    def _child(self, step: object, value: object) -> object:
        self._path.append(step)
        found = self.node(value)
        self._path.pop()
        return found

    def _numpy(self, value: Any, numpy: Any) -> object:
        """A NumPy array or scalar; its subclasses (masked arrays, records) keep more than values."""
        if isinstance(value, numpy.ndarray):
            plain = type(value) in (numpy.ndarray, numpy.memmap) and not value.dtype.hasobject
            return self._array(value, numpy) if plain else self._part(value)
        if isinstance(value, (numpy.str_, numpy.bytes_)):
            return self.node(value.item())
        if isinstance(value, numpy.void) or value.dtype.hasobject:
            return self._part(value)
        return ["scalar", self._array(numpy.asarray(value), numpy)]

    def _array(self, value: Any, numpy: Any) -> object:
        """An array of plain values."""
        raw = _RAW.get(value.dtype.name)  # ml_dtypes' types, which JAX uses
        tensor = of_array(value.view(f"u{raw[1]}"), raw[0]) if raw else of_array(value)
        if tensor is not None:
            return ["array", self._keep(tensor)]
        buffer = io.BytesIO()
        numpy.lib.format.write_array(buffer, numpy.asarray(value), allow_pickle=False)
        data = numpy.frombuffer(buffer.getvalue(), numpy.uint8)
        return ["npy", self._keep(Tensor("U8", data.shape, data))]

    def _foreign(self, value: Any) -> object:
        """What array libraries made, else a part."""
        library = type(value).__module__.partition(".")[0]
        if _is_a(value, "torch", "Tensor"):
            return ["torch", self._torch(value)]
        belongs_to_torch = any(base.__module__.partition(".")[0] == "torch" for base in type(value).__mro__)
        if belongs_to_torch and callable(getattr(value, "state_dict", None)):
            return self.node(value.state_dict())
        if library in _ARRAY_LIBRARIES and hasattr(value, "__array__") and hasattr(value, "shape"):
            import numpy as np

            return self._numpy(np.asarray(value), np)
        return self._part(value)

    def _torch(self, value: Any) -> object:
        """The values of a tensor, wherever it lies."""
        import numpy as np
        import torch

        if value.is_meta or value.layout != torch.strided or value.is_quantized:
            kind = "meta" if value.is_meta else "quantized" if value.is_quantized else str(value.layout)
            raise TypeError(f"the tensor at {self._place()} is {kind}, and can't be kept so; save a dense one")
        dense = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        raw = _RAW.get(str(dense.dtype).removeprefix("torch."))
        if raw is None:
            return self._array(dense.numpy(), np)
        array = dense.view(torch.int16 if raw[1] == 2 else torch.uint8).numpy()
        tensor = of_array(array, raw[0])
        return ["array", self._keep(tensor)] if tensor is not None else None

    def _part(self, value: object) -> object:
        self.parts.append(Part(self._place(), value))
        return ["part", len(self.parts) - 1]

    def _keep(self, tensor: Tensor) -> str:
        """Keep a tensor under a name of its own: its place, with dots."""
        name = base = ".".join(map(str, self._path)).encode("utf-8", "backslashreplace").decode() or "state"
        number = 2
        while name in self.tensors or name == "__metadata__":
            name, number = f"{base}#{number}", number + 1
        self.tensors[name] = tensor
        return name

    def _place(self) -> str:
        return "".join(f"[{step!r}]" for step in self._path) or "the top"


def _scalar(value: Any) -> object:
    """A text or number of any class in JSON."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int(value)
        return number if number.bit_length() <= _LONG_INT_BITS else ["int", hex(number)]
    if isinstance(value, float):
        real = float(value)
        return real if math.isfinite(real) else ["float", repr(real)]
    return ["complex", [_scalar(value.real), _scalar(value.imag)]]


def _is_a(value: object, library: str, name: str) -> bool:
    """Whether a base of the value's class is the library's class of that name, without importing the library."""
    return any(base.__module__.partition(".")[0] == library and base.__name__ == name for base in type(value).__mro__)

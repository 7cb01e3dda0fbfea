"""TensorBoard's events: what of them are scalars.

Source of the field numbers: tensorflow/core/util/event.proto, and summary.proto of tensorflow/core/framework.
"""

from collections import Counter
from typing import NamedTuple

from readers.imports.protobuf import BYTES, double, fields, integer, nested, single, text
from readers.imports.tbhparams import Hparams, hparams_of
from readers.imports.tbtensors import scalar_of

_SCALARS, _HPARAMS = "scalars", "hparams"
_SCALAR_CLASS = 1
_TAG, _SIMPLE, _TENSOR, _METADATA = 1, 2, 8, 9
_OTHERS = {3: "histograms", 4: "images", 5: "histograms", 6: "audio"}
"""Fields of a Summary.Value."""


class Scalar(NamedTuple):
    """One value of one tag."""

    tag: str
    step: int
    wall_time: float
    value: float


class Decoder:
    """Decodes the events of one run; remembers which tag belongs to which plugin, as only its first event says it."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        """Tags that are no scalars, by plugin."""
        self.hparams: list[Hparams] = []
        self._plugins: dict[str, str] = {}

    def decode(self, data: bytes) -> list[Scalar]:
        """The scalars of an event. Raises: ValueError: it is none."""
        wall_time, step = 0.0, 0
        summary: bytes | None = None
        for number, _, value in fields(data):
            if number == 1:
                wall_time = double(value)
            elif number == 2:
                step = integer(value)
            elif number == 5:
                summary = nested(value)
        if summary is None:
            return []
        found = []
        for number, kind, value in fields(summary):
            if number == 1 and kind == BYTES:
                tagged = self._value(nested(value))
                if tagged is not None:
                    found.append(Scalar(tagged[0], step, wall_time, tagged[1]))
        return found

    def _value(self, data: bytes) -> tuple[str, float] | None:
        """(tag, value) of a Summary.Value that is a scalar."""
        found = {number: value for number, _, value in fields(data)}
        tag = text(found.get(_TAG, b""))
        if _METADATA in found:
            self._know(tag, nested(found[_METADATA]))
        if _SIMPLE in found:
            return tag, single(found[_SIMPLE])
        other = next((plugin for number, plugin in _OTHERS.items() if number in found), "")
        plugin = other or self._plugins.get(tag, "tensors")
        if _TENSOR in found and plugin == _SCALARS:
            return tag, scalar_of(nested(found[_TENSOR]))
        if plugin != _HPARAMS:
            self.left_out[plugin] += 1
        return None

    def _know(self, tag: str, metadata: bytes) -> None:
        """Read a SummaryMetadata."""
        plugin, content, kind = "", b"", 0
        for number, _, value in fields(metadata):
            if number == 1:
                for inner, _, said in fields(nested(value)):
                    plugin = text(said) if inner == 1 else plugin
                    content = nested(said) if inner == 2 else content
            elif number == 4:
                kind = integer(value)
        if kind == _SCALAR_CLASS and plugin != _HPARAMS:
            plugin = _SCALARS
        if plugin:
            self._plugins[tag] = plugin
        if plugin == _HPARAMS and content:
            self.hparams.append(hparams_of(content))

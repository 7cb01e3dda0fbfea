"""What TensorBoard's hparams plugin writes down. Source: plugin_data.proto of tensorboard/plugins/hparams."""

from typing import NamedTuple

from readers.imports.protobuf import double, fields, integer, nested, text

_STATUS = {1: "FINISHED", 2: "FAILED", 3: "RUNNING"}


class Hparams(NamedTuple):
    """What the hparams plugin knows of a session."""

    params: dict[str, object]
    group: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    status: str | None = None


def hparams_of(content: bytes) -> Hparams:
    """Read a HParamsPluginData. Raises: ValueError."""
    found = Hparams({})
    for number, _, value in fields(content):
        if number == 3:
            found = _begun(nested(value))
        elif number == 4:
            found = _ended(nested(value))
    return found


def _begun(data: bytes) -> Hparams:
    """Read a SessionStartInfo."""
    params: dict[str, object] = {}
    group: str | None = None
    start_s: float | None = None
    for number, _, value in fields(data):
        if number == 1:
            name, param = _param(nested(value))
            params[name] = param
        elif number == 4:
            group = text(value) or None
        elif number == 5:
            start_s = double(value)
    return Hparams(params, group, start_s)


def _ended(data: bytes) -> Hparams:
    """Read a SessionEndInfo."""
    found = {number: value for number, _, value in fields(data)}
    status = _STATUS.get(integer(found.get(1, 0)))
    return Hparams({}, end_s=double(found[2]) if 2 in found else None, status=status)


def _param(data: bytes) -> tuple[str, object]:
    """An entry of a map from text to google.protobuf.Value."""
    name, param = "", None
    for number, _, value in fields(data):
        if number == 1:
            name = text(value)
        elif number == 2:
            param = _of_value(nested(value))
    return name, param


def _of_value(data: bytes, depth: int = 0) -> object:
    if depth > 20:
        raise ValueError("an hparam is nested too deep")
    found: object = None
    for number, _, value in fields(data):
        if number == 2:
            number_found = double(value)
            found = int(number_found) if number_found.is_integer() and abs(number_found) < 2**53 else number_found
        elif number == 3:
            found = text(value)
        elif number == 4:
            found = bool(integer(value))
        elif number == 6:
            items = [nested(item) for inner, _, item in fields(nested(value)) if inner == 1]
            found = [_of_value(item, depth + 1) for item in items]
    return found

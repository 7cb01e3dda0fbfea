"""Objects as file contents and back, by the file's suffix; text, JSON and arrays here, tables and plots next door.

Nothing that is written runs code when it is read: no pickle, no object arrays.
"""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple

from ingest.jsontext import from_json, to_json
from tracker.mediatypes import is_text, suffix
from tracker.plots import PLOT_SUFFIXES, encode_plot, is_plot
from tracker.tabular import TABLE_SUFFIXES, decode_table, encode_table, is_frame

ARRAY_SUFFIXES = (".npy", ".npz")


class Content(NamedTuple):
    """What is to be stored, and what kind of thing it is."""

    kind: str
    data: bytes | memoryview


def encode(data: object, name: str) -> Content:
    """Choose a format by the name's suffix, and where it leaves a choice by the data.

    Raises: TypeError: the format can't hold such data. ValueError: there is no format for it.
    """
    ending = suffix(name)
    if isinstance(data, (bytes, bytearray, memoryview)) and not is_text(name):
        return Content("file", bytes(data))
    if is_plot(data):
        return Content("figure", encode_plot(data, ending, name))
    if ending == ".json" and not is_frame(data):
        return encode_json(data, name)
    if isinstance(data, str) and ending in {".csv", ".tsv"}:
        return encode_text(data, name)
    if ending in TABLE_SUFFIXES:
        return Content("table", encode_table(data, ending, name))
    if ending in ARRAY_SUFFIXES:
        return encode_array(data, name)
    if is_text(name) or isinstance(data, str):
        return encode_text(data, name)
    formats = ", ".join((".json", ".txt", ".md", *ARRAY_SUFFIXES, *TABLE_SUFFIXES, *PLOT_SUFFIXES))
    message = (
        f"artifact {name!r}: there is no format for {type(data).__name__} by the suffix {ending!r}; "
        f"give text or bytes, or one of {formats}; models go to log_model"
    )
    raise TypeError(message)


def decode(data: bytes, name: str) -> object:
    """Read a file's content back; what has no format of ours stays bytes.

    Raises: ValueError: not what its name says.
    """
    ending = suffix(name)
    try:
        if ending == ".json":
            return from_json(data)
        if ending in TABLE_SUFFIXES:
            return decode_table(data, ending)
        if ending in ARRAY_SUFFIXES:
            return _decode_array(data, ending)
        return data.decode("utf-8", "surrogatepass") if is_text(name) else data
    except ValueError as error:
        raise ValueError(
            f"artifact {name!r} is no {ending} file that can be read: {error}; get_artifact gives its path"
        ) from error


def encode_text(data: object, name: str) -> Content:
    """Write text as UTF-8, lone surrogates and line ends as they are. Raises: TypeError: not text."""
    if not isinstance(data, str):
        advice = (
            "decode it, or log it as bytes under another suffix"
            if isinstance(data, (bytes, bytearray))
            else "give a str"
        )
        raise TypeError(f"artifact {name!r} is text, and {type(data).__name__} isn't; {advice}")
    return Content("text", data.encode("utf-8", "surrogatepass"))


def encode_json(data: object, name: str) -> Content:
    """Write plain data, numpy and NaN included (see ingest.values).

    Raises: TypeError: a part of it is no data; names the place.
    """
    return Content("json", to_json(data, where=f"artifact {name!r}", strict=True, indent=2).encode())


def encode_array(data: object, name: str) -> Content:
    """Write an array, a list of numbers or a tensor as .npy; a dict of them as .npz.

    Raises: TypeError: not numbers, text or times. ValueError: rows of different lengths, or another suffix.
    """
    ending = suffix(name)
    if ending not in ARRAY_SUFFIXES:
        raise ValueError(f"array {name!r} has no format by its suffix {ending!r}; there is {', '.join(ARRAY_SUFFIXES)}")
    if isinstance(data, Mapping) and ending == ".npy":
        raise TypeError(f"array {name!r}: one .npy file holds one array; name it .npz to keep a dict of arrays")
    buffer = BytesIO()
    if ending == ".npy":
        _write_array(buffer, data, name)
        return Content("array", buffer.getbuffer())
    arrays = data if isinstance(data, Mapping) else {"arr_0": data}
    with zipfile.ZipFile(buffer, "w") as archive:  # np.savez takes no array called "file"
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                _write_array(member, array, f"{name}[{key}]")
    return Content("array", buffer.getbuffer())


def _write_array(file: Any, data: Any, name: str) -> None:
    """Write one array in numpy's own format."""
    import numpy as np

    if callable(getattr(data, "detach", None)):  # a tensor that needs a gradient, or lies on a GPU
        data = data.detach().cpu()
    if isinstance(data, (str, bytes, Mapping)) or data is None:
        raise TypeError(f"array {name!r} can't be made of {type(data).__name__}; give an array or a list of numbers")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"array {name!r} can't be made of this: {error}") from error
    if array.dtype.hasobject:
        message = (
            f"array {name!r} holds Python objects, which only pickle could store; "
            "convert it with .astype(float) or .astype(str), or log it as .json"
        )
        raise TypeError(message)
    np.lib.format.write_array(file, array, allow_pickle=False)


def _decode_array(data: bytes, ending: str) -> object:
    """Read an array, or a dict of them."""
    import numpy as np

    loaded = np.load(BytesIO(data), allow_pickle=False)
    return dict(loaded) if ending == ".npz" else loaded

"""Tensor files: what is written is read back, others can read it, and a hostile header is refused."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.tensorfile import Tensor, as_array, of_array, read_tensors, write_tensors

ARRAYS = {
    "f64": np.array([1.5, np.nan, -np.inf, -0.0]),
    "f16": np.ones((2, 3), np.float16),
    "i8": np.array([-128, 127], np.int8),
    "u64": np.array([2**64 - 1], np.uint64),
    "bool": np.array([[True], [False]]),
    "c64": np.array([1 + 2j], np.complex64),
    "scalar": np.array(7),
    "empty": np.zeros((0, 4), np.float32),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big-endian": np.array([1, 2], ">i4"),
    "strided": np.arange(10)[::2],
}


def written(path: Path, tensors: dict[str, Tensor]) -> Path:
    """The path of a file that holds them."""
    with path.open("wb") as file:
        write_tensors(file, tensors)
    return path


def tensors_of(arrays: dict[str, Any]) -> dict[str, Tensor]:
    """Each array as a tensor."""
    made = {name: of_array(array) for name, array in arrays.items()}
    return {name: tensor for name, tensor in made.items() if tensor is not None}


def test_arrays_come_back_equal_and_writable(tmp_path: Path) -> None:
    """Whatever their type, shape and order in memory were."""
    with written(tmp_path / "a", tensors_of(ARRAYS)).open("rb") as file:
        back = {name: as_array(tensor) for name, tensor in read_tensors(file).items()}

    assert back.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(back[name], array)
        assert (back[name].shape, back[name].dtype) == (array.shape, array.dtype.newbyteorder("="))
        assert back[name].flags.writeable


def test_the_file_is_what_the_format_says(tmp_path: Path) -> None:
    """A length, a JSON header, the bytes; each array where the header says, at a multiple of its size."""
    data = written(tmp_path / "a", tensors_of(ARRAYS)).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]

    assert length % 8 == 0
    for name, about in header.items():
        begin, end = about["data_offsets"]
        assert begin % ARRAYS[name].itemsize == 0
        assert body[begin:end] == ARRAYS[name].astype(ARRAYS[name].dtype.newbyteorder("<")).tobytes()


def test_what_numpy_lacks_is_none_or_widened(tmp_path: Path) -> None:
    """Text has no place in the format; BF16 is read as float32."""
    bf16 = Tensor("BF16", (2,), np.array([0x3FC0, 0xC000], "<u2").view(np.uint8))
    with written(tmp_path / "a", {"x": bf16}).open("rb") as file:
        back = as_array(read_tensors(file)["x"])

    assert back.tolist() == [1.5, -2.0]
    assert of_array(np.array(["a"])) is None
    assert of_array(np.array([1 + 2j])) is None


def header(**tensors: object) -> bytes:
    """A file of that header and eight bytes."""
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 8


def one(**changes: object) -> bytes:
    """A file with one tensor of eight bytes, changed so."""
    return header(x={"dtype": "U8", "shape": [8], "data_offsets": [0, 8], **changes})


HOSTILE = {
    "empty": b"",
    "short": b"\1\0\0",
    "longer than the file": (2**40).to_bytes(8, "little") + b"{}",
    "no JSON": (4).to_bytes(8, "little") + b"abcd",
    "deep": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "no dict": header()[:8] + b"[]" + b"\0" * 8,
    "gap": one(data_offsets=[1, 8], shape=[7]),
    "beyond": one(data_offsets=[0, 16], shape=[16]),
    "overlapping": header(
        x={"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}, y={"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}
    ),
    "wrong length": one(shape=[7]),
    "negative": one(shape=[-2, -4]),
    "huge": one(shape=[2**62], data_offsets=[0, 2**62]),
    "unknown type": one(dtype="OBJECT"),
    "no place": header(x={"dtype": "U8", "shape": [8]}),
    "too many dimensions": one(shape=[1] * 70 + [8]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_tensor_file_is_refused(name: str, tmp_path: Path) -> None:
    """Before anything is allocated for it."""
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[name])

    with path.open("rb") as file, pytest.raises(ValueError, match=r"header|file of"):
        read_tensors(file)


def test_nothing_is_copied_to_write_an_array_in_one_piece() -> None:
    """A gigabyte of weights needs no second one."""
    array = np.zeros(1000)
    tensor = of_array(array)

    assert tensor is not None
    assert np.shares_memory(tensor.data, array)
    write_tensors(io.BytesIO(), {"x": tensor})

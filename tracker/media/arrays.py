"""Tensors of any library as NumPy arrays. No library is imported for it but NumPy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def as_array(data: Any) -> "np.ndarray[Any, Any]":
    """Give an array, a tensor or one number as an array; a number gets the shape (1,).

    Half precision that NumPy doesn't know (bfloat16) becomes float32.

    Raises: NotImplementedError: it is none of these, a list say; torch's own writer raises it too.
    """
    import numpy as np

    if isinstance(data, np.ndarray):
        return data
    if np.isscalar(data):
        return np.array([data])
    if callable(getattr(data, "detach", None)):  # torch: it may need a gradient, or lie on a GPU
        data = data.detach().cpu()
        if str(data.dtype) == "torch.bfloat16":
            data = data.float()
        found: np.ndarray[Any, Any] = data.numpy()
        return found
    if hasattr(data, "__array__"):
        return np.asarray(data)
    raise NotImplementedError(f"{type(data).__name__} is no array, tensor or number; give np.asarray(...) of it")


def is_tensor(data: object) -> bool:
    """Whether it is a torch tensor: its channels come first where it is a picture."""
    return type(data).__module__.partition(".")[0] == "torch" and hasattr(data, "detach")

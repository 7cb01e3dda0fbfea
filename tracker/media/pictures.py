"""Arrays as PNG pictures.

An array's dtype says what its numbers mean, as in torch's writer: uint8 is 0 to 255, anything else 0 to 1. What lies
outside is clipped.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

COLUMNS = 8
"""Pictures side by side in a grid."""


def as_hwc(data: "Array", order: str) -> "Array":
    """Give a picture, or a grid of several, as (height, width, channels).

    Args:
        data: of 2, 3 or 4 dimensions.
        order: what each dimension is: "CHW", "HWC", "HW", "NCHW" and so on.

    Raises: AssertionError: `order` doesn't fit, as in torch's writer. ValueError: it isn't made of N, C, H and W.
    """
    import numpy as np

    order = order.upper()
    if len(set(order)) != len(order):
        raise AssertionError(f"dataformats {order!r} names a dimension twice")
    if data.ndim != len(order):
        raise AssertionError(f"dataformats {order!r} names {len(order)} dimensions; the picture has {data.shape}")
    wanted = {2: "HW", 3: "HWC", 4: "NHWC"}.get(len(order), "")
    if set(order) != set(wanted):
        raise ValueError(f"dataformats is {order!r}; it is made of H and W, H, W and C, or N, H, W and C")
    picture = data.transpose([order.index(dimension) for dimension in wanted])
    if picture.ndim == 4:
        picture = _grid(picture)
    if picture.ndim == 2:
        picture = picture[:, :, None]
    grey: bool = picture.shape[2] == 1
    return np.repeat(picture, 3, axis=2) if grey else picture


def as_bytes(picture: "Array") -> "Array":
    """Give numbers as uint8: those of 0 to 1 times 255, clipped; NaN is 0."""
    import numpy as np

    if picture.dtype == np.uint8:
        return picture
    scaled = np.nan_to_num(picture.astype(np.float32) * np.float32(255), nan=0.0)
    clipped: Array = scaled.clip(0, 255).astype(np.uint8)
    return clipped


def png(
    picture: "Array",
    *,
    boxes: "Array | None" = None,
    labels: Sequence[str] | None = None,
    rescale: float = 1,
) -> bytes:
    """Write a picture of shape (height, width, channels), uint8.

    Args:
        boxes: shape (n, 4): left, top, right, bottom, in pixels; drawn in red.
        labels: a word for each box.
        rescale: of both sides.

    Raises: TypeError: a number of channels that no picture has.
    """
    from PIL import Image, ImageDraw

    drawn = Image.fromarray(picture)
    if boxes is not None:
        pen = ImageDraw.Draw(drawn)
        for place, (left, top, right, bottom) in enumerate(boxes.tolist()):
            pen.line([(left, top), (left, bottom), (right, bottom), (right, top), (left, top)], fill="red", width=2)
            if labels is not None:
                pen.text((left + 3, bottom - 3), str(labels[place]), fill="red", anchor="ls")
    if rescale != 1:
        size = int(drawn.width * rescale), int(drawn.height * rescale)
        drawn = drawn.resize(size, Image.Resampling.LANCZOS)
    buffer = BytesIO()
    drawn.save(buffer, format="PNG")
    return buffer.getvalue()


def _grid(pictures: "Array") -> "Array":
    """Lay pictures of shape (n, height, width, channels) out in rows of at most COLUMNS."""
    import numpy as np

    if pictures.shape[3] == 1:
        pictures = np.repeat(pictures, 3, axis=3)
    if pictures.shape[3] != 3:
        raise AssertionError(f"pictures of a grid have 1 or 3 channels, not {pictures.shape[3]}")
    count, height, width, _ = pictures.shape
    columns = max(1, min(count, COLUMNS))
    rows = -(-count // columns)
    grid = np.zeros((height * rows, width * columns, 3), dtype=pictures.dtype)
    for place, picture in enumerate(pictures):
        top, left = place // columns * height, place % columns * width
        grid[top : top + height, left : left + width] = picture
    return grid

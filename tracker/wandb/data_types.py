# ruff: noqa: ARG002, PLR0917 - the signatures are wandb's
"""wandb's types for what isn't a number: pictures, tables, pages, sounds, films, histograms.

Each is turned into a file's content when it is made, so a figure may be closed or an array changed after it.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.media.arrays import as_array, is_tensor
from tracker.media.distributions import distribution, distribution_of_buckets
from tracker.media.notkept import say_not_kept
from tracker.media.pictures import as_bytes
from tracker.media.recordings import gif, wav
from tracker.pngtitle import titled
from tracker.wandb.mediafile import Media
from tracker.wandb.tables import Table

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Audio", "Histogram", "Html", "Image", "Media", "Molecule", "Object3D", "Plotly", "Table", "Video"]


class Image(Media):
    """A picture.

    Args:
        data_or_path: a file's path; an array of shape (height, width), (height, width, 1, 3 or 4); a torch tensor, its
            channels first; a PIL image; a matplotlib figure or axes. Floats of 0 to 1 are 0 to 255, others are clipped.
        mode: to which PIL shall convert it, such as "L" or "RGB".
        caption: kept as the PNG's title.
        file_type: "png", "jpg", "jpeg" or "bmp".
        grouping, classes, boxes, masks: not kept; said once.

    Raises: ValueError: a shape that is no picture's. TypeError.
    """

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Any = None,
        masks: Any = None,
        file_type: str | None = None,
    ) -> None:
        if classes is not None or boxes is not None or masks is not None:
            say_not_kept("the boxes, masks and classes of wandb.Image", "draw them into the picture")
        if isinstance(data_or_path, (str, Path)):
            path = Path(data_or_path)
            super().__init__(path.suffix.lower() or ".png", path.read_bytes(), caption)
            return
        kind = (file_type or "png").lower()
        if kind not in {"png", "jpg", "jpeg", "bmp"}:
            raise ValueError(f"file_type is {file_type!r}; it can be 'png', 'jpg', 'jpeg' or 'bmp'")
        content = _drawn(data_or_path, mode, kind)
        super().__init__(f".{kind}", titled(content, caption) if caption else content, caption)


def _drawn(data: Any, mode: str | None, kind: str) -> bytes:
    from PIL import Image as Pillow

    buffer = BytesIO()
    figure = data if hasattr(data, "savefig") else getattr(data, "figure", None)
    if figure is not None and hasattr(figure, "savefig"):
        figure.savefig(buffer, format=kind)
        return buffer.getvalue()
    picture = data if isinstance(data, Pillow.Image) else Pillow.fromarray(_pixels(data))
    if mode is not None:
        picture = picture.convert(mode)
    elif kind in {"jpg", "jpeg"} and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    picture.save(buffer, {"jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}.get(kind, "PNG"))
    return buffer.getvalue()


def _pixels(data: Any) -> "np.ndarray[Any, Any]":
    import numpy as np

    array = as_array(data)
    if is_tensor(data) and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim > 2:
        array = array.squeeze()
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in {3, 4})):
        raise ValueError(f"a picture is of shape (height, width) or (height, width, 1, 3 or 4), not {array.shape}")
    if array.dtype.kind == "f" and array.size and np.nanmin(array) >= 0 and np.nanmax(array) <= 1:
        return as_bytes(array)
    clipped: np.ndarray[Any, Any] = np.nan_to_num(array).clip(0, 255).astype(np.uint8)
    return clipped


class Html(Media):
    """A page: its text, a path that ends in .html, or an open file. `inject` has nothing to say."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        if hasattr(data, "read"):
            text = data.read()
        elif isinstance(data, Path) or (not data_is_not_path and str(data).endswith(".html") and Path(data).is_file()):
            text = Path(data).read_text(encoding="utf-8")
        else:
            text = str(data)
        self.html = text
        super().__init__(".html", text)


class Plotly(Media):
    """A plotly figure, as a page."""

    def __init__(self, val: Any) -> None:
        super().__init__(".html", val.to_html())


class Audio(Media):
    """A sound: a file's path, or samples of -1 to 1 with their rate a second."""

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        if isinstance(data_or_path, (str, Path)):
            super().__init__(Path(data_or_path).suffix.lower(), Path(data_or_path).read_bytes(), caption)
            return
        if sample_rate is None:
            raise ValueError("Audio needs sample_rate, samples a second, with an array of samples")
        samples = data_or_path if not isinstance(data_or_path, (list, tuple)) else _listed(data_or_path)
        super().__init__(".wav", wav(as_array(samples), sample_rate), caption)


class Video(Media):
    """A film: a file's path, an open file, or an array ([films,] frames, channels, height, width), kept as GIF."""

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002 - wandb's name
    ) -> None:
        if isinstance(data_or_path, (str, Path)):
            super().__init__(Path(data_or_path).suffix.lower(), Path(data_or_path).read_bytes(), caption)
        elif hasattr(data_or_path, "read"):
            super().__init__(f".{format or 'gif'}", data_or_path.read(), caption)
        else:
            films = as_array(data_or_path)
            super().__init__(".gif", gif(films if films.ndim == 5 else films[None], fps or 4), caption)


class Object3D(Media):
    """A file of an object, or an array of points, as .npy."""

    def __init__(self, data_or_path: Any, caption: str | None = None, **_: Any) -> None:
        if isinstance(data_or_path, (str, Path)):
            super().__init__(Path(data_or_path).suffix.lower(), Path(data_or_path).read_bytes(), caption)
            return
        import numpy as np

        buffer = BytesIO()
        np.save(buffer, as_array(data_or_path), allow_pickle=False)
        super().__init__(".npy", buffer.getvalue(), caption)


class Molecule(Media):
    """A file of a molecule."""

    def __init__(self, data_or_path: Any, caption: str | None = None, **_: Any) -> None:
        super().__init__(Path(data_or_path).suffix.lower(), Path(data_or_path).read_bytes(), caption)


class Histogram:
    """A distribution: logged as `<name>/mean`, `/std`, `/min`, `/max`, `/count`, and quantiles `/p05` to `/p95`.

    Args:
        sequence: the values, any shape.
        np_histogram: (counts, edges) as numpy.histogram gives them, in place of values; then there are no quantiles.
        num_bins: of `histogram` and `bins`, which are there to be read; the buckets are not kept.

    Raises: ValueError: neither of both.
    """

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        import numpy as np

        if sequence is None and np_histogram is None:
            raise ValueError("Histogram needs the values, or np_histogram=numpy.histogram(values)")
        if np_histogram is not None:
            counts, edges = np.asarray(np_histogram[0]), np.asarray(np_histogram[1])
            self.numbers = distribution_of_buckets(edges.tolist(), counts.tolist())
        else:
            values = _listed(sequence) if isinstance(sequence, (list, tuple)) else as_array(sequence)
            self.numbers = distribution(values) if values.size else {"count": 0.0}
            finite = values.astype(np.float64)
            counts, edges = np.histogram(finite[np.isfinite(finite)], bins=num_bins)
        self.histogram: list[float] = counts.tolist()
        self.bins: list[float] = edges.tolist()


def _listed(values: Sequence[Any]) -> "np.ndarray[Any, Any]":
    import numpy as np

    return np.asarray(values)

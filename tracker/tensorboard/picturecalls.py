# ruff: noqa: ARG002, PLR0917 - the signatures are PyTorch's
"""The calls of SummaryWriter for what is seen and heard: an artifact under the tag for each, a file a step.

See tracker.media: names for the files' names, pictures and recordings for what the numbers mean.
"""

from collections.abc import Sequence
from typing import Any

from tracker.media.arrays import as_array
from tracker.media.pictures import as_bytes, as_hwc, png
from tracker.media.recordings import gif, wav
from tracker.tensorboard.calls import Calls


class PictureCalls(Calls):
    """The part of SummaryWriter that keeps pictures, sounds and films."""

    # --- pictures

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: float | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Keep a picture as the artifact `<tag>/<step>.png`.

        Args:
            img_tensor: an array or tensor; uint8, or of 0 to 1.
            dataformats: what its dimensions are: "CHW", "HWC", "HW", "NCHW" ...

        Raises: AssertionError, NotImplementedError, TypeError: as PyTorch's; see tracker.media.pictures.
        """
        if not self._begin().disabled:
            self._keep(png(as_bytes(as_hwc(as_array(img_tensor), dataformats))), tag, global_step, ".png")

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: float | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Keep several pictures as one, in rows of eight."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: float | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: str | Sequence[str] | None = None,
    ) -> None:
        """Keep a picture with boxes drawn into it: rows of left, top, right, bottom in pixels."""
        if self._begin().disabled:
            return
        boxes = as_array(box_tensor).reshape(-1, 4)
        words = [labels] if isinstance(labels, str) else labels
        picture = as_bytes(as_hwc(as_array(img_tensor), dataformats))
        fitting = words if words is not None and len(words) == len(boxes) else None
        self._keep(png(picture, boxes=boxes, labels=fitting, rescale=rescale), tag, global_step, ".png")

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: float | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Keep a matplotlib figure, or each of a list, as the artifact `<tag>/<step>.png`; close it."""
        run = self._begin()
        for one in figure if isinstance(figure, list) else [figure]:
            if not run.disabled:
                run.tracker.log_figure(one, self._name(tag, global_step, ".png"), run_id=run.id)
            if close:
                import matplotlib.pyplot as plt

                plt.close(one)

    # --- sounds and films

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: float | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Keep a sound of -1 to 1, of shape (1, samples), as the artifact `<tag>/<step>.wav`."""
        if not self._begin().disabled:
            self._keep(wav(as_array(snd_tensor), sample_rate), tag, global_step, ".wav")

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: float | None = None,
        fps: float = 4,
        walltime: float | None = None,
        dataformats: str = "NTCHW",
    ) -> None:
        """Keep films of shape (films, frames, channels, height, width) side by side as `<tag>/<step>.gif`.

        Raises: ValueError: other dimensions than `dataformats` names, or it isn't made of N, T, C, H and W.
        """
        if not self._begin().disabled:
            films = as_array(vid_tensor)
            order = dataformats.upper()
            if sorted(order) != sorted("NTCHW") or films.ndim != 5:
                raise ValueError(f"dataformats is {dataformats!r}, of films of shape {films.shape}; give N, T, C, H, W")
            films = films.transpose([order.index(dimension) for dimension in "NTCHW"])
            self._keep(gif(films, fps), tag, global_step, ".gif")

# ruff: noqa: ARG002, PLR0917 - the signatures are PyTorch's
"""The calls of SummaryWriter for many values at once: histograms as metrics, arrays as artifacts, layouts not at all.

What isn't kept is said once, and stops nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tracker.media.arrays import as_array
from tracker.media.distributions import distribution
from tracker.media.notkept import say_not_kept
from tracker.tensorboard.calls import step_of, time_ns_of
from tracker.tensorboard.picturecalls import PictureCalls


class ValueCalls(PictureCalls):
    """The part of SummaryWriter that keeps arrays, or what stands for them."""

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: float | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Log `<tag>/mean`, `/std`, `/min`, `/max`, `/count` and the quantiles `/p05` to `/p95` of the values.

        The buckets are not kept, so `bins` and `max_bins` have nothing to say.
        Raises: ValueError: there are no values. NotImplementedError: a list.
        """
        run = self._begin()
        if not run.disabled:
            run.log_all(tag, distribution(as_array(values)), step_of(global_step), time_ns_of(walltime))
            say_not_kept("the buckets of add_histogram", "its mean, std, min, max and quantiles are metrics")

    def add_histogram_raw(
        self,
        tag: str,
        min: float,  # noqa: A002 - PyTorch's name
        max: float,  # noqa: A002 - PyTorch's name
        num: float,
        sum: float,  # noqa: A002 - PyTorch's name
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: float | None = None,
        walltime: float | None = None,
    ) -> None:
        """Log `<tag>/mean`, `/std`, `/min`, `/max`, `/count` of a histogram that was made elsewhere.

        Raises: ValueError: limits and counts of different lengths.
        """
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError(
                f"bucket_limits are {len(bucket_limits)}, bucket_counts {len(bucket_counts)}; give as many"
            )
        run = self._begin()
        if run.disabled:
            return
        count = float(num)
        mean = float(sum) / count
        spread = float(sum_squares) / count - mean * mean
        numbers = {"count": count, "mean": mean, "std": spread**0.5 if spread > 0 else 0.0}
        numbers |= {"min": float(min), "max": float(max)}
        run.log_all(tag, numbers, step_of(global_step), time_ns_of(walltime))
        say_not_kept("the buckets of add_histogram_raw", "its mean, std, min and max are metrics")

    def add_tensor(
        self, tag: str, tensor: Any, global_step: float | None = None, walltime: float | None = None
    ) -> None:
        """Keep an array or tensor as the artifact `<tag>/<step>.npy`."""
        if not self._begin().disabled:
            self._keep(as_array(tensor), tag, global_step, ".npy")

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: float | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Keep labels and predictions, of which any curve can be made, as the artifact `<tag>/<step>.npz`."""
        if self._begin().disabled:
            return
        arrays = {"labels": as_array(labels), "predictions": as_array(predictions)}
        if weights is not None:
            arrays["weights"] = as_array(weights)
        self._keep(arrays, tag, global_step, ".npz")

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: float | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Keep a precision-recall curve as the artifact `<tag>/<step>.npz`."""
        if self._begin().disabled:
            return
        arrays = {
            "true_positives": true_positive_counts,
            "false_positives": false_positive_counts,
            "true_negatives": true_negative_counts,
            "false_negatives": false_negative_counts,
            "precision": precision,
            "recall": recall,
        }
        self._keep(arrays, tag, global_step, ".npz")

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: float | None = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Keep an embedding: `<tag>/<step>.npy` (n, dimensions), its labels as .json, its pictures as one .png.

        Raises: AssertionError: labels or pictures that don't fit, as PyTorch's.
        """
        if self._begin().disabled:
            return
        points = as_array(mat)
        if points.ndim != 2:
            raise AssertionError(f"mat is of shape (points, dimensions), not {points.shape}")
        for what, given in (("metadata", metadata), ("label_img", label_img)):
            if given is not None and len(given) != len(points):
                raise AssertionError(f"{what} has {len(given)} entries for {len(points)} points")
        self._keep(points, tag, global_step, ".npy")
        if metadata is not None:
            told = {"header": list(metadata_header or []), "rows": list(metadata)}
            self._keep(told, tag, global_step, ".json")
        if label_img is not None:
            self.add_images(tag, label_img, global_step)

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: Mapping[str, Any] | None = None,
        global_step: float | None = None,
        walltime: float | None = None,
    ) -> None:
        """Keep a mesh as the artifact `<tag>/<step>.npz`: vertices, colors, faces; not a view's config."""
        if self._begin().disabled:
            return
        given = {"vertices": vertices, "colors": colors, "faces": faces}
        arrays = {name: as_array(value) for name, value in given.items() if value is not None}
        self._keep(arrays, tag, global_step, ".npz")

    # --- what isn't kept

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Keep nothing, and say so once."""
        say_not_kept("the graph of add_graph", "log the model with tracker.log_model, or its text with add_text")

    def add_onnx_graph(self, prototxt: Any) -> None:
        """Keep nothing, and say so once."""
        say_not_kept("the graph of add_onnx_graph", "log the file with tracker.log_artifact")

    def add_custom_scalars(self, layout: Any) -> None:
        """Keep nothing, and say so once: a layout is TensorBoard's own."""
        say_not_kept(
            "the layout of add_custom_scalars", "it is for TensorBoard's page; the scalars themselves are kept"
        )

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Keep nothing, and say so once."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Keep nothing, and say so once. Raises: AssertionError: not three tags, as PyTorch's."""
        if len(tags) != 3:
            raise AssertionError(f"a margin chart is made of 3 tags, not {len(tags)}")
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

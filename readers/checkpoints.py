"""Checkpoints, listed, chosen and read back: numbered folders below checkpoints/<run_id>, each whole or not there.

    checkpoint.json     when, at which step, with which metrics; size and SHA-256 of each file beside it
    state.json          the state as a tree (see ingest.statetree)
    state.safetensors   its arrays and tensors
    parts/<n>/          what is neither data nor array, such as a scikit-learn model: a file in a format of its own

The folders alone are the truth, so that a list is right whatever a crash left undone, and costs no look at the facts.
Everything is read by relative names without following links, and compared with its SHA-256 before anything is made of
it. What could run code is never opened here: parts are the caller's, who knows whom to trust.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from ingest.errors import CheckpointNotFound, SegmentCorrupt, UntrustedModel
from ingest.files import open_beneath
from ingest.layout import Layout
from ingest.numbered import numbers
from ingest.statebuilder import rebuild
from ingest.tensorfile import Tensor, read_tensors
from readers.best import Mode, headline, resolve_mode

ABOUT = "checkpoint.json"
TREE = "state.json"
TENSORS = "state.safetensors"
Which = int | Literal["latest", "best"]
AXES = ("iteration", "step", "epoch")
"""Metrics that say how far a run has come, not how well it does."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOST_JSON_BYTES = 64 << 20


class SavedFile(msgspec.Struct, frozen=True):
    """One file of a checkpoint."""

    size: int
    sha256: str


class SavedPart(msgspec.Struct, frozen=True):
    """One part of a state that has a file of its own."""

    place: str
    """Where in the state it stands, as in "['model']"."""
    format: str
    file: str
    class_name: str
    untrusted: list[str] = []
    """What in it needs trust to be loaded."""


class About(msgspec.Struct, frozen=True):
    """The content of checkpoint.json."""

    time_ns: int
    step: int | float | None
    metrics: dict[str, float]
    files: dict[str, SavedFile]
    parts: list[SavedPart]
    monitor: str | None = None
    mode: str = "auto"


class Checkpoint(msgspec.Struct, frozen=True):
    """One checkpoint of a run."""

    run_id: str
    number: int
    time: datetime
    step: int | float | None
    metrics: dict[str, float]
    """The run's metrics when it was saved; NaN and infinities are left out."""
    size: int
    """Of all its files, in bytes."""
    untrusted: list[str]
    """What in it needs trust=True to be loaded; nothing in most."""
    path: Path
    """Its folder; it belongs to the store, so change only copies."""
    monitor: str | None = None
    """The metric that tells the best, if one was named when it was saved."""
    mode: str = "auto"


def list_checkpoints(layout: Layout, run_id: str) -> list[Checkpoint]:
    """List a run's checkpoints, the first saved first; one whose description can't be read is left out."""
    if not _RUN_ID.fullmatch(run_id):
        return []
    layout.obtain_folder(layout.run_checkpoints(run_id), _MOST_JSON_BYTES)
    found = []
    for number in numbers(layout.run_checkpoints(run_id)):
        try:
            found.append(described(layout, run_id, number, read_about(layout, run_id, number)))
        except (SegmentCorrupt, FileNotFoundError):  # damaged: find_checkpoint says so; or removed meanwhile
            continue
    return found


def find_checkpoint(
    layout: Layout, run_id: str, which: Which = "latest", *, metric: str | None = None, mode: Mode = "auto"
) -> Checkpoint:
    """Find one checkpoint of a run: the latest, the best, or the one of a number.

    Args:
        which: "latest", "best" or a number. The best is the one saved when the metric was best.
        metric, mode: what tells the best; default: what was named when they were saved, else the headline metric.

    Raises: CheckpointNotFound: there is none, or not that one. SegmentCorrupt: what describes it isn't what was
        written; other checkpoints may still be there. ValueError, TypeError: `which` or `mode` is none of what is
        allowed.
    """
    if not _is_which(which):
        raise ValueError(f"no checkpoint {which!r}; it can be 'latest', 'best', or a number")
    if _RUN_ID.fullmatch(run_id):
        layout.obtain_folder(layout.run_checkpoints(run_id), _MOST_JSON_BYTES)
    there = numbers(layout.run_checkpoints(run_id)) if _RUN_ID.fullmatch(run_id) else []
    if not there:
        raise CheckpointNotFound(f"run {run_id!r} has no checkpoint; save_checkpoint makes one")
    if which == "best":
        best = _best(run_id, list_checkpoints(layout, run_id), metric, mode)
        layout.obtain_folder(best.path)
        return best
    number = there[-1] if which == "latest" else int(which)
    if number not in there:
        raise CheckpointNotFound.among(f"checkpoint of run {run_id}", str(number), map(str, there))
    layout.obtain_folder(layout.run_checkpoints(run_id) / str(number))
    try:
        return described(layout, run_id, number, read_about(layout, run_id, number))
    except FileNotFoundError as error:
        raise SegmentCorrupt(f"checkpoint {number} of run {run_id} lacks its {ABOUT}; load another") from error


def order(checkpoints: Sequence[Checkpoint], metric: str, mode: Mode = "auto") -> list[Checkpoint]:
    """Order the checkpoints that have the metric, the best first; of equally good ones the later first."""
    towards = resolve_mode(mode, metric)
    sign = -1 if towards == "maximize" else 1
    having = [checkpoint for checkpoint in checkpoints if not math.isnan(checkpoint.metrics.get(metric, math.nan))]
    return sorted(having, key=lambda checkpoint: (sign * checkpoint.metrics[metric], -checkpoint.number))


def telling_metric(checkpoints: Sequence[Checkpoint]) -> tuple[str | None, Mode]:
    """The metric that tells which is best, and its mode: the one named last, else the headline metric of all."""
    named = [checkpoint for checkpoint in checkpoints if checkpoint.monitor is not None]
    if named:
        return named[-1].monitor, named[-1].mode  # type: ignore[return-value] # checked when it was saved
    counts: dict[str, int] = {}
    for checkpoint in checkpoints:
        for key in checkpoint.metrics:
            counts[key] = counts.get(key, 0) + (key not in AXES)
    return headline({key: count for key, count in counts.items() if count}), "auto"


def load_checkpoint(
    layout: Layout, checkpoint: Checkpoint, part: Callable[[SavedPart, Path], object] | None = None
) -> Any:
    """Read a state back.

    Args:
        part: makes an object of a part's file, which is what was saved; without it a state that has parts is refused.

    Returns: the state; torch tensors on the CPU, or as NumPy arrays where torch isn't installed.
    Raises: SegmentCorrupt: a file isn't what was saved. UntrustedModel: it has parts, and `part` isn't given.
    """
    about = read_about(layout, checkpoint.run_id, checkpoint.number)
    if about.parts and part is None:
        places = ", ".join(f"{saved.place} ({saved.class_name})" for saved in about.parts)
        message = (
            f"checkpoint {checkpoint.number} of run {checkpoint.run_id} holds objects, which readers don't load: "
            f"{places}; load it with RealTimeTracker.load_checkpoint"
        )
        raise UntrustedModel(message)

    def made(index: int) -> object:
        saved = about.parts[index]
        with _verified(checkpoint, about, saved.file):
            return part(saved, checkpoint.path / saved.file) if part else None

    try:
        tensors: dict[str, Tensor] = {}
        if TENSORS in about.files:
            with _verified(checkpoint, about, TENSORS) as file:
                tensors = read_tensors(file)
        with _verified(checkpoint, about, TREE) as file:
            tree = file.read()
        return rebuild(tree, tensors, made)
    except (ValueError, EOFError, IndexError) as error:
        raise SegmentCorrupt(
            f"checkpoint {checkpoint.number} of run {checkpoint.run_id} can't be read: {error}; load another"
        ) from error


def read_about(layout: Layout, run_id: str, number: int) -> About:
    """Read what checkpoint.json says. Raises: SegmentCorrupt: it isn't what was written. FileNotFoundError."""
    try:
        with open_beneath(layout.run_checkpoints(run_id) / str(number), ABOUT) as file:
            return msgspec.json.decode(file.read(_MOST_JSON_BYTES), type=About)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        message = f"{ABOUT} of checkpoint {number} of run {run_id} can't be read: {error}; load another checkpoint"
        raise SegmentCorrupt(message) from error


def described(layout: Layout, run_id: str, number: int, about: About) -> Checkpoint:
    """A checkpoint as lists show it."""
    return Checkpoint(
        run_id=run_id,
        number=number,
        time=datetime.fromtimestamp(about.time_ns / 1e9, UTC),
        step=about.step,
        metrics=about.metrics,
        size=sum(saved.size for saved in about.files.values()),
        untrusted=[f"{part.place}: {reason}" for part in about.parts for reason in part.untrusted],
        path=layout.run_checkpoints(run_id) / str(number),
        monitor=about.monitor,
        mode=about.mode,
    )


def _best(run_id: str, checkpoints: Sequence[Checkpoint], metric: str | None, mode: Mode) -> Checkpoint:
    named, named_mode = telling_metric(checkpoints)
    wanted = metric or named
    if wanted is None:
        raise CheckpointNotFound(
            f"no checkpoint of run {run_id} has a metric that tells the best; give metric=, or load the 'latest'"
        )
    ordered = order(checkpoints, wanted, named_mode if mode == "auto" and wanted == named else mode)
    if not ordered:
        known = sorted({key for checkpoint in checkpoints for key in checkpoint.metrics})
        raise CheckpointNotFound.among(f"checkpoint of run {run_id} with the metric", wanted, known)
    return ordered[0]


def _verified(checkpoint: Checkpoint, about: About, name: str) -> Any:
    """A file of a checkpoint, open at its start. Raises: SegmentCorrupt: it isn't what was saved."""
    where = f"{name} of checkpoint {checkpoint.number} of run {checkpoint.run_id}"
    if name not in about.files:
        raise SegmentCorrupt(f"{ABOUT} doesn't know {where}; load another checkpoint")
    try:
        file = open_beneath(checkpoint.path, name)
    except (FileNotFoundError, ValueError) as error:
        raise SegmentCorrupt(f"{where} is gone; load another checkpoint") from error
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a plain file, opened to be read
    if digest != about.files[name].sha256:
        file.close()
        saved = about.files[name].sha256
        raise SegmentCorrupt(f"{where} is damaged: its SHA-256 is {digest}, saved was {saved}; load another checkpoint")
    file.seek(0)
    return file


def _is_which(which: object) -> bool:
    if isinstance(which, str):
        return which in {"latest", "best"} or (which.isascii() and which.isdecimal())
    return isinstance(which, int) and not isinstance(which, bool)

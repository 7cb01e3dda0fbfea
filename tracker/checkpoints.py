"""Checkpoints: training states, saved whole or not at all, and read back without running anybody's code.

Guarantee: a checkpoint is there from the rename of its folder on, with every byte on the disk before it (see
ingest.numbered); a kill -9 at any step before leaves the ones that were there, and retention removes an old one only
when the new one is in its place. So the latest checkpoint is always a whole one.

Dicts, lists, numbers, text, NumPy arrays and torch tensors are kept as data (see ingest.statetree). An object among
them, such as a scikit-learn model, goes to a file in the safest format that can hold it (see modelformats); pickle is
the last of these, is marked as such, and is loaded only with trust=True.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ingest.errors import CheckpointNotSerializable, ModelNotSerializable, UntrustedModel
from ingest.events import FactLogged
from ingest.files import ByteSink, HashingSink
from ingest.jsontext import to_json
from ingest.layout import Layout
from ingest.numbered import Reserve, publish, remove
from ingest.statetree import Part, State
from ingest.tensorfile import write_tensors
from readers.best import Mode, resolve_mode
from readers.checkpoints import (
    ABOUT,
    TENSORS,
    TREE,
    About,
    Checkpoint,
    SavedFile,
    SavedPart,
    Which,
    described,
    find_checkpoint,
    list_checkpoints,
    load_checkpoint,
    order,
    telling_metric,
)
from tracker.facade import Facade
from tracker.metrics import metric_step
from tracker.modelformats import class_name, load_model, save_model, untrusted_parts
from tracker.modelregistry import file_facts
from tracker.run import ActiveRun
from tracker.settings import TrackerSettings

_MOST_PARTS = 256


class CheckpointLogging(Facade):
    """The checkpoint methods of the tracker."""

    settings: TrackerSettings

    def save_checkpoint(
        self,
        state: object,
        *,
        step: float | None = None,
        metrics: Mapping[str, float] | None = None,
        monitor: str | None = None,
        mode: Mode = "auto",
        keep_last: int | None = None,
        keep_best: int = 1,
        run_id: str | None = None,
    ) -> Checkpoint | None:
        """Save a training state as the run's next checkpoint; it is on the disk, whole, when this returns.

        Args:
            state: dicts, lists and tuples, nested as you like, of numbers, text, None, bytes, NumPy arrays, torch
                tensors and state dicts, models. Of a torch module or optimizer its state dict is saved.
            step: default: none; a state's own "step" isn't looked at.
            metrics: what the state is worth; default: the run's last metrics.
            monitor, mode: the metric that tells the best checkpoint, and which way it is better; default: the headline
                metric (see readers.best), "auto" by its name.
            keep_last: remove all but so many of the latest, and `keep_best` of the best; None keeps all.
            run_id: default: the current run.

        Returns: the checkpoint; None where it couldn't be saved, which is said once and stops no training, or where
            the tracker is disabled.
        Raises: CheckpointNotSerializable, SinkFailed: it couldn't be saved, and the tracker is strict. NoActiveRun.
            ValueError, TypeError: of the other arguments.
        """
        if self._disabled:
            return None
        run = self._run(run_id)
        number, _ = metric_step(step)
        check_retention(keep_last, keep_best)
        resolve_mode(mode, monitor or "")
        if metrics is None:
            metrics = {key: value for key, value in run.last_metrics.items() if not key.startswith("system/")}
        about = About(
            time_ns=self._now(),
            step=number,
            metrics={key: float(value) for key, value in metrics.items() if math.isfinite(value)},
            files={},
            parts=[],
            monitor=monitor,
            mode=mode,
        )
        try:
            reserve = self._reserve(self.layout.run_checkpoints(run.id), ABOUT)
            saved = write_checkpoint(self.layout, run.id, state, about, reserve)
        except (OSError, CheckpointNotSerializable) as error:
            if self.settings.pipeline.strict and isinstance(error, CheckpointNotSerializable):
                raise
            self._fault(f"checkpoint of run {run.id}", error)
            return None
        self._tell(run, saved.number, {"step": saved.step, "size": saved.size, "untrusted": saved.untrusted})
        if keep_last is not None:
            self._retire(run, keep_last, keep_best)
        return saved

    def load_checkpoint(
        self,
        run: str | None = None,
        which: Which = "latest",
        *,
        metric: str | None = None,
        mode: Mode = "auto",
        trust: bool = False,
    ) -> Any:
        """Load the state of a checkpoint.

        Args:
            run: a run's id, the beginning of one, or its name; default: the current run, else the last one.
            which: "latest", "best", or a number of `list_checkpoints`.
            metric, mode: what tells the best; default: as it was saved.
            trust: whether you trust who wrote it. Without it nothing is loaded that could run code.

        Returns: the state that was saved: torch tensors on the CPU (as NumPy arrays where torch isn't installed).
        Raises: CheckpointNotFound, RunNotFound: listing what there is. SegmentCorrupt: it isn't what was saved; load
            another. UntrustedModel.
        """
        run_id = self._checkpointed(run)

        def load(layout: Layout) -> Any:
            found = find_checkpoint(layout, run_id, which, metric=metric, mode=mode)
            layout.obtain_folder(found.path)
            return load_checkpoint(layout, found, lambda saved, file: _loaded(found, saved, file, trust=trust))

        return self._nearest(load)

    def list_checkpoints(self, run: str | None = None) -> list[Checkpoint]:
        """List a run's checkpoints, the first saved first. Raises: RunNotFound: no such run."""
        if self._disabled:
            return []
        run_id = self._checkpointed(run)
        return self._nearest(lambda layout: list_checkpoints(layout, run_id))

    def _checkpointed(self, run: str | None) -> str:
        """The id of the run that is meant; what has checkpoints under that very id needs no look at the store."""
        asked = self._asked_run(run)
        if run is None or list_checkpoints(self.layout, asked):
            return asked
        return self._answered(lambda store: store.resolve_run(asked))

    def _retire(self, run: ActiveRun, keep_last: int, keep_best: int) -> None:
        """Remove the checkpoints that nobody asked to keep."""
        for number in superfluous(list_checkpoints(self.layout, run.id), keep_last, keep_best):
            try:
                if remove(self.layout.run_checkpoints(run.id), number, self.layout.tmp):
                    self._tell(run, number, {"removed": True})
            except OSError as error:
                self._fault(f"removing checkpoint {number} of run {run.id}", error)

    def _tell(self, run: ActiveRun, number: int, what: Mapping[str, object]) -> None:
        """Log what became of a checkpoint, for the run's history."""
        items = {str(number): to_json(what)}
        self._append(FactLogged(run.id, run.experiment, self._now(), "checkpoint", items))


def write_checkpoint(
    layout: Layout, run_id: str, state: object, about: About, reserve: Reserve | None = None
) -> Checkpoint:
    """Write a state as a run's next checkpoint; `reserve` as for numbered.publish.

    Raises: CheckpointNotSerializable: no form can hold a part of it. OSError: the disk doesn't take it. Either way
        nothing is left behind.
    """
    try:
        taken_apart = State.of(state)
        tree = taken_apart.text().encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointNotSerializable(f"the state can't be saved: {error}. The run goes on") from error
    if len(taken_apart.parts) > _MOST_PARTS:
        first = taken_apart.parts[0]
        message = (
            f"the state holds {len(taken_apart.parts)} objects that are neither data nor arrays, such as a "
            f"{class_name(first.value)} at {first.place}; at most {_MOST_PARTS} are saved. The run goes on; give what "
            "they are made of: numbers, text, arrays"
        )
        raise CheckpointNotSerializable(message)

    def fill(folder: Path) -> About:
        parts = [_write_part(part, folder, f"parts/{index}") for index, part in enumerate(taken_apart.parts)]
        files = {part.file: SavedFile(*file_facts(folder / part.file)) for part in parts}
        if taken_apart.tensors:
            files[TENSORS] = _write(folder, TENSORS, lambda sink: write_tensors(sink, taken_apart.tensors))
        files[TREE] = _write(folder, TREE, lambda sink: sink.write(tree))
        filled = msgspec.structs.replace(about, files=files, parts=parts)
        _write(folder, ABOUT, lambda sink: sink.write(msgspec.json.encode(filled)))
        return filled

    return described(layout, run_id, *publish(layout.run_checkpoints(run_id), layout.tmp, fill, reserve))


def superfluous(checkpoints: Sequence[Checkpoint], keep_last: int, keep_best: int) -> list[int]:
    """The numbers of the checkpoints that are neither among the last nor among the best."""
    kept = {checkpoint.number for checkpoint in checkpoints[-keep_last:]}
    metric, mode = telling_metric(checkpoints)
    if metric is not None:
        kept |= {checkpoint.number for checkpoint in order(checkpoints, metric, mode)[:keep_best]}
    return [checkpoint.number for checkpoint in checkpoints if checkpoint.number not in kept]


def check_retention(keep_last: object, keep_best: object) -> None:
    """Raises: ValueError: not counts of checkpoints to keep."""
    if keep_last is not None and (not isinstance(keep_last, int) or isinstance(keep_last, bool) or keep_last < 1):
        raise ValueError(f"keep_last is {keep_last!r}; it is a number from 1, or None to keep all")
    if not isinstance(keep_best, int) or isinstance(keep_best, bool) or keep_best < 0:
        raise ValueError(f"keep_best is {keep_best!r}; it is a number from 0")


def _write(folder: Path, name: str, write: Callable[[ByteSink], object]) -> SavedFile:
    """Write a file of a checkpoint that nobody sees yet; it is synced with the others."""
    with (folder / name).open("xb") as file:
        sink = HashingSink(file)
        write(sink)
    return SavedFile(sink.size, sink.digest.hexdigest())


def _write_part(part: Part, folder: Path, name: str) -> SavedPart:
    """Write an object's file. Raises: CheckpointNotSerializable: no format can hold it."""
    home = folder / name
    home.mkdir(parents=True)
    try:
        form = save_model(part.value, home, part.place)
        untrusted = untrusted_parts(form, home, part.value)
    except ModelNotSerializable as error:
        message = (
            f"the value at {part.place} is a {class_name(part.value)}, which no format can hold "
            f"({error.__cause__!r}). The run goes on; save what it is made of: numbers, text, arrays, a state dict"
        )
        raise CheckpointNotSerializable(message) from error
    return SavedPart(part.place, form.name, f"{name}/{form.file}", class_name(part.value), untrusted)


def _loaded(checkpoint: Checkpoint, saved: SavedPart, file: Path, *, trust: bool) -> object:
    """Make an object of its file. Raises: UntrustedModel: that could run code, and trust wasn't given."""
    try:
        return load_model(saved.place, file, msgspec.structs.asdict(saved), trust=trust)
    except UntrustedModel as error:
        message = (
            f"checkpoint {checkpoint.number} of run {checkpoint.run_id}: the value at {saved.place} "
            f"({saved.class_name}, saved as {saved.format}) holds what can run code or crash the process when it is "
            "loaded. If you trust who wrote it: load_checkpoint(..., trust=True)"
        )
        raise UntrustedModel(message) from error

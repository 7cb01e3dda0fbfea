"""Artifacts: files that belong to a run, under the names the user gave them.

An object is turned into bytes in the caller (the spec closes its figure right after), the bytes are put on disk whole
or not at all (see ingest.files), and then one event says that they lie there, how many they are, and their SHA-256.
Reading back starts from these events: the last one of a name counts, and bytes that no event of it knows aren't read.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, cast

from ingest.errors import ArtifactNotFound, NoActiveRun, RunNotFound, SegmentCorrupt
from ingest.files import copy, open_beneath
from ingest.jsontext import from_json
from ingest.layout import Layout
from ingest.paths import check_path
from ingest.sources import list_folder, open_plain
from readers.store import Store
from tracker.encoding import Content, decode, encode, encode_array, encode_json, encode_text
from tracker.facade import Facade
from tracker.mediatypes import suffix
from tracker.plots import encode_plot
from tracker.tabular import encode_table


class Artifact(TypedDict):
    """What is known of an artifact."""

    path: str
    size: int
    sha256: str
    media_type: str
    kind: str
    """text, json, array, table, figure, or file for what was copied as it was."""
    time: datetime


class ArtifactLogging(Facade):
    """The artifact methods of the tracker."""

    def log_artifact_data(self, data: object, name: str, *, run_id: str | None = None) -> None:
        """Store an object in the format that the name's suffix says.

        .json: dicts, lists and scalars, numpy and NaN included. .txt, .md and other text: a str. .npy, .npz: an array,
        a dict of arrays. .csv, .tsv, .parquet, .arrow, .feather: a frame, a dict of columns, a list of row dicts.
        .png, .svg, .pdf, .jpg: a figure. Bytes are stored as they are under any suffix but those of text.

        Raises: TypeError, ValueError: the format can't hold this, and where in it; no such format; no such name.
        """
        self._log(lambda: encode(data, name), name, run_id)

    def log_text(self, text: str, name: str, *, run_id: str | None = None) -> None:
        """Store text as UTF-8. Raises: TypeError: bytes, or anything else that is no str."""
        self._log(lambda: encode_text(text, name), name, run_id)

    def log_dict(
        self, dictionary: Mapping[Any, object] | list[object], name: str, *, run_id: str | None = None
    ) -> None:
        """Store a dict or list as JSON.

        Raises: ValueError: the name doesn't end in .json. TypeError: a part of it is no data; names the place.
        """
        if suffix(name) != ".json":
            raise ValueError(f"a dict is stored as JSON, so its name ends in .json, not {suffix(name)!r} ({name!r})")
        self._log(lambda: encode_json(dictionary, name), name, run_id)

    def log_numpy_array(self, array: object, name: str, *, run_id: str | None = None) -> None:
        """Store an array, a list of numbers or a tensor as .npy, or a dict of them as .npz.

        Raises: TypeError: an object array, which only pickle could store. ValueError: ragged, or another suffix.
        """
        self._log(lambda: encode_array(array, name), name, run_id)

    def log_dataframe(self, frame: object, name: str, *, run_id: str | None = None) -> None:
        """Store a table of pandas, polars or pyarrow as .csv, .tsv, .parquet, .json, .arrow or .feather.

        A dict of columns, a list of row dicts, and what speaks Arrow are tables too. A CSV keeps text cells as they
        are; to a spreadsheet, one that begins with "=" is a formula.

        Raises: TypeError: no table. ValueError: another suffix, or the format can't hold a column.
        """
        self._log(lambda: Content("table", encode_table(frame, suffix(name), name)), name, run_id)

    def log_table(self, data: object, name: str = "table.json", *, run_id: str | None = None) -> None:
        """Store a dict of columns, a list of row dicts or a frame; another name for `log_dataframe`."""
        self.log_dataframe(data, name, run_id=run_id)

    def log_plot(self, plot: object, name: str = "plot.png", *, run_id: str | None = None) -> None:
        """Store a picture of matplotlib.pyplot's current figure, a Figure, Axes, or a plotly figure (.html too).

        It is drawn before the call returns, so the figure may be closed or changed after it. No window is opened.

        Raises: TypeError: no plot. ValueError: no figure is open, or there is no such picture format.
        """
        self._log(lambda: Content("figure", encode_plot(plot, suffix(name), name)), name, run_id)

    def log_figure(self, figure: object, name: str = "plot.png", *, run_id: str | None = None) -> None:
        """Store a picture of a figure; another name for `log_plot`."""
        self.log_plot(figure, name, run_id=run_id)

    def log_artifact(
        self, local_path: str | os.PathLike[str], artifact_path: str | None = None, *, run_id: str | None = None
    ) -> None:
        """Copy a file or a folder under its own name, into the run's folder `artifact_path` or to its top.

        A link to a file is followed, and the file is copied; in a folder, links to folders are left out with a warning.

        Raises: FileNotFoundError: nothing there. ValueError: a FIFO or device, or a name that no artifact can have.
        """
        if self._disabled:
            return
        source = Path(os.path.abspath(local_path))  # noqa: PTH100 - resolve() would give a link its target's name
        name = f"{artifact_path}/{source.name}" if artifact_path else source.name
        if source.is_dir():
            self.log_artifacts(source, name, run_id=run_id)
        else:
            self._copy(source, check_path(name), run_id)

    def log_artifacts(
        self, local_dir: str | os.PathLike[str], artifact_path: str | None = None, *, run_id: str | None = None
    ) -> None:
        """Copy the files of a folder, with their folders, into the run's folder `artifact_path` or to its top.

        Raises: ValueError: no folder, or a file's name can't be an artifact's; then no file has been copied.
        """
        if self._disabled:
            return
        files, left_out = list_folder(local_dir, check_path(artifact_path) if artifact_path else "")
        for name, file in files:
            self._copy(file, name, run_id)
        if left_out:
            warnings.warn(f"not copied from {os.fspath(local_dir)!r}: {', '.join(left_out)}", stacklevel=2)

    def list_artifacts(self, run_id: str | None = None) -> list[Artifact]:
        """List a run's artifacts by name; without run_id those of the active run, else of the one that was last.

        Raises: RunNotFound: no such run in the store. NoActiveRun: none was started here, and none was given.
        """
        if self._disabled:
            return []
        last = {entry["path"]: entry for entry in self._artifact_facts(self._asked_run(run_id))}
        return [last[path] for path in sorted(last)]

    def get_artifact(self, path: str, run_id: str | None = None) -> Path:
        """Give the file of an artifact, for other programs to open; it belongs to the store, so change only copies.

        Raises: ArtifactNotFound: the run has none of that name. SegmentCorrupt: its file is gone, or a link.
        """
        run_id = self._asked_run(run_id)
        self._logged(path, run_id)

        def found(layout: Layout) -> Path:
            self._open(layout, run_id, path).close()
            return layout.run_artifacts(run_id) / path

        return self._nearest(found)

    def load_artifact(self, path: str, run_id: str | None = None) -> object:
        """Read an artifact back as an object, once its bytes are known to be those that were logged.

        .json: plain data (see ingest.values). Text: a str. .npy: an array, .npz: a dict of them. Tables: a pandas frame
        where pandas is installed, else a polars one. Anything else: bytes.

        Raises: ArtifactNotFound: the run has none of that name. SegmentCorrupt: the file isn't what was logged.
        """
        run_id = self._asked_run(run_id)
        known = {entry["sha256"] for entry in self._logged(path, run_id)}
        with self._nearest(lambda layout: self._open(layout, run_id, path)) as file:
            data = file.read()
        found = hashlib.sha256(data).hexdigest()
        if found not in known:  # of two writers of one name, the last event needn't be that of the last file
            message = (
                f"artifact {path!r} of run {run_id} is damaged: its SHA-256 is {found}, logged was "
                f"{' or '.join(sorted(known))}; log it again, or look at it with get_artifact"
            )
            raise SegmentCorrupt(message)
        return decode(data, path)

    def _log(self, make: Callable[[], Content], name: str, run_id: str | None) -> None:
        """Make the bytes of an artifact and keep them."""
        if self._disabled:
            return
        run = self._run(run_id)
        path = check_path(name)
        content = make()
        self._keep(run, path, content.data, content.kind)

    def _copy(self, source: Path, path: str, run_id: str | None) -> None:
        """Keep a copy of a file; that it can't be read is the caller's error, that it can't be written a fault."""
        with open_plain(source) as file:
            self._keep(self._run(run_id), path, lambda sink: copy(file, sink), "file")

    def _asked_run(self, run_id: str | None) -> str:
        """Give the run that a question means."""
        if run_id is not None:
            return str(run_id)
        try:
            return self._run(None).id
        except NoActiveRun:
            if self._last_run_id is None:
                raise
            return self._last_run_id

    def _artifact_facts(self, run_id: str) -> list[Artifact]:
        """Read the artifact events of a run, in their order."""
        rows = self._answered(lambda store: _artifact_rows(store, run_id))
        return [
            cast("Artifact", {"path": path, "time": time, **cast("dict[str, Any]", from_json(value))})
            for path, value, time in rows
        ]

    def _logged(self, path: str, run_id: str) -> list[Artifact]:
        """Give the events of one name, at least one."""
        entries = [] if self._disabled else self._artifact_facts(run_id)
        found = [entry for entry in entries if entry["path"] == path]
        if not found:
            raise ArtifactNotFound.among(f"artifact of run {run_id} named", path, sorted({e["path"] for e in entries}))
        return found

    @staticmethod
    def _open(layout: Layout, run_id: str, path: str) -> BinaryIO:
        """Open an artifact that was logged."""
        root = layout.run_artifacts(run_id)
        layout.obtain(root / check_path(path))
        try:
            return open_beneath(root, path)
        except FileNotFoundError as error:
            message = f"artifact {path!r} was logged, but {str(root / path)!r} is gone; only its event is left"
            raise SegmentCorrupt(message) from error


def _artifact_rows(store: Store, run_id: str) -> list[tuple[str, str, datetime]]:
    """(name, JSON, time) of each artifact event of a run, in their order. Raises: RunNotFound."""
    import polars as pl

    facts = store.facts()
    mine = facts.filter(pl.col("run_id") == run_id)
    rows = mine.filter(pl.col("kind") == "artifact").sort("time", "seq").select("key", "value", "time").collect()
    if rows.is_empty() and mine.head(1).collect().is_empty():
        known = facts.select("run_id").unique().sort("run_id", descending=True).collect()["run_id"]
        raise RunNotFound.among("run", run_id, known)
    return list(rows.iter_rows())

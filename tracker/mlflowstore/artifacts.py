"""Artifacts: the files of runs, as MLflow's artifact repository.

An address names a run's folder, a place in it, or the whole store (for `mlflow server --artifacts-destination`); then
paths begin with a run's id. Files lie where ours lie, are put there whole or not at all (see ingest.files), and each is
told by the same event, so that our own commands, pages and readers have it. Nothing is deleted: the store keeps what
was logged.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, NOT_IMPLEMENTED, RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from ingest.errors import SegmentCorrupt
from ingest.events import ArtifactLogged
from ingest.files import open_beneath, put_file
from ingest.paths import check_path
from ingest.sources import list_folder
from readers.store import Store
from tracker.mediatypes import media_type
from tracker.mlflowstore.address import split_artifacts
from tracker.mlflowstore.models import FOLDER
from tracker.mlflowstore.told import MODEL, told
from tracker.mlflowstore.writer import RunWriter


class StoreArtifacts(ArtifactRepository):  # type: ignore[misc] # MLflow's types are partial
    """The artifacts at an address.

    Raises: MlflowException: no store lies there.
    """

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        with _as_mlflow_says():
            root, self._below = split_artifacts(artifact_uri)
        self._store = Store(root)
        self._writer = RunWriter.at(root)
        self._experiments: dict[str, str | None] = {}

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Copy a file under its own name."""
        with _as_mlflow_says():
            self._put(Path(local_file), self._path(artifact_path or "", Path(local_file).name))

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy the files of a folder, with the folders in it."""
        with _as_mlflow_says():
            files, _ = list_folder(local_dir)
            for name, file in files:
                self._put(file, self._path(artifact_path or "", name))

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """What lies directly in a folder; nothing where there is none, or a file.

        The logged models of a run are left out at its top: MLflow lists them by their names.
        """
        with _as_mlflow_says():
            inside = self._path(path or "")
        folder = self._store.layout.artifacts / inside
        if not folder.is_dir() or not folder.resolve().is_relative_to(self._store.layout.artifacts.resolve()):
            return []
        hidden = FOLDER if "/" not in inside else None
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        return [
            FileInfo(
                "/".join(part for part in ((path or "").strip("/"), entry.name) if part),
                entry.is_dir(follow_symlinks=False),
                None if entry.is_dir(follow_symlinks=False) else entry.stat(follow_symlinks=False).st_size,
            )
            for entry in entries
            if entry.name != hidden and not entry.is_symlink()
        ]

    def delete_artifacts(self, artifact_path: str | None = None) -> NoReturn:
        """Refuse. Raises: MlflowException: always."""
        raise MlflowException(
            f"artifact {artifact_path!r} isn't deleted: a steplog:// store keeps what was logged. To free its space, "
            f"remove the files below {str(self._store.layout.artifacts)!r} by hand",
            NOT_IMPLEMENTED,
        )

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        """Copy a file out of the store. Raises: MlflowException: there is none of that name."""
        with _as_mlflow_says():
            inside = self._path(remote_file_path)
            try:
                with (
                    open_beneath(self._store.layout.artifacts, inside) as source,
                    Path(local_path).open("wb") as copied,
                ):
                    shutil.copyfileobj(source, copied)
            except FileNotFoundError as error:
                raise MlflowException(f"No such artifact: {remote_file_path!r}", RESOURCE_DOES_NOT_EXIST) from error

    def _path(self, *parts: str) -> str:
        """A path below the store's artifacts/. Raises: ValueError: it can't be one."""
        whole = "/".join(part.strip("/") for part in (self._below, *parts) if part.strip("/"))
        return check_path(whole) if whole else ""

    def _put(self, file: Path, inside: str) -> None:
        """Copy a file and tell of it."""
        owner, _, path = inside.partition("/")
        run = self._writer.runs.get(owner)
        experiment = self._experiment_of(owner) if run is None else run.experiment
        layout = self._writer.layout
        stored = put_file(layout.run_artifacts(owner), path, file, tmp=layout.tmp)
        if experiment is not None:
            event = ArtifactLogged(
                owner, experiment, time.time_ns(), path, stored.size, stored.sha256, media_type(path), "file"
            )
            self._writer.append(event)

    def _experiment_of(self, owner: str) -> str | None:
        """The experiment of a run; None for a model without one. Raises: MlflowException: no such run or model."""
        if owner not in self._experiments:
            found = self._store.find_run(owner)
            if found is None and not told(self._store, MODEL, runs=[owner]):
                raise MlflowException(f"Run with id={owner} not found", RESOURCE_DOES_NOT_EXIST)
            self._experiments[owner] = None if found is None else str(found["experiment"])
        return self._experiments[owner]


@contextmanager
def _as_mlflow_says() -> Iterator[None]:
    """Let a name or address that can't be be MLflow's error."""
    try:
        yield
    except (ValueError, SegmentCorrupt) as error:
        raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error

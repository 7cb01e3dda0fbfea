"""wandb.Artifact: named files with versions, over the runs of a project.

The files of a version are artifacts of the run that logged it, under `<name>/v<number>/`; a fact of that run, of kind
"wandb.artifact", says which version they are. Numbers are counted in the project: of two processes that log under one
name in the same moment both may say v3, and both are kept; the run tells them apart. Files that are the same as those
of the newest version make no new one.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ingest.events import FactLogged
from ingest.files import open_beneath
from ingest.jsontext import from_json, to_json
from ingest.layout import RUN_ID, Layout
from ingest.paths import check_path
from ingest.sources import list_folder
from ingest.values import plain
from tracker.wandb.errors import CommError
from tracker.wandb.mediafile import Media

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

KIND = "wandb.artifact"
USED = "wandb.used"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_VERSION = re.compile(r"v\d+")


class Artifact:
    """Files under one name.

    Args:
        name: letters, digits, "_", "-" and ".".
        type: any word, such as "model" or "dataset".
        description, metadata: kept with it.

    Raises: ValueError: the name.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - wandb's name
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not _NAME.fullmatch(name) or name in {".", ".."}:
            raise ValueError(f"an artifact's name is made of letters, digits, '_', '-' and '.', not {name!r}")
        self.collection = name
        self.type = type
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self.version = ""
        self._sources: dict[str, Path | bytes] = {}
        self._references: dict[str, str] = {}
        self._kept: dict[str, Any] | None = None
        self._layout: Layout

    @property
    def name(self) -> str:
        """Its name, with its version once it has one."""
        return f"{self.collection}:{self.version}" if self.version else self.collection

    @property
    def digest(self) -> str:
        """The SHA-256 of what is in it."""
        told = {name: _digest(source) for name, source in sorted(self._sources.items())} | self._references
        return str(self._kept["digest"]) if self._kept else hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes in it."""
        if self._kept:
            return sum(self._kept["sizes"].values())
        return sum(len(one) if isinstance(one, bytes) else one.stat().st_size for one in self._sources.values())

    # --- what goes into it

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None, **_: Any) -> None:
        """Add a file. Raises: ValueError: no such file, or no such name can be."""
        path = Path(local_path)
        if not path.is_file():
            raise ValueError(f"there is no file {os.fspath(local_path)!r}")
        self._sources[check_path(name or path.name)] = path.absolute()

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None, **_: Any) -> None:
        """Add the files of a folder. Raises: ValueError: there is no such folder."""
        files, _left_out = list_folder(local_path, check_path(name) if name else "")
        self._sources.update({known: Path(file).absolute() for known, file in files})

    def add(self, obj: Any, name: str, **_: Any) -> None:
        """Add a Table, Image or other media under a name. Raises: TypeError: it is none."""
        if not isinstance(obj, Media):
            raise TypeError(f"an artifact takes wandb's media, not {type(obj).__name__}; write a file, and add_file")
        found = obj.content_with(lambda inner: self._add_inside(inner, name))
        data = found.encode() if isinstance(found, str) else found
        self._sources[check_path(name if name.endswith(obj.suffix) else name + obj.suffix)] = data

    def add_reference(self, uri: str, name: str | None = None, **_: Any) -> None:
        """Note where something else lies; it is not fetched."""
        self._references[name or str(uri).rstrip("/").rsplit("/", 1)[-1]] = str(uri)

    @contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Open a new file in it, to be written."""
        from tempfile import TemporaryDirectory

        path = check_path(name)
        with TemporaryDirectory() as folder:
            with Path(folder, "file").open(mode, encoding=encoding) as file:
                yield file
            self._sources[path] = Path(folder, "file").read_bytes()

    def _add_inside(self, media: Media, name: str) -> str:
        place = f"media/{name}-{len(self._sources)}{media.suffix}"
        self.add(media, place)
        return place

    # --- what comes out of it

    def wait(self, timeout: int | None = None) -> "Artifact":  # noqa: ARG002 - there is nothing to wait for
        """Do nothing: what is logged is there."""
        return self

    def download(self, root: str | os.PathLike[str] | None = None, **_: Any) -> str:
        """Copy its files to a folder, by default ./artifacts/<name>:<version>, and give that. Raises: ValueError."""
        folder = Path(root) if root is not None else Path("artifacts", self.name)
        for name in self._logged()["files"]:
            target = folder / check_path(name)  # a store may come from anywhere
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
        return str(folder)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Copy its only file, and give its path. Raises: ValueError: it has not one."""
        names = list(self._logged()["files"])
        if len(names) != 1:
            raise ValueError(f"{self.name} has {len(names)} files: {', '.join(names)}; download them")
        return str(Path(self.download(root), names[0]))

    def files(self) -> list[str]:
        """The names of its files."""
        return sorted(self._kept["files"] if self._kept else self._sources)

    def keep(self, tracker: "ExperimentTracker", run_id: str, project: str, aliases: Sequence[str]) -> None:
        """Log it as a version of its name, unless the newest one is the same."""
        known = [one for one in logged(tracker, project) if one["name"] == self.collection]
        newest = max(known, key=lambda one: int(one["version"][1:]), default=None)
        if newest is not None and newest["digest"] == self.digest:
            kept = dict(newest)
        else:
            kept = {"version": f"v{0 if newest is None else int(newest['version'][1:]) + 1}", "run_id": run_id}
            kept |= {"digest": self.digest, "references": self._references, "files": {}, "sizes": {}}
            for name, source in sorted(self._sources.items()):
                place = f"{self.collection}/{kept['version']}/{name}"
                if isinstance(source, bytes):
                    tracker._keep(tracker._run(run_id), check_path(place), source, "file")  # noqa: SLF001 - a part of it
                else:
                    tracker._copy(source, check_path(place), run_id)  # noqa: SLF001
                kept["files"][name] = place
                kept["sizes"][name] = len(source) if isinstance(source, bytes) else source.stat().st_size
        kept |= {"project": project, "name": self.collection, "type": self.type, "description": self.description}
        kept |= {"metadata": plain(self.metadata), "aliases": ["latest", *aliases]}
        run = tracker._run(run_id)  # noqa: SLF001
        key = f"{self.collection}:{kept['version']}"
        tracker._append(FactLogged(run.id, run.experiment, tracker._now(), KIND, {key: to_json(kept)}))  # noqa: SLF001
        self._take(kept, tracker)

    @classmethod
    def found(cls, tracker: "ExperimentTracker", name: str, project: str) -> "Artifact":
        """Find a version: "name", "name:v3", "name:alias", with "entity/project/" before it or not.

        Raises: CommError: there is none.
        """
        *before, last = name.split("/")
        project = before[-1] if before else project
        wanted, _, version = last.partition(":")
        known = [one for one in logged(tracker, project) if one["name"] == wanted]
        version = version or "latest"
        exact = bool(_VERSION.fullmatch(version))
        fitting = [one for one in known if (one["version"] == version if exact else version in one["aliases"])]
        if not fitting:
            there = sorted({f"{one['name']}:{one['version']}" for one in logged(tracker, project)})
            raise CommError(
                f"there is no artifact {last!r} in project {project!r} of {str(tracker.root)!r}; there is: "
                f"{', '.join(there) or 'none'}"
            )
        made = cls(wanted, fitting[-1]["type"])
        made._take(fitting[-1], tracker)
        return made

    def _take(self, kept: dict[str, Any], tracker: "ExperimentTracker") -> None:
        if not _VERSION.fullmatch(kept["version"]) or not RUN_ID.fullmatch(kept["run_id"]):
            raise ValueError(f"what the store says of artifact {self.collection!r} is none of a version: {kept}")
        self._kept, self._layout = kept, tracker.layout
        self.version, self.aliases = kept["version"], list(kept["aliases"])
        self.description, self.metadata = kept["description"], dict(kept["metadata"])

    def _logged(self) -> dict[str, Any]:
        if self._kept is None:
            raise ValueError(f"artifact {self.collection!r} isn't logged yet: run.log_artifact(artifact) does that")
        return self._kept

    def _open(self, name: str) -> IO[bytes]:
        kept = self._logged()
        return open_beneath(self._layout.run_artifacts(kept["run_id"]), kept["files"][name])


def logged(tracker: "ExperimentTracker", project: str) -> list[dict[str, Any]]:
    """What is known of each artifact that was logged in a project, in the order of time."""
    from readers.lookup import facts_of  # Arrow

    tracker._make_visible()  # noqa: SLF001 - this is a part of the tracker
    found: list[Any] = [from_json(fact.value) for fact in facts_of(tracker.layout, KIND)]
    return [one for one in found if one["project"] == project]


def _digest(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

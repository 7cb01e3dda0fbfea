"""Model versions on disk, to be written: new versions, what they are called, and their end.

Guarantee: a version is there whole or not at all, two writers never get the same number, and a version never changes
(see ingest.numbered). Aliases and tags are cells (see ingest.cells): setting two of them at once loses neither.

Deleting puts deleted.json into the version's folder: from then on it is gone for every reader, and what it was made of
is removed after that. The folder stays, and so nobody gets its number again. What a crash leaves of the model's file
goes with the next deletion.
"""

import getpass
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from ingest.cells import Cells
from ingest.errors import ModelInUse, ModelNotFound, SegmentCorrupt, StoreUnavailable
from ingest.files import open_beneath
from ingest.jsontext import to_json
from ingest.keys import checked_key
from ingest.layout import DIRECTORY_MODE, Layout, encode_name, host_name, sync_directory, write_atomically
from ingest.numbered import Reserve, numbers, publish
from ingest.redact import mask
from readers.modelinfo import ModelEntry, ModelInfo
from readers.models import ALIASES, DELETED, INFO, LATEST, STAGE, TAGS, Models

__all__ = ["LATEST", "ModelEntry", "ModelInfo", "ModelRegistry", "ModelVersion", "Promotion"]
ARCHIVED = "archived"
"""The stage of a version that another one took the place of."""
_KEPT = ("run_id", "experiment", "time_ns", "by", "class_name", "format", "size", "sha256", "metrics", "derived_from")
"""What is still known of a version that is deleted."""
_log = logging.getLogger("steplog")


class ModelVersion(msgspec.Struct, frozen=True):
    """One version of a model."""

    name: str
    version: int
    format: str
    path: Path
    """The model's file."""


class Promotion(NamedTuple):
    """What promoting a version did."""

    name: str
    version: int
    to: str
    before: int | None
    """The version that had the place before; None for none."""
    archived: list[int]
    """The versions whose stage is "archived" now."""


class ModelRegistry(Models):
    """The models of one store, to be read and written; `by` and `run_id` are what the history tells of who did it.

    Args:
        layout: where they are read.
        own: where they are written; default: there too. With an address it is the spool.

    Raises: StoreUnavailable: the layout is a view, and can't be written.
    """

    def __init__(self, layout: Layout, own: Layout | None = None) -> None:
        super().__init__(layout)
        if own is None and not layout.adopts:
            message = (
                f"{layout.place} is only read here; what is said of its models is changed by "
                f"ExperimentTracker({layout.place!r}): promote, set_model_alias, set_model_tags, delete_model"
            )
            raise StoreUnavailable(message)
        self._own = own or layout

    def home(self, name: str) -> Path:
        """The folder that a model's versions are written to."""
        return self._own.models / self._home(name).name

    def publish(
        self, name: str, write: Callable[[Path], ModelInfo], reserve: Reserve | None = None
    ) -> tuple[ModelVersion, ModelInfo]:
        """Let `write` fill a folder, and make it the model's next version; `reserve` as for numbered.publish.

        Raises: OSError: the disk doesn't take it; what `write` raises. Either way nothing is left behind.
        """

        def fill(folder: Path) -> ModelInfo:
            info = write(folder)
            described = {"name": name, **info}
            (folder / INFO).write_text(to_json(described, indent=2))
            return cast("ModelInfo", described)

        home = self.home(name)
        number, info = publish(home, self._own.tmp, fill, reserve)
        return ModelVersion(name, number, info["format"], home / str(number) / info["file"]), info

    def set_alias(
        self, name: str, alias: str, version: int | None, *, by: str | None = None, run_id: str | None = None
    ) -> int | None:
        """Let an alias mean a version, and no other from now on; None takes the alias away.

        Returns: the version that it meant before.
        Raises: ValueError, TypeError: see `checked_alias`. ModelNotFound: the version is deleted. OSError.
        """
        checked_alias(alias)
        before = self.aliases(name).get(alias)
        change = {"alias": alias, "version": version, "before": before, "by": by or who(), "run_id": run_id}
        self._put(name, f"{ALIASES}/{encode_name(alias)}", change)
        if version is not None:
            self.check_there(name, version)
        return before

    def check_alias(self, name: str, alias: str) -> None:
        """Raises: ModelNotFound: the model has no such alias; it says which it has."""
        self.versions(name)
        aliases = self.aliases(name)
        if alias not in aliases:
            raise ModelNotFound.among(f"alias of model {name!r} named", alias, aliases)

    def set_tags(
        self,
        name: str,
        version: int,
        tags: Mapping[str, object],
        *,
        by: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Set tags of a version; None takes one away.

        Raises: ValueError, TypeError: see `checked_tags`. ModelNotFound: the version is deleted. OSError.
        """
        values = checked_tags(tags)
        self.check_there(name, version)
        before = self.tags(name, version)
        for key, value in values.items():
            told = {"tag": key, "version": version, "value": value, "before": before.get(key)}
            told |= {"by": by or who(), "run_id": run_id}
            self._put(name, f"{TAGS}/{version}/{encode_name(key)}", told)

    def promote(
        self,
        name: str,
        version: int,
        to: str,
        *,
        archive_existing: bool = True,
        by: str | None = None,
        run_id: str | None = None,
    ) -> Promotion:
        """Let the alias `to` mean a version, and make `to` its stage; those that had that stage are archived.

        The alias is what counts. Killed in between, the same call again completes it. Of two at once the version that
        the alias means in the end has the stage.
        Raises: ValueError, TypeError: `to` can't be an alias. ModelNotFound: the version is deleted. OSError.
        """
        if checked_alias(to) == ARCHIVED:
            raise ValueError(f"nothing is promoted to {ARCHIVED!r}; set the tag: {{{STAGE!r}: {ARCHIVED!r}}}")
        self.set_tags(name, version, {STAGE: to}, by=by, run_id=run_id)
        before = self.set_alias(name, to, version, by=by, run_id=run_id)
        archived = []
        if archive_existing:
            kept = {version, self.aliases(name).get(to)}
            others = [other for other in self.numbers(name) if other not in kept]
            archived = [other for other in others if self.tags(name, other).get(STAGE) == to]
        for other in archived:
            try:
                self.set_tags(name, other, {STAGE: ARCHIVED}, by=by, run_id=run_id)
            except ModelNotFound:  # deleted meanwhile
                continue
        now = self.aliases(name).get(to)
        if now is not None and now in self.numbers(name) and self.tags(name, now).get(STAGE) != to:
            self.set_tags(name, now, {STAGE: to}, by=by, run_id=run_id)  # promoted while this one archived it
        return Promotion(name, version, to, before, archived)

    def delete(
        self, name: str, version: int, *, force: bool = False, by: str | None = None, run_id: str | None = None
    ) -> dict[str, Any]:
        """Delete a version: its file and description; what is kept is that it was there, and who deleted it.

        Args:
            force: also where an alias means it; the alias is taken away.

        Returns: what is kept of it.
        Raises: ModelInUse: an alias means it. ModelNotFound: it isn't there. OSError: it still is, whole.
        """
        self.check_there(name, version)
        mine = [alias for alias, number in self.aliases(name).items() if number == version]
        if mine and not force:
            said = " and ".join(map(repr, mine))
            raise ModelInUse(
                f"version {version} of model {name!r} isn't deleted: {said} {'mean' if len(mine) > 1 else 'means'} it; "
                "let the alias mean another version, delete it, or give force=True"
            )
        try:
            info: Mapping[str, Any] = self.info(name, version)
        except SegmentCorrupt:  # what is damaged can be deleted too
            info = {}
        for alias in mine:
            self.set_alias(name, alias, None, by=by, run_id=run_id)
        home = self.home(name)
        about = {"time_ns": time.time_ns(), "by": by or who(), "run_id": run_id}
        about["was"] = {key: info[key] for key in _KEPT if key in info}
        about["digest"] = self._digest(name, version)
        try:
            _make(home / str(version))
            write_atomically(home / str(version) / DELETED, to_json(about, indent=2).encode(), self._own.tmp)
        except OSError as error:
            if not (home / str(version) / DELETED).exists():
                raise
            _log.warning("steplog: version %s of model %r is deleted, not yet on the disk: %s", version, name, error)
        for number in numbers(home):
            if (home / str(number) / DELETED).exists():
                _empty(home / str(number))
        return about

    def _put(self, name: str, path: str, change: dict[str, Any]) -> None:
        """Change a cell. Raises: OSError."""
        home = self.home(name)
        _make(home)
        Cells(home, self._own.tmp).put(path, change, time.time_ns())

    def _digest(self, name: str, version: int) -> str | None:
        """What tells a version from others of its number, on other nodes: see ingest.objects.claims."""
        try:
            with open_beneath(self._home(name) / str(version), INFO) as file:
                return hashlib.sha256(file.read()).hexdigest()
        except (OSError, SegmentCorrupt):
            return None


def who() -> str:
    """Who runs this process, as user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{host_name()}"


def checked_alias(alias: object) -> str:
    """Give an alias back if it can be one.

    Raises: ValueError, TypeError: no text, `latest`, or a number, which would mean a version.
    """
    if not isinstance(alias, str):
        raise TypeError(f"an alias is a str such as 'best', not {type(alias).__name__}")
    if not alias.strip() or alias == LATEST or alias.isdecimal():
        raise ValueError(f"{alias!r} can't be an alias: give a word that is no number and isn't {LATEST!r}")
    return alias


def checked_tags(tags: object) -> dict[str, Any]:
    """Give tags back if they can be some, without their secrets. Raises: ValueError, TypeError."""
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags are a dict such as {{'stage': 'staging'}}, not {type(tags).__name__}")
    return {checked_key(key, "tag"): mask(str(key), value) for key, value in tags.items()}


def file_facts(file: Path) -> tuple[int, str]:
    """Give a file's size and SHA-256."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _make(folder: Path) -> None:
    """Make a folder of a model, so that a power cut leaves it."""
    if not folder.is_dir():
        folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        sync_directory(folder.parent)


def _empty(folder: Path) -> None:
    """Remove what a deleted version was made of; what can't be removed now goes with the next deletion."""
    for path in list(folder.iterdir()):
        if path.name == DELETED:
            continue
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except FileNotFoundError:  # another process deletes it too
            continue
        except OSError as error:
            _log.warning("steplog: %s of a deleted model can't be removed: %s", path, error)
    sync_directory(folder)

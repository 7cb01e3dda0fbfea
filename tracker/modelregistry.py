"""Model versions on disk: models/<name>/1, 2, 3 ..., each a folder with one model file and model.json beside it.

Guarantee: a version is there whole or not at all, two writers never get the same number, and a version never changes
(see ingest.numbered).

An alias is a file of its own, replaced atomically: setting two of them at once loses neither.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

import msgspec

from ingest.errors import ModelNotFound, SegmentCorrupt
from ingest.files import open_beneath
from ingest.jsontext import from_json, to_json
from ingest.layout import DIRECTORY_MODE, Layout, decode_name, encode_name, write_atomically
from ingest.numbered import numbers, publish
from ingest.paths import check_path

LATEST = "latest"
"""The alias that every model has: its highest version."""
_INFO = "model.json"
_ALIASES = "aliases"
_CHUNK_BYTES = 1 << 20
_log = logging.getLogger("steplog")


class ModelInfo(TypedDict):
    """What model.json says of a version."""

    format: str
    file: str
    size: int
    sha256: str
    class_name: str
    untrusted: list[str]
    """What in it needs trust=True to be loaded."""
    run_id: str
    experiment: str
    time_ns: int
    metrics: dict[str, float]
    """The run's last metrics when the model was saved."""
    params: dict[str, Any]
    input_example: Any
    metadata: Any
    packages: dict[str, str]


class ModelVersion(msgspec.Struct, frozen=True):
    """One version of a model."""

    name: str
    version: int
    format: str
    path: Path
    """The model's file."""


class ModelEntry(ModelInfo):
    """One version in a list of models."""

    name: str
    version: int
    aliases: list[str]
    time: datetime


class ModelRegistry:
    """The models of one store."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def publish(self, name: str, write: Callable[[Path], ModelInfo]) -> tuple[ModelVersion, ModelInfo]:
        """Let `write` fill a folder, and make it the model's next version.

        Raises: OSError: the disk doesn't take it; what `write` raises. Either way nothing is left behind.
        """

        def fill(folder: Path) -> ModelInfo:
            info = write(folder)
            (folder / _INFO).write_text(to_json(info, indent=2))
            return info

        home = self._home(name)
        number, info = publish(home, self._layout.tmp, fill)
        return ModelVersion(name, number, info["format"], home / str(number) / info["file"]), info

    def names(self) -> list[str]:
        """List the models that have a version."""
        found = self._layout.models.iterdir() if self._layout.models.is_dir() else iter(())
        return sorted(decode_name(folder.name) for folder in found if numbers(folder))

    def versions(self, name: str) -> list[int]:
        """List a model's versions, ascending. Raises: ModelNotFound: it has none."""
        versions = numbers(self._home(name))
        if not versions:
            raise ModelNotFound.among("model", name, self.names())
        return versions

    def resolve(self, name: str, version: int | str | None) -> int:
        """Give the number that a version, alias, or None for the latest means. Raises: ModelNotFound."""
        versions = self.versions(name)
        if version is None or version == LATEST:
            return versions[-1]
        if isinstance(version, bool) or not isinstance(version, (int, str)):
            raise TypeError(f"a version is a number or an alias, not {type(version).__name__}")
        aliases = self.aliases(name)
        number = aliases.get(version, version) if isinstance(version, str) else version
        if isinstance(number, str):
            number = int(number) if number.isascii() and number.isdecimal() else -1
        if number not in versions:
            there = [*map(str, versions), LATEST, *aliases]
            raise ModelNotFound.among(f"version of model {name!r}", str(version), there)
        return number

    def info(self, name: str, version: int) -> ModelInfo:
        """Read a version's model.json. Raises: SegmentCorrupt: it isn't what was written."""
        try:
            with open_beneath(self._home(name) / str(version), _INFO) as file:
                info: Any = from_json(file.read())
            check_path(info["file"])
            info["sha256"], info["format"], info["class_name"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SegmentCorrupt(f"{_INFO} of model {name!r} version {version} can't be read: {error!r}") from error
        return cast("ModelInfo", info)

    def verified(self, name: str, version: int) -> tuple[Path, ModelInfo]:
        """Give a version's file once its bytes are known to be those that were saved. Raises: SegmentCorrupt."""
        info = self.info(name, version)
        home = self._home(name) / str(version)
        try:
            with open_beneath(home, info["file"]) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except FileNotFoundError as error:
            raise SegmentCorrupt(f"the file of model {name!r} version {version} is gone") from error
        if digest != info["sha256"]:
            message = (
                f"the file of model {name!r} version {version} is damaged: its SHA-256 is {digest}, saved was "
                f"{info['sha256']}; load another version, or log the model again"
            )
            raise SegmentCorrupt(message)
        return home / info["file"], info

    def aliases(self, name: str) -> dict[str, int]:
        """Give a model's aliases and their versions, without `latest`."""
        folder = self._home(name) / _ALIASES
        found: dict[str, int] = {}
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
            try:
                content: Any = from_json(file.read_bytes())
                found[str(content["alias"])] = int(content["version"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                _log.warning("steplog: %s is no alias that can be read, and is left out: %r", file, error)
        return found

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let an alias mean a version, and no other from now on. Raises: ValueError, TypeError: see `checked_alias`."""
        checked_alias(alias)
        folder = self._home(name) / _ALIASES
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        body = to_json({"alias": alias, "version": version}).encode()
        write_atomically(folder / f"{encode_name(alias)}.json", body, self._layout.tmp)

    def entries(self, name: str | None = None) -> Iterator[ModelEntry]:
        """Give all that is known of each version; one that can't be read is reported and left out."""
        for model in self.names() if name is None else [name]:
            aliases = self.aliases(model)
            for version in self.versions(model):
                try:
                    info = self.info(model, version)
                except SegmentCorrupt as error:
                    _log.warning("steplog: %s; it is left out", error)
                    continue
                mine = [alias for alias, number in aliases.items() if number == version]
                time = datetime.fromtimestamp(info["time_ns"] / 1e9, UTC)
                yield cast("ModelEntry", {**info, "name": model, "version": version, "aliases": mine, "time": time})

    def _home(self, name: str) -> Path:
        return self._layout.models / encode_name(check_path(name, "model"))


def checked_alias(alias: object) -> str:
    """Give an alias back if it can be one.

    Raises: ValueError, TypeError: no text, `latest`, or a number, which would mean a version.
    """
    if not isinstance(alias, str):
        raise TypeError(f"an alias is a str such as 'best', not {type(alias).__name__}")
    if not alias.strip() or alias == LATEST or alias.isdecimal():
        raise ValueError(f"{alias!r} can't be an alias: give a word that is no number and isn't {LATEST!r}")
    return alias


def file_facts(file: Path) -> tuple[int, str]:
    """Give a file's size and SHA-256."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()

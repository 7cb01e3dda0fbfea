"""Models, read back: versions, what they are called, where they come from, what became of them.

    models/<name>/1, 2, 3 ...          a version: one model file, and model.json that describes it
    models/<name>/3/deleted.json       in place of both once version 3 is deleted; its number is never given again
    models/<name>/aliases/<a>.json     which version an alias means
    models/<name>/tags/3/<key>.json    a tag of version 3
    models/<name>/history/             each change of an alias or a tag

A version never changes; aliases and tags are cells (see ingest.cells). The folders alone are the truth, so a list costs
no look at the facts. Nothing is made of a model's file here.
"""

import hashlib
import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ingest.cells import Cells
from ingest.errors import MetricNotFound, ModelNotFound, SegmentCorrupt
from ingest.files import open_beneath
from ingest.jsontext import from_json
from ingest.layout import Layout, decode_name, encode_name
from ingest.numbered import numbers
from ingest.paths import check_path
from readers.best import Direction, better
from readers.modelinfo import NOTHING, ModelEntry, ModelInfo, moment_of

LATEST = "latest"
"""The alias that every model has: its highest version."""
STAGE = "stage"
"""The tag that says how far a version has come."""
INFO, DELETED = "model.json", "deleted.json"
ALIASES, TAGS = "aliases", "tags"
_LISTED = 20
_ABOUT_BYTES = 1 << 20
"""What is larger isn't a description, but a model: fetched when it is asked for (see Layout.obtain_folder)."""
_CUT = re.compile(r".*~[0-9a-f]{16}", re.DOTALL)
_log = logging.getLogger("steplog")


class Models:
    """The models of one store, to be read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def names(self) -> list[str]:
        """List the models that have a version."""
        self._layout.obtain_folder(self._layout.models, _ABOUT_BYTES)
        found = self._layout.models.iterdir() if self._layout.models.is_dir() else iter(())
        return sorted(self._true_name(folder) for folder in found if _there(folder))

    def versions(self, name: str) -> list[int]:
        """List a model's versions, ascending. Raises: ModelNotFound: it has none."""
        versions = _there(self._home(name))
        if not versions:
            raise ModelNotFound.among("model", name, self.names())
        return versions

    def numbers(self, name: str) -> list[int]:
        """List a model's versions, ascending; none, if there is no such model."""
        return _there(self._home(name))

    def deleted(self, name: str) -> dict[int, dict[str, Any]]:
        """Give what is known of the versions that were deleted: who, when, and what they were."""
        home = self._home(name)
        return {number: self._tombstone(name, number) for number in numbers(home) if _is_deleted(home, number)}

    def resolve(self, name: str, version: int | str | None) -> int:
        """Give the number that a version, alias, or None for the latest means.

        Raises: ModelNotFound: it says which there are. TypeError: neither a number nor an alias.
        """
        versions = self.versions(name)
        if version is None or version == LATEST:
            return versions[-1]
        if isinstance(version, bool) or not isinstance(version, (int, str)):
            raise TypeError(f"a version is a number or an alias, not {type(version).__name__}")
        aliases = self.aliases(name)
        if isinstance(version, str) and version in aliases:
            number = aliases[version]
            if number not in versions:
                raise self._no_version(name, number, versions, f"alias {version!r} means it; ")
            return number
        if isinstance(version, int) or (version.isascii() and version.isdecimal()):
            if int(version) not in versions:
                raise self._no_version(name, int(version), versions)
            return int(version)
        known = [*map(str, versions), LATEST, *aliases]
        hint = "give metric= to have the best computed" if version == "best" else ""
        raise ModelNotFound.among(f"version of model {name!r} named", version, known, hint)

    def info(self, name: str, version: int) -> ModelInfo:
        """Read a version's model.json. Raises: ModelNotFound: it is deleted. SegmentCorrupt: it isn't what was written.

        What older code didn't write is there, and None.
        """
        self.check_there(name, version)
        home = self._home(name)
        try:
            with open_beneath(home / str(version), INFO) as file:
                info: Any = from_json(file.read())
            check_path(info["file"])
            info["sha256"], info["format"], info["class_name"]
            _check_kinds(info)
        except (OSError, ValueError, KeyError, TypeError, SegmentCorrupt) as error:
            self.check_there(name, version)
            raise SegmentCorrupt(f"{INFO} of model {name!r} version {version} can't be read: {error!r}") from error
        return cast("ModelInfo", {**NOTHING, **info, "name": name})

    def verified(self, name: str, version: int) -> tuple[Path, ModelInfo]:
        """Give a version's file once its bytes are known to be those that were saved.

        Raises: SegmentCorrupt: they aren't. ModelNotFound: the version is deleted, maybe just now.
        """
        info = self.info(name, version)
        home = self._home(name) / str(version)
        self._layout.obtain_folder(home)
        try:
            with open_beneath(home, info["file"]) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except FileNotFoundError as error:
            self.check_there(name, version)
            raise SegmentCorrupt(f"the file of model {name!r} version {version} is gone") from error
        if digest != info["sha256"]:
            message = (
                f"the file of model {name!r} version {version} is damaged: its SHA-256 is {digest}, saved was "
                f"{info['sha256']}; load another version, or log the model again"
            )
            raise SegmentCorrupt(message)
        self.check_there(name, version)
        return home / info["file"], info

    def check_there(self, name: str, version: int) -> None:
        """Raises: ModelNotFound: the version is deleted."""
        home = self._home(name)
        if _is_deleted(home, version):
            raise self._no_version(name, version, _there(home))

    def aliases(self, name: str) -> dict[str, int]:
        """Give a model's aliases and their versions, without `latest`."""
        found: dict[str, int] = {}
        for cell in self.cells(name).below(ALIASES):
            alias, version = cell.get("alias"), cell.get("version")
            if isinstance(alias, str) and isinstance(version, int):
                found[alias] = version
            elif version is not None or not isinstance(alias, str):
                _log.warning("steplog: an alias of model %r can't be read, and is left out: %r", name, cell)
        return found

    def tags(self, name: str, version: int) -> dict[str, Any]:
        """Give a version's tags."""
        cells = self.cells(name).below(f"{TAGS}/{version}")
        return {str(cell["tag"]): cell["value"] for cell in cells if cell.get("value") is not None and "tag" in cell}

    def tagged(self, name: str) -> set[int]:
        """Give the versions that have tags, or had some."""
        return set(numbers(self._home(name) / TAGS))

    def entry(self, name: str, version: int) -> ModelEntry:
        """Give all that is known of a version. Raises: as `info`."""
        return self._entry(self.info(name, version), version, self.aliases(name))

    def entries(self, name: str | None = None) -> Iterator[ModelEntry]:
        """Give all that is known of each version; one that can't be read is reported and left out."""
        for model in self.names() if name is None else [name]:
            aliases = self.aliases(model)
            tagged = self.tagged(model)
            for version in self.versions(model):
                try:
                    info = self.info(model, version)
                except SegmentCorrupt as error:
                    _log.warning("steplog: %s; it is left out", error)
                except ModelNotFound:  # deleted meanwhile
                    continue
                else:
                    yield self._entry(info, version, aliases, tagged=version in tagged)

    def best(self, name: str, metric: str, direction: Direction) -> int:
        """Give the version whose run had the best value of a metric when it was saved; of equal ones the first.

        Raises: MetricNotFound: no version has a finite value of it. ModelNotFound.
        """
        best: tuple[float, int] | None = None
        known: dict[str, None] = {}
        for entry in self.entries(name):
            value = entry["metrics"].get(metric, math.nan)
            known |= dict.fromkeys(entry["metrics"])
            if math.isfinite(value) and (best is None or better(value, best[0], direction)):
                best = value, entry["version"]
        if best is None:
            raise MetricNotFound.among("metric", metric, known, f"of the versions of model {name!r}")
        return best[1]

    def _home(self, name: str) -> Path:
        home = self._layout.models / encode_name(check_path(name, "model"))
        self._layout.obtain_folder(home, _ABOUT_BYTES)
        cut = self._layout.models / name
        if _CUT.fullmatch(name) and "/" not in name and not home.is_dir() and cut.is_dir():
            return cut  # of a name that was too long for a folder, and isn't known in full
        return home

    def _true_name(self, folder: Path) -> str:
        """The name in full; of one too long for a folder the first version that can be read tells it."""
        if not _CUT.fullmatch(folder.name):
            return decode_name(folder.name)
        for number in _there(folder):
            try:
                with open_beneath(folder / str(number), INFO) as file:
                    name = cast("dict[str, Any]", from_json(file.read()))["name"]
                if encode_name(str(name)) == folder.name:
                    return str(name)
            except (OSError, ValueError, KeyError, TypeError, SegmentCorrupt):  # info says so when it is asked for
                continue
        return folder.name

    def cells(self, name: str) -> Cells:
        """The aliases and tags of a model."""
        return Cells(self._home(name), self._layout.tmp)

    def _tombstone(self, name: str, version: int) -> dict[str, Any]:
        try:
            with open_beneath(self._home(name) / str(version), DELETED) as file:
                about = from_json(file.read())
        except (OSError, ValueError, SegmentCorrupt) as error:
            _log.warning("steplog: %s of model %r version %s can't be read: %r", DELETED, name, version, error)
            return {}
        return cast("dict[str, Any]", about) if isinstance(about, dict) else {}

    def _no_version(self, name: str, version: int, versions: list[int], why: str = "") -> ModelNotFound:
        """The error that says which versions there are, and what became of the one asked for."""
        there = ", ".join(map(str, versions[-_LISTED:])) or "none"
        older = f"{len(versions) - _LISTED} older ones, " if len(versions) > _LISTED else ""
        if _is_deleted(self._home(name), version):
            about = self._tombstone(name, version)
            when = moment_of(about.get("time_ns")).isoformat(" ", "seconds")
            why += f"it was deleted at {when} by {about.get('by', 'somebody')}; "
        return ModelNotFound(f"no version {version} of model {name!r}; {why}there is: {older}{there}")

    def _entry(self, info: ModelInfo, version: int, aliases: dict[str, int], *, tagged: bool = True) -> ModelEntry:
        mine = [alias for alias, number in aliases.items() if number == version]
        tags = self.tags(info["name"], version) if tagged else {}
        found = {**info, "version": version, "aliases": mine, "tags": tags, "time": moment_of(info["time_ns"])}
        return cast("ModelEntry", found)


def _check_kinds(info: dict[str, Any]) -> None:
    """Raises: TypeError: a field isn't of the kind that readers count on."""
    for key, usual in NOTHING.items():
        if usual is not None and key in info and not isinstance(info[key], type(usual)):
            raise TypeError(f"{key!r} is {type(info[key]).__name__}, not {type(usual).__name__}")
    wrong = [name for name, value in info.get("metrics", {}).items() if not isinstance(value, (int, float))]
    if wrong:
        raise TypeError(f"the metric {wrong[0]!r} is no number")


def _there(home: Path) -> list[int]:
    return [number for number in numbers(home) if not _is_deleted(home, number)]


def _is_deleted(home: Path, number: int) -> bool:
    return (home / str(number) / DELETED).exists()

"""A version of a model as files outside of the store: its file as it was saved, and model.json beside it."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from ingest.errors import SegmentCorrupt
from ingest.files import open_beneath
from readers.models import INFO, Models

_CHUNK_BYTES = 1 << 20


class ExportedModel(NamedTuple):
    """What lies outside now."""

    path: Path
    """The model's file."""
    info: Path
    """What describes it."""
    size: int
    sha256: str


def export_model(
    models: Models, name: str, version: int, folder: str | os.PathLike[str], *, replace: bool = False
) -> ExportedModel:
    """Copy a version to a folder, which is made; what arrives is compared with what was saved.

    Raises: ModelNotFound: the version is deleted. SegmentCorrupt: it isn't what was saved; nothing is left then.
        FileExistsError: a file of that name is there, and replace isn't said. OSError: the disk doesn't take it.
    """
    to = Path(folder)
    source, info = models.verified(name, version)
    targets = {info["file"]: to / Path(info["file"]).name, INFO: to / INFO}
    for target in targets.values():
        if target.exists() and not replace:
            raise FileExistsError(17, "there is a file of that name already", str(target))
    to.mkdir(parents=True, exist_ok=True)
    scratch = {file: to / f".{secrets.token_hex(8)}" for file in targets}
    try:
        digests = {file: _copy(source.parent, file, scratch[file]) for file in targets}
        if digests[info["file"]] != info["sha256"]:
            raise SegmentCorrupt(f"the file of model {name!r} version {version} was changed while it was copied")
        for file, target in targets.items():
            scratch[file].replace(target)
    except FileNotFoundError:
        models.check_there(name, version)
        raise
    finally:
        for path in scratch.values():
            path.unlink(missing_ok=True)
    path = targets[info["file"]]
    return ExportedModel(path, targets[INFO], path.stat().st_size, info["sha256"])


def _copy(home: Path, file: str, target: Path) -> str:
    """Copy one file; gives its SHA-256."""
    digest = hashlib.sha256()
    with open_beneath(home, file) as opened, target.open("xb") as copied:
        while chunk := opened.read(_CHUNK_BYTES):
            digest.update(chunk)
            copied.write(chunk)
        copied.flush()
        os.fsync(copied.fileno())
    return digest.hexdigest()

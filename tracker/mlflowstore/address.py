"""Addresses: steplog://experiments is a folder below where the program runs; with three slashes the path is absolute.

A run's artifacts are at <address of the store>/artifacts/<run id>, as on disk. Characters that have a meaning in
addresses are percent-encoded. `steplog://` alone is the default store, which STEPLOG_DIR names.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote

from ingest.layout import Layout
from ingest.objects.address import is_address
from tracker.settings import DEFAULT_OUTPUT_DIR

SCHEME = "steplog"
PREFIX = f"{SCHEME}://"


def root_of(uri: str) -> Path:
    """The folder of a store. Raises: ValueError: no such address."""
    scheme, _, rest = uri.partition(":")
    if scheme != SCHEME:
        raise ValueError(f"{uri!r} is no address of a store; write {PREFIX}/absolute/path or {PREFIX}relative/path")
    path = unquote(rest.removeprefix("//"))  # whoever takes an address apart and puts it together may lose the slashes
    absolute = "/" + path.lstrip("/") if path.startswith("/") else path
    folder = absolute or os.environ.get("STEPLOG_DIR") or DEFAULT_OUTPUT_DIR
    if is_address(folder):
        raise ValueError(f"{uri!r} means STEPLOG_DIR, which is {folder!r}: MLflow's store is a folder; name one")
    return Layout(folder).root


def uri_of(path: Path) -> str:
    """The address of a folder."""
    return PREFIX + quote(str(path))


def split_artifacts(uri: str) -> tuple[Path, str]:
    """(folder of the store, path below its artifacts/) of what an address names; the path is "" for the store itself.

    Raises: ValueError: no store lies on the way.
    """
    path = root_of(uri)
    for root in (path, *path.parents):
        if Layout(root).store_file.is_file():
            inside = path.relative_to(root).parts
            if not inside or inside[0] == "artifacts":
                return root, "/".join(inside[1:])
    raise ValueError(f"{uri!r} is no address of artifacts: no store lies at {path} or above it")

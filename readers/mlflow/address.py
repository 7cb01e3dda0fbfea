"""Addresses of MLflow servers: which are any, how they may be shown, and what a server is called in a store."""

import hashlib
import os
from urllib.parse import urlsplit, urlunsplit

from ingest.errors import ForwardingError

SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_RELATIVE = "sqlite:///"


def check_uri(uri: object) -> str:
    """The address, if it is one; a database's file as an absolute path. Raises: ForwardingError."""
    if not isinstance(uri, str) or not uri:
        raise ForwardingError(
            "where is the MLflow server? Give mlflow_tracking_uri='http://host:5000' (or sqlite:///file.db), or set "
            "MLFLOW_TRACKING_URI"
        )
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise ForwardingError(
            f"{without_credentials(uri)!r} is no MLflow tracking server: give http://host:5000, or sqlite:///file.db "
            "(MLflow no longer takes folders)"
        )
    if uri.startswith(_RELATIVE) and not uri.startswith(_RELATIVE + "/"):
        return _RELATIVE + os.path.abspath(uri.removeprefix(_RELATIVE))  # noqa: PTH100 - as the user sees it
    return uri


def without_credentials(uri: str) -> str:
    """The address as it may be shown and kept: without user, password and query."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "(no address)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")) if parts.netloc else uri


def target_id(uri: str) -> str:
    """What a server is called among the store's folders."""
    return hashlib.sha256(without_credentials(uri).rstrip("/").encode()).hexdigest()[:16]

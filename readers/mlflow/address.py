"""Addresses of MLflow servers: which are any, how they may be shown, and what a server is called in a store."""

import hashlib
import os
from base64 import b64encode
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ingest.errors import ForwardingError
from ingest.redact import MASK

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SCHEMES = ("http", "https", *_DATABASES, "databricks")
_RELATIVE = "sqlite:///"
_SHORTEST_SECRET = 4
"""Shorter ones would blot out ordinary words, and are none."""


def check_uri(uri: object) -> str:
    """The address, if it is one; a database's file as an absolute path. Raises: ForwardingError."""
    if not isinstance(uri, str) or not uri:
        raise ForwardingError(
            "where is the MLflow server? Give mlflow_tracking_uri='http://host:5000' (or sqlite:///file.db), or set "
            "MLFLOW_TRACKING_URI"
        )
    if _scheme(uri) not in SCHEMES:
        raise ForwardingError(
            f"{without_credentials(uri)!r} is no MLflow tracking server: give http://host:5000, or sqlite:///file.db "
            "(MLflow no longer takes folders)"
        )
    if uri.startswith(_RELATIVE) and not uri.startswith(_RELATIVE + "/"):
        return _RELATIVE + os.path.abspath(uri.removeprefix(_RELATIVE))  # noqa: PTH100 - as the user sees it
    return uri


def is_database(uri: str) -> bool:
    """Whether it is an address of a database that MLflow opens, and no server's."""
    return _scheme(uri) in _DATABASES


def without_credentials(uri: str) -> str:
    """The address as it may be shown and kept: without user, password and query."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "(no address)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")) if parts.netloc else uri


def without_secrets(text: str, uri: str) -> str:
    """A text without the passwords and tokens by which a server is asked: the address's own, and the environment's."""
    for secret in _secrets(uri):
        text = text.replace(secret, MASK)
    return text


def _scheme(uri: str) -> str:
    return uri.partition(":")[0].partition("+")[0]


def _secrets(uri: str) -> list[str]:
    """In each form in which they may come back, longest first."""
    try:
        parts = urlsplit(uri)
        user, password = parts.username or "", parts.password or ""
    except ValueError:
        user = password = ""
    told = os.environ.get
    logins = [(unquote(user), unquote(password))]
    logins.append((told("MLFLOW_TRACKING_USERNAME", ""), told("MLFLOW_TRACKING_PASSWORD", "")))
    found = {password, told("MLFLOW_TRACKING_TOKEN", "")}
    for name, word in logins:
        found |= {word, quote(word, safe=""), b64encode(f"{name}:{word}".encode()).decode() if word else ""}
    return sorted((secret for secret in found if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)


def target_id(uri: str) -> str:
    """What a server is called among the store's folders."""
    return hashlib.sha256(without_credentials(uri).rstrip("/").encode()).hexdigest()[:16]

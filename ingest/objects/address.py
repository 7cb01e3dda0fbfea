"""Addresses of stores on object storage: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix.

An address never holds credentials: these come from the usual places (see credentials). What stands behind the bucket
is taken literally, without percent-decoding, as the tools of the field do. No request is made here.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple, Self

_SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
_TEXT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9]{0,9})://(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,221}")
_ACCOUNT = re.compile(r"(?P<container>[^@/:]+)@(?P<account>[a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net")
_LONGEST_PREFIX = 512  # keys have at most 1024 bytes, and what the store names below the prefix needs room


class Address(NamedTuple):
    """Where a store lies on object storage. Equal addresses mean the same store."""

    scheme: str
    """"s3", "gs" or "az"."""
    bucket: str
    prefix: str
    """Without slashes at its ends; "" for the whole bucket."""
    account: str = ""
    """Of Azure, where the address names it; else the environment does."""

    @classmethod
    def of(cls, text: object) -> Self:
        """Read an address.

        Raises: TypeError: not text. ValueError: it names no bucket, or has in it what has no place there.
        """
        path = os.fspath(text) if isinstance(text, os.PathLike) else text
        if not isinstance(path, str):
            raise TypeError(f"an address is a str such as 's3://bucket/prefix', not {type(text).__name__}")
        found = _TEXT.fullmatch(path)
        scheme = _SCHEMES.get(found["scheme"].lower()) if found else None
        if found is None or scheme is None:
            raise ValueError(f"{_shown(path)} is no address of object storage; give s3://, gs:// or az://bucket/prefix")
        authority, _, rest = found["rest"].partition("/")
        named = _ACCOUNT.fullmatch(authority) if scheme == "az" else None
        bucket, account = (named["container"], named["account"]) if named else (authority, "")
        prefix = rest.rstrip("/")
        fault = _fault_of(authority if named is None else bucket, prefix)
        if fault:
            raise ValueError(f"the address {_shown(path)} is refused: {fault}; give it as {scheme}://bucket/prefix")
        return cls(scheme, bucket, prefix, account)

    @property
    def url(self) -> str:
        """The address in its one form: no alias, no slash at its end, no credentials."""
        below = f"/{self.prefix}" if self.prefix else ""
        if self.account:
            return f"abfss://{self.bucket}@{self.account}.dfs.core.windows.net{below}"
        return f"{self.scheme}://{self.bucket}{below}"

    @property
    def shown(self) -> str:
        """The address as messages show it."""
        return self.url

    @property
    def slug(self) -> str:
        """A folder's name for it: readable, and distinct for distinct addresses."""
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.scheme}-{self.bucket}-{self.prefix}").strip("-.")
        return f"{readable[:80]}-{hashlib.sha256(self.url.encode()).hexdigest()[:12]}"


def is_address(text: object) -> bool:
    """Tell whether a text is meant as an address of object storage, also a wrong one."""
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    return found is not None and found["scheme"].lower() in _SCHEMES


def spool_folder(address: Address, queue_dir: str | os.PathLike[str] | None = None) -> Path:
    """The local store from which uploads to the address are made on this host; an absolute path, not made here.

    Below `queue_dir`, else $STEPLOG_SPOOL_DIR, else $XDG_STATE_HOME/steplog/spool, else ~/.local/state/steplog/spool.
    """
    given = queue_dir or os.environ.get("STEPLOG_SPOOL_DIR")
    home = Path(given) if given else _place("XDG_STATE_HOME", ".local/state") / "steplog" / "spool"
    return Path(os.path.abspath(home / address.slug))  # noqa: PTH100 - resolve() would follow links


def cache_folder(address: Address) -> Path:
    """Where readers of this host keep what they fetched from the address; an absolute path, not made here.

    Below $STEPLOG_CACHE_DIR, else $XDG_CACHE_HOME/steplog/objects, else ~/.cache/steplog/objects.
    """
    given = os.environ.get("STEPLOG_CACHE_DIR")
    home = Path(given) if given else _place("XDG_CACHE_HOME", ".cache") / "steplog" / "objects"
    return Path(os.path.abspath(home / address.slug))  # noqa: PTH100 - as above


def _place(variable: str, below_home: str) -> Path:
    given = os.environ.get(variable)
    return Path(given) if given and Path(given).is_absolute() else Path.home() / below_home


def _fault_of(bucket: str, prefix: str) -> str:
    """Say what is wrong, or nothing."""
    parts = prefix.split("/") if prefix else []
    checks = (
        (not bucket, "it names no bucket"),
        ("@" in bucket or ":" in bucket, "a user, password or port has no place in it; see README for credentials"),
        ("?" in bucket + prefix or "#" in bucket + prefix, "a query or fragment has no place in it"),
        (not _BUCKET.fullmatch(bucket), f"{bucket[:80]!r} is no name of a bucket"),
        ("" in parts or "." in parts or ".." in parts, "its prefix has an empty, '.' or '..' component"),
        (any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in prefix), "it has control characters"),
        (len(prefix.encode(errors="replace")) > _LONGEST_PREFIX, f"its prefix has more than {_LONGEST_PREFIX} bytes"),
    )
    return next((fault for wrong, fault in checks if wrong), "")


def _shown(text: str) -> str:
    """A text that may hold a password or a token, for a message."""
    safe = re.sub(r"(?<=://)[^/?#]*@", "***@", text)
    safe = re.sub(r"[?#].*", "?...", safe, flags=re.DOTALL)
    return repr(safe if len(safe) <= 120 else f"{safe[:117]}...")

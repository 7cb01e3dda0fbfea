"""Names that MLflow takes, for any name; and back.

MLflow takes letters and digits of any script, `_ - . : /` and spaces, up to 250 characters, if the name would be the
same as a path. Any other character is written as `_x` + its code in hex + `_`, as XML tools do: `a=b` is `a_x3D_b`.
What looks like that already has its first underscore written so: distinct names stay distinct, `original` undoes it.
A colon is written so too: a server on Windows takes none.

A name that is too long is cut, and ends in `_h` and a hash of the whole; the run's tag `steplog.name.<hash>` holds the
whole. Tags that begin with `steplog.` are ours: a user's is written with `_x73_` for its first letter.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from itertools import pairwise

MAX_NAME = 250
_HASH = 16
MAX_EXPERIMENT = 500
PREFIX = "steplog."
"""What our own tags begin with."""

_REFUSED = re.compile(r"[^\w.\-/ ]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-F]+(?:_|[^\w\- ]))")
"""What would be taken for an escape, also together with one that may follow."""
_ESCAPED = re.compile(r"_x([0-9A-F]{1,6})_")


def metric_name(name: str) -> str:
    """The name under which MLflow keeps a metric or param."""
    written = _paths(_REFUSED.sub(_escape, _LOOKS_ESCAPED.sub("_x5F_", name)))
    return written if len(written) <= MAX_NAME else f"{written[: MAX_NAME - 18]}_h{name_hash(name)}"


def tag_name(name: str) -> str:
    """The name under which MLflow keeps a user's tag."""
    written = metric_name(name)
    return f"_x73_{written[1:]}"[:MAX_NAME] if written.startswith(PREFIX) else written


def experiment_name(name: str) -> str:
    """The name of an experiment; MLflow takes any up to its length."""
    return name if len(name) <= MAX_EXPERIMENT else f"{name[: MAX_EXPERIMENT - 17]}~{name_hash(name)}"


def original(written: str) -> str:
    """Undo metric_name and tag_name; of a name that was cut, what is left of it."""
    return _ESCAPED.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), written)


def names_of(tags: Mapping[str, str]) -> Callable[[str], str]:
    """The same for the names of a run with these tags, where the whole is in a tag of a name that was cut."""

    def name(written: str) -> str:
        whole = tags.get(f"{PREFIX}name.{written[-_HASH:]}") if written[-_HASH - 2 : -_HASH] == "_h" else None
        return original(written) if whole is None else whole

    return name


def is_cut(name: str) -> bool:
    """Whether metric_name cuts a name."""
    return original(metric_name(name)) != name


def name_hash(name: str) -> str:
    """What tells names apart that are cut."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]


def _escape(match: re.Match[str]) -> str:
    return "".join(f"_x{ord(character):X}_" for character in match[0])


def _paths(name: str) -> str:
    """Escape what a path would lose: slashes at the ends and doubled, `.` and `..` as a part, `..` at the start."""
    parts = name.split("/")
    parts = ["".join(f"_x{ord(dot):X}_" for dot in part) if part in {".", ".."} else part for part in parts]
    written = f"_x2E_{parts[0][1:]}" if parts[0].startswith("..") else parts[0]
    for before, part in pairwise(parts):
        written += ("/" if before and part else "_x2F_") + part
    return written

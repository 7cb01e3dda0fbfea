"""Claims: numbers of model versions and checkpoints that no two nodes give, without a lock service.

    claims/models/<name>/<n>         the SHA-256 of the model.json, or checkpoint.json, that has the number n
    claims/checkpoints/<run>/<n>

Made by conditional create only, and never removed: so a number is given once, and who has it can be told. Whoever saves
a version claims its number first, if the bucket answers; else it takes one above all that it knows. In any case the
number is claimed before the version's files are uploaded (`settle`). If another node has it by then, the local folder
takes the next free number, with its tags and the aliases that mean it, before anything is uploaded: nothing is
overwritten, in the bucket nor here. Repeating any of it changes nothing, as the claim tells by its digest whose it is.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ingest.cells import Cells
from ingest.layout import DIRECTORY_MODE, Layout
from ingest.numbered import numbers
from ingest.objects.bucket import Bucket

CLAIMS = "claims"
_ABOUT = ("model.json", "checkpoint.json")
"""The files that claims are for."""
_DELETED = "deleted.json"
"""What is left of a version that was deleted; it says the digest of what there was."""
_log = logging.getLogger("steplog.upload")


def claim(bucket: Bucket, home: str, digest: str, above: int) -> int:
    """Claim the next number of a home, as "models/churn" or "checkpoints/<run_id>".

    Args:
        digest: of what has the number, in hex.
        above: the highest number that is known to be taken.

    Raises: ObjectsUnavailable: the bucket doesn't answer, or refuses.
    """
    taken = [int(name) for entry in bucket.list(f"{CLAIMS}/{home}") if (name := _last(entry.key)).isdecimal()]
    number = max([above, *taken]) + 1
    while not _claim(bucket, home, number, digest):
        number += 1
    return number


def settle(layout: Layout, bucket: Bucket) -> list[str]:
    """See that each local number is this spool's; returns what there is to say of those that changed.

    A version is looked at once; that its number is ours is kept in <spool>/upload/numbers.
    Raises: ObjectsUnavailable. OSError: the disk.
    """
    said = []
    for home in _homes(layout):
        name = home.relative_to(layout.root).as_posix()
        kept = layout.root / "upload" / "numbers" / name
        for number in sorted({*numbers(home)} - {*numbers(kept)}):
            digest = _digest(home / str(number))
            if digest is None:  # removed meanwhile
                continue
            if not _claim(bucket, name, number, digest):
                given = _move(layout, home, number, claim(bucket, name, digest, max(numbers(home))))
                said.append(
                    f"another node has {number} of {name}, too: this one's is {given} now"
                    if given
                    else f"{number} of {name} was removed while it was given another number"
                )
                number = given  # noqa: PLW2901 - the number that is ours
            if number:
                kept.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
                (kept / str(number)).touch()
    for line in said:
        _log.warning("steplog: %s", line)
    return said


def _claim(bucket: Bucket, home: str, number: int, digest: str) -> bool:
    """Whether the number is of this digest from now on."""
    key = f"{CLAIMS}/{home}/{number}"
    return bucket.put(key, digest.encode(), create=True) or bucket.get(key) == digest.encode()


def _homes(layout: Layout) -> Iterator[Path]:
    for above in (layout.models, layout.checkpoints):
        yield from (home for home in (above.iterdir() if above.is_dir() else ()) if home.is_dir())


def _digest(folder: Path) -> str | None:
    """What the claim of a version says; None where the folder is empty, or gone."""
    for name in _ABOUT:
        try:
            return hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            continue
    try:
        told = (folder / _DELETED).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return str(msgspec.json.decode(told)["digest"])
    except (ValueError, TypeError, KeyError):  # of a version that didn't say it
        return hashlib.sha256(told).hexdigest()


def _move(layout: Layout, home: Path, number: int, given: int) -> int:
    """Give a local version another number; 0 if it isn't there any more."""
    try:
        (home / str(number)).rename(home / str(given))
    except FileNotFoundError:
        return 0
    tags = home / "tags" / str(number)
    if tags.is_dir():
        tags.rename(home / "tags" / str(given))
    cells = Cells(home, layout.tmp)
    for alias in (home / "aliases").glob("*.json"):
        cell = cells.read(f"aliases/{alias.stem}")
        if cell is not None and cell.get("version") == number:
            cells.put(f"aliases/{alias.stem}", {**cell, "version": given, "before": number}, time.time_ns())
    return given


def _last(key: str) -> str:
    return key.rpartition("/")[2]

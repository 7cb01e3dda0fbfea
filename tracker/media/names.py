"""Names of the files that are logged under a tag, a file a step: `val/pictures/00000100.png`.

A tag is any text, an artifact's name is a relative path: what no path has is written "_". A name that was used is not
used again, so nothing that was logged is replaced: the second file of a step is `00000100-2.png`.
"""

import re
from collections.abc import Callable

from ingest.paths import MAX_COMPONENT_BYTES, MAX_PATH_BYTES

_DIGITS = 8
"""Of a step, so that files sort by it."""
_BAD = re.compile("[\0\\\\\ud800-\udfff]")


class MediaNames:
    """The names that were given to one run's files.

    Args:
        is_taken: whether the run has a file of that name: of an earlier life, or of somebody else who writes it.
    """

    def __init__(self, is_taken: Callable[[str], bool]) -> None:
        self._is_taken = is_taken
        self._used: dict[str, int] = {}

    def next(self, tag: str, step: float | None, suffix: str) -> str:
        """A name for the next file of a tag.

        Args:
            step: None: the files of a tag are numbered.
            suffix: ".png" and so on; where the tag has it already, it is not said twice.
        """
        stem = _stem(tag.removesuffix(suffix))
        if step is None:
            stem = f"{stem}/unnumbered"
        else:
            stem = f"{stem}/{step:0{_DIGITS}d}" if isinstance(step, int) else f"{stem}/{step}"
        used = self._used.get(stem + suffix, 0) + 1
        while self._is_taken(name := _numbered(stem, used, suffix, unnumbered=step is None)):
            used += 1
        self._used[stem + suffix] = used
        return name


def _numbered(stem: str, number: int, suffix: str, *, unnumbered: bool) -> str:
    """The name of a step's file, or of the next one of a tag whose files have no step."""
    if unnumbered:
        return f"{stem.removesuffix('unnumbered')}{number}{suffix}"
    return f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}"


def _stem(tag: str) -> str:
    """A tag as a folder's path."""
    parts = [part for part in _BAD.sub("_", tag).split("/") if part]
    parts = ["_" * len(part) if part in {".", ".."} else part for part in parts]
    if parts and len(parts[0]) > 1 and parts[0][1] == ":" and parts[0][0].isalpha():  # as a drive's letter
        parts[0] = parts[0].replace(":", "_", 1)
    room = MAX_PATH_BYTES - 100  # for the file's own name
    while parts and sum(len(part.encode()) + 1 for part in parts) > room:
        parts.pop()
    return "/".join(_cut(part) for part in parts) or "untagged"


def _cut(part: str) -> str:
    """As much of a name as a folder can have."""
    return part.encode()[:MAX_COMPONENT_BYTES].decode(errors="ignore")

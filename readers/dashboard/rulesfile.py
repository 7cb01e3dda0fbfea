"""The file of rules in a store, control/alerts.json: who edits it sees it taken up without a new start of the server.

watchfiles tells of changes in the folder: at once on a local disk, by looking every second on a network mount, where
another host's changes aren't reported. An idle server is woken by it five times a second, for microseconds.
"""

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from watchfiles import awatch

from ingest.filesystems import fits_mapped_queue
from ingest.layout import Layout

NAME = "alerts.json"
_STEP_MS = 200
_DEBOUNCE_MS = 1_000
_POLL_MS = 1_000
_LOOK_MS = 2_000
"""A change between two watches is seen after this time at the latest."""


def rules_file(layout: Layout) -> Path:
    """Where it lies, if there is one."""
    return layout.control / NAME


async def watch_rules(layout: Layout, changed: Callable[[], object]) -> None:
    """Call `changed` whenever the file was written, replaced or removed; until cancelled."""
    polling = not fits_mapped_queue(layout.root)
    known = _state(rules_file(layout))
    while layout.root.is_dir():
        there = layout.control.is_dir()
        looks = awatch(
            layout.control if there else layout.root,  # the folder comes with the first control
            recursive=False,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            force_polling=polling,
            poll_delay_ms=_POLL_MS,
        )
        async with aclosing(looks):
            async for _ in looks:
                now = _state(rules_file(layout))
                if now != known:
                    known = now
                    changed()
                if there != layout.control.is_dir():
                    break


def _state(path: Path) -> tuple[int, int, int] | None:
    """What tells two contents of a file apart; None where there is none."""
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_ino, there.st_size, there.st_mtime_ns

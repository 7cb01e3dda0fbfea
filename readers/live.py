"""Live rows: what writers have logged and nobody has sealed yet, in the form of the sealed tables.

They are read from the queue files themselves: what a log call has written is there for every process of this host the
moment it returns. Of a dead writer's file each frame's checksum is looked at. (The Arrow streams beside them are for
other tools, and for queues in memory.)

Of one writer the later segments are read first. Argument: events go into a later segment only when the earlier one is
shut; so if some of the later were seen, the earlier, read afterwards, is seen whole, and what is seen is a prefix of
what was logged. A segment that is sealed while it is read gives some of its rows or none: the caller lists the sealed
parts afterwards, sees that the segment isn't live any more, and takes its part instead.
"""

import logging

import polars as pl

from ingest.alive import is_alive
from ingest.catalog import LiveSegment, live_segments, live_writers
from ingest.layout import Layout, Table
from ingest.recovery import read_segment, recover
from ingest.sealing import Contents
from readers.schemas import SCHEMAS

_log = logging.getLogger("steplog")


class LiveRows:
    """Reads live segments. Any thread."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._said: set[str] = set()

    def read(self, table: Table) -> dict[LiveSegment, pl.DataFrame]:
        """The rows of every segment that was live when this was called; what is torn or unreadable is said once."""
        self._adopt()
        alive: dict[str, bool] = {}
        found = {}
        for segment in reversed(live_segments(self._layout)):
            if segment.writer not in alive:
                alive[segment.writer] = is_alive(segment.queue_file.parent)
            try:
                found[segment] = self._rows(segment, table, alive=alive[segment.writer])
            except FileNotFoundError:  # sealed meanwhile
                continue
            except OSError as error:
                self._say(f"{segment.queue_file} can't be read ({error.strerror or error}); what it holds is left out")
        return found

    def _adopt(self) -> None:
        """Seal what dead writers left, where this process may; elsewhere their queue files are read as they are."""
        if not self._layout.adopts or all(is_alive(folder) for folder in live_writers(self._layout)):
            return
        report = recover(self._layout)
        for line in report.trouble():
            _log.warning("steplog: recovery of %s: %s", self._layout.root, line)

    def _rows(self, segment: LiveSegment, table: Table, *, alive: bool) -> pl.DataFrame:
        if not alive:
            return self._of_queue(segment, table)
        contents = Contents.of_live(segment.writer, segment.queue_file.parent, segment.number)
        return _of_contents(contents, table)

    def _of_queue(self, segment: LiveSegment, table: Table) -> pl.DataFrame:
        contents, extent, _ = read_segment(segment)
        if extent.torn is not None:
            self._say(f"{segment.queue_file}: {extent.torn}; what lies behind is left out")
        for line in contents.poisoned:
            self._say(f"{segment.queue_file}: {line}; it is left out")
        return _of_contents(contents, table)

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            _log.warning("steplog: %s", message)


def _of_contents(contents: Contents, table: Table) -> pl.DataFrame:
    frames = [SCHEMAS[table].to_frame()]
    for experiment in contents.experiments():
        rows = contents.facts(experiment) if table == "facts" else contents.metrics(experiment)[table == "summaries"]
        frames.append(pl.DataFrame(rows).with_columns(experiment=pl.lit(experiment)))
    return pl.concat(frames)

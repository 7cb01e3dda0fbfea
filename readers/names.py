"""True names: what an experiment is called, where its folder's name had to be cut.

A folder gives an experiment's name back unless that is longer than a file system allows; then the name is cut and ends
in "~" and a hash (see ingest.layout), and the full one is looked up in the experiment's own facts.
"""

import contextlib
import json
import re

import polars as pl

from ingest.catalog import Part, snapshot
from ingest.layout import Layout
from readers.places import find
from readers.verified import Verified

_CUT = re.compile(r".*~[0-9a-f]{16}", re.DOTALL)


class TrueNames:
    """Looks up the experiments of parts, each once."""

    def __init__(self, layout: Layout, verified: Verified) -> None:
        self._layout = layout
        self._verified = verified
        self._known: dict[str, str] = {}

    def of(self, part: Part) -> str:
        """The experiment's name as it was given; the cut one when its facts are damaged."""
        if part.experiment[-17:-16] != "~" or not _CUT.fullmatch(part.experiment):
            return part.experiment
        if part.experiment not in self._known:
            self._look_up(part.experiment)
        return self._known.get(part.experiment, part.experiment)

    def _look_up(self, cut: str) -> None:
        for part in snapshot(self._layout, "facts").parts:
            if part.experiment != cut:
                continue
            with contextlib.suppress(FileNotFoundError, ValueError):  # deleted; not a name of ours
                path, _ = find(self._layout, "facts", part)
                if not self._verified.check(path):
                    continue
                names = pl.scan_parquet(path, hive_partitioning=False, glob=False).filter(kind="run", key="experiment")
                for text in names.select("value").head(1).collect()["value"]:
                    self._known[cut] = str(json.loads(text))
                    return

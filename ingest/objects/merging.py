"""Merging: parts are fetched from a bucket, checked, and merged into one file on the local disk."""

import secrets
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.compact import merged_rows
from ingest.digests import digest_of
from ingest.layout import DIRECTORY_MODE, Table, new_run_id, split_part
from ingest.objects.bucket import Bucket
from ingest.objects.swaps import MergedPart
from ingest.objects.transfers import Transfers
from ingest.parts import write_aside


class Input(NamedTuple):
    """A part that is to be merged."""

    table: Table
    key: str
    scratch: str
    """Where it may lie instead; "" for a part that was never merged."""
    size: int
    at: float
    """About when its rows were logged, seconds since 1970."""


def merge_inputs(
    bucket: Bucket, tmp: Path, group: Sequence[Input], damaged: list[str], transfers: Transfers
) -> tuple[Path, str, list[Input]] | None:
    """(the merged file, its digest, what it was made of); None if fewer than two of the parts are whole.

    A part whose bytes don't match its name is left alone and said in `damaged`; if one is gone, somebody else has
    merged it, and None is returned.

    Raises: ObjectsUnavailable. OSError: the local disk can't take it. Halted.
    """
    folder = tmp / f"merge-{secrets.token_hex(8)}"
    folder.mkdir(mode=DIRECTORY_MODE, parents=True)
    try:
        paths = [folder / str(place) for place in range(len(group))]
        fetched = [partial(_fetch, bucket, part, path) for part, path in zip(group, paths, strict=True)]
        whole, sources = [], []
        for part, path, digest in zip(group, paths, transfers.all(fetched), strict=True):
            named = split_part(part.key.rpartition("/")[2])
            if digest is None:
                return None
            if named is None or digest != named[1]:
                damaged.append(f"{part.key} of {bucket.address.shown} is damaged: its bytes have digest {digest}")
                continue
            whole.append(part)
            sources.append(path)
        if len(whole) < 2:
            return None
        scratch = write_aside(folder, whole[0].table, [merged_rows(whole[0].table, sources)])
        digest = digest_of(scratch)
        return scratch.rename(tmp / f"{new_run_id()}.parquet"), digest, whole
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe(table: Table, key: str, scratch: str, path: Path) -> MergedPart:
    """What a state says of a merged part that lies at a local path."""
    file = pq.ParquetFile(path)
    runs = pc.min_max(file.read(columns=["run_id"])["run_id"])
    first, last = (str(runs[end].as_py() or "") for end in ("min", "max"))
    return MergedPart(table, key, scratch, first, last, path.stat().st_size, file.metadata.num_rows)


def begun_at(run_id: str) -> float:
    """When a run began, as its id tells (ingest.layout.new_run_id); 0 for an id that somebody chose."""
    try:
        return int(run_id[:12], 16) / 1000
    except ValueError:
        return 0.0


def _fetch(bucket: Bucket, part: Input, path: Path) -> str | None:
    """The digest of a part's bytes, which lie at a path then; None if it is at none of its places."""
    for key in (part.key, part.scratch, part.key):  # it moves from the second to the first
        try:
            if key:
                bucket.download(key, path)
                return digest_of(path)
        except FileNotFoundError:
            continue
    return None

"""Deletions: what a deleted version of a model was made of, removed from the bucket.

A version is deleted by a deleted.json in its folder (see tracker.modelregistry), which goes up as any file does; from
then on it is gone for every reader. Its files in the bucket may be another node's. So whoever deleted it removes them,
once; <spool>/upload/emptied/models/<name>/<n> says that it was done. Repeating it changes nothing.
"""

from ingest.layout import DIRECTORY_MODE, Layout
from ingest.objects.bucket import Bucket
from ingest.objects.names import key_of_file

DELETED = "deleted.json"


def empty_deleted(layout: Layout, bucket: Bucket) -> None:
    """Remove what versions that were deleted here were made of; their deleted.json is in the bucket by now.

    Raises: ObjectsUnavailable. OSError: the disk.
    """
    for file in layout.models.glob(f"*/*/{DELETED}"):
        version = file.parent.relative_to(layout.root).as_posix()
        mark = layout.root / "upload" / "emptied" / version
        if mark.exists():
            continue
        key = key_of_file(version)
        bucket.delete(entry.key for entry in bucket.list(key) if entry.key != f"{key}/{DELETED}")
        mark.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        mark.touch(0o600)

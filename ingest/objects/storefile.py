"""The store.json of a bucket: that there is a store, and that this version can add to it."""

import msgspec

from ingest.errors import FormatTooNew, StoreUnavailable
from ingest.layout import FORMAT_VERSION, StoreFile
from ingest.objects.bucket import Bucket
from ingest.objects.names import STORE


def make_store(bucket: Bucket) -> None:
    """See that a store is there; make it where there is none.

    Raises: FormatTooNew: a newer version made it. StoreUnavailable: something else lies there. ObjectsUnavailable.
    """
    if not bucket.put(STORE, msgspec.json.encode(StoreFile(FORMAT_VERSION)), create=True):
        check_store(bucket, bucket.get(STORE))


def check_store(bucket: Bucket, body: bytes) -> None:
    """Check what store.json says. Raises: FormatTooNew. StoreUnavailable: it is none of ours."""
    try:
        found = msgspec.json.decode(body, type=StoreFile).format_version
    except ValueError as error:
        what = f"{bucket.address.shown} holds something else than a store (its store.json: {error})"
        raise StoreUnavailable(f"{what}; give another prefix") from error
    if found > FORMAT_VERSION:
        message = (
            f"the store {bucket.address.shown} has format {found}; this version knows up to {FORMAT_VERSION}: update "
            "with 'pip install -U steplog'"
        )
        raise FormatTooNew(message)

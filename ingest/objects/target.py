"""The target of a spool: `<spool>/upload.json`, which says where the store is uploaded to.

    {"address": "s3://bucket/prefix"}

Who made the store writes it; so a spool can be uploaded later, by whoever finds it, on another host too.
"""

import msgspec

from ingest.errors import StoreUnavailable
from ingest.layout import Layout, write_atomically
from ingest.objects.address import Address

NAME = "upload.json"


class _Target(msgspec.Struct):
    """The content of upload.json."""

    address: str


def read_target(layout: Layout) -> Address | None:
    """Where a store is uploaded to; None for one that isn't.

    Raises: StoreUnavailable: what says so can't be read, or is no address.
    """
    file = layout.root / NAME
    try:
        return Address.of(msgspec.json.decode(file.read_bytes(), type=_Target).address)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreUnavailable(f"{file} doesn't say where this store is uploaded to: {error}") from error


def write_target(layout: Layout, address: Address) -> None:
    """Make a store the spool of an address.

    Raises: StoreUnavailable: it is that of another one. OSError: the disk doesn't take it.
    """
    there = read_target(layout)
    if there == address:
        return
    if there is not None:
        message = (
            f"the store {str(layout.root)!r} is uploaded to {there.shown}, and can't be to {address.shown} too; "
            "give another folder"
        )
        raise StoreUnavailable(message)
    write_atomically(layout.root / NAME, msgspec.json.encode(_Target(address.url)), layout.tmp)

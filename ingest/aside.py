"""Set aside: bytes that nobody could make sense of, kept for people in the store's retired/torn."""

import os

from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout, segment_name


def set_aside(layout: Layout, writer: str, number: int, data: bytes | memoryview, *, what: str) -> str:
    """Keep bytes of a segment, `what` says which; returns the path relative to the root. Twice is once."""
    folder = layout.retired / "torn"
    folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    path = folder / f"{segment_name(writer, number)}.{what}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return str(path.relative_to(layout.root))

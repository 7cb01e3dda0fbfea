"""The title of a PNG: one text chunk behind the header, so that a picture that strayed says which run it is of.

Source: Portable Network Graphics (Third Edition), W3C 2025: 5.3 Chunk layout, 11.3.3.4 iTXt International textual data.
"""

from zlib import crc32

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = len(_SIGNATURE) + 25  # the IHDR chunk: length, name, 13 bytes, checksum
_LOOK_BYTES = 4096  # text chunks that a plotting library writes come before the pixels


def titled(picture: bytes | memoryview, title: str) -> bytes:
    """Give a PNG its title; one that has a title, or is no PNG, stays as it is."""
    data = bytes(picture)
    beginning = data[:_LOOK_BYTES]
    if not data.startswith(_SIGNATURE) or b"tEXtTitle\0" in beginning or b"iTXtTitle\0" in beginning:
        return data
    named = b"iTXt" + b"Title\0" + b"\0\0" + b"\0\0" + title.encode()  # not compressed; no language, no translation
    chunk = (len(named) - 4).to_bytes(4, "big") + named + crc32(named).to_bytes(4, "big")
    return data[:_HEADER_BYTES] + chunk + data[_HEADER_BYTES:]

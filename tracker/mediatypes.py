"""The media type of an artifact by its name, the same on every machine (`mimetypes` asks the machine's own tables)."""

from pathlib import PurePosixPath

from ingest.paths import name_text

_TYPES = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".bmp": "image/bmp",
    ".css": "text/css",
    ".csv": "text/csv",
    ".diff": "text/x-diff",
    ".feather": "application/vnd.apache.arrow.file",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".parquet": "application/vnd.apache.parquet",
    ".patch": "text/x-diff",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
_TEXT = frozenset({"application/jsonl", "application/toml", "application/xml", "application/yaml", "image/svg+xml"})


def suffix(path: str) -> str:
    """The name's ending in small letters, with its dot. Raises: TypeError: no name, as where arguments are swapped."""
    return PurePosixPath(name_text(path)).suffix.lower()


def media_type(path: str) -> str:
    """The media type of a file of that name."""
    return _TYPES.get(suffix(path), "application/octet-stream")


def is_text(path: str) -> bool:
    """Whether files of that name are read as text (JSON apart, which is read as what it says)."""
    kind = media_type(path)
    return kind in _TEXT or (kind.startswith("text/") and suffix(path) not in {".csv", ".tsv"})

"""Where everything lies on disk and how it is named.

    <root>/
      store.json                                 format version
      metrics|facts|summaries/experiment=<e>/    sealed Parquet, nothing else
      live/<writer>/                             what a writer has not sealed yet: lock, queue files, Arrow streams;
                                                 a link where `queue_dir` is set (see home)
      artifacts/<run_id>/<path>                  files under the names the user gave
      models/<name>/<version>/                   one folder a version; beside them aliases, tags, their history
      checkpoints/<run_id>/<number>/             one folder a checkpoint
      forward/<target>/                          how far a server has what is here (see readers.mlflow.progress)
      tmp/                                       files being written; never read
      retired/<table>/experiment=<e>/            files that compaction has replaced, for a grace period
      retired/{torn,damaged,lost}/               what could not be read, or found; kept for people
      compaction.json, compaction.lock           the swap in progress, if any (see compact)

Names: `<writer>-<segment>.<digest>.parquet` holds one segment of one writer, `compacted-<id>.<digest>.parquet` many;
the digest is the first 16 hex digits of the file's SHA-256, so a name alone tells whether the bytes are what was
written. Distinct experiment names never share a folder.
"""

import errno
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

import msgspec

from ingest.errors import FormatTooNew, StoreUnavailable

if TYPE_CHECKING:
    from ingest.catalog import Part

FORMAT_VERSION = 1
Table = Literal["metrics", "facts", "summaries"]
TABLES: tuple[Table, ...] = ("metrics", "facts", "summaries")
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a run's id may be: it names files and folders."""

_LONGEST_COMPONENT = 180  # file systems stop at 255 bytes; leaves room for "experiment=" and a suffix
_PART = re.compile(r"(?P<segment>.+)\.(?P<digest>[0-9a-f]{16})\.parquet")
_SEGMENT = re.compile(r"(?P<writer>.+)-(?P<number>\d{6,})")


class StoreFile(msgspec.Struct):
    """The content of store.json."""

    format_version: int
    created_by: str = "steplog"


class Layout:
    """The paths below one store's root. Holds no open files and makes nothing until asked.

    Who logs may say where its queues lie: `queue_dir`. Who reads need not know.
    """

    def __init__(self, root: str | os.PathLike[str], queue_dir: str | os.PathLike[str] | None = None) -> None:
        # Absolute from the start: the user may change directory while a run is active.
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links, and fail on loops
        self.store_file = self.root / "store.json"
        self.live = self.root / "live"
        self.artifacts = self.root / "artifacts"
        self.models = self.root / "models"
        self.checkpoints = self.root / "checkpoints"
        self.control = self.root / "control"
        self.tmp = self.root / "tmp"
        self.retired = self.root / "retired"
        self.lost = self.retired / "lost"
        self.queue_dir = None if queue_dir is None else Path(os.path.abspath(queue_dir))  # noqa: PTH100 - as above
        self.compaction_file = self.root / "compaction.json"
        self.compaction_lock = self.root / "compaction.lock"

    def table(self, table: Table) -> Path:
        """The folder of a table; below it one folder an experiment."""
        return self.root / table

    def partition(self, table: Table, experiment: str) -> Path:
        """The folder of one experiment's sealed files."""
        return self.root / table / f"experiment={encode_name(experiment)}"

    def writer(self, writer: str) -> Path:
        """Where others find a writer's live files: their folder, or a link to it."""
        return self.live / writer

    def home(self, writer: str) -> Path:
        """Where a writer of this process keeps them."""
        return (self.queue_dir or self.live) / writer

    def run_artifacts(self, run_id: str) -> Path:
        """The folder of one run's artifacts."""
        return self.artifacts / run_id

    def stop_file(self, run_id: str) -> Path:
        """What is there while a run is asked to stop: see control."""
        return self.control / f"{run_id}.stop"

    def run_checkpoints(self, run_id: str) -> Path:
        """The folder of one run's checkpoints."""
        return self.checkpoints / run_id

    # --- of a store that lies elsewhere and has only a view here (see readers.objects); for a folder, nothing to do

    adopts = True
    """Whether what dead writers left in live/ is sealed by whoever finds it."""

    @property
    def place(self) -> str:
        """What opens this store again, in another process too."""
        return str(self.root)

    def refresh(self) -> bool:
        """Look at the store anew if that is due; whether anything changed."""
        return False

    def listed(self, table: Table) -> "Iterable[Part] | None":  # noqa: ARG002 - views have them
        """The sealed parts of a table, where the folders don't show them."""
        return None

    def foreign(self) -> Sequence[str]:
        """What lies among the parts and isn't ours, where the folders don't show it."""
        return ()

    def may_hold(self, path: Path, runs: Collection[str]) -> bool:  # noqa: ARG002 - views know more
        """Whether a part can have points of these runs, as far as can be told without fetching it."""
        return True

    def obtain(self, *paths: Path) -> None:
        """Have these files here, before they are looked for; one that isn't in the store stays away."""

    def obtain_folder(self, path: Path, most_bytes: int | None = None) -> None:
        """Have all files below a folder here, likewise; with `most_bytes` only those that aren't larger."""

    def create(self) -> None:
        """Make the store, or check the one that is there; `queue_dir` too.

        Raises: StoreUnavailable: a folder can't be made or written. FormatTooNew: made by a newer version.
        """
        try:
            self.root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            for folder in (self.live, self.tmp, *(self.table(t) for t in TABLES)):
                folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            if not self.check():
                body = msgspec.json.encode(StoreFile(FORMAT_VERSION))
                write_atomically(self.store_file, body, self.tmp)
            if not os.access(self.live, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write", str(self.live))
        except OSError as error:
            message = (
                f"the store folder {str(self.root)!r} can't be used: {error.strerror or error}; "
                "give another output_dir, or make this one writable"
            )
            raise StoreUnavailable(message) from error
        if self.queue_dir is not None:
            self._create_queue_dir(self.queue_dir)

    def _create_queue_dir(self, folder: Path) -> None:
        probe = self.tmp / f"link-{secrets.token_hex(8)}"
        try:
            if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(self.root)):
                raise OSError(errno.EINVAL, "it lies inside the store")  # noqa: TRY301
            folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "no permission to write", str(folder))
            probe.symlink_to(folder)
            probe.unlink()
        except OSError as error:
            message = (
                f"the queue_dir {str(folder)!r} can't be used for the store {str(self.root)!r}: "
                f"{error.strerror or error}; give another folder on local disk, or none: the queue is in the store then"
            )
            raise StoreUnavailable(message) from error

    def check(self) -> bool:
        """Tell whether a store is here.

        Raises: FormatTooNew: it is, but this version can't read it. StoreUnavailable: store.json is unreadable.
        """
        try:
            raw = self.store_file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            found = msgspec.json.decode(raw, type=StoreFile)
        except ValueError as error:
            raise StoreUnavailable(f"{self.store_file} is not a store file: {error}") from error
        if found.format_version > FORMAT_VERSION:
            message = (
                f"the store {str(self.root)!r} has format {found.format_version}; this version reads up to "
                f"{FORMAT_VERSION}: update with 'pip install -U steplog'"
            )
            raise FormatTooNew(message)
        return True


def encode_name(name: str) -> str:
    """One path component for any experiment name, so that distinct names stay distinct.

    Percent-encoded as in a URL, which is what readers of hive partitions undo. A name too long for a file system is cut
    and ends in "~" and a hash; its full form is in the run's facts.
    """
    encoded = quote(name, safe="", errors="surrogatepass").replace("~", "%7E")
    if encoded.strip(".") == "":
        encoded = encoded.replace(".", "%2E")
    if len(encoded) <= _LONGEST_COMPONENT:
        return encoded
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    cut = encoded[: _LONGEST_COMPONENT - 17]
    while "\ufffd" in unquote(cut, errors="replace") or "%" in cut[-2:]:  # half a character would not decode
        cut = cut[:-1]
    return f"{cut}~{digest}"


def decode_name(component: str) -> str:
    """The experiment name of a folder; a hashed one stays as it is."""
    return unquote(component, errors="replace")


def new_run_id(time_ns: int | None = None) -> str:
    """An id that sorts by start time: 12 hex digits of milliseconds, 10 of chance (40 bits)."""
    now_ns = time.time_ns() if time_ns is None else time_ns
    return f"{max(0, now_ns) // 1_000_000:012x}{secrets.token_hex(5)}"


def new_writer_id(rank: int = 0) -> str:
    """An id unique to one writer of one process: host, pid, rank, and a time with chance in it."""
    return f"{host_name()}-{os.getpid()}-{rank}-{time.time_ns() // 1_000_000:x}{secrets.token_hex(3)}"


def host_name() -> str:
    """This host's name as it stands in writer ids; never with "_" before it, as Spark and Hive skip such files."""
    return re.sub(r"[^A-Za-z0-9_]", "_", socket.gethostname()).lstrip("_")[:40] or "host"


def host_of(writer: str) -> str:
    """The host of a writer."""
    return writer.partition("-")[0]


def segment_name(writer: str, number: int) -> str:
    """The name of a writer's n-th segment."""
    return f"{writer}-{number:06d}"


def split_segment(segment: str) -> tuple[str, int]:
    """Undo segment_name.

    Raises: ValueError: not the name of a segment.
    """
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise ValueError(f"{segment!r} is not the name of a segment")
    return match["writer"], int(match["number"])


def part_name(segment: str, digest: str) -> str:
    """The file name of a sealed part."""
    return f"{segment}.{digest}.parquet"


def split_part(name: str) -> tuple[str, str] | None:
    """(segment, digest) of a sealed part's file name, or None for a foreign file."""
    match = _PART.fullmatch(name)
    return (match["segment"], match["digest"]) if match else None


def write_atomically(path: Path, body: bytes, tmp: Path) -> None:
    """Put `body` at `path` so that a reader sees all of it or none, and a crash leaves one or the other."""
    scratch = tmp / f"{path.name}.{secrets.token_hex(8)}"
    tmp.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a folder survive a power cut (a no-op where folders can't be synced)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except (PermissionError, IsADirectoryError):  # Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

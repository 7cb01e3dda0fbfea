"""Artifact bytes: under a name lies a whole file or none, and no name leads out of its folder."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import SegmentCorrupt
from ingest.files import ByteSink, StoredFile, open_beneath, put_bytes, put_file, put_folder, put_stream
from ingest.paths import check_path
from ingest.sources import list_folder

accepted = [
    "a", "sub/dir/é.txt", "con.txt", "run.parquet", ".hidden", "%2e%2e", "..a", "a..", "...", "a b", "a\nb", "é",
    "e\u0301", "\u202e.txt", "=cmd", "-rf", "~", "$HOME", "ab:c", "a?b#c", "<b>", "x" * 255, "é" * 127,
    f"{'x' * 200}/" * 4 + "x",
]  # fmt: skip
refused = [
    ("../x", "leads out"), ("a/../../x", "leads out"), ("a/..", "leads out"), ("..", "leads out"), ("/abs", "absolute"),
    ("//x", "absolute"), ("a\\..\\b", "backslash"), ("..\\x", "backslash"), ("C:x", "drive"), ("c:/x", "drive"),
    ("C:\\x", "backslash"), ("", "empty"), (".", r"'\.'"), ("./a", r"'\.'"), ("a/./b", r"'\.'"), ("a//b", "empty"),
    ("a/", "empty"), ("a\0b", "NUL"), ("x" * 300, "300 bytes"), ("é" * 128, "256 bytes"), ("\ud800", "surrogate"),
    ("a/" * 600 + "a", "1024 bytes"),
]  # fmt: skip


@pytest.mark.parametrize("name", accepted)
def test_an_odd_name_is_kept_as_it_is(name: str, tmp_path: Path) -> None:
    """What is only odd is stored under exactly this name, below the folder, and read back."""
    stored = put_bytes(tmp_path / "run", name, b"data", tmp=tmp_path / "tmp")

    assert stored == StoredFile(name, 4, hashlib.sha256(b"data").hexdigest())
    assert tree(tmp_path / "run") == {name: b"data"}
    with open_beneath(tmp_path / "run", name) as file:
        assert file.read() == b"data"


@pytest.mark.parametrize(("name", "reason"), refused)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    """Writing and reading refuse it, say why, and make nothing."""
    with pytest.raises(ValueError, match=f"(?s)is refused as artifact name: .*{reason}"):
        put_bytes(tmp_path / "run", name, b"data", tmp=tmp_path / "tmp")
    with pytest.raises(ValueError, match=reason):
        open_beneath(tmp_path / "run", name)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", [None, 3, b"a"])
def test_a_name_is_text(name: Any) -> None:
    """Anything else is a TypeError, as everywhere in Python."""
    with pytest.raises(TypeError):
        check_path(name)


def test_a_path_object_is_a_name(tmp_path: Path) -> None:
    """A relative pathlib path may be given too."""
    assert check_path(Path("a") / "b") == "a/b"
    with pytest.raises(ValueError, match="absolute"):
        check_path(tmp_path)


def test_files_and_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    """Other users of the machine read nothing, whatever the umask."""
    with umask(0):
        put_bytes(tmp_path / "artifacts" / "run", "a/b/c.txt", b"x", tmp=tmp_path / "tmp")

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"artifacts": 0o700, "run": 0o700, "a": 0o700, "b": 0o700, "c.txt": 0o600, "tmp": 0o700}


def test_the_same_name_again_replaces_the_file_at_once(tmp_path: Path) -> None:
    """A reader has the old bytes or the new ones, and who had it open reads on."""
    root = tmp_path / "run"
    put_bytes(root, "a.txt", b"old" * 1000, tmp=tmp_path / "tmp")
    with open_beneath(root, "a.txt") as before:
        put_bytes(root, "a.txt", b"new", tmp=tmp_path / "tmp")

        assert before.read() == b"old" * 1000
    assert tree(tmp_path) == {"run/a.txt": b"new"}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_write_that_fails_leaves_what_was_there(at: int, tmp_path: Path) -> None:
    """Neither half a file nor a scratch file stays behind, whenever it fails."""
    put_bytes(tmp_path / "run", "a.txt", b"old", tmp=tmp_path / "tmp")

    def fail(sink: ByteSink) -> None:
        for _ in range(at):
            sink.write(b"part")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        put_stream(tmp_path / "run", "a.txt", fail, tmp=tmp_path / "tmp")
    assert tree(tmp_path) == {"run/a.txt": b"old"}


@pytest.mark.parametrize(("first", "then"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_a_file_where_a_folder_is_is_refused(first: str, then: str, tmp_path: Path) -> None:
    """A name can't be both, in either order, and the message says which part is meant."""
    put_bytes(tmp_path / "run", first, b"x", tmp=tmp_path / "tmp")

    with pytest.raises(ValueError, match=r"choose another name"):
        put_bytes(tmp_path / "run", then, b"y", tmp=tmp_path / "tmp")
    assert tree(tmp_path) == {f"run/{first}": b"x"}


def test_a_planted_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    """Neither a component of the name nor the run's own folder may be a link, for writing or for reading."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_bytes(b"s")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(elsewhere)
    (tmp_path / "linked_run").symlink_to(elsewhere)

    with pytest.raises(ValueError, match="a file or a link"):
        put_bytes(tmp_path / "run", "link/x", b"x", tmp=tmp_path / "tmp")
    with pytest.raises(NotADirectoryError):
        put_bytes(tmp_path / "linked_run", "x", b"x", tmp=tmp_path / "tmp")
    for root, name in [("run", "link/secret"), ("linked_run", "secret")]:
        with pytest.raises(SegmentCorrupt, match="can't be opened as a plain file"):
            open_beneath(tmp_path / root, name)
    assert tree(elsewhere) == {"secret": b"s"}


def test_a_planted_link_to_a_file_is_replaced_and_never_read(tmp_path: Path) -> None:
    """Writing replaces the link, not what it points to; reading refuses it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "secret").write_bytes(b"s")
    (tmp_path / "run" / "a").symlink_to(tmp_path / "secret")

    with pytest.raises(SegmentCorrupt, match="can't be opened"):
        open_beneath(tmp_path / "run", "a")
    put_bytes(tmp_path / "run", "a", b"x", tmp=tmp_path / "tmp")
    assert tree(tmp_path) == {"run/a": b"x", "secret": b"s"}


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    """A FIFO or folder in place of a file blocks nobody, and is reported; a missing file is a missing file."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()

    for name in ["fifo", "folder"]:
        with pytest.raises(SegmentCorrupt, match="not a plain file"):
            open_beneath(tmp_path, name)
    with pytest.raises(FileNotFoundError):
        open_beneath(tmp_path, "nothing")


def test_of_a_linked_source_the_target_is_copied_once(tmp_path: Path) -> None:
    """The copy is a plain file; a later change of the target doesn't reach it."""
    (tmp_path / "target").write_bytes(b"1" * 3_000_000)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    stored = put_file(tmp_path / "run", "a", tmp_path / "link", tmp=tmp_path / "tmp")
    (tmp_path / "target").write_bytes(b"2")

    assert stored == StoredFile("a", 3_000_000, hashlib.sha256(b"1" * 3_000_000).hexdigest())
    assert tree(tmp_path / "run") == {"a": b"1" * 3_000_000}
    assert not (tmp_path / "run" / "a").is_symlink()


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket"])
def test_a_source_that_is_no_file_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without blocking, and with nothing stored."""
    monkeypatch.chdir(tmp_path)  # a socket's name may be no longer than 108 bytes
    os.mkfifo("fifo")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")

        with pytest.raises(ValueError, match="not a plain file"):
            put_file(tmp_path / "run", "a", kind, tmp=tmp_path / "tmp")
    assert not (tmp_path / "run").exists()


def test_a_folder_is_copied_file_by_file(tmp_path: Path) -> None:
    """Names below the folder are kept; links to files are followed; what can't be copied is listed, not met."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "b.txt").write_bytes(b"b")
    (source / "a.txt").write_bytes(b"a")
    (source / "copy.txt").symlink_to("a.txt")
    (source / "loop").symlink_to(source)
    (source / "dangling").symlink_to("nowhere")
    os.mkfifo(source / "fifo")

    stored = list(put_folder(tmp_path / "run", "in", source, tmp=tmp_path / "tmp"))
    _, left_out = list_folder(source)

    assert [file.path for file in stored] == ["in/a.txt", "in/copy.txt", "in/sub/b.txt"]
    assert tree(tmp_path / "run") == {"in/a.txt": b"a", "in/copy.txt": b"a", "in/sub/b.txt": b"b"}
    assert sorted(Path(line).name for line in left_out) == [
        "dangling (link to nothing)", "fifo (no plain file)", "loop (link to a folder)",
    ]  # fmt: skip


def test_a_folder_with_a_refused_name_is_not_copied_in_part(tmp_path: Path) -> None:
    """All names are checked before the first file is copied."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_bytes(b"a")
    (source / "b\\c.txt").write_bytes(b"b")

    with pytest.raises(ValueError, match="backslash"):
        put_folder(tmp_path / "run", "", source, tmp=tmp_path / "tmp")
    with pytest.raises(ValueError, match="is no folder"):
        put_folder(tmp_path / "run", "", source / "a.txt", tmp=tmp_path / "tmp")
    assert not (tmp_path / "run").exists()


def tree(folder: Path) -> dict[str, bytes]:
    """Read the files below a folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the process's file mode mask for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)

"""A queue of one write a call keeps the mapped queue's promises, and is taken where mapping can't be trusted."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ingest.appended import AppendedFile
from ingest.filesystems import file_system, fits_mapped_queue
from ingest.settings import PipelineSettings
from readers.store import Store
from tracker import ExperimentTracker

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:30 / /mnt/my\\040data rw - nfs4 server:/data rw
31 22 0:31 / /mnt rw - xfs /dev/sdb rw
32 22 0:32 / /data/x/remote rw - fuse.sshfs host: rw
33 22 0:33 / /snap rw - btrfs /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "fits"),
    [
        ("/var/x", "ext4", True),
        ("/mnt/other", "xfs", True),
        ("/mnt/my data/exp", "nfs4", False),
        ("/data/x/remote", "fuse.sshfs", False),
        ("/data/x/remoteness", "ext4", True),
        ("/snap/a", "btrfs", False),
    ],
)
def test_network_and_copying_file_systems_get_no_mapped_queue(
    tmp_path: Path, folder: str, kind: str, fits: bool
) -> None:
    """The longest mount point that holds the folder decides."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert (file_system(Path(folder), mounts), fits_mapped_queue(Path(folder), mounts)) == (kind, fits)


def test_an_unknown_system_counts_as_local(tmp_path: Path) -> None:
    """Where there is no list of mounts, a mapping is used."""
    assert fits_mapped_queue(tmp_path, tmp_path / "no such file")


def test_every_point_reads_back_through_rolls(tmp_path: Path) -> None:
    """Small files, many rolls: the points are there, in order, once."""
    settings = PipelineSettings(queue="append", first_segment_bytes=4096, segment_bytes=16384)
    with ExperimentTracker(tmp_path, auto_log=False, pipeline=settings) as tracker, tracker.start_run("run"):
        for step in range(5000):
            tracker.log_metrics({"x": float(step)}, step=step)

    assert Store(tmp_path).metrics().sort("seq").collect()["step"].to_list() == list(range(5000))


def test_what_was_logged_survives_kill_9(tmp_path: Path) -> None:
    """The write has returned, so the point is the system's."""
    script = """
        import os, signal
        from tracker import ExperimentTracker, PipelineSettings
        tracker = ExperimentTracker("store", auto_log=False, pipeline=PipelineSettings(queue="append"))
        tracker.start_run("run")
        for step in range(3000):
            tracker.log_metrics({"x": 1.0}, step=step)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, check=False, timeout=15)

    assert Store(tmp_path / "store").metrics().sort("seq").collect()["step"].to_list() == list(range(3000))


def test_a_write_that_the_disk_cuts_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a frame is taken back, and the file takes no more: the queue goes on to the next one."""
    descriptor = os.open(tmp_path / "queue", os.O_RDWR | os.O_CREAT)
    file = AppendedFile(descriptor, 1000)
    file.write(b"whole")
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))

    with pytest.raises(ValueError, match="didn't take"):
        file.write(b"half of this")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="out of range"):
        file.write(b"x")

    os.close(descriptor)
    assert (tmp_path / "queue").read_bytes() == b"whole"

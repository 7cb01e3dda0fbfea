"""The S3 server of the tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError

from tests.objects.conftest import S3
from tests.objects.server import READER, WRITER
from tests.waiting import until

_STARTS_ONE = """
import signal, sys
from pathlib import Path
from tests.objects.server import Server
server = Server(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
signal.pause()
"""


def test_an_object_is_made_once(s3: S3) -> None:
    """Of two that make an object under one key the second is told, which is what compaction builds on."""
    obstore.put(s3.store(), "swaps/1", b"one", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(s3.store(), "swaps/1", b"two", mode="create")
    assert bytes(obstore.get(s3.store(), "swaps/1").bytes()) == b"one"
    assert s3.keys() == ["swaps/1"]
    assert s3.address("a") == f"s3://experiments/{s3.prefix}/a"


def test_keys_have_their_rights(s3: S3) -> None:
    """Who may only read doesn't write, a wrong secret does neither, and no key but the owner's makes a bucket."""
    obstore.put(s3.store(), "there", b"1")
    with pytest.raises(PermissionDeniedError):
        obstore.put(s3.server.store(s3.prefix, READER), "not", b"1")
    wrong = s3.server.store(s3.prefix, WRITER._replace(secret="wrong"))  # noqa: S106 - wrong, by intent
    with pytest.raises(PermissionDeniedError):
        obstore.get(wrong, "there")


def test_data_outlive_a_crash_of_the_server(own_s3: S3) -> None:
    """A server that was killed and started again has what it had; a paused one goes on where it was."""
    obstore.put(own_s3.store(), "kept", b"x" * 100_000)
    own_s3.server.stop()
    with pytest.raises(BaseError):
        obstore.get(own_s3.store(), "kept")
    own_s3.server.start()
    assert bytes(obstore.get(own_s3.store(), "kept").bytes()) == b"x" * 100_000
    own_s3.server.pause()
    own_s3.server.resume()
    obstore.put(own_s3.store(), "more", b"1")
    assert own_s3.keys() == ["kept", "more"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_server_dies_with_a_killed_test_process(tmp_path: Path, s3: S3) -> None:
    """SIGKILL of who started it leaves no server behind."""
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE, str(tmp_path / "server")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert starter.stdout is not None
    with starter.stdout:
        pid = int(starter.stdout.readline())
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the server lives on")

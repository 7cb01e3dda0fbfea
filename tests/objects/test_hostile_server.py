"""What a server answers is no reason to trust it: no secret is shown, no answer crashes, none leads elsewhere."""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.errors import ObjectsUnavailable, SegmentCorrupt
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.names import parse_live, parse_swap
from tests.objects.conftest import S3
from tests.objects.hostile import HostileServer

TOKEN = "SessionTokenOfTheNodeNotToBeShown"  # noqa: S105 - made up
SECRET = "SecretOfTheNodeNotToBeShown"  # noqa: S105 - likewise
ASKED: list[Callable[[Bucket], object]] = [
    lambda bucket: bucket.get("x"),
    lambda bucket: bucket.put("x", b""),
    lambda bucket: bucket.put("x", b"", create=True),
    lambda bucket: bucket.get_ranges("x", [(0, 1)]),
    lambda bucket: bucket.list("metrics"),
    lambda bucket: bucket.head("x"),
    lambda bucket: bucket.copy("x", "y"),
    lambda bucket: bucket.delete(["x"]),
    lambda bucket: bucket.delete(["x", "y"]),
]


@pytest.fixture
def hostile(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    """Such a server, and an environment that leads there, with credentials for a session."""
    with HostileServer() as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_SESSION_TOKEN": TOKEN,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 411, 500, 503])
@pytest.mark.parametrize(
    "wrapped", ["{}", "<Error><Code>Odd</Code><Message>No.</Message><Request>{}</Request></Error>"]
)
def test_an_answer_that_repeats_the_request_shows_no_secret(
    hostile: HostileServer, status: int, wrapped: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S3 repeats a request's headers, a session's token among them, in what it says of a wrong signature."""
    caplog.set_level(logging.DEBUG)
    sent: list[str] = []

    def repeats(_method: str, _key: str, headers: str) -> tuple[int, bytes]:
        sent.append(headers)
        return status, wrapped.format(headers).encode()

    hostile.fault = repeats
    bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)
    said = [repr(bucket), repr(bucket.address), repr(vars(bucket))]
    for ask in ASKED:
        try:
            ask(bucket)
        except (ObjectsUnavailable, FileNotFoundError, FileExistsError) as error:
            said += [str(error), repr(error), "".join(traceback.format_exception(error))]
    said.append(caplog.text)

    assert len(said) > 10
    assert all(TOKEN not in text and SECRET not in text and "Signature=" not in text for text in said)
    assert len(sent) >= len(ASKED)
    assert all(TOKEN in headers and "Signature=" in headers for headers in sent)


@pytest.mark.parametrize("key", ["metrics//x", "metrics/../x", "metrics/a/./b", "metrics/\x1b]0;title"])
def test_an_object_that_no_client_takes_is_named(hostile: HostileServer, key: str) -> None:
    """Such a key makes every listing of its folder fail; the error says which it is, for a terminal, and what to do."""
    hostile.objects["prefix/metrics/good"] = b"1"
    hostile.objects[f"prefix/{key}"] = b"1"
    bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)
    with pytest.raises(ObjectsUnavailable, match="delete or rename") as caught:
        bucket.list("metrics")

    assert key.replace("\x1b", "\ufffd") in str(caught.value)
    assert str(caught.value).isprintable()
    assert not caught.value.transient
    assert bucket.list("facts") == []


@pytest.mark.parametrize("key", ["metrics/", "metrics", "", "live/", "swaps/1.json", "metrics/%00", "a\\..\\b"])
def test_folder_markers_and_odd_names_dont_stop_a_listing(hostile: HostileServer, key: str) -> None:
    """Consoles make empty objects for folders; they and names of others' are listed with the rest."""
    hostile.objects["prefix/metrics/good"] = b"1"
    hostile.objects[f"prefix/{key}"] = b""
    bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)

    assert "metrics/good" in [entry.key for entry in bucket.list()]
    assert "metrics/good" in [entry.key for entry in bucket.list("metrics")]


def test_a_download_that_is_cut_short_leaves_nothing(hostile: HostileServer, tmp_path: Path) -> None:
    """A file that fails on its way isn't there, and no other file is touched."""
    bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)
    hostile.fault = lambda _method, _key, _headers: (403, b"no")
    with pytest.raises(ObjectsUnavailable):
        bucket.download("x", tmp_path / "made")
    (tmp_path / "there").write_bytes(b"mine")
    hostile.fault = lambda _method, _key, _headers: (200, b"theirs")
    with pytest.raises(FileExistsError):
        bucket.download("x", tmp_path / "there")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        bucket.download("x", tmp_path / "link")
    bucket.download("x", tmp_path / "made")

    assert (tmp_path / "there").read_bytes() == b"mine"
    assert (tmp_path / "made").read_bytes() == b"theirs"
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "elsewhere").exists()


def test_an_object_too_large_to_be_ours_isnt_read(hostile: HostileServer) -> None:
    """What is read at once fits into memory: its size is looked at before its bytes are fetched."""
    hostile.objects["prefix/store.json"] = b"x" * 100_001
    bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)
    with pytest.raises(SegmentCorrupt, match=r"store.json of s3://bucket/prefix .* 100001 bytes"):
        bucket.get("store.json", most_bytes=100_000)

    assert bucket.counts.received_bytes == 0
    assert len(bucket.get("store.json")) == 100_001


@pytest.mark.parametrize(
    "key",
    [
        "live/node/000001/0000000000000-000000000010.zst",
        "live/node/0000001/000000000000-000000000010.zst",
        "live/node/000001/000000000020-000000000010.zst",
        "live/node/\u0660\u0660\u0660\u0660\u0660\u0661/000000000000-000000000010.zst",
        f"live/node/{10**13}/000000000000-000000000010.zst",
        "swaps/0000000000001.json",
        f"swaps/{10**20}.json",
    ],
)
def test_a_key_that_only_looks_like_ours_isnt_ours(key: str) -> None:
    """A key has one form: what else would be read as the same number would be looked for where it isn't."""
    assert parse_live(key) is None
    assert parse_swap(key) is None


def test_the_message_is_one_line_with_the_servers_words(hostile: HostileServer) -> None:
    """What the server says is repeated where it is its own message, without line breaks and control characters."""
    said = b"<Error><Code>SlowDown</Code><Message>Please\n reduce\x1b[31m your rate.</Message></Error>"
    hostile.fault = lambda _method, _key, _headers: (503, said)
    with pytest.raises(ObjectsUnavailable) as caught:
        Bucket(Address.of("s3://bucket/prefix"), retries=0).get("x")

    assert re.search(r"SlowDown: Please reduce\S+ your rate", str(caught.value))
    assert str(caught.value).isprintable()
    assert caught.value.transient


def test_a_redirect_gets_no_signature(hostile: HostileServer) -> None:
    """The server that the endpoint names may send reads on to another, which can ask for nothing in our name."""
    with HostileServer() as other:
        other.objects["prefix/x"] = b"theirs"
        got: list[str] = []

        def note(_method: str, _key: str, headers: str) -> None:
            got.append(headers)

        other.fault = note
        hostile.redirect = other.endpoint.replace("127.0.0.1", "localhost")
        bucket = Bucket(Address.of("s3://bucket/prefix"), retries=0)
        assert bucket.get("x") == b"theirs"
        with pytest.raises(ObjectsUnavailable, match="AWS_ENDPOINT_URL"):
            bucket.put("x", b"ours")

    assert len(got) == 1
    assert SECRET not in got[0]
    assert "Signature=" not in got[0]

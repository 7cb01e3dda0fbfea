"""Addresses: what is one, what is refused and why, and where its spool and cache lie."""

from pathlib import Path

import pytest

from ingest.objects.address import Address, cache_folder, is_address, spool_folder


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("S3A://bucket/a/b//", "s3://bucket/a/b"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("gcs://b_1.x/é %2F", "gs://b_1.x/é %2F"),
        ("abfs://container/x", "az://container/x"),
        ("abfss://box@acc.dfs.core.windows.net/x/", "abfss://box@acc.dfs.core.windows.net/x"),
    ],
)
def test_an_address_has_one_form(text: str, url: str) -> None:
    """Aliases, case of the scheme and slashes at the end make no other store."""
    assert is_address(text)
    assert Address.of(text).url == url
    assert Address.of(url) == Address.of(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("s3://", "no bucket"),
        ("s3:///prefix", "no bucket"),
        ("s3://key:hunter2@bucket/x", "password"),
        ("s3://bucket:9000/x", "port"),
        ("s3://bucket/x?region=hunter2", "query"),
        ("s3://bucket/x#hunter2", "fragment"),
        ("s3://bucket/a/../b", "component"),
        ("s3://bucket/a//b", "component"),
        ("s3://bucket/a\nb", "control"),
        ("s3://bucket/\ud800", "control"),
        ("s3://b u/x", "no name of a bucket"),
        ("s3://bucket/" + "x" * 600, "512"),
        ("ftp://bucket/x", "no address"),
        ("experiments", "no address"),
    ],
)
def test_a_wrong_address_is_refused_and_no_secret_repeated(text: str, says: str) -> None:
    """The message names what is wrong; a password or a query's value isn't in it."""
    with pytest.raises(ValueError, match=says) as caught:
        Address.of(text)
    assert "hunter2" not in str(caught.value)


def test_paths_are_no_addresses() -> None:
    """Whatever is a path stays one, also an odd one; and so does what is no text."""
    assert not any(is_address(text) for text in ("experiments", "/var/s3", "s3:/x", "file:///x", "http://x/", 3, None))
    with pytest.raises(TypeError, match="int"):
        Address.of(3)


def test_spools_and_caches_lie_apart_and_where_they_are_asked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Distinct stores never share a folder; `queue_dir`, our variable and the desktop's count in this order."""
    one, other = Address.of("s3://bucket/a-b"), Address.of("s3://bucket/a/b")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STEPLOG_SPOOL_DIR", raising=False)
    assert spool_folder(one) != spool_folder(other)
    assert spool_folder(one).parent == tmp_path / "state" / "steplog" / "spool"
    monkeypatch.setenv("STEPLOG_SPOOL_DIR", str(tmp_path / "spool"))
    assert spool_folder(one).parent == tmp_path / "spool"
    assert spool_folder(one, tmp_path / "queues").parent == tmp_path / "queues"
    monkeypatch.setenv("STEPLOG_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_folder(one).parent == tmp_path / "cache"
    assert "/" not in one.slug
    assert one.slug.startswith("s3-bucket-a-b-")

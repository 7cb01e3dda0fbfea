"""Commands on an address say in one line what is wrong; they exit 2 for what was asked wrongly, and 1 for the rest."""

import sys

import pytest

from tests.objects.conftest import S3
from tracker.cli import main


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int | str | None, str]:
    """(exit code, what stderr says) of a command."""
    monkeypatch.setattr(sys, "argv", ["steplog", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("s3://user:password@bucket/x", "a user, password or port has no place in it"),
        ("s3://bucket/x?token=abcdef", "a query or fragment has no place in it"),
        ("s3:///x", "it names no bucket"),
        ("s3://bucket/../x", "'..' component"),
    ],
)
@pytest.mark.parametrize("command", ["ls", "compact", "show r"])
def test_an_address_that_is_none_is_refused(
    command: str, address: str, fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is wrong with it, and without the password in it."""
    code, text = said(monkeypatch, capsys, *command.split(), "--store", address)

    assert code == 2
    assert fault in text
    assert "password@" not in text
    assert "abcdef" not in text
    assert text.count("\n") == 1


def test_what_is_not_there_or_refused_is_said(
    s3: S3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No store, no bucket, wrong credentials, no server: one line each."""
    assert said(monkeypatch, capsys, "ls", "--store", s3.address("none"))[0] == 2
    code, text = said(monkeypatch, capsys, "ls", "--store", "s3://no-such-bucket/x")
    assert (code, "NoSuchBucket" in text, text.count("\n")) == (1, True, 1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "Wrong0Secret0Key")
    code, text = said(monkeypatch, capsys, "ls", "--store", s3.address("wrong"))
    assert (code, "AWS_ACCESS_KEY_ID" in text, "Wrong0Secret" in text, text.count("\n")) == (1, True, False, 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, text = said(monkeypatch, capsys, "ls", "--store", s3.address("away"))
    assert (code, "see that the server and the network are up" in text, text.count("\n")) == (1, True, 1)

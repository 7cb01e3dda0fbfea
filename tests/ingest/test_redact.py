"""No secret that shows by its name or its shape gets into the store; nothing else is touched."""

import math
from dataclasses import dataclass
from time import perf_counter

import pytest

from ingest.redact import MASK, mask, redact, redact_command

secret_names = [
    "password", "db_password", "DB_PASSWORD", "dbPassword", "passwd", "pwd", "passphrase", "secret", "client_secret",
    "clientSecret", "AWS_SECRET_ACCESS_KEY", "api_key", "apikey", "API-KEY", "OPENAI_API_KEY", "openai.apiKey", "token",
    "hf_token", "access_token", "authToken", "credentials", "GOOGLE_APPLICATION_CREDENTIALS", "private_key", "cookie",
    "access_key", "authorization", "optimizer.secret",
]  # fmt: skip
other_names = [
    "lr", "max_tokens", "num_tokens", "tokenizer", "token_count", "tokenizer.vocab_size", "pad_token", "eos_token",
    "sort_key", "key", "keyboard", "random_key", "monkey", "author", "passes", "n_passes", "secretary", "bypass",
    "compass_word", "public_key", "",
]  # fmt: skip


@pytest.mark.parametrize("name", secret_names)
def test_a_secret_looking_name_masks_its_value(name: str) -> None:
    """Whatever the value, it doesn't reach the store."""
    assert mask(name, "hunter2") == MASK


@pytest.mark.parametrize("name", other_names)
def test_the_words_of_the_field_are_no_secrets(name: str) -> None:
    """Params of every model, tokenizer and search keep their values."""
    assert mask(name, "hunter2") == "hunter2"
    assert mask(name, 512) == 512


def test_what_can_hold_no_secret_is_kept_under_any_name() -> None:
    """None, booleans and sizes tell how the run was set up; a number as a password is one."""
    kept = {"use_password": True, "api_key": None, "password_length": 8, "token": 7}

    assert {name: mask(name, value) for name, value in kept.items()} == kept
    assert mask("password", 12345) == MASK


def test_nested_params_are_masked_to_any_depth() -> None:
    """A secret name masks all below it, a secret inside a list or a dataclass is found."""

    @dataclass
    class Database:
        host: str
        password: str

    params = {
        "db": Database("h", "hunter2"),
        "credentials": {"user": ["ann", 3]},
        "list": [{"api_key": "a"}],
        "lr": math.pi,
    }

    assert mask("config", params) == {
        "db": {"host": "h", "password": MASK},
        "credentials": {"user": [MASK, MASK]},
        "list": [{"api_key": MASK}],
        "lr": math.pi,
    }


shapes = [
    ("postgresql://ann:hunter2@db.example/x?y=1", "postgresql://***@db.example/x?y=1"),
    ("redis://:p@ss@h:6379", "redis://***@h:6379"),
    ("https://0123456789abcdef0123@git.example/r.git", "https://***@git.example/r.git"),
    ("see AKIAIOSFODNN7EXAMPLE.", "see ***."),
    ("sk-abcdefghijklmnop0123", "***"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789 b", "*** b"),
    ("hf_abcdefghijklmnopqrstuvwxyz", "***"),
    ("xoxb-123456789012-abcdef", "***"),
    ("Authorization: Bearer abcdefghijklmnop.q", "Authorization: Bearer ***"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "***"),
    ("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----\nb", "a\n***\nb"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE", "***"),
    ("host=x;password=hunter2;db=y", "host=x;password=***;db=y"),
    ("GET /?api_key=abc&x=1", "GET /?api_key=***&x=1"),
    ('+    "api_key": "abcdef",', '+    "api_key": "***",'),
    ("+PASSWORD=correcthorse", "+PASSWORD=***"),
    ("run --password hunter --lr 0.1", "run --password *** --lr 0.1"),
]


@pytest.mark.parametrize(("text", "safe"), shapes)
def test_a_secret_that_shows_by_its_shape_is_masked(text: str, safe: str) -> None:
    """In params, diffs and messages the secret goes and the rest stays; masking again changes nothing."""
    assert redact(text) == mask("note", text) == safe
    assert redact(safe) == safe


harmless = [
    "https://example.com/a:b@c", "ssh://git@github.com/x/y.git", "user@example.com", "time 12:30", "task-force",
    "def login(user: str, password: str) -> None:", "password = getpass()", "token = tokenizer.next()", "a secret to",
    "self.token = token", "x = d['password']", "keys: 1", "max_tokens=512", "sk-learn", "https://h/p?x=1#a:b@c",
    "d41d8cd98f00b204e9800998ecf8427e", "the password is long",
]  # fmt: skip


@pytest.mark.parametrize("text", harmless)
def test_code_and_prose_stay_as_they_are(text: str) -> None:
    """A diff must still apply, and a text param must be read back exactly."""
    assert redact(text) == text


def test_a_command_line_loses_its_secrets() -> None:
    """As `--option value`, `--option=value` and `NAME=value`; other arguments are kept."""
    argv = ["train.py", "--api-key", "abc", "--token=abc", "DB_PASSWORD=x", "--password", "--lr", "0.1", "s3://a:b@c/d"]

    assert redact_command(argv) == [
        "train.py", "--api-key", MASK, f"--token={MASK}", f"DB_PASSWORD={MASK}", "--password", "--lr", "0.1",
        f"s3://{MASK}@c/d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "piece", ["a", "://", "sk-", "eyJ.", "password ", "token=", "-----BEGIN PRIVATE KEY-----", "a:"]
)
def test_a_huge_text_takes_no_huge_time(piece: str) -> None:
    """No pattern goes back and forth over a text: a megabyte of the worst takes well under its limit."""
    text = piece * (1_000_000 // len(piece))

    started = perf_counter()
    redact(text)
    assert perf_counter() - started < 5

"""What keeps secrets out of the store: by a param's name, by the shape of a value, in command lines and in diffs.

A name is read as words, over underscores, dashes, dots and camelCase: `db_password`, `OPENAI_API_KEY`, `clientSecret`
are secret, `max_tokens`, `tokenizer`, `sort_key`, `keyboard` are not. "token" alone is ambiguous in this field: it
counts only as the last word of a name, only for text, and not after the words that make it a piece of vocabulary
(`pad_token`). Under a secret name everything but None and booleans is replaced, to any depth.

A value is searched for what is secret by itself: passwords in URLs, keys of well-known services, signed tokens, private
keys, and `name=value` with a secret name. This finds accidents, not a user who wants to store a password. Every pattern
has bounded repeats and starts at a literal, so that a text of 10 MB is no attack.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from ingest.values import plain

MASK = "***"
"""What stands where a secret stood."""

_SECRET_WORDS = frozenset(
    {"apikey", "authorization", "cookie", "credential", "credentials", "passphrase", "passwd", "password", "passwords",
     "pwd", "secret", "secrets"},
)  # fmt: skip
_SECRET_KEYS = frozenset({"access", "account", "api", "auth", "encryption", "license", "private", "signing", "ssh"})
_VOCABULARY = frozenset(
    {"begin", "bos", "class", "cls", "end", "eos", "image", "mask", "new", "next", "pad", "per", "sep", "special",
     "start", "stop", "unk", "unknown"},
)  # fmt: skip
_SIZES = frozenset({"count", "dim", "len", "length", "max", "min", "num", "size"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Each pattern with a literal that any match contains; the literal is looked for first, as that is 20 times faster.
_SHAPES = tuple(
    (literal, re.compile(pattern))
    for literal, pattern in (
        ("://", r"(?<=://)[^\s/@:?#]{0,256}:[^\s/?#]{1,1024}@"),  # user:password@host
        ("://", r"(?<=://)[^\s/@:?#]{20,1024}@"),  # token@host
        ("KIA", r"\b(?:AKIA|SKIA)[0-9A-Z]{16}\b"),  # Amazon
        ("ASIA", r"\bASIA[0-9A-Z]{16}\b"),
        ("sk-", r"\bsk-[A-Za-z0-9_-]{16,512}"),  # OpenAI, Anthropic and like
        ("k_live_", r"\b[rs]k_live_[A-Za-z0-9]{16,512}"),  # Stripe
        ("gh", r"\bgh[opsru]_[A-Za-z0-9]{20,512}"),  # GitHub
        ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{20,512}"),
        ("glpat-", r"\bglpat-[A-Za-z0-9_-]{16,512}"),  # GitLab
        ("hf_", r"\bhf_[A-Za-z0-9]{20,512}"),  # Hugging Face
        ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,512}"),  # Slack
        ("AIza", r"\bAIza[A-Za-z0-9_-]{30,512}"),  # Google
        ("npm_", r"\bnpm_[A-Za-z0-9]{30,512}"),
        ("pypi-", r"\bpypi-[A-Za-z0-9_-]{30,512}"),
        ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{0,4096}"),  # signed web tokens
        ("earer ", r"(?<=earer )[A-Za-z0-9._~+/=-]{16,4096}"),  # Bearer, in headers
        ("asic ", r"(?<=uthorization: Basic )[A-Za-z0-9+/=]{4,4096}"),
        (
            "PRIVATE KEY-----",
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!-)){0,16384}(?:-----END [A-Z ]{0,46}-----)?",
        ),
    )
)
_HINT = re.compile(r"(?i)passw|passphrase|pwd|secret|credential|cookie|authorization|token|api.?key|[a-z]key|_key|-key")
_OPTION = re.compile(r"(?P<before>(?<![\w-])(?P<name>--[A-Za-z][\w-]{0,80})[ =])(?P<value>[^\s-]\S{0,4095})")
_ASSIGNMENT = re.compile(
    r"""(?P<before>(?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,80})["']?[ ]{0,3}[:=][ ]{0,3})"""
    r"""(?:(?P<quote>["'])(?P<quoted>[^"'\n]{1,4096})(?P=quote)|(?P<bare>[^\s,;&"'(){}\[\]<>]{1,4096})(?P<call>[(\[])?)""",
)


def mask(name: str, value: object) -> object:
    """Give a param's value as plain data (see values) without the secrets in it; `to_json` takes the result.

    Raises: ValueError: as `values.plain`.
    """
    return _masked(name, plain(value, where=f"param {name!r}"), secret=False)


def redact(text: str) -> str:
    """Give a text without the secrets that show by their shape, or by the name they are assigned to."""
    for literal, pattern in _SHAPES:
        if literal in text:
            text = pattern.sub(f"{MASK}@" if literal == "://" else MASK, text)
    if not _HINT.search(text):
        return text
    return _ASSIGNMENT.sub(_assignment, _OPTION.sub(_option, text))


def redact_command(argv: Sequence[str]) -> list[str]:
    """Give a command line's arguments without secrets, also where a value follows its option as the next one."""
    safe: list[str] = []
    for index, argument in enumerate(argv):
        option = argv[index - 1] if index else ""
        name, equals, value = argument.partition("=")
        if (
            option.startswith("-")
            and "=" not in option
            and not argument.startswith("-")
            and is_secret(option, argument)
        ):
            safe.append(MASK)
        elif equals and is_secret(name, value):
            safe.append(f"{name}={MASK}")
        else:
            safe.append(redact(argument))
    return safe


def is_secret(name: str, value: object = "") -> bool:
    """Tell whether a value of that name has to be kept out of the store."""
    words = [word.lower() for word in _WORD.findall(name)]
    if value is None or isinstance(value, bool) or not words:
        return False
    if not isinstance(value, (str, bytes)) and words[-1] in _SIZES:  # password_length=8
        return False
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    if any(second in {"key", "keys"} and first in _SECRET_KEYS for first, second in pairwise(words)):
        return True
    is_token = words[-1] == "token" and isinstance(value, (str, bytes))
    return is_token and (len(words) == 1 or words[-2] not in _VOCABULARY)


def _masked(name: str, value: object, *, secret: bool) -> object:
    """Mask plain data; what lies below a secret name is secret too."""
    if isinstance(value, dict):
        below = secret or is_secret(name, 0)
        return {key: _masked(key, child, secret=below) for key, child in value.items()}
    if isinstance(value, list):
        return [_masked(name, child, secret=secret) for child in value]
    if is_secret(name, value) or (secret and is_secret("secret", value)):
        return MASK
    return redact(value) if isinstance(value, str) else value


def _option(found: re.Match[str]) -> str:
    """Mask the value of `--name value` where the name is secret."""
    return f"{found['before']}{MASK}" if is_secret(found["name"], found["value"]) else found[0]


def _assignment(found: re.Match[str]) -> str:
    """Mask the value of `name=value` where the name is secret and the value is no piece of code."""
    before, name, quote = found["before"], found["name"], found["quote"]
    value = found["quoted"] or found["bare"]
    if found["call"] or not is_secret(name, value):
        return found[0]
    if quote:
        return f"{before}{quote}{MASK}{quote}"
    in_query = found.string[found.start() - 1 : found.start()] in {"?", "&"}
    is_value = in_query or name.isupper() or any(character.isdigit() for character in value)
    return f"{before}{MASK}" if is_value else found[0]

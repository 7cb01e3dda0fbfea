"""Refusals: what went wrong at a bucket, as one error: what was asked, the server's own words, what to do.

The words are the server's <Code> and <Message> where it gave them, else the first line of the client's report; never
its whole answer, which may repeat a key. What looks like a secret is masked.
"""

import re

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address
from ingest.objects.credentials import PLACES
from ingest.redact import redact

_STATUS = re.compile(r"status code: (\d{3})")
_CODE, _MESSAGE = re.compile(r"<Code>([^<]{1,80})</Code>"), re.compile(r"<Message>([^<]{1,400})</Message>")
_LOGIN = {"ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed", "RequestTimeTooSkewed"}
_INVALID_KEY = re.compile(r'Path "([^"]+)"')
_BODY = re.compile(r"(status code: \d{3}[^:]{0,40}):.*")
_METADATA = ("169.254.169.254", "metadata.google.internal", "169.254.170.2")
_LONGEST = 240


def refused(address: Address, tried: str, error: BaseException, *, transient: bool | None = None) -> ObjectsUnavailable:
    """The error to raise. `transient`: whether trying again may help; None: as the answer tells."""
    text = str(error).partition("Debug source")[0]
    code, said, status = _first(_CODE, text), _first(_MESSAGE, text), int(_first(_STATUS, text) or 0)
    words = f"{code}: {said}" if code else _client_words(text)
    advice, lasting = _advice(address, error, text, code, status)
    if transient is False and not lasting:
        advice = f"check the credentials: looked at {PLACES[address.scheme]}"
    message = f"{address.shown}: can't {tried}: {_cut(redact(_plain(words)))}; {advice}"
    return ObjectsUnavailable(message, transient=not lasting if transient is None else transient)


def translated(address: Address, tried: str, error: BaseException) -> Exception | None:
    """What to raise for an error of the client: of missing and existing objects Python's own, else ObjectsUnavailable.

    None: as it is, as it isn't the client's.
    """
    kind = type(error).__name__
    if isinstance(error, ObjectsUnavailable) or not (isinstance(error, Exception) or kind == "PanicException"):
        return None
    if isinstance(error, FileNotFoundError) and not _no_bucket(error):
        return FileNotFoundError(f"{address.shown}: can't {tried}: it isn't there")
    if kind in {"AlreadyExistsError", "PreconditionError"}:
        return FileExistsError(f"{address.shown}: can't {tried}: it is there already")
    return refused(address, tried, error)


def _no_bucket(error: BaseException) -> bool:
    """Whether what isn't there is the bucket itself."""
    text = str(error)
    return "NoSuchBucket" in text or "ContainerNotFound" in text or "specified bucket does not exist" in text


def _advice(address: Address, error: BaseException, text: str, code: str, status: int) -> tuple[str, bool]:
    """(what to do, whether only a person can help)."""
    kind = type(error).__name__
    if any(place in text for place in _METADATA) or "must be specified" in text:
        return f"no credentials were found: looked at {PLACES[address.scheme]}", True
    if "invalid path" in text:
        return f"no store has such keys: delete or rename {_plain(_first(_INVALID_KEY, text))!r}", True
    if _no_bucket(error):
        return "make the bucket, or give another address", True
    if status in {401, 403} or code in _LOGIN or kind in {"PermissionDeniedError", "UnauthenticatedError"}:
        return f"check the credentials and what they allow: looked at {PLACES[address.scheme]}", True
    if status in {301, 307, 308}:
        return "the bucket is in another region or at another server: set AWS_REGION or AWS_ENDPOINT_URL", True
    if 400 <= status < 500 and status not in {408, 429}:
        return "the server doesn't take such a request", True
    odd = {"UnknownConfigurationKeyError", "InvalidPathError"}
    if isinstance(error, (ValueError, TypeError)) or kind in odd or "builder error" in text:
        return "it can't be asked so", True
    return "it is tried again where that is possible; see that the server and the network are up", False


def _client_words(text: str) -> str:
    """The first line of the client's report, without the start that every one has and the answer's own text."""
    line = _BODY.sub(r"\1", text.strip().splitlines()[0]) if text.strip() else "no reason given"
    return line.removeprefix("Generic S3 error: ").removeprefix("Generic GCS error: ")


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _plain(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."

"""Failures: what MLflow's client says when something went wrong, as words that may be shown, and how long to wait."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from traceback import walk_tb

from ingest.redact import redact
from readers.mlflow.address import without_secrets

_LOGIN = re.compile(r"error code 40[13]\b|\b40[13] Client Error")
_LOGIN_WORDS = (
    "the server doesn't let us in: give a user and password by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
    "or a token by MLFLOW_TRACKING_TOKEN. It says: "
)
_LONGEST_WORDS = 500


def words_of(error: Exception, uri: str = "") -> str:
    """What an error says, in a line without secrets: MLflow's client tells addresses, and a server what it was sent."""
    said = redact(without_secrets(" ".join(str(error).split()), uri))
    said = said if len(said) <= _LONGEST_WORDS else f"{said[:_LONGEST_WORDS]}..."
    return _LOGIN_WORDS + said if _LOGIN.search(said) else said


def retry_after_s(error: BaseException | None) -> float | None:
    """Seconds that the answer's Retry-After asks for, at least 0; None without one that can be read.

    When urllib3 gives up, it keeps the answer in no exception: it is only there in the frames that raised it. Where a
    version doesn't have it there either, the pauses are our own.
    """
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            headers = getattr(frame.f_locals.get("response"), "headers", None)
            if isinstance(headers, Mapping) and (asked := headers.get("Retry-After")):
                return _seconds(str(asked))
        error = error.__cause__ or error.__context__
    return None


def _seconds(asked: str) -> float | None:
    """Of a number of seconds, or a date."""
    try:
        if asked.strip().isdecimal():
            found = float(asked)
        else:
            found = (parsedate_to_datetime(asked).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return max(0.0, found) if math.isfinite(found) else None

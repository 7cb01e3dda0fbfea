"""Names that users give: of metrics, params and tags. One rule, whoever asks: a log call, the command line, a page."""

MAX_KEY_BYTES = 4096


def checked_key(key: object, what: str = "metric") -> str:
    """The name as a plain str. Raises: TypeError: not a str. ValueError: empty, too long, or not valid Unicode."""
    if not isinstance(key, str):
        raise TypeError(f"a {what}'s name is a str, not {type(key).__name__} ({shown(key)})")
    if not key:
        raise ValueError(f"a {what}'s name is empty")
    try:
        encoded = str.encode(key)
    except UnicodeEncodeError as error:
        raise ValueError(f"the {what} name {key!r} is not valid Unicode: {error.reason}") from error
    if len(encoded) > MAX_KEY_BYTES:
        raise ValueError(f"the {what} name {key[:40]!r}... has {len(encoded)} bytes; at most {MAX_KEY_BYTES} are kept")
    return encoded.decode()


def shown(value: object) -> str:
    """A short repr that can't fail."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - any object may be given, also one whose repr raises
        return f"an object whose repr raises {type(error).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."

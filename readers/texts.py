"""JSON texts as columns: what facts hold, as plain text and as numbers, without a Python call for each."""

import json
import math

import polars as pl

from ingest.jsontext import from_json


def plain_texts(texts: pl.Series) -> pl.Series:
    """What a string says; of anything else, the JSON text itself."""
    text = pl.col("text")
    quoted = text.str.starts_with('"')
    found = texts.to_frame("text").select(  # in one go: a short column's cost is that of the calls
        pl.when(quoted).then(text.str.strip_prefix('"').str.strip_suffix('"')).otherwise(text).alias(texts.name),
        (quoted & text.str.contains("\\", literal=True)).alias("is escaped"),
    )
    plain, escaped = found.to_series(0), found.to_series(1).arg_true()
    return plain.scatter(escaped, [_unescaped(text) for text in texts.gather(escaped)]) if len(escaped) else plain


def numbers(texts: pl.Series) -> pl.Series:
    """Numbers and booleans as float64; null for anything else."""
    words = pl.when(texts == "true").then(1.0).when(texts == "false").then(0.0)
    return pl.select(words.otherwise(texts.cast(pl.Float64, strict=False))).to_series().rename("number")


def parsed(text: str) -> object:
    """The value behind a JSON text; the text itself when it is none (a file made by somebody else)."""
    try:
        return from_json(text)
    except ValueError:
        return text


def parsed_all(texts: pl.Series) -> list[object]:
    """The values behind JSON texts, in one go."""
    try:
        found = from_json(f"[{','.join(texts)}]")
    except ValueError:
        found = None
    if isinstance(found, list) and len(found) == len(texts):
        return found
    return [parsed(text) for text in texts]


def as_number(value: object) -> float | None:
    """A number or boolean as a float; None for anything else, and for ints that no float can hold."""
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def storable(text: str) -> str:
    """The text with lone surrogates replaced, which no UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(text: str) -> str:
    try:
        return storable(str(json.loads(text)))
    except ValueError:
        return text

"""Values: params and tags as the texts that MLflow keeps, and back.

A text is kept as it is, anything else as JSON, a nested param as one param for each leaf, under dotted names. Read
back, a text that is JSON is taken for the value. Where that would be wrong (a nested param; a text that reads as JSON,
such as "5") the run's tag `steplog.json.param.<name>` or `steplog.json.tag.<name>` holds the value's JSON. It counts as
long as the texts beside it are those of the same value, so that one which was overtaken does no harm.
"""

from collections.abc import Iterator, Mapping

from ingest.jsontext import from_json, to_json
from ingest.values import flatten
from readers.mlflow.names import MAX_NAME, PREFIX, metric_name
from readers.texts import parsed, storable

MAX_PARAM, MAX_TAG = 6000, 5000
_LONGEST = {"param": MAX_PARAM, "tag": MAX_TAG}
_EXACT, _CHANGED = f"{PREFIX}json.", f"{PREFIX}param."


def text_of(value: object, kind: str) -> str:
    """A param's ("param") or tag's ("tag") text; one that is too long is cut, with a note of how long it was."""
    return cut(storable(value) if isinstance(value, str) else to_json(value), _LONGEST[kind])


def cut(text: str, longest: int) -> str:
    """The text, or its beginning."""
    return text if len(text) <= longest else f"{text[: longest - 40]}... ({len(text)} characters)"


def param_texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """The name and text of a param at the server, or those of its leaves."""
    if isinstance(value, dict) and value:
        for name, leaf in flatten(value).items():
            yield metric_name(f"{key}.{name}"), text_of(leaf, "param")
    else:
        yield metric_name(key), text_of(value, "param")


def exact(kind: str, written: str, json_text: str) -> list[tuple[str, str]]:
    """The tag that says what the text of a value doesn't, if there is need of one and room for it.

    Args:
        written: the name of the param or tag at the server.
        json_text: the value.
    """
    value = parsed(json_text)
    is_nested = kind == "param" and isinstance(value, dict) and bool(value)
    is_misread = isinstance(value, str) and not isinstance(logged(value), str)
    name = f"{_EXACT}{kind}.{written}"
    fits = len(name) <= MAX_NAME and len(json_text) <= MAX_TAG
    return [(name, json_text)] if fits and (is_nested or is_misread) else []


def logged(text: str) -> object:
    """The value of a text: what it says as JSON, if that is how the value would have been written."""
    try:
        value = from_json(text)
    except ValueError:
        return text
    return value if not isinstance(value, str) and to_json(value) == text else text


def restored_params(params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, object]:
    """The params of a run that was forwarded from here, by their names at the server; of a changed one the last.

    Args:
        tags: all of the run.
    """
    changed = {tag.removeprefix(_CHANGED): text for tag, text in tags.items() if tag.startswith(_CHANGED)}
    return _restored("param", {**params, **changed}, tags)


def restored_tags(tags: Mapping[str, str]) -> dict[str, object]:
    """The user's own among the tags of such a run, likewise."""
    return _restored("tag", {tag: text for tag, text in tags.items() if not tag.startswith(PREFIX)}, tags)


def _restored(kind: str, texts: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, object]:
    values = {written: logged(text) for written, text in texts.items()}
    for tag, json_text in tags.items():
        written = tag.removeprefix(f"{_EXACT}{kind}.")
        if written != tag:
            value = parsed(json_text)
            parts = dict(param_texts(written, value)) if kind == "param" else {written: text_of(value, kind)}
            if parts.items() <= texts.items():
                values = {name: found for name, found in values.items() if name not in parts} | {written: value}
    return values

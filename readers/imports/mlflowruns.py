"""What runs of MLflow have in common, whether a server tells of them or an old `mlruns` folder.

MLflow keeps params as texts. One that is how Python writes a number, a truth value or None becomes that again, so that
params can be compared; whatever isn't written so stays text, and `str()` gives back what MLflow had in any case. Times
are milliseconds there. A run that this project forwarded carries its own id (tag `steplog.run_id`): into its own store
it doesn't come back, and into another one it comes with its id, its names, and its params and tags as they were logged.
"""

import re
from collections.abc import Mapping

from readers.imports.found import FoundRun
from readers.mlflow.names import PREFIX, names_of
from readers.mlflow.values import restored_params, restored_tags

RUN_ID_TAG = "steplog.run_id"
_PARENT, _NOTE = "mlflow.parentRunId", "mlflow.note.content"
STATUSES = {
    "RUNNING": "RUNNING",
    "SCHEDULED": "RUNNING",
    "FINISHED": "FINISHED",
    "FAILED": "FAILED",
    "KILLED": "KILLED",
}
_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?(e[-+][0-9]{1,3})?|-?inf|nan")
_LATEST_MS = 9_200_000_000_000


def typed(text: str) -> object:
    """A param's value, so that `str` of it gives the text."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        for kind in (int, float):
            try:
                value = kind(text)
            except ValueError:
                continue
            if str(value) == text:
                return value
    return text


def status_of(status: str, tags: Mapping[str, str]) -> str:
    """A run's status; MLflow has no word for one whose process died: then it is FAILED there, and a tag says it."""
    return "INTERRUPTED" if status == "FAILED" and tags.get(f"{PREFIX}status") == "INTERRUPTED" else status


def nanoseconds(milliseconds: object, what: str) -> int | None:
    """A time; None where there is none. Raises: ValueError: none that a table has."""
    if milliseconds is None:
        return None
    try:
        number = int(str(milliseconds))
    except ValueError:
        raise ValueError(f"its {what} is {str(milliseconds)[:40]!r}, and not a number of milliseconds") from None
    if abs(number) > _LATEST_MS:
        raise ValueError(f"its {what} is {number}, which is no time in milliseconds since 1970")
    return number * 1_000_000


class Known:
    """Ids that runs of the source have here, as children name their parents by MLflow's."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def shape(self, run: FoundRun, run_id: str, params: Mapping[str, str], tags: Mapping[str, str]) -> bool:
        """Give a run its params, tags, id and parent; returns whether it was forwarded by this project."""
        ours = tags.get(RUN_ID_TAG)
        run.run_id = self._ids[run_id] = ours or run_id
        parent = tags.get(_PARENT)
        run.parent_run_id = None if parent is None else self._ids.get(parent, parent)
        if ours:
            self._restore(run, params, tags)
        else:
            run.params = {name: typed(value) for name, value in params.items()}
            run.tags = dict(tags)
        if _NOTE in tags:
            run.tags = {"note": tags[_NOTE], **run.tags}
        run.host = ""
        return bool(ours)

    @staticmethod
    def _restore(run: FoundRun, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Give a run that this project forwarded what it was logged with."""
        name = names_of(tags)
        run.params = {name(key): value for key, value in restored_params(params, tags).items()}
        internal = {key: value for key, value in tags.items() if key.startswith("mlflow.")}
        users = {key: value for key, value in tags.items() if key not in internal}
        run.tags = {name(key): value for key, value in restored_tags(users).items()} | internal
        run.status = status_of(run.status, tags)
        run.parent_run_id = tags.get(f"{PREFIX}parent_run_id", run.parent_run_id)
        run.group = tags.get(f"{PREFIX}group")

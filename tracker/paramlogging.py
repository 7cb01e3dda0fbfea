"""ParamLogging: params and tags, each a name and any value, kept as JSON."""

from collections.abc import Mapping
from typing import Any

from ingest.events import ParamsLogged, TagsSet
from ingest.jsontext import to_json
from ingest.keys import checked_key
from ingest.redact import mask
from tracker.facade import Facade


class ParamLogging(Facade):
    """The part of ExperimentTracker that logs params and tags."""

    def log_params(self, params: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Log params: any values, nested ones too; a param logged again takes the new value and keeps its history.

        Values under secret-looking names (password, token, api_key, ...) are masked.
        Raises: NoActiveRun. TypeError: not a dict. ValueError: a cyclic value.
        """
        if self._disabled:
            return
        texts = as_texts("param", params)
        run = self._run(run_id)
        if texts:
            self._append(ParamsLogged(run.id, run.experiment, self._now(), texts))

    def log_param(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Log one param; see `log_params`."""
        self.log_params({key: value}, run_id=run_id)

    def set_tags(self, tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Set tags; a tag set again takes the new value."""
        if self._disabled:
            return
        texts = as_texts("tag", tags)
        run = self._run(run_id)
        if texts:
            self._append(TagsSet(run.id, run.experiment, self._now(), texts))

    def set_tag(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Set one tag."""
        self.set_tags({key: value}, run_id=run_id)


def as_texts(what: str, values: object) -> dict[str, str]:
    """Values as JSON texts, by name; what looks like a secret is masked. Raises: TypeError, ValueError: naming it."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{what}s are a dict of name to value, not {type(values).__name__}")
    texts = {}
    for key, value in values.items():
        name = checked_key(key if isinstance(key, str) else str(key), what)
        texts[name] = to_json(mask(name, value), where=f"{what} {name!r}")
    return texts

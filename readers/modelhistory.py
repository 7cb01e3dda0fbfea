"""What happened to a model: versions logged and deleted, aliases and tags set, by whom, from what to what."""

import logging
from datetime import datetime
from typing import Any, TypedDict

from ingest.cells import Change
from ingest.errors import ModelNotFound, SegmentCorrupt
from readers.modelinfo import moment_of
from readers.models import Models

_log = logging.getLogger("steplog")


class ModelChange(TypedDict):
    """One thing that happened to a model."""

    time: datetime
    what: str
    """ "logged", "alias", "tag" or "deleted"."""
    version: int | None
    """The version that it happened to; None for an alias that was taken away."""
    key: str | None
    """The alias or the tag."""
    value: Any
    """The tag's new value; None where it was taken away."""
    before: Any
    """The version that the alias meant before; the tag's value before."""
    by: str
    """Who: user@host; nobody is known of a version of older code."""
    run_id: str | None
    """The run that logged the version, or that was active."""


def model_history(models: Models, name: str) -> list[ModelChange]:
    """Tell what happened to a model, the first thing first.

    Raises: ModelNotFound: there never was a version of it.
    """
    there, deleted = models.numbers(name), models.deleted(name)
    if not there and not deleted:
        raise ModelNotFound.among("model", name, models.names())
    told = [_changed(change) for change in models.cells(name).history()]
    for version, about in deleted.items():
        told += [_became("logged", version, about.get("was", {})), _became("deleted", version, about)]
    for version in there:
        try:
            told.append(_became("logged", version, models.info(name, version)))
        except (SegmentCorrupt, ModelNotFound) as error:
            _log.warning("steplog: %s; it is left out", error)
    return sorted(told, key=lambda change: change["time"])


def _changed(cell: Change) -> ModelChange:
    """A change of an alias or a tag."""
    alias = "alias" in cell
    return ModelChange(
        time=moment_of(cell["time_ns"]),
        what="alias" if alias else "tag",
        version=cell.get("version"),
        key=str(cell.get("alias", cell.get("tag"))),
        value=None if alias else cell.get("value"),
        before=cell.get("before"),
        by=str(cell.get("by", "")),
        run_id=cell.get("run_id"),
    )


def _became(what: str, version: int, about: Any) -> ModelChange:
    return ModelChange(
        time=moment_of(about.get("time_ns")),
        what=what,
        version=version,
        key=None,
        value=None,
        before=None,
        by=str(about.get("by", "")),
        run_id=about.get("run_id"),
    )

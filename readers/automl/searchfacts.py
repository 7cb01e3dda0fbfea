"""Search facts: what a search told of itself, as facts of kind "automl" of its run.

A key is "<search>/<what>"; of each the last row counts, but for evaluations, of which the last of each `on` does. A
store may come from another program, so nothing is taken to be of the type that it should be: what is not is read as if
it had not been told.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ingest.jsontext import from_json
from readers.best import Direction
from readers.best import direction as direction_of
from readers.source import RunFrames

FACT = "automl"
"""Kind of the facts."""
FLAGS = ("hyperparameter_search", "model_selection", "ensemble_creation")
"""What a tracker may be asked not to track."""


class SearchFacts(NamedTuple):
    """What a search told; empty where it told nothing."""

    numbers: tuple[int, ...]
    """Of all searches that the run has facts of."""
    number: int
    """Of this one; 0 for none."""
    setup: Mapping[str, Any]
    """metric, direction, task, engine, algorithms, budget, seed, cross_validation, data, started, tracked."""
    selections: Sequence[Mapping[str, Any]]
    """The iterations of feature selection, in their order."""
    selection: Mapping[str, Any]
    ensemble: Mapping[str, Any]
    evaluations: Sequence[Mapping[str, Any]]
    """The last on each kind of data; the last of all at the end."""
    end: Mapping[str, Any]

    @property
    def metric(self) -> str:
        """What is searched for; empty if not told."""
        return as_text(self.setup.get("metric"))

    def direction(self, metric: str) -> Direction:
        """Which way is better; by the metric's name if not told."""
        told = self.setup.get("direction")
        return told if told in ("maximize", "minimize") else direction_of(metric)  # may be a list, so no set

    @property
    def started(self) -> datetime | None:
        """When it began."""
        try:
            moment = datetime.fromisoformat(as_text(self.setup.get("started")))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def tracked(self) -> dict[str, bool]:
        """What it was asked to track; everything if not told."""
        told = as_dict(self.setup.get("tracked"))
        return {flag: told.get(flag) is not False for flag in FLAGS}


def read_facts(frames: RunFrames, run_id: str, experiment: str, search: int | None = None) -> SearchFacts:
    """The facts of a search of a run; of the last one that has any, when None."""
    rows = frames.facts([FACT], [run_id], [experiment]).collect().sort("time", "writer", "seq")
    told: dict[int, dict[str, Mapping[str, Any]]] = {}
    for key, value in rows.select("key", "value").iter_rows():
        number, _, what = key.partition("/")
        fact = _parsed(value)
        if number.isdecimal() and fact:
            of_search = told.setdefault(int(number), {})
            name = f"{what}/{as_text(fact.get('on'))}" if what == "evaluation" else what
            of_search.pop(name, None)  # so that the last told is the last in order
            of_search[name] = fact
    number = search if search is not None else max(told, default=0)
    found = told.get(number, {})
    return SearchFacts(
        numbers=tuple(sorted(told)),
        number=number,
        setup=found.get("search", {}),
        selections=[found[key] for key in sorted(found) if key.startswith("feature_selection/")],
        selection=found.get("selection", {}),
        ensemble=found.get("ensemble", {}),
        evaluations=[fact for key, fact in found.items() if key.startswith("evaluation/")],
        end=found.get("end", {}),
    )


def as_float(value: object) -> float:
    """A number; NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number beyond any float
        return math.inf if value > 0 else -math.inf


def as_text(value: object) -> str:
    """A text; an empty one for what is none."""
    return value if isinstance(value, str) else ""


def as_dict(value: object) -> dict[str, Any]:
    """A dict; an empty one for what is none."""
    return dict(value) if isinstance(value, Mapping) else {}


def as_texts(value: object) -> list[str]:
    """A list's items as texts."""
    return [str(item) for item in value] if isinstance(value, list) else []


def as_floats(value: object) -> list[float]:
    """A list's items as numbers."""
    return [as_float(item) for item in value] if isinstance(value, list) else []


def as_count(value: object) -> int:
    """A whole number from 0 on; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _parsed(text: str) -> dict[str, Any]:
    try:
        return as_dict(from_json(text))
    except ValueError:  # written by another program
        return {}

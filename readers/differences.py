"""Differences: what varies among some runs, and nothing that doesn't.

Compared are params and tags (nested ones leaf by leaf), the code (git commit, branch, whether it was changed and the
hash of the changes), the rest of what auto_log records (packages one by one), and the models that were logged. Values
are compared as they were logged, so 1, 1.0 and "1" differ; where two different ones read the same, their JSON is shown.
That one run has a name and another lacks it is a difference. Only for code and environment a run of which nothing at
all was recorded (auto_log=False, a part of another run) isn't held against the others: it isn't known to differ.

The order is that of KINDS, and in each by name: the same runs always give the same table.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import polars as pl

from ingest.jsontext import from_json
from readers.grid import Grid, number, shortened, unique_names
from readers.runtable import RunTable
from readers.texts import parsed, parsed_all, plain_texts
from readers.visible import visible

Kind = Literal["param", "tag", "code", "environment", "model"]
KINDS: tuple[Kind, ...] = ("param", "tag", "code", "environment", "model")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_DIFF = "environment/git.diff"
_CODE = {"git.commit": "commit", "git.branch": "branch", "git.dirty": "uncommitted changes", "git.remote": "remote"}
_NOT_COMPARED = {"git.untracked"}  # what a run itself puts beside the code changes it
_SIDE_BY_SIDE = 8
_MOST_ROWS = 100
_LONGEST = 60


class Difference(NamedTuple):
    """One thing that isn't the same in all runs."""

    kind: Kind
    name: str
    values: tuple[str | None, ...]
    """What it was in each run; None where the run doesn't have it."""


class Differences(NamedTuple):
    """What varies among some runs."""

    run_ids: tuple[str, ...]
    names: tuple[str, ...]
    """What each run is called."""
    rows: tuple[Difference, ...]
    same: int
    """How many things were compared and are the same in all runs."""

    def to_frame(self) -> pl.DataFrame:
        """One row a difference: kind, name, and the value in each run under its id."""
        columns: dict[str, list[str | None]] = {"kind": [row.kind for row in self.rows]}
        columns["name"] = [row.name for row in self.rows]
        ids = unique_names(self.run_ids, taken=("kind", "name"))
        columns |= {run_id: [row.values[place] for row in self.rows] for place, run_id in enumerate(ids)}
        return pl.DataFrame(columns, dict.fromkeys(columns, pl.String()))

    def grid(self) -> Grid:
        """As a table: few runs side by side, many by how often each value occurs."""
        few = len(self.run_ids) <= _SIDE_BY_SIDE
        heads = tuple(unique_names(self.names, taken=("", "name"))) if few else ("values", "runs with each")
        rows = tuple(
            (row.kind, visible(row.name, _LONGEST), *(_side_by_side(row) if few else _counted(row)))
            for row in self.rows[:_MOST_ROWS]
        )
        more = len(self.rows) - len(rows)
        notes = [f"Compared too, and the same in all {len(self.run_ids):,} runs: {self.same:,}."] if self.same else []
        if more:
            notes.insert(0, f"... and {more:,} more differences; to_frame() has them all.")
        return Grid(self._title(), ("", "name", *heads) if rows else (), rows, notes=tuple(notes))

    def _title(self) -> str:
        if not self.rows:
            return f"Nothing differs among {len(self.run_ids):,} run{'s' * (len(self.run_ids) != 1)}"
        return f"What differs among {len(self.run_ids):,} runs"

    def _repr_html_(self) -> str:
        return self.grid().html()

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return self.grid()


def differences(table: RunTable) -> Differences:
    """What varies among the runs of a table; of records only params and tags are known.

    For one run, or none, nothing does.
    """
    run_ids = table.run_ids
    found = [
        *_of_values("param", table.params, run_ids),
        *_of_values("tag", table.tags, run_ids),
        *_of_surroundings(table, run_ids),
        *_of_models(table.logged("model"), run_ids),
    ]
    rows = sorted((row for row in found if row is not None), key=lambda row: (KINDS.index(row.kind), row.name))
    return Differences(tuple(run_ids), tuple(table.names), tuple(rows), len(found) - len(rows))


def _of_values(kind: Kind, rows: pl.DataFrame, run_ids: Sequence[str]) -> Iterator[Difference | None]:
    """A difference for each name that varies, None for each that doesn't."""
    if rows.is_empty():
        return
    told = rows.group_by("key").agg(pl.len().alias("runs"), pl.col("value").n_unique().alias("distinct"))
    varies = told.filter((pl.col("runs") < len(run_ids)) | (pl.col("distinct") > 1))["key"]
    yield from [None] * (told.height - len(varies))
    varying = rows.filter(pl.col("key").is_in(varies.implode())).select("key", "run_id", "value", "text")
    for (name,), part in varying.partition_by("key", as_dict=True, include_key=False).items():
        same_text = part["text"].n_unique() < part["value"].n_unique()
        texts = dict(zip(part["run_id"], part["value"] if same_text else part["text"], strict=True))
        yield Difference(kind, str(name), tuple(_readable(texts.get(run_id)) for run_id in run_ids))


def _of_surroundings(table: RunTable, run_ids: Sequence[str]) -> Iterator[Difference | None]:
    """The same for code and environment."""
    facts = table.logged("env")
    known = set(facts["run_id"])
    for (key,), part in facts.partition_by("key", as_dict=True, include_key=False).items():
        name = str(key)
        if name == "packages":
            yield from _of_packages(part, run_ids, known)
        elif name not in _NOT_COMPARED:
            kind: Kind = "code" if name in _CODE else "environment"
            texts = dict(zip(part["run_id"], plain_texts(part["value"]), strict=True))
            yield _if_varying(kind, _CODE.get(name, name), texts, run_ids, known)
    if "git.dirty" in facts["key"]:
        yield _if_varying("code", "hash of the changes", _hashes(table, known), run_ids, known)
    ranks = {run_id: str(count) for run_id, count in table.runs.select("run_id", "ranks").iter_rows() if count}
    if ranks:
        yield _if_varying("environment", "ranks", ranks, run_ids, set(ranks))


def _of_packages(rows: pl.DataFrame, run_ids: Sequence[str], known: set[str]) -> Iterator[Difference | None]:
    """Each package for itself; of many runs most have the same set, which is looked at once."""
    distinct = rows["value"].unique(maintain_order=True)
    sets = {
        text: {str(name): str(version) for name, version in found.items()}
        for text, found in zip(distinct, parsed_all(distinct), strict=True)
        if isinstance(found, Mapping)
    }
    has = {run_id: text for run_id, text in rows.select("run_id", "value").iter_rows() if text in sets}
    some_lack = any(run_id not in has for run_id in known)
    for name in {name: None for found in sets.values() for name in found}:
        versions = {text: found.get(name) for text, found in sets.items()}
        if len(set(versions.values())) == 1 and not some_lack:
            yield None
        else:
            values = tuple(versions.get(has.get(run_id, "")) for run_id in run_ids)
            yield Difference("environment", f"package {name}", values)


def _hashes(table: RunTable, known: set[str]) -> dict[str, str]:
    """The first digits of the hash of each run's uncommitted changes."""
    artifacts = table.logged("artifact", sorted(known)).filter(key=_DIFF)
    found = {}
    for run_id, value in artifacts.select("run_id", "value").iter_rows():
        about = parsed(value)
        if isinstance(about, Mapping) and "sha256" in about:
            found[run_id] = str(about["sha256"])[:12]
    return found


def _of_models(rows: pl.DataFrame, run_ids: Sequence[str]) -> Iterator[Difference | None]:
    """Which models a run logged, as "version 3, skops"."""
    for (name,), part in rows.partition_by("key", as_dict=True, include_key=False).items():
        texts = {}
        for run_id, about in zip(part["run_id"], parsed_all(part["value"]), strict=True):
            if isinstance(about, Mapping):
                texts[run_id] = f"version {about.get('version')}, {about.get('format')}"
        yield _if_varying("model", str(name), texts, run_ids, set(run_ids))


def _if_varying(
    kind: Kind, name: str, texts: Mapping[str, str | None], run_ids: Sequence[str], known: set[str]
) -> Difference | None:
    """The difference, if the runs of which anything is known differ."""
    values = tuple(texts.get(run_id) for run_id in run_ids)
    distinct = {value for run_id, value in zip(run_ids, values, strict=True) if run_id in known}
    return Difference(kind, name, values) if len(distinct) > 1 else None


@lru_cache(maxsize=256)
def _of_form(text: str) -> str:
    return str(from_json(text))


def _readable(text: str | None) -> str | None:
    """NaN and infinities as people write them; JSON has no word for them."""
    return _of_form(text) if text is not None and text.startswith('{"__float__": ') else text


def _side_by_side(row: Difference) -> Iterator[str]:
    texts = zip(_texts(row), row.values, strict=True)
    return (visible(text, _LONGEST) or ("" if value is None else '""') for text, value in texts)


def _texts(row: Difference) -> list[str]:
    return shortened(row.values) if row.kind == "param" else [value or "" for value in row.values]


def _counted(row: Difference) -> tuple[str, str]:
    """How many values there are, and the most frequent ones; of numbers that hardly recur, their range."""
    texts = zip(_texts(row), row.values, strict=True)
    counts = Counter(text for text, value in texts if value is not None)
    missing = row.values.count(None)
    numbers = [float(text) for text in counts if _NUMBER.fullmatch(text)]
    if len(numbers) == len(counts) > len(row.values) // 2:
        listed = [f"from {number(min(numbers))} to {number(max(numbers))}"]
    elif len(counts) == counts.total():
        listed = ["all different"]
    else:
        listed = [f"{visible(text, 24)} x {count:,}" for text, count in counts.most_common(4)]
        listed += [f"{len(counts) - 4:,} more"] if len(counts) > 4 else []
    if missing:
        listed.append(f"missing x {missing:,}")
    return f"{len(counts):,}", ", ".join(listed)

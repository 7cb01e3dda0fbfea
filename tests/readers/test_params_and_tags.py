"""Params and tags: the last value of each name, typed, nested ones taken apart, their history kept in the facts."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def flat(store: Store) -> dict[str, tuple[str, float | None, str]]:
    """Key to (JSON, number, text) of the only run."""
    rows = store.params().collect()
    assert rows.select(pl.struct("run_id", "key").is_duplicated().any()).item() is False
    return {key: (value, number, text) for key, value, number, text in rows.drop("run_id", "experiment").iter_rows()}


def test_values_are_there_as_json_number_and_text(recorder: "Recorder", store: Store) -> None:
    """Numbers and booleans as numbers; strings as they read; all else as JSON."""
    recorder.start("r")
    recorder.params("r", {"i": 3, "f": 1e-05, "t": True, "s": 'say "x"\\', "plain": "adam"})
    recorder.params("r", {"n": None, "l": [1, 2], "e": {}, "5": "5"})
    expected: dict[str, tuple[str, float | None, str]] = {
        "i": ("3", 3.0, "3"),
        "f": ("1e-05", 1e-05, "1e-05"),
        "t": ("true", 1.0, "true"),
        "s": ('"say \\"x\\"\\\\"', None, 'say "x"\\'),
        "plain": ('"adam"', None, "adam"),
        "n": ("null", None, "null"),
        "l": ("[1, 2]", None, "[1, 2]"),
        "e": ("{}", None, "{}"),
        "5": ('"5"', None, "5"),
    }

    assert flat(store) == expected
    recorder.seal()
    assert flat(store) == expected


def test_numbers_that_json_lacks_are_numbers(recorder: "Recorder", store: Store) -> None:
    """NaN, infinities and ints beyond a float's range."""
    recorder.start("r")
    recorder.params("r", {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "huge": 10**400, "long": 1 << 3000})

    found = {key: number for key, (_, number, _) in flat(store).items()}

    assert math.isnan(found.pop("nan") or 0.0)
    assert found == {"inf": math.inf, "-inf": -math.inf, "huge": math.inf, "long": math.inf}


def test_nested_params_have_dotted_names(recorder: "Recorder", store: Store) -> None:
    """Each leaf has a row; the original is what experiment_runs gives."""
    recorder.start("r")
    params = {"opt": {"name": "adam", "betas": [0.9, 0.99], "sched": {"warmup": 5}}, "opt.name": "written out"}
    recorder.params("r", params)
    recorder.end("r")

    assert {key: text for key, (_, _, text) in flat(store).items()} == {
        "opt.name": "written out",
        "opt.betas": "[0.9, 0.99]",
        "opt.sched.warmup": "5",
    }
    assert store.experiment_runs("e")[0]["params"] == params


def test_the_last_value_counts_and_history_is_kept(recorder: "Recorder", store: Store) -> None:
    """Changed within a segment and across segments; the facts have every value."""
    recorder.start("r")
    for value in (1, 2, 3):
        recorder.params("r", {"lr": value, "other": "same"})
        if value == 2:
            recorder.seal()
    recorder.tags("r", {"lr": "a tag"})

    assert flat(store)["lr"] == ("3", 3.0, "3")
    assert store.tags().collect().select("key", "text").rows() == [("lr", "a tag")]
    assert store.facts(kinds=["param"]).filter(key="lr").sort("seq").collect()["value"].to_list() == ["1", "2", "3"]


def test_of_one_writer_order_counts_not_its_clock(recorder: "Recorder", store: Store) -> None:
    """A clock that goes back an hour doesn't bring an older value back."""
    recorder.start("r")
    recorder.params("r", {"lr": "first"})
    recorder.now_ns -= 3600 * 10**9
    recorder.params("r", {"lr": "second"})

    assert flat(store)["lr"][2] == "second"


def test_of_several_writers_time_counts(write: "Callable[[], Recorder]") -> None:
    """Whoever wrote last, in whatever order the files are read."""
    first, second = write(), write()
    first.start("r")
    second.now_ns = first.now_ns
    first.params("r", {"lr": "early"})
    second.params("r", {"lr": "middle"})
    first.now_ns += 10**12
    first.params("r", {"lr": "late"})
    first.seal()
    second.seal()

    assert flat(Store(first.layout.root))["lr"][2] == "late"


def test_what_isnt_json_is_taken_as_text(recorder: "Recorder", store: Store) -> None:
    """A foreign writer's facts don't stop the answer."""
    from ingest.events import ParamsLogged

    recorder.start("r")
    texts = {"a": "{not json", "b": '"half', "c": "", "d": "7"}
    recorder.pipeline.append(ParamsLogged("r", "e", recorder.tick(), texts))

    assert {key: text for key, (_, _, text) in flat(store).items()} == {**texts, "b": "half"}
    assert store.experiment_runs()[0]["params"] == {"a": "{not json", "b": '"half', "c": "", "d": 7}

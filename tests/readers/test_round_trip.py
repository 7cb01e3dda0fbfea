"""Whatever is logged reads back equal to a plain model of it, live, sealed and compacted."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.compact import compact
from readers.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.readers.conftest import Recorder

VALUES = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.797e308])
STEPS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3) | st.floats(allow_nan=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    ["loss", "Loss", "a/b"]
)
RUNS = st.sampled_from(["r1", "r2"])


class Log(NamedTuple):
    """A log_metrics call."""

    run: str
    metrics: dict[str, float]
    step: float | None


class Params(NamedTuple):
    """A log_params call."""

    run: str
    params: dict[str, Any]


class Do(NamedTuple):
    """A moment of the store's life."""

    what: str


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | VALUES | NAMES,
    lambda child: st.lists(child, max_size=2) | st.dictionaries(NAMES, child, max_size=2),
    max_leaves=4,
)
CALLS = st.one_of(
    st.builds(Log, RUNS, st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), STEPS),
    st.builds(Log, RUNS, st.just({"loss": 1.0}), st.integers(0, 3)),
    st.builds(Params, RUNS, st.dictionaries(NAMES, JSON, min_size=1, max_size=2)),
    st.builds(Do, st.sampled_from(["flush", "seal", "compact"])),
)


def shown(value: object) -> str:
    """A value such that NaN equals NaN, and -0.0 isn't 0.0, nor 1 1.0."""
    return repr(value)


def points_of(calls: Sequence[Log | Params | Do]) -> list[tuple[str, str, str, str]]:
    """(run, key, step, value) of each point, in the order of the calls."""
    logged = [call for call in calls if isinstance(call, Log)]
    return [(c.run, key, shown(c.step), shown(value)) for c in logged for key, value in c.metrics.items()]


def points_in(store: Store) -> list[tuple[str, str, str, str]]:
    """The same from the store; the keys of one call in the order of their names."""
    rows = store.metrics().sort("seq", "key").select("run_id", "key", "step", "step_float", "value").collect()
    return [
        (run, key, shown(step if step_float is None else step_float), shown(value))
        for run, key, step, step_float, value in rows.iter_rows()
    ]


def in_order(calls: Sequence[Log | Params | Do]) -> list[Log | Params | Do]:
    """The calls, each with its keys in the order of their names, as UTF-8 orders them."""
    return [
        call._replace(metrics=dict(sorted(call.metrics.items(), key=lambda item: item[0].encode())))
        if isinstance(call, Log)
        else call
        for call in calls
    ]


def assert_equal(store: Store, calls: Sequence[Log | Params | Do]) -> None:
    """The store holds exactly what the calls said."""
    assert points_in(store) == points_of(in_order(calls))
    params: dict[str, dict[str, Any]] = {"r1": {}, "r2": {}}
    last: dict[str, dict[str, float]] = {"r1": {}, "r2": {}}
    for call in calls:
        if isinstance(call, Params):
            params[call.run] |= call.params
        elif isinstance(call, Log):
            last[call.run] |= call.metrics
    runs = {run["run_id"]: run for run in store.experiment_runs("e")}
    for run_id in ("r1", "r2"):
        assert {k: shown(v) for k, v in runs[run_id]["params"].items()} == {
            k: shown(v) for k, v in params[run_id].items()
        }
        assert {k: shown(v) for k, v in runs[run_id]["metrics"].items()} == {
            k: shown(v) for k, v in last[run_id].items()
        }


@settings(max_examples=40, deadline=None, derandomize=True)
@given(calls=st.lists(CALLS, max_size=25))
def test_what_is_logged_reads_back_equal(
    new_recorder: "Callable[[Path], Recorder]", calls: list[Log | Params | Do]
) -> None:
    """Points with their order and steps, params to the type, last values; at every stage of the way to a large part."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = new_recorder(Path(folder))
        store = Store(folder)
        try:
            recorder.start("r1")
            recorder.start("r2")
            for number, call in enumerate(calls):
                if isinstance(call, Log):
                    recorder.log(call.run, call.metrics, call.step)
                elif isinstance(call, Params):
                    recorder.params(call.run, call.params)
                elif call.what == "flush":
                    recorder.flush()
                    assert_equal(store, calls[:number])
                elif call.what == "seal":
                    recorder.seal()
                else:
                    compact(recorder.layout)
            recorder.flush()
            assert_equal(store, calls)
        finally:
            recorder.close()
        assert_equal(Store(folder), calls)

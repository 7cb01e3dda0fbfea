"""A store that a test fills by hand: events through the real pipeline, sealed when the test says so."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.events import FactLogged, MetricsLogged, ParamsLogged, RunEnded, RunStarted, StatusSet, TagsSet, encode
from ingest.jsontext import to_json
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings
from readers.store import Store

T0 = 1_700_000_000_000_000_000
"""When the runs of the tests begin, in nanoseconds."""
QUIET = PipelineSettings(flush_interval_s=3600.0, seal_interval_s=3600.0, end_seal_delay_s=3600.0, compact_files=0)
"""Nothing happens by itself: a test flushes and seals."""


class Recorder:
    """One writer of a store; `close` it, or leave it open as a living writer."""

    def __init__(self, root: Path, settings: PipelineSettings = QUIET) -> None:
        self.layout = Layout(root)
        self.layout.create()
        self.pipeline = Pipeline(self.layout, settings)
        self.now_ns = T0

    @property
    def writer(self) -> str:
        """The id of this writer."""
        return self.pipeline.queue().folder.name

    def start(self, run_id: str, experiment: str = "e", name: str = "", **fields: Any) -> None:
        """Attach to a run."""
        self.pipeline.append(RunStarted(run_id, experiment, self.tick(), name or f"name of {run_id}", **fields))

    def end(self, run_id: str, status: str = "FINISHED", experiment: str = "e") -> None:
        """End a run."""
        self.pipeline.append(RunEnded(run_id, experiment, self.tick(), status))

    def status(self, run_id: str, status: str, experiment: str = "e") -> None:
        """Set a run's status."""
        self.pipeline.append(StatusSet(run_id, experiment, self.tick(), status))

    def params(self, run_id: str, params: Mapping[str, Any], experiment: str = "e") -> None:
        """Log params."""
        texts = {key: to_json(value) for key, value in params.items()}
        self.pipeline.append(ParamsLogged(run_id, experiment, self.tick(), texts))

    def tags(self, run_id: str, tags: Mapping[str, Any], experiment: str = "e") -> None:
        """Set tags."""
        texts = {key: to_json(value) for key, value in tags.items()}
        self.pipeline.append(TagsSet(run_id, experiment, self.tick(), texts))

    def fact(self, run_id: str, kind: str, items: Mapping[str, Any], experiment: str = "e") -> None:
        """Log facts of any kind."""
        texts = {key: to_json(value) for key, value in items.items()}
        self.pipeline.append(FactLogged(run_id, experiment, self.tick(), kind, texts))

    def log(self, run_id: str, metrics: Mapping[str, float], step: float | None = None, experiment: str = "e") -> None:
        """Log metrics."""
        values = struct.pack(f"<{len(metrics)}d", *metrics.values())
        event = MetricsLogged(run_id, experiment, self.tick(), step, tuple(metrics), values)
        self.pipeline.queue().put(encode(event), fact=False)

    def tick(self) -> int:
        """A second later."""
        self.now_ns += 1_000_000_000
        return self.now_ns

    def flush(self) -> None:
        """Make what was logged visible, live."""
        self.pipeline.flush(10)

    def seal(self) -> None:
        """Make Parquet of what was logged."""
        self.pipeline.flush(10, seal=True)

    def close(self) -> None:
        """Seal everything and leave."""
        self.pipeline.close(10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a store that isn't there yet."""
    return tmp_path / "store"


@pytest.fixture(scope="session")
def new_recorder() -> type[Recorder]:
    """Makes a writer of a store; the test closes it."""
    return Recorder


@contextmanager
def recorders(root: Path) -> Iterator[Callable[[], Recorder]]:
    """A maker of writers of one store; all are closed in the end."""
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder(root))
        return made[-1]

    try:
        yield make
    finally:
        for recorder in made:
            recorder.close()


@pytest.fixture
def write(root: Path) -> Iterator[Callable[[], Recorder]]:
    """Makes writers of the store at `root`; all are closed in the end."""
    with recorders(root) as make:
        yield make


@pytest.fixture
def recorder(write: Callable[[], Recorder]) -> Recorder:
    """A writer of the store at `root`."""
    return write()


@pytest.fixture
def store(recorder: Recorder) -> Store:
    """The store that `recorder` writes."""
    return Store(recorder.layout.root)

"""A store with something to steal in it, and servers over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import Server, serving
from tracker import ExperimentTracker

HTML = "<script>fetch('/api/session')</script>"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a run whose artifacts are hostile; "run-1" is its id."""
    root = tmp_path_factory.mktemp("dashboard") / "store"
    with ExperimentTracker(root, "exp") as tracker:
        tracker.start_run("<b>first</b>", run_id="run-1")
        tracker.log_params({"lr": 0.1})
        tracker.log_metrics({"loss": 0.5}, step=1)
        tracker.log_text(HTML, "page.html")
        tracker.log_text(SVG, "picture.svg")
        tracker.log_text("plain", "note.txt")
        tracker.log_text("a;b\r\nSet-Cookie: x=1", 'odd "name"; filename=x.exe.txt')
        tracker.end_run()
    return root


@pytest.fixture(scope="session")
def server(store: Path) -> Iterator[Server]:
    """A server as `steplog ui` starts it: on loopback, without a token."""
    with serving(DashboardSettings(store, port=0)) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(store: Path) -> Iterator[Server]:
    """A server that asks for a token."""
    with serving(DashboardSettings(store, port=0, token=TOKEN)) as running:
        yield running


TOKEN = "correct-horse-battery-staple"  # noqa: S105 - a test's

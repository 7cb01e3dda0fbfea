"""A store with something of everything in it, and the sending of it, with quick retries."""

from collections.abc import Callable
from pathlib import Path

from readers.mlflow.attempts import State
from readers.mlflow.forwarder import Forwarder
from tracker import ExperimentTracker

QUICKLY = (0.005, 0.05)


def logged(root: Path, name: str, runs: int = 3, points: int = 40) -> list[str]:
    """A store with some runs of everything."""
    ids: list[str] = []
    with ExperimentTracker(root, name, auto_log=False) as tracker:
        for number in range(runs):
            ids.append(tracker.start_run(params={"number": number, "changed": 1}, tags={"a": "b"}))
            tracker.log_params({"changed": 2})
            for step in range(points):
                tracker.log_metrics({"loss": 1 / (step + 1), "equal": 1.0}, step=step // 2)
            tracker.log_text("text" * 100, "some/text.txt")
            tracker.end_run()
    return ids


def send(
    root: Path,
    uri: str,
    on_change: Callable[[State], None] | None = None,
    *,
    backoff_s: tuple[float, float] = QUICKLY,
) -> Forwarder:
    """Send a store's runs, retrying quickly."""
    with Forwarder(root, uri, everything=True, backoff_s=backoff_s, on_change=on_change) as forwarder:
        assert forwarder.drain(), forwarder.state
    return forwarder
